"""The fine graph: each point's nearest neighbours, and an order of the points that suits memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sgcn_core.errors import SurfaceError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_MORTON_BITS = 16  # per axis: 65,536 cells along the longest side, finer than any sampling, and 48 bits in all
_SLACK = 1e-9  # relative; a ball query with the exact distance could miss the very points on its surface


def fine_neighbours(points: ArrayLike, k: int = 16) -> IntArray:
    """Return the k nearest points of every point, itself included: the directed edges of the fine graph.

    Parameters
    ----------
    points : (N, 3) array_like of float
        Any unit; Euclidean distances.
    k : int
        Number of neighbours, the point itself among them (method decision: 15 + itself).

    Returns
    -------
    (N, k) int64
        Column 0 is the point itself, then by increasing distance. Of equally distant points the one with the lower
        number comes first, also where it decides who is among the k; so the result does not depend on the search tree.

    Raises
    ------
    SurfaceError
        If there are fewer than k points, or the array is not (N, 3) finite numbers.
    ValueError
        If k is below 1.

    References
    ----------
    2S-SGCN (CVIU 2025), section 4.1, E_f.
    """
    from scipy.spatial import cKDTree

    nodes = checked_points(points)
    if k < 1:
        raise ValueError(f"k must be at least 1, received {k}")
    if len(nodes) < k:
        raise SurfaceError(f"{k} neighbours per point need at least {k} points, received {len(nodes)}")
    tree = cKDTree(nodes, balanced_tree=False)
    # One neighbour more than wanted shows where the k-th and the next are equally far and the tree chose at will.
    found = tree.query(nodes, k=list(range(1, k + 2)))
    distances, neighbours = np.array(found[0]), np.array(found[1], dtype=np.int64)
    is_self = neighbours == np.arange(len(nodes))[:, None]
    distances[is_self] = -1.0
    order = np.lexsort((neighbours, distances), axis=1)
    result = np.take_along_axis(neighbours, order, axis=1)[:, :k]
    nearest = np.take_along_axis(distances, order, axis=1)
    at_choice = (nearest[:, k] <= nearest[:, k - 1] * (1 + _SLACK)) | ~is_self.any(axis=1)
    for row in np.flatnonzero(at_choice):
        within = np.sort(tree.query_ball_point(nodes[row], nearest[row, k] * (1 + _SLACK)))
        squared = ((nodes[within] - nodes[row]) ** 2).sum(axis=1)
        squared[within == row] = -1.0
        result[row] = within[np.argsort(squared, kind="stable")[:k]]
    return result


def spatial_order(points: ArrayLike) -> IntArray:
    """Return an order of the points in which those near in space are mostly near in the list (Morton order).

    The network gathers neighbours millions of times; with nodes in this order it reads memory that is already near.

    Parameters
    ----------
    points : (N, 3) array_like of float
        Any unit.

    Returns
    -------
    (N,) int64
        ``points[spatial_order(points)]`` is the list in that order. Points in the same cell keep their order.

    Raises
    ------
    SurfaceError
        If the array is not (N, 3) finite numbers with N >= 1.
    """
    nodes = checked_points(points)
    low = nodes.min(axis=0)
    extent = float((nodes.max(axis=0) - low).max())
    if extent == 0.0:
        return np.arange(len(nodes))
    cells = ((nodes - low) / extent * (2**_MORTON_BITS - 1)).astype(np.uint64)
    code = np.zeros(len(nodes), dtype=np.uint64)
    for bit in range(_MORTON_BITS):
        for axis in range(3):
            code |= ((cells[:, axis] >> np.uint64(bit)) & np.uint64(1)) << np.uint64(3 * bit + axis)
    return np.argsort(code, kind="stable").astype(np.int64)


def checked_points(points: ArrayLike) -> FloatArray:
    """The points as a contiguous (N, 3) float64 array; SurfaceError if they are not finite numbers of that shape."""
    nodes = np.ascontiguousarray(points, dtype=np.float64)
    if nodes.ndim != 2 or nodes.shape[1:] != (3,) or len(nodes) == 0 or not np.isfinite(nodes).all():
        raise SurfaceError(f"points must be finite numbers of shape (N, 3), N >= 1; received shape {nodes.shape}")
    return nodes
