"""Extra surface beside the skin: what a piece of it is made of, and how it mixes with the skin's samples."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from sgcn_core.datasets.random_tensors import Draw

# Roberts' R2 sequence: every prefix of it fills the unit square evenly, as the skin's progressive samples do.
_R2 = (0.7548776662466927, 0.5698402909980532)


@dataclass(frozen=True, eq=False)
class SurfacePoints:
    """Candidates for nodes.

    points, normals (B, P, 3), millimetres; rank (B, P), a point is used before those of higher rank, infinite where
    it does not exist; eye (B, P), True on an eyeball.
    """

    points: Tensor
    normals: Tensor
    rank: Tensor
    eye: Tensor

    def joined(self, other: SurfacePoints) -> SurfacePoints:
        return SurfacePoints(
            torch.cat([self.points, other.points], 1),
            torch.cat([self.normals, other.normals], 1),
            torch.cat([self.rank, other.rank], 1),
            torch.cat([self.eye, other.eye], 1),
        )


@dataclass(frozen=True)
class Density:
    """Samples of the skin: ``size`` of them on ``area`` square millimetres."""

    size: int
    area: float

    @property
    def spacing(self) -> float:
        """About the distance of neighbours, millimetres."""
        return (self.area / self.size) ** 0.5

    def samples(self, area: float) -> int:
        """Number of samples that cover ``area`` as densely."""
        return max(int(self.size * area / self.area), 8)

    def ranks(self, count: int, area: Tensor) -> Tensor:
        """Ranks of ``count`` samples of surfaces of ``area`` (...,): (..., count); infinite beyond the density."""
        order = torch.arange(count, device=area.device) + 0.5
        rank = order * (self.area / area.clamp(min=1e-6))[..., None]
        return torch.where(rank < self.size, rank, torch.inf)


def even_square(count: int, draw: Draw, *shape: int) -> Tensor:
    """Evenly spread points of the unit square, randomly shifted for every sample: (*shape, count, 2)."""
    steps = torch.arange(count, device=draw.device)[:, None] * torch.tensor(_R2, device=draw.device)
    return (steps + draw.uniform(0.0, 1.0, *shape, 1, 2)) % 1.0


def rough_normals(normals: Tensor, deviation: Tensor | float, draw: Draw) -> Tensor:
    return normalize(normals + draw.normal(1.0, *normals.shape) * deviation, dim=-1)
