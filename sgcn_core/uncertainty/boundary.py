"""Boundary of a scan, beyond which landmarks may lie unseen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sgcn_core.types.surface import coincident_vertices

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class OpenEdges:
    """The E open edges of a surface: those that belong to a single triangle.

    Attributes
    ----------
    ends : (E, 2, 3), positions of both ends
    extent : (E,), along the axis in which it is largest, of all the open edges that hang together with each
    """

    ends: FloatArray
    extent: FloatArray

    def points(self, *, least_extent: float) -> FloatArray:
        """Ends and middles (B, 3) of the edges whose loop has at least this extent."""
        ends = self.ends[self.extent >= least_extent]
        return np.concatenate([ends[:, 0], ends[:, 1], ends.mean(1)])


def open_edges(vertices: FloatArray, faces: NDArray[np.int64]) -> OpenEdges:
    """Open edges of a surface. Vertices at one place count as one, so that texture seams are no edges."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    representatives, group = coincident_vertices(vertices)
    joined = group[faces]
    edges = np.sort(joined[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    count = len(representatives)
    keys, times = np.unique(edges[:, 0] * count + edges[:, 1], return_counts=True)
    first, second = np.divmod(keys[times == 1], count)
    if len(first) == 0:
        return OpenEdges(np.empty((0, 2, 3)), np.empty(0))
    positions = vertices[representatives]
    links = coo_matrix((np.ones(len(first)), (first, second)), shape=(count, count))
    _, loop = connected_components(links, directed=False)
    ends = np.concatenate([first, second])
    low, high = np.full((loop.max() + 1, 3), np.inf), np.full((loop.max() + 1, 3), -np.inf)
    np.minimum.at(low, loop[ends], positions[ends])
    np.maximum.at(high, loop[ends], positions[ends])
    return OpenEdges(np.stack([positions[first], positions[second]], axis=1), (high - low).max(1)[loop[first]])


def boundary_points(vertices: FloatArray, faces: NDArray[np.int64], *, least_extent: float) -> FloatArray:
    """Ends and middles (B, 3) of the open edges of a surface, without those of small holes.

    Eyes, nostrils and an open mouth are holes in many scans and say nothing; only open edges that hang together over
    at least ``least_extent`` along an axis are the end of the scan.
    """
    return open_edges(vertices, faces).points(least_extent=least_extent)


def near_boundary(positions: FloatArray, boundary: FloatArray, *, reach: float) -> NDArray[np.bool_]:
    """Which positions (L, 3) lie within ``reach`` of the boundary (B, 3): (L,)."""
    near: NDArray[np.bool_] = distance_to(boundary, positions) < reach
    return near


def distance_to(points: FloatArray, positions: FloatArray) -> FloatArray:
    """From each position (L, 3) to the nearest of the points (B, 3): (L,), infinite without points."""
    from scipy.spatial import cKDTree

    if len(points) == 0:
        return np.full(len(positions), np.inf)
    return np.asarray(cKDTree(points).query(positions)[0], dtype=np.float64)
