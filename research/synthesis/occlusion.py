"""What one to three cameras see of a cloud of points: a z-buffer of every camera, all faces at once."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from research.synthesis.random_tensors import Draw

# Half the side of the picture plane, millimetres; what lies beyond competes for the outermost pixels.
_HALF_WIDTH = 170.0
# How far behind the nearest point of a pixel a point may lie and still be seen, on a surface that faces the camera.
_TOLERANCE = 3.0


def camera_directions(draw: Draw, count: int) -> Tensor:
    """Unit vectors (count, 3, 3) from the head to its cameras: in front, up to about 45 degrees aside.

    Each of the second and third camera of half of the scans repeats the first, so that there are one to three.
    """
    spread = torch.tensor([0.8, 0.25, 0.0], device=draw.device)
    direction = draw.normal(1.0, count, 3, 3) * spread
    direction[..., 2] = 1.0
    direction[:, 1:] = torch.where(draw.chance(0.5, count, 2, 1), direction[:, 1:], direction[:, :1])
    return normalize(direction, dim=2)


def seen_from(points: Tensor, normals: Tensor, cameras: Tensor, *, grazing: Tensor, pixel: float) -> Tensor:
    """Which points (B, P) at least one camera sees, in parallel projection.

    Parameters
    ----------
    points, normals : Tensor, shape (B, P, 3), millimetres; every point hides what lies behind it
    cameras : Tensor, shape (B, C, 3), unit vectors towards the cameras
    grazing : Tensor, shape (B, 1, 1), least cosine between normal and line of sight
    pixel : millimetres, not less than the spacing of the points, lest one looks through between them
    """
    count = len(points)
    across, upwards = _picture_axes(cameras)
    side = int(2 * _HALF_WIDTH / pixel) + 1
    column = _pixels(points @ across.transpose(1, 2), pixel, side)
    row = _pixels(points @ upwards.transpose(1, 2), pixel, side)
    cell = (row * side + column).transpose(1, 2)
    nearness = (points @ cameras.transpose(1, 2)).transpose(1, 2)
    nearest = points.new_full((count, cameras.shape[1], side * side), -torch.inf)
    nearest = nearest.scatter_reduce(2, cell, nearness, "amax")
    cosine = (normals @ cameras.transpose(1, 2)).transpose(1, 2)
    # Within one pixel a surface that is seen at a slant falls away by pixel * tan(angle).
    slant = (1.0 - cosine.square()).clamp(min=0.0).sqrt() / cosine.clamp(min=0.05)
    unhidden = nearness > torch.gather(nearest, 2, cell) - (_TOLERANCE + pixel * slant)
    return (unhidden & (cosine > grazing)).any(1)


def _picture_axes(cameras: Tensor) -> tuple[Tensor, Tensor]:
    up = torch.zeros_like(cameras)
    up[..., 1] = 1.0
    across = normalize(torch.linalg.cross(up, cameras), dim=2)
    return across, torch.linalg.cross(cameras, across)


def _pixels(position: Tensor, pixel: float, side: int) -> Tensor:
    return ((position + _HALF_WIDTH) / pixel).long().clamp(0, side - 1)
