"""Closest places of triangles and of a surface to points. NumPy and SciPy only: 3D Slicer has no PyTorch of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sgcn_core.geometry.surface_index import SurfaceIndex
from sgcn_core.types.arrays import ReadOnlyArrays

FloatArray = NDArray[np.float64]

# The closest point is looked for on the triangles around so many of the closest vertices.
_VERTICES = 16


def closest_on_triangles(points: FloatArray, corners: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Closest point of every triangle.

    Parameters
    ----------
    points : ndarray (..., 3), or broadcastable to it
    corners : ndarray (..., 3, 3), corner by coordinate

    Returns
    -------
    weights : ndarray (..., 3)
        Barycentric, none negative.
    squared : ndarray (...)
        Squared distance.
    """
    candidates = np.stack(
        [_within(points, corners), *(_on_edge(points, corners, start) for start in range(3))], axis=-2
    )
    places = candidates @ corners
    squared = ((places - points[..., None, :]) ** 2).sum(axis=-1)
    squared[(candidates < -1e-6).any(axis=-1)] = np.inf
    best = squared.argmin(axis=-1)[..., None]
    weights: FloatArray = np.take_along_axis(candidates, best[..., None], axis=-2)[..., 0, :]
    return weights, np.take_along_axis(squared, best, axis=-1)[..., 0]


@dataclass(frozen=True, eq=False)
class ClosestPlaces(ReadOnlyArrays):
    """The closest places of a surface to L points.

    Attributes
    ----------
    points : ndarray (L, 3)
    triangles : ndarray (L,) of int64
        The triangle of each place; -1 where a point's closest vertices have none, and the point stays where it is.
    barycentric : ndarray (L, 3)
        Weights of the triangle's corners.
    """

    points: FloatArray
    triangles: NDArray[np.int64]
    barycentric: FloatArray

    def nearest_corners(self, index: SurfaceIndex) -> FloatArray:
        """Of each place's triangle the corner (L, 3) that has most weight; the place itself where it has none."""
        corner = index.faces[self.triangles, self.barycentric.argmax(axis=1)]
        return np.where(self.triangles[:, None] < 0, self.points, index.vertices[corner])


def closest_on_surface(points: FloatArray, index: SurfaceIndex) -> FloatArray:
    """The closest place (L, 3) of the surface to each of the points (L, 3).

    Exact where triangles are about as large as their neighbours; where a point's closest vertices have no triangle, it
    stays.
    """
    return closest_places(points, index).points


def closest_places(points: FloatArray, index: SurfaceIndex, *, vertices: int = _VERTICES) -> ClosestPlaces:
    """The same with its triangle, looked for on the triangles around so many closest ``vertices`` of each point."""
    count = min(vertices, len(index.vertices))
    near = np.asarray(index.vertex_tree.query(points, k=count)[1]).reshape(len(points), count)
    owners, triangles = index.triangles_around(near.ravel(), np.repeat(np.arange(len(points)), count))
    corners = index.vertices[index.faces[triangles]]
    weights, squared = closest_on_triangles(points[owners], corners)
    order = np.lexsort((squared, owners))
    first = order[np.unique(owners[order], return_index=True)[1]]
    found: FloatArray = points.copy()
    found[owners[first]] = np.einsum("lk,lkc->lc", weights[first], corners[first])
    triangle, barycentric = np.full(len(points), -1, dtype=np.int64), np.zeros((len(points), 3))
    triangle[owners[first]], barycentric[owners[first]] = triangles[first], weights[first]
    return ClosestPlaces(found, triangle, barycentric)


def _within(points: FloatArray, corners: FloatArray) -> FloatArray:
    """Barycentric coordinates of the projection onto the plane; those of the first corner where it has no area."""
    u, v = corners[..., 1, :] - corners[..., 0, :], corners[..., 2, :] - corners[..., 0, :]
    w = points - corners[..., 0, :]
    uu, uv, vv = (u * u).sum(-1), (u * v).sum(-1), (v * v).sum(-1)
    wu, wv = (w * u).sum(-1), (w * v).sum(-1)
    determinant = np.maximum(uu * vv - uv * uv, 1e-12)
    b, c = (vv * wu - uv * wv) / determinant, (uu * wv - uv * wu) / determinant
    return np.stack([1.0 - b - c, b, c], axis=-1)


def _on_edge(points: FloatArray, corners: FloatArray, start: int) -> FloatArray:
    """Barycentric coordinates of the closest point of the edge that leaves corner ``start``."""
    end = (start + 1) % 3
    edge = corners[..., end, :] - corners[..., start, :]
    along = ((points - corners[..., start, :]) * edge).sum(-1) / np.maximum((edge**2).sum(-1), 1e-12)
    along = np.clip(along, 0.0, 1.0)
    parts = [np.zeros_like(along)] * 3
    parts[start], parts[end] = 1.0 - along, along
    return np.stack(parts, axis=-1)
