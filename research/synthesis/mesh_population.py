"""What every population on a mesh of its own holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, eq=False, kw_only=True)
class MeshPopulation:
    """Mesh and landmarks of a population; see `Population` for the attributes."""

    neutral: Tensor
    faces: Tensor
    skin: int
    labels: tuple[str, ...]
    landmarks: Tensor
    known: Tensor

    @property
    def device(self) -> torch.device:
        return self.neutral.device


def mesh_and_landmarks(
    faces: NDArray[Any], skin: int, labels: tuple[str, ...], landmarks: NDArray[Any], device: str | torch.device
) -> dict[str, Any]:
    """The fields of a `MeshPopulation` but ``neutral``; a landmark without a vertex has the number -1."""
    return {
        "faces": torch.from_numpy(faces).to(device),
        "skin": skin,
        "labels": labels,
        "landmarks": torch.from_numpy(landmarks).to(device),
        "known": torch.from_numpy(landmarks >= 0).to(device),
    }
