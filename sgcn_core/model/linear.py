"""Matrix products of the network: oneDNN's where torch has them, torch's own otherwise."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import linear as torch_linear


def _onednn_available() -> bool:
    """Whether this build of torch has the operator that torch.compile uses for linear layers on the CPU."""
    if not torch.backends.mkldnn.is_available():
        return False
    try:
        found = torch.ops.mkldnn._linear_pointwise(torch.ones(2, 3), torch.ones(4, 3), None, "none", [], "")
    except (AttributeError, RuntimeError):
        return False
    return bool(torch.equal(found, torch.full((2, 4), 3.0)))


_ONEDNN = _onednn_available()


def _product(features: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return torch.ops.mkldnn._linear_pointwise(features.contiguous(), weight.contiguous(), bias, "none", [], "")


class _OneDnnLinear(torch.autograd.Function):
    """oneDNN's product with its gradient; the gradient of the features is a product of the same kind."""

    @staticmethod
    def forward(ctx, features: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:  # type: ignore[no-untyped-def,override]
        ctx.save_for_backward(features, weight)
        return _product(features.detach(), weight.detach(), None if bias is None else bias.detach())

    @staticmethod
    def backward(ctx, gradient: Tensor):  # type: ignore[no-untyped-def,override]
        features, weight = ctx.saved_tensors
        needs_features, _, needs_bias = ctx.needs_input_grad
        to_features = _product(gradient, weight.T) if needs_features else None
        return to_features, gradient.T @ features, gradient.sum(0) if needs_bias else None


def linear(features: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``features @ weight.T + bias`` for features (M, in), weight (out, in), bias (out,).

    For narrow layers in float32 oneDNN takes about half the time of the BLAS that torch calls by itself; the two agree
    to rounding. Other devices and types take torch's own.
    """
    if not _ONEDNN or features.device.type != "cpu" or features.dtype != torch.float32:
        return torch_linear(features, weight, bias)
    if torch.is_grad_enabled():
        return _OneDnnLinear.apply(features, weight, bias)
    return _product(features, weight, bias)
