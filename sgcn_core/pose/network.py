"""A network that predicts the pose of the head from the surroundings of one point: circular convolutions."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sgcn_core.errors import ModelError
from sgcn_core.pose.patches import ANGLES, CHANNELS

_KERNEL = 5
_OUTPUTS = 1 + 3 + 6 + 1  # of every angle: logit, place, two axes, logarithm of the size
UNIT = 60.0
"""Millimetres of a predicted place of 1."""


@dataclass(frozen=True)
class PoseVotes:
    """Predictions of P patches, for each of A angles of the head's upward direction.

    Attributes
    ----------
    share : (P, A), probability of this angle; the rest to 1 is that the patch is not on a face
    place : (P, A, 3), the middle of the face, millimetres
    axes : (P, A, 3, 3), columns: the head's axes (subject's left, up, out of the face)
    log_size : (P, A), logarithm of the head's size, the average head's being 0

    Places and axes are in the frame of the patch turned about its normal to the angle.
    """

    share: Tensor
    place: Tensor
    axes: Tensor
    log_size: Tensor


class PoseNetwork(nn.Module):
    """Residual circular convolutions; a shift of the image along the angle shifts the output.

    Parameters
    ----------
    width : channels
    depth : residual layers
    """

    def __init__(self, *, width: int = 96, depth: int = 3) -> None:
        super().__init__()
        self.width, self.depth = width, depth
        self.first = _Circular(CHANNELS, width)
        self.layers = nn.ModuleList([_Circular(width, width) for _ in range(depth)])
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(depth)])
        self.mixers = nn.ModuleList([_Mixer(width) for _ in range(depth)])
        self.out = nn.Linear(width, _OUTPUTS)
        self.background = nn.Linear(width, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (P, A + 1), the last for "no face here", and what each angle predicts (P, A, 10), from (P, C, A)."""
        hidden = F.gelu(self.first(images.transpose(1, 2)))
        for layer, norm, mixer in zip(self.layers, self.norms, self.mixers, strict=True):
            hidden = hidden + mixer(F.gelu(layer(norm(hidden))))
        outputs = self.out(hidden)
        logits = torch.cat([outputs[..., 0], self.background(hidden.amax(1))], dim=1)
        return logits, outputs[..., 1:]

    @torch.inference_mode()
    def vote(self, images: Tensor) -> PoseVotes:
        """Votes of the patches (P, C, A)."""
        logits, predicted = self(images)
        return PoseVotes(
            torch.softmax(logits, dim=1)[:, :ANGLES],
            UNIT * predicted[..., :3],
            orthonormal(predicted[..., 3:9]),
            predicted[..., 9],
        )


def orthonormal(six: Tensor) -> Tensor:
    """Rotations (..., 3, 3) of six numbers: Gram-Schmidt of two axes (Zhou et al., CVPR 2019)."""
    first = F.normalize(six[..., :3], dim=-1)
    second = six[..., 3:] - (first * six[..., 3:]).sum(-1, keepdim=True) * first
    second = F.normalize(second, dim=-1)
    return torch.stack([first, second, torch.linalg.cross(first, second)], dim=-1)


class _Mixer(nn.Module):
    """A linear layer of what is at an angle and the mean over all angles (P, A, C)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(2 * width, width)

    def forward(self, values: Tensor) -> Tensor:
        everywhere = values.mean(1, keepdim=True).expand_as(values)
        both = torch.cat([values, everywhere], dim=2).flatten(0, 1)
        return F.linear(both, self.linear.weight, self.linear.bias).view(*values.shape[:2], -1)


class _Circular(nn.Module):
    """Convolution along the circle (P, A, C): a linear layer of the neighbouring angles side by side."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(_KERNEL * inputs, outputs)

    def forward(self, values: Tensor) -> Tensor:
        reach = _KERNEL // 2
        shifted = torch.cat([torch.roll(values, step, dims=1) for step in range(-reach, reach + 1)], dim=2)
        mixed = F.linear(shifted.flatten(0, 1), self.linear.weight, self.linear.bias)
        return mixed.view(*values.shape[:2], -1)


def load_pose_network(path: Path) -> PoseNetwork:
    """Read the weights that ``research.training.pose`` writes.

    Raises
    ------
    ModelError
        The file is missing, damaged, or of another network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        weights = {name: value.float() for name, value in load_file(path).items()}
        network = PoseNetwork()
        network.load_state_dict(weights)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise ModelError(f"the weights of the pose network cannot be read from {path}: {error}") from error
    return network.eval()


def shipped_pose_network() -> PoseNetwork:
    """The network that comes with the package."""
    with as_file(files("sgcn_core") / "resources" / "weights" / "pose.safetensors") as path:
        return load_pose_network(path)
