"""A mesh with fewer vertices: those in one cell of a cubic grid become one (vertex clustering).

J. Rossignac and P. Borrel, "Multi-resolution 3D approximations for rendering complex scenes", 1993. It needs a few
passes over the arrays and no topology, and depends on nothing but them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sgcn_core.types.arrays import ReadOnlyArrays

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_BLOCK = 1_000_000  # triangles worked on at once
_LOOKED_AT = 200_000  # vertices from which the size of the cells is estimated
_CLEAR_COUNT = 3_000  # occupied cells from which their number tells the area; far more are too many for the vertices
_ROUNDS = 30
_TABLE = 2**27  # cells of a grid that are numbered in a table; more are sorted
_MOST_CELLS = 2**20  # along one axis
_SHEET = 0.3  # of the triangles lie on their own reverse, in sheets modelled from both sides


@dataclass(frozen=True, eq=False)
class Decimated(ReadOnlyArrays):
    """What decimation made of a mesh.

    Attributes
    ----------
    vertices : (Q, 3) float64
        Mean of the vertices of each cell.
    faces : (G, 3) int64
        Triangles whose corners lie in three cells, each once.
    cluster : (P,) int32
        The new vertex of each old one; -1 where no triangle used it.
    cell : float
        Edge of a cell, in the unit of the vertices.
    """

    vertices: FloatArray
    faces: IntArray
    cluster: NDArray[np.int32]
    cell: float


def decimate(vertices: FloatArray, faces: IntArray, count: int) -> Decimated:
    """Reduce a mesh to about ``count`` vertices.

    Parameters
    ----------
    vertices : (P, 3) float64
    faces : (F, 3) int64
    count : int
        Wanted number of vertices, well below P.

    Returns
    -------
    Decimated
        Of triangles that fall onto each other one stays, with the orientation of most of them.
    """
    used = np.zeros(len(vertices), dtype=bool)
    used[faces] = True
    everything = bool(used.all())
    points = vertices if everything else vertices[used]
    low, high = points.min(axis=0), points.max(axis=0)
    extent = max(float((high - low).max()), np.finfo(np.float64).tiny)
    cell = max(_cell_size(points[:: max(1, len(points) // _LOOKED_AT)] - low, extent, count), extent / _MOST_CELLS)
    number, found = _numbered(points, low, high, cell)
    size = np.bincount(number, minlength=found)
    means = np.stack([np.bincount(number, axis, found) for axis in points.T], axis=1) / size[:, None]
    cluster = number
    if not everything:
        cluster = np.full(len(vertices), -1, dtype=np.int32)
        cluster[used] = number
    return Decimated(means, _merged_triangles(cluster, faces, found), cluster, cell)


def _cell_size(points: FloatArray, extent: float, count: int) -> float:
    """Edge of the cells of which about ``count`` hold a vertex: their number grows with the inverse square."""
    cell, occupied = extent / 50.0, 0
    for _ in range(_ROUNDS):
        occupied = len(np.unique(_keys(points, np.zeros(3), cell, int(extent / cell) + 1)))
        if occupied >= min(_CLEAR_COUNT, len(points) // 4) or cell < extent / _MOST_CELLS:
            break
        cell /= 2.0
    return cell * float(np.sqrt(occupied / count))


def _keys(points: FloatArray, low: FloatArray, cell: float, side: int | NDArray[np.int64]) -> IntArray:
    """Number of the cell of each point, in a grid with so many cells along each axis."""
    _, second, third = np.broadcast_to(side, 3)
    keys: IntArray = ((points[:, 0] - low[0]) * (1.0 / cell)).astype(np.int64)
    for axis, cells in ((1, second), (2, third)):
        keys *= cells
        keys += ((points[:, axis] - low[axis]) * (1.0 / cell)).astype(np.int64)
    return keys


def _numbered(points: FloatArray, low: FloatArray, high: FloatArray, cell: float) -> tuple[NDArray[np.int32], int]:
    """Consecutive numbers of the occupied cells, per point, and how many there are."""
    side = ((high - low) / cell).astype(np.int64) + 2
    keys = _keys(points, low, cell, side)
    if float(np.prod(side.astype(np.float64))) > _TABLE:
        cells, number = np.unique(keys, return_inverse=True)
        return number.astype(np.int32), len(cells)
    occupied = np.zeros(int(np.prod(side)), dtype=bool)
    occupied[keys] = True
    cells = np.flatnonzero(occupied)
    table = np.zeros(len(occupied), dtype=np.int32)
    table[cells] = np.arange(len(cells), dtype=np.int32)
    return table[keys], len(cells)


def _merged_triangles(cluster: NDArray[np.int32], faces: IntArray, count: int) -> IntArray:
    """The triangles (G, 3) between three clusters, each once, oriented as most of those that fell together."""
    corners = []
    for start in range(0, len(faces), _BLOCK):
        a, b, c = (cluster.take(corner) for corner in faces[start : start + _BLOCK].T)
        apart = np.flatnonzero((a != b) & (b != c) & (c != a))
        corners.append(np.stack([a.take(apart), b.take(apart), c.take(apart)], axis=1))
    triangles = np.concatenate(corners).astype(np.int64)
    a, b, c = triangles.T
    # An even permutation of the ascending corners is oriented like them.
    sign = np.where((a < b) ^ (b < c) ^ (c < a), -1, 1)
    ascending = np.sort(triangles, axis=1)
    if count < 2**21:
        key = (ascending[:, 0] * count + ascending[:, 1]) * count + ascending[:, 2]
        order = np.argsort(key, kind="stable")
        new = np.diff(key[order], prepend=-1) != 0
    else:
        order = np.lexsort(ascending.T[::-1])
        new = (np.diff(ascending[order], axis=0, prepend=-1) != 0).any(axis=1)
    first = np.flatnonzero(new)
    if not len(first):
        return ascending
    balance = np.add.reduceat(sign[order], first)
    folded = balance == 0
    if (
        folded.mean() < _SHEET
    ):  # creases folded flat, whose edges would seem open; else a sheet modelled from both sides
        first, balance = first[~folded], balance[~folded]
    merged: IntArray = ascending[order[first]]
    reverse = balance < 0
    merged[reverse] = merged[reverse][:, ::-1]
    return merged
