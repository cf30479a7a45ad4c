"""Holes that scanners leave at the eyes: ragged, over the palpebral fissure and often some of the lids."""

from __future__ import annotations

import torch
from torch import Tensor

from research.synthesis.effect_mask import EffectMask

_CORNERS = (("ex_r", "en_r"), ("en_l", "ex_l"))
# Height of a fissure over its length; skin deeper or higher than this over the eye is not at the eye, millimetres.
_FLAT, _DEPTH = 0.5, 18.0
_WAVES = 4


class EyeHoles:
    """Finds the corners of the eyes among the labels of a population; without them nothing is ever taken away."""

    def __init__(self, labels: tuple[str, ...], known: Tensor) -> None:
        column = {label: i for i, label in enumerate(labels) if bool(known[i])}
        self.corners = [tuple(column[label] for label in pair) for pair in _CORNERS if set(pair) <= set(column)]

    def outside(self, points: Tensor, landmarks: Tensor, share: float, masks: EffectMask) -> Tensor:
        """Which points (B, P) of faces with landmarks (B, L, 3) lie in no such hole."""
        draw, count = masks.draw, masks.count
        keep = torch.ones(points.shape[:2], dtype=torch.bool, device=points.device)
        taken = masks.sample(share, 1)
        for first, last in self.corners:
            ends = landmarks[:, [first, last]]
            half = ((ends[:, 1] - ends[:, 0]).norm(dim=1) / 2.0)[:, None]
            offset = points - ends.mean(1)[:, None]
            along, up = offset[..., 0] / half, offset[..., 1] / (half * _FLAT)
            angle = torch.atan2(up, along)[..., None]
            order = torch.arange(1, _WAVES + 1, device=points.device)
            ragged = torch.sin(order * angle + draw.uniform(0.0, 2.0 * torch.pi, count, 1, _WAVES))
            size = draw.uniform(0.5, 1.35, count, 1)
            reach = size * (1.0 + (ragged * draw.normal(0.08, count, 1, _WAVES)).sum(2))
            here = taken & draw.chance(0.85, count, 1)
            keep &= ~(here & (along.square() + up.square() < reach.square()) & (offset[..., 2].abs() < _DEPTH))
        return keep
