"""What a scanner makes of an open mouth: teeth, tongue and glare close it with a dented membrane."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from research.synthesis.effect_mask import EffectMask
from research.synthesis.surface_points import Density, SurfacePoints, even_square, rough_normals

# The inner edge of the lips from the right corner to the left one.
_UPPER = ("ibug60", "ibug61", "ibug62", "ibug63", "ibug64")
_LOWER = ("ibug60", "ibug67", "ibug66", "ibug65", "ibug64")
_AREA = 1500.0
# Lips that are closer than this are closed, millimetres.
_CLOSED = 3.0


class Mouth:
    """Finds the lips among the labels of a population; without them nothing is ever drawn."""

    def __init__(self, labels: tuple[str, ...], known: Tensor) -> None:
        column = {label: i for i, label in enumerate(labels) if bool(known[i])}
        self.upper = [column[label] for label in _UPPER if label in column]
        self.lower = [column[label] for label in _LOWER if label in column]

    def samples(self, landmarks: Tensor, share: float, masks: EffectMask, density: Density) -> SurfacePoints | None:
        """The ruled surface between the lips, dented by up to 12 mm: landmarks (B, L, 3) before any is absent."""
        if len(self.upper) != len(_UPPER) or len(self.lower) != len(_LOWER):
            return None
        draw, total = masks.draw, density.samples(_AREA)
        square = even_square(total, draw, masks.count)
        across, down = square[..., :1], square[..., 1:]
        upper, lower = (_along(landmarks[:, chosen], across) for chosen in (self.upper, self.lower))
        depth = draw.uniform(0.0, 12.0, masks.count, 1, 1) * 4.0 * across * (1.0 - across)
        inwards = torch.tensor([0.0, 0.0, -1.0], device=landmarks.device)
        teeth = draw.normal(0.4, masks.count, total, 1)
        profile = (4.0 * down * (1.0 - down)).clamp(min=0.0).sqrt()
        points = torch.lerp(upper, lower, down) + (depth * profile + teeth) * inwards
        gap = (upper - lower).norm(dim=2)
        width = (landmarks[:, self.upper[0]] - landmarks[:, self.upper[-1]]).norm(dim=1)
        opened = landmarks[:, self.upper[2]] - landmarks[:, self.lower[2]]
        area = 0.7 * width * opened.norm(dim=1)
        shown = masks.sample(share, 1, always=True) & (gap > _CLOSED)
        ranks = torch.where(shown, density.ranks(total, area.clamp(max=_AREA)), torch.inf)
        # The dent turns the surface's upper half down and its lower half up.
        tilt = depth * (1.0 - 2.0 * down) / gap[..., None].clamp(min=_CLOSED)
        normals = normalize(-inwards + 2.0 * tilt * normalize(lower - upper, dim=2), dim=2)
        return SurfacePoints(points, rough_normals(normals, 0.2, draw), ranks, torch.zeros_like(shown))


def _along(corners: Tensor, share: Tensor) -> Tensor:
    """Points (B, P, 3) at ``share`` (B, P, 1) of a polyline with corners (B, K, 3), piecewise linear."""
    position = share * (corners.shape[1] - 1)
    first = position.long().clamp(max=corners.shape[1] - 2)
    start = torch.gather(corners, 1, first.expand(-1, -1, 3))
    end = torch.gather(corners, 1, (first + 1).expand(-1, -1, 3))
    return torch.lerp(start, end, position - first)
