"""Long hair: a bulky rough shell around the head that leaves the face open and covers ears, temples and neck.

The shell stands on an elliptic cylinder around the head's vertical axis with a dome on top:
``R(phi, y) = s(y) * ellipse(phi) + lumps``, phi the angle from the direction of the face.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sgcn_core.datasets.lots import Lots
from sgcn_core.datasets.random_tensors import Draw
from sgcn_core.datasets.surface_points import Density, SurfacePoints, even_square, rough_normals

_AXIS_Z = 10.0
# Half width and half length of the skull where the hair stands, millimetres, on a head of mean size.
_SKULL = (77.0, 100.0)
_DOME_FROM, _DOME_HEIGHT = 40.0, 95.0
# Where samples are drawn: what the crop can reach.
_LOW, _HIGH = -115.0, 92.0
_WIDEST = 2.3  # radians from the direction of the face
_STEP = 1.0


@dataclass(frozen=True, eq=False)
class HairShell:
    """Shells of a batch; every attribute has the shape (B, 1) but the waves'.

    worn : whether there is one; thickness : over the skull, mm; opening : half angle left open in front, radians;
    hairline : height above which hair covers the forehead; end : height at which it ends; rough : of the lumps, mm;
    frequency (B, 2, W), phase (B, 1, W) : the lumps' waves over arc and height, the arc taken at 100 mm.
    """

    worn: Tensor
    thickness: Tensor
    opening: Tensor
    hairline: Tensor
    end: Tensor
    rough: Tensor
    frequency: Tensor
    phase: Tensor

    @classmethod
    def drawn(cls, share: float, lots: Lots, waves: int = 10) -> HairShell:
        draw, count = lots.draw, lots.count
        wavelength = draw.uniform(8.0, 45.0, count, 1, waves)
        direction = draw.uniform(0.0, torch.pi, count, 1, waves)
        # Locks hang: waves run around the head rather than along it.
        unit = torch.cat([torch.cos(direction), 0.45 * torch.sin(direction)], 1)
        fringe = draw.chance(0.35, count, 1)
        return cls(
            worn=lots.fall(share, 1),
            thickness=draw.uniform(8.0, 40.0, count, 1),
            opening=draw.uniform(0.85, 1.45, count, 1),
            hairline=torch.where(fringe, draw.uniform(46.0, 70.0, count, 1), draw.uniform(72.0, 95.0, count, 1)),
            end=draw.uniform(-160.0, 0.0, count, 1),
            rough=draw.uniform(1.5, 5.0, count, 1),
            frequency=2.0 * torch.pi * unit / wavelength,
            phase=draw.uniform(0.0, 2.0 * torch.pi, count, 1, waves),
        )

    def radius(self, angle: Tensor, y: Tensor) -> Tensor:
        """Distance (B, P) of the shell from the axis."""
        across, along = _SKULL[0] + self.thickness, _SKULL[1] + self.thickness
        ellipse = ((torch.sin(angle) / across).square() + (torch.cos(angle) / along).square()).rsqrt()
        dome = (1.0 - ((y - _DOME_FROM) / (_DOME_HEIGHT + self.thickness)).clamp(0.0, 0.97).square()).sqrt()
        return dome * ellipse + self.rough * self._waves(100.0 * angle, y)

    def _waves(self, arc: Tensor, y: Tensor) -> Tensor:
        phases = torch.stack([arc, y], 2) @ self.frequency + self.phase
        return torch.sin(phases).sum(2) * (2.0 / self.phase.shape[2]) ** 0.5

    def spans(self, angle: Tensor, y: Tensor) -> Tensor:
        """Whether hair hangs there: (B, P)."""
        ragged = self._waves(100.0 * angle, 0.2 * y)
        above = ((y - self.hairline + 4.0 * ragged) / 22.0).clamp(0.0, 1.0)
        edge = self.opening * (1.0 - above) + 0.03 * self._waves(0.2 * angle, y)
        return self.worn & (angle.abs() > edge) & (y > self.end + 5.0 * ragged)

    def covers(self, points: Tensor) -> Tensor:
        """Which points (B, P) lie under the hair."""
        angle, y, distance = _cylindrical(points)
        return self.spans(angle, y) & (distance < self.radius(angle, y))

    def samples(self, density: Density, draw: Draw) -> SurfacePoints:
        """The hair's own surface."""
        area = 2.0 * _WIDEST * 105.0 * (_HIGH - _LOW)
        total = density.samples(area)
        square = even_square(total, draw, len(self.worn))
        angle, y = (2.0 * square[..., 0] - 1.0) * _WIDEST, square[..., 1] * (_HIGH - _LOW) + _LOW
        distance = self.radius(angle, y)
        points = torch.stack([distance * torch.sin(angle), y, distance * torch.cos(angle) + _AXIS_Z], 2)
        normals = rough_normals(self._normals(angle, y, distance), 0.12, draw)
        ranks = density.ranks(total, torch.full_like(self.worn[:, 0], area, dtype=points.dtype))
        ranks = torch.where(self.spans(angle, y), ranks, torch.inf)
        return SurfacePoints(points, normals, ranks, torch.zeros_like(ranks, dtype=torch.bool))

    def _normals(self, angle: Tensor, y: Tensor, distance: Tensor) -> Tensor:
        """By finite differences of the radius over arc and height, not yet of unit length."""
        around = (self.radius(angle + _STEP / 100.0, y) - distance) / (distance * _STEP / 100.0)
        along = (self.radius(angle, y + _STEP) - distance) / _STEP
        sine, cosine = torch.sin(angle), torch.cos(angle)
        normals = torch.stack([sine - around * cosine, -along, cosine + around * sine], 2)
        return torch.nn.functional.normalize(normals, dim=2)


def _cylindrical(points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Angle from the direction of the face, height, distance from the axis."""
    x, y, z = points.unbind(2)
    return torch.atan2(x, z - _AXIS_Z), y, torch.hypot(x, z - _AXIS_Z)
