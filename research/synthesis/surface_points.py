"""Extra surface beside the skin: what a piece of it is made of, and how it mixes with the skin's samples."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from research.synthesis.random_tensors import Draw

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

    def of_batch(self, faces: Tensor, count: int) -> SurfacePoints:
        """The same of a batch of ``count`` faces, of which these are the ``faces`` (B,); the others have no points."""
        size = self.points.shape[1]
        return SurfacePoints(
            self.points.new_zeros(count, size, 3).index_copy(0, faces, self.points),
            self.normals.new_zeros(count, size, 3).index_copy(0, faces, self.normals),
            self.rank.new_full((count, size), torch.inf).index_copy(0, faces, self.rank),
            self.eye.new_zeros(count, size).index_copy(0, faces, self.eye),
        )

    def compact(self) -> SurfacePoints:
        """Without the points that exist in no face, as far as the fullest face allows."""
        rank, order = torch.sort(self.rank, dim=1)
        most = int(rank.isfinite().sum(1).max())
        kept = order[:, :most]
        positions = kept[..., None].expand(-1, -1, 3)
        return SurfacePoints(
            torch.gather(self.points, 1, positions),
            torch.gather(self.normals, 1, positions),
            rank[:, :most],
            torch.gather(self.eye, 1, kept),
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


def r2_sequence(count: int, device: torch.device) -> Tensor:
    """First points of the R2 sequence in the unit square: (count, 2)."""
    steps = torch.arange(count, device=device, dtype=torch.float64)[:, None]
    return (steps * torch.tensor(_R2, device=device, dtype=torch.float64) % 1.0).float()


def even_square(count: int, draw: Draw, *shape: int) -> Tensor:
    """Evenly spread points of the unit square, randomly shifted for every sample: (*shape, count, 2)."""
    return (r2_sequence(count, draw.device) + draw.uniform(0.0, 1.0, *shape, 1, 2)) % 1.0


def rough_normals(normals: Tensor, deviation: Tensor | float, draw: Draw) -> Tensor:
    return normalize(normals + draw.normal(1.0, *normals.shape) * deviation, dim=-1)
