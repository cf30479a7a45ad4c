"""Boundary of a scan, beyond which landmarks may lie unseen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sgcn_core.types.surface import coincident_vertices

FloatArray = NDArray[np.float64]


def boundary_points(vertices: FloatArray, faces: NDArray[np.int64], *, least_extent: float) -> FloatArray:
    """Ends and middles (B, 3) of the open edges of a surface, without those of small holes.

    Eyes, nostrils and an open mouth are holes in many scans and say nothing; only open edges that hang together over
    at least ``least_extent`` along an axis are the end of the scan. Vertices at one place count as one, so that
    texture seams are no edges.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    representatives, group = coincident_vertices(vertices)
    joined = group[faces]
    edges = np.sort(joined[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    count = len(representatives)
    keys, times = np.unique(edges[:, 0] * count + edges[:, 1], return_counts=True)
    first, second = np.divmod(keys[times == 1], count)
    if len(first) == 0:
        return np.empty((0, 3))
    positions = vertices[representatives]
    links = coo_matrix((np.ones(len(first)), (first, second)), shape=(count, count))
    _, loop = connected_components(links, directed=False)
    ends = np.concatenate([first, second])
    low, high = np.full((loop.max() + 1, 3), np.inf), np.full((loop.max() + 1, 3), -np.inf)
    np.minimum.at(low, loop[ends], positions[ends])
    np.maximum.at(high, loop[ends], positions[ends])
    large = (high - low).max(1) >= least_extent
    first, second = first[large[loop[first]]], second[large[loop[first]]]
    return np.concatenate([positions[first], positions[second], (positions[first] + positions[second]) / 2.0])


def near_boundary(positions: FloatArray, boundary: FloatArray, *, reach: float) -> NDArray[np.bool_]:
    """Which positions (L, 3) lie within ``reach`` of the boundary (B, 3): (L,)."""
    from scipy.spatial import cKDTree

    if len(boundary) == 0:
        return np.zeros(len(positions), dtype=bool)
    near: NDArray[np.bool_] = np.asarray(cKDTree(boundary).query(positions)[0]) < reach
    return near
