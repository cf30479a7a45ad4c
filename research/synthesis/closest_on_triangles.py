"""Closest points of triangles, batched, as tensors on the model's device."""

from __future__ import annotations

import torch
from torch import Tensor


def closest_on_triangles(points: Tensor, corners: Tensor) -> tuple[Tensor, Tensor]:
    """Closest point of every triangle.

    Parameters
    ----------
    points : Tensor, shape (..., 3), or broadcastable to it
    corners : Tensor, shape (..., 3, 3), corner by coordinate

    Returns
    -------
    weights : Tensor, shape (..., 3)
        Barycentric, none negative.
    squared : Tensor, shape (...)
        Squared distance.
    """
    candidates = torch.stack([_within(points, corners), *(_on_edge(points, corners, start) for start in range(3))], -2)
    places = candidates @ corners
    squared = (places - points[..., None, :]).square().sum(-1)
    squared = squared.masked_fill((candidates < -1e-6).any(-1), torch.inf)
    best = squared.argmin(-1, keepdim=True)
    weights = torch.gather(candidates, -2, best[..., None].expand(*best.shape, 3))[..., 0, :]
    return weights, torch.gather(squared, -1, best)[..., 0]


def _within(points: Tensor, corners: Tensor) -> Tensor:
    """Barycentric coordinates of the projection onto the plane; those of the first corner where it has no area."""
    u, v = corners[..., 1, :] - corners[..., 0, :], corners[..., 2, :] - corners[..., 0, :]
    w = points - corners[..., 0, :]
    uu, uv, vv = (u * u).sum(-1), (u * v).sum(-1), (v * v).sum(-1)
    wu, wv = (w * u).sum(-1), (w * v).sum(-1)
    determinant = (uu * vv - uv * uv).clamp(min=1e-12)
    b, c = (vv * wu - uv * wv) / determinant, (uu * wv - uv * wu) / determinant
    return torch.stack([1.0 - b - c, b, c], -1)


def _on_edge(points: Tensor, corners: Tensor, start: int) -> Tensor:
    """Barycentric coordinates of the closest point of the edge that leaves corner ``start``."""
    end = (start + 1) % 3
    edge = corners[..., end, :] - corners[..., start, :]
    along = ((points - corners[..., start, :]) * edge).sum(-1) / edge.square().sum(-1).clamp(min=1e-12)
    along = along.clamp(0.0, 1.0)
    parts = [torch.zeros_like(along)] * 3
    parts[start], parts[end] = 1.0 - along, along
    return torch.stack(parts, -1)
