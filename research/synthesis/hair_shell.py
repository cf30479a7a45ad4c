"""Long hair: a bulky rough shell around the head that leaves the face open and covers ears, temples and neck.

The shell stands on an elliptic cylinder around the head's vertical axis with a dome on top:
``R(phi, y) = s(y) * ellipse(phi) + lumps``, phi the angle from the direction of the face.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from research.synthesis.effect_mask import EffectMask
from research.synthesis.random_tensors import Draw
from research.synthesis.surface_points import Density, SurfacePoints, r2_sequence, rough_normals
from sgcn_core.graph.crop import CROP_MARGIN

_AXIS_Z = 10.0
# Half width and half length of the skull where the hair stands, millimetres, on a head of mean size.
_SKULL = (77.0, 100.0)
_DOME_FROM, _DOME_HEIGHT = 40.0, 95.0
# Heights and angles (radians from the direction of the face) that samples are drawn between.
_LOW, _HIGH, _WIDEST = -115.0, 92.0, 2.3
_AREA = 2.0 * _WIDEST * 105.0 * (_HIGH - _LOW)
# Bulks that are tried to find out which part of the shell the crop can reach, and how far from a landmark it reaches.
_BULKS = (0.0, 10.0, 20.0, 30.0)
_REACH = CROP_MARGIN + 10.0
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
    def drawn(cls, share: float, masks: EffectMask, waves: int = 10) -> HairShell:
        draw, count = masks.draw, masks.count
        wavelength = draw.uniform(8.0, 45.0, count, 1, waves)
        direction = draw.uniform(0.0, torch.pi, count, 1, waves)
        # Locks hang: waves run around the head rather than along it.
        unit = torch.cat([torch.cos(direction), 0.45 * torch.sin(direction)], 1)
        fringe = draw.chance(0.35, count, 1)
        return cls(
            worn=masks.sample(share, 1),
            thickness=4.0 + 36.0 * draw.uniform(0.0, 1.0, count, 1).square(),
            opening=draw.uniform(0.85, 1.45, count, 1),
            hairline=torch.where(fringe, draw.uniform(46.0, 70.0, count, 1), draw.uniform(72.0, 95.0, count, 1)),
            end=draw.uniform(-160.0, 0.0, count, 1),
            rough=draw.uniform(1.5, 5.0, count, 1),
            frequency=2.0 * torch.pi * unit / wavelength,
            phase=draw.uniform(0.0, 2.0 * torch.pi, count, 1, waves),
        )

    def radius(self, angle: Tensor, y: Tensor) -> Tensor:
        """Distance (B, P) of the shell from the axis."""
        # The hair grows out of the skin and is bulky only some way behind its edge.
        bulk = self.thickness * ((angle.abs() - self._edge(angle, y)) / 0.35).clamp(0.0, 1.0).sqrt()
        across, along = _SKULL[0] + bulk, _SKULL[1] + bulk
        ellipse = ((torch.sin(angle) / across).square() + (torch.cos(angle) / along).square()).rsqrt()
        dome = (1.0 - ((y - _DOME_FROM) / (_DOME_HEIGHT + self.thickness)).clamp(0.0, 0.97).square()).sqrt()
        return dome * ellipse + self.rough * self._waves(100.0 * angle, y)

    def _waves(self, arc: Tensor, y: Tensor) -> Tensor:
        phases = torch.stack([arc, y], 2) @ self.frequency + self.phase
        return torch.sin(phases).sum(2) * (2.0 / self.phase.shape[2]) ** 0.5

    def spans(self, angle: Tensor, y: Tensor) -> Tensor:
        """Whether hair hangs there: (B, P)."""
        return self.worn & (angle.abs() > self._edge(angle, y)) & (y > self.end + 5.0 * self._waves(100.0 * angle, y))

    def _edge(self, angle: Tensor, y: Tensor) -> Tensor:
        """Half angle that is left open at each height: a curtain to both sides, closed above the hairline."""
        above = (y - self.hairline + 4.0 * torch.sin(12.0 * angle + 10.0 * self.opening)) / 22.0
        return self.opening * (1.0 - above.clamp(0.0, 1.0)) + 0.04 * torch.sin(0.15 * y + 50.0 * self.hairline)

    def covers(self, points: Tensor) -> Tensor:
        """Which points (B, P) lie under the hair."""
        angle, y, distance = _cylindrical(points)
        return self.spans(angle, y) & (distance < self.radius(angle, y))

    def of(self, faces: Tensor) -> HairShell:
        return HairShell(**{name: value[faces] for name, value in vars(self).items()})

    def samples(self, sites: HairSites, density: Density, draw: Draw) -> SurfacePoints:
        """The hair's own surface."""
        angle, y, rank = sites.drawn(density, draw, len(self.worn))
        distance = self.radius(angle, y)
        points = torch.stack([distance * torch.sin(angle), y, distance * torch.cos(angle) + _AXIS_Z], 2)
        normals = rough_normals(self._normals(angle, y, distance), 0.12, draw)
        rank = torch.where(self.spans(angle, y), rank, torch.inf)
        return SurfacePoints(points, normals, rank, torch.zeros_like(rank, dtype=torch.bool))

    def _normals(self, angle: Tensor, y: Tensor, distance: Tensor) -> Tensor:
        """By finite differences of the radius over arc and height, not yet of unit length."""
        around = (self.radius(angle + _STEP / 100.0, y) - distance) / (distance * _STEP / 100.0)
        along = (self.radius(angle, y + _STEP) - distance) / _STEP
        sine, cosine = torch.sin(angle), torch.cos(angle)
        normals = torch.stack([sine - around * cosine, -along, cosine + around * sine], 2)
        return torch.nn.functional.normalize(normals, dim=2)


class HairSites:
    """Where samples of the shell are drawn: evenly over angle and height, but only where the crop can reach.

    Parameters
    ----------
    landmarks : Tensor, shape (L, 3), of the average head
    most : samples of the whole skin that the densest set has
    """

    def __init__(self, landmarks: Tensor, *, most: int = 20000) -> None:
        square = r2_sequence(2 * most, landmarks.device)
        angle, y = (2.0 * square[:, 0] - 1.0) * _WIDEST, square[:, 1] * (_HIGH - _LOW) + _LOW
        near = torch.zeros_like(angle, dtype=torch.bool)
        for bulk in _BULKS:
            across, along = (_SKULL[0] + bulk) * torch.sin(angle), (_SKULL[1] + bulk) * torch.cos(angle)
            near |= torch.cdist(torch.stack([across, y, along + _AXIS_Z], 1), landmarks).min(1).values < _REACH
        self.order = torch.nonzero(near)[:, 0]
        self.angle, self.y = angle[near], y[near]

    def drawn(self, density: Density, draw: Draw, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Angle, height and rank (count, P) of samples as dense as the skin's, each set shifted a little."""
        rank = (self.order + 0.5) * (density.area / _AREA)
        used = int(torch.searchsorted(rank, torch.tensor(float(density.size), device=rank.device)))
        shift = draw.uniform(-0.5, 0.5, 2, count, 1) * density.spacing
        angle, y = self.angle[:used] + shift[0] / 100.0, self.y[:used] + shift[1]
        return angle, y, rank[:used].expand(count, -1)


def _cylindrical(points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Angle from the direction of the face, height, distance from the axis."""
    x, y, z = points.unbind(2)
    return torch.atan2(x, z - _AXIS_Z), y, torch.hypot(x, z - _AXIS_Z)
