"""Farthest-point sampling (Eldar et al. 1997; Qi et al. 2017, PointNet++) of a surface."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sgcn_core.geometry.area_sampling import sample_by_area
from sgcn_core.geometry.triangles import interpolate, triangle_areas

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_CANDIDATES = 4  # for each sample


def farthest_points(points: FloatArray, count: int, *, given: int = 1) -> IntArray:
    """Indices (count,) of points (n, 3): the first ``given``, then each the farthest from those before it.

    Every prefix is such a sample.
    """
    if not 0 < count <= len(points):
        raise ValueError(f"count must be 1 to {len(points)}, the number of points; received {count}")
    chosen = np.empty(count, dtype=np.int64)
    columns = np.ascontiguousarray(points.T, dtype=np.float32)
    nearest = np.full(len(points), np.inf, dtype=np.float32)
    for row in range(count):
        current = row if row < given else int(nearest.argmax())
        chosen[row] = current
        apart = columns - columns[:, current, None]
        np.minimum(nearest, np.einsum("ij,ij->j", apart, apart), out=nearest)
    return chosen


def surface_candidates(
    vertices: FloatArray, faces: IntArray, count: int, *, seed: int
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Triangles (m,), weights (m, 3) and points (m, 3), spread by area: candidates for ``count`` samples."""
    cumulative = np.cumsum(triangle_areas(vertices, faces))
    triangles, weights = sample_by_area(cumulative, _CANDIDATES * count, np.random.default_rng((seed, 0)))
    return triangles, weights, interpolate(vertices, faces[triangles], weights)


def farthest_point_samples(vertices: FloatArray, faces: IntArray, count: int, *, seed: int = 0) -> FloatArray:
    """``count`` farthest-point samples (count, 3) of a surface, whatever its triangulation."""
    _, _, points = surface_candidates(vertices, faces, count, seed=seed)
    return points[farthest_points(points, count)]
