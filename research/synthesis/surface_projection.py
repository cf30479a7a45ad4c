"""Surface projection: landmarks on the skin after it was smoothed or pressed in, at the same place of the face."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from research.synthesis.closest_on_triangles import closest_on_triangles
from research.synthesis.population import Population

# Triangles searched around each landmark, and how many of them get the exact distance.
_AROUND, _EXACT = 60, 6


class LandmarkProjection:
    """Projects points onto the surface near each landmark.

    Smoothing a mesh also slides its vertices along the surface, by 1 to 2 mm at the corners of the eyes after a few
    steps. A landmark that went with its vertex would teach a wrong position.

    Parameters
    ----------
    model : Population
    """

    def __init__(self, model: Population) -> None:
        centres = model.neutral[model.faces].mean(1)
        places = model.neutral[model.landmarks.clamp(min=0)]
        near = torch.cdist(places, centres).topk(min(_AROUND, len(centres)), largest=False).indices
        self.triangles = model.faces[near]

    def __call__(self, points: Tensor, vertices: Tensor) -> Anchors:
        """Where on its triangles the surface ``vertices`` (B, V, 3) is closest to ``points`` (B, L, 3)."""
        corners = vertices[:, self.triangles]
        distance = (corners.mean(3) - points[:, :, None]).square().sum(3)
        nearest = distance.topk(min(_EXACT, distance.shape[2]), dim=2, largest=False).indices
        tried = torch.gather(corners, 2, nearest[..., None, None].expand(-1, -1, -1, 3, 3))
        weights, squared = closest_on_triangles(points[:, :, None], tried)
        best = squared.argmin(2, keepdim=True)
        weights = torch.gather(weights, 2, best[..., None].expand(-1, -1, -1, 3))[:, :, 0]
        triangle = torch.gather(nearest, 2, best)
        ids = torch.gather(self.triangles.expand(len(points), -1, -1, -1), 2, triangle[..., None].expand(-1, -1, -1, 3))
        return Anchors(ids[:, :, 0], weights)


@dataclass(frozen=True, eq=False)
class Anchors:
    """Places on the triangles of a surface, which move with its vertices.

    Attributes
    ----------
    triangles : Tensor of int, shape (B, L, 3)
    weights : Tensor, shape (B, L, 3)
        Barycentric.
    """

    triangles: Tensor
    weights: Tensor

    def on(self, vertices: Tensor) -> Tensor:
        """The places (B, L, 3) on the surface ``vertices`` (B, V, 3)."""
        flat = self.triangles.flatten(1)[..., None].expand(-1, -1, 3)
        corners = torch.gather(vertices, 1, flat).view(*self.triangles.shape, 3)
        return (self.weights[..., None] * corners).sum(2)
