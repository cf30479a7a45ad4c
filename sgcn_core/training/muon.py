"""Muon with its matrices orthogonalised together, in single precision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class BatchedMuon(torch.optim.Muon):
    """Muon (Jordan et al. 2024) for many small matrices of few shapes, as the hidden ones of the network are.

    torch's own takes one matrix after the other, in bfloat16, which a processor without instructions for it emulates
    (``research.benchmarks.training_rate`` compares the times). State and parameters are those of torch's. Updates are
    scaled to the size that AdamW's have (Liu et al. 2025).
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        if closure is not None:
            raise ValueError("BatchedMuon computes no loss; call it after the backward pass, without a closure")
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[Tensor]] = {}
            for weight in group["params"]:
                if weight.grad is not None:
                    by_shape.setdefault(weight.shape, []).append(weight)
            for weights in by_shape.values():
                self._update(weights, group)

    def _update(self, weights: list[Tensor], group: dict[str, Any]) -> None:
        """One step of weights of one shape."""
        gradients = torch.stack([weight.grad for weight in weights if weight.grad is not None])
        averages = [self._average(weight) for weight in weights]
        for average, gradient in zip(averages, gradients, strict=True):
            average.lerp_(gradient, 1.0 - group["momentum"])
        ahead = gradients.lerp(torch.stack(averages), group["momentum"])  # Nesterov's
        directions = orthogonalised(ahead, group["ns_coefficients"], steps=group["ns_steps"], eps=group["eps"])
        rate = group["lr"] * 0.2 * max(weights[0].shape) ** 0.5
        for weight, direction in zip(weights, directions, strict=True):
            weight.mul_(1.0 - group["lr"] * group["weight_decay"]).sub_(rate * direction)

    def _average(self, weight: Tensor) -> Tensor:
        state = self.state[weight]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(weight)
        average: Tensor = state["momentum_buffer"]
        return average


def orthogonalised(
    matrices: Tensor, coefficients: tuple[float, float, float], *, steps: int, eps: float = 1e-7
) -> Tensor:
    """The nearest semi-orthogonal matrix of each of (B, m, n), nearly: singular values between 0.5 and 1.5.

    ``steps`` of the quintic Newton-Schulz iteration ``X <- a X + (b A + c A A) X``, ``A = X X^T``, from norm 1.
    """
    a, b, c = coefficients
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x
