"""Which samples of a region can be seen at all, evenly: what lies behind the lids or the lips belongs to no scan."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

# Directions from which the outside is looked at: from the front and 40 to 50 degrees aside; x is outwards.
_DIRECTIONS = ((0.0, 0.0, 1.0), (0.9, 0.0, 1.0), (-0.9, 0.0, 1.0), (0.0, 0.7, 1.0), (0.0, -0.7, 1.0))
# Pixel, and what may lie so far behind the nearest sample of its pixel, millimetres; least cosine to the direction.
_PIXEL, _BEHIND, _GRAZING = 1.8, 0.7, 0.15
_HALF = 64.0
# Side of the cells of which each keeps one sample, millimetres.
_CELL = 1.7


def on_the_outside(points: Tensor, normals: Tensor) -> Tensor:
    """Which samples (B, P) of a region something in front of the face sees; points (B, P, 3) in mm about its middle."""
    towards = normalize(points.new_tensor(_DIRECTIONS), dim=1)
    across = normalize(torch.linalg.cross(points.new_tensor([[0.0, 1.0, 0.0]]).expand_as(towards), towards), dim=1)
    up = torch.linalg.cross(towards, across)
    side = int(2.0 * _HALF / _PIXEL) + 1
    column, row = (((points @ axes.T + _HALF) / _PIXEL).long().clamp(0, side - 1) for axes in (across, up))
    cell, near = (row * side + column).transpose(1, 2), (points @ towards.T).transpose(1, 2)
    nearest = points.new_full((len(points), len(towards), side * side), -torch.inf)
    nearest = nearest.scatter_reduce(2, cell, near, "amax")
    cosine = (normals @ towards.T).transpose(1, 2)
    slant = (1.0 - cosine.square()).clamp(min=0.0).sqrt() / cosine.clamp(min=_GRAZING)
    seen = (near > torch.gather(nearest, 2, cell) - _BEHIND - 0.7 * _PIXEL * slant) & (cosine > _GRAZING)
    return seen.any(1)


def evenly(points: Tensor, usable: Tensor, shift: Tensor) -> Tensor:
    """Of the usable samples (B, P) the first of each cell of a grid; ``shift`` (B, 1, 3) of the grid, millimetres.

    Samples crowd where a population's mesh is folded, and where skin and eyeball touch; on a scan they do not.
    """
    cells = torch.floor((points + shift) / _CELL).long() + 512
    key = (cells[..., 0] * 1024 + cells[..., 1]) * 1024 + cells[..., 2]
    # What is not usable gets a cell of its own.
    own = torch.arange(points.shape[1]).expand_as(key)
    key = torch.where(usable, key, -1 - own)
    ordered, order = torch.sort(key, dim=1, stable=True)
    new = torch.ones_like(usable)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    return torch.zeros_like(usable).scatter(1, order, new) & usable
