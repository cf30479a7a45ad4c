"""The two graphs of the network: each point's nearest neighbours (fine), and the points near the landmarks (coarse)."""

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

    nodes = _as_points(points)
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


def prototype(landmarks: ArrayLike) -> FloatArray:
    """Return the mean position of every landmark over the training samples (Eq. 4).

    Parameters
    ----------
    landmarks : (S, L, 3) array_like of float
        In normalised coordinates, the ones in which `coarse_set` will be used. A landmark that a sample lacks is NaN
        there, and is averaged over the samples that have it.

    Returns
    -------
    (L, 3) float64
        L^mean.

    Raises
    ------
    ValueError
        If the shape is wrong, a coordinate is infinite, or a landmark is absent from all samples.

    References
    ----------
    2S-SGCN (CVIU 2025), Eq. 4.
    """
    positions = np.asarray(landmarks, dtype=np.float64)
    if positions.ndim != 3 or positions.shape[2] != 3 or np.isinf(positions).any():
        raise ValueError(f"landmarks must be of shape (S, L, 3), finite or NaN, received shape {positions.shape}")
    present = np.logical_not(np.isnan(positions).any(axis=2))
    times = present.sum(axis=0)
    if not times.all():
        raise ValueError(
            f"landmarks {np.flatnonzero(times == 0).tolist()} are absent from all {len(positions)} samples: "
            "leave them out, or add samples that show them"
        )
    mean: FloatArray = np.where(present[..., None], positions, 0.0).sum(axis=0) / times[:, None]
    return mean


def coarse_set(points: ArrayLike, prototype: ArrayLike) -> IntArray:
    """Return the nodes of the coarse graph: for every mean landmark the point nearest to it (Eq. 5).

    Parameters
    ----------
    points : (N, 3) array_like of float
        Normalised coordinates.
    prototype : (L, 3) array_like of float
        Mean landmarks from `prototype`, in the same coordinates.

    Returns
    -------
    (<= L,) int64
        Ascending and unique: C is a set, so two landmarks that share a nearest point count once. Of equally near
        points the one with the lowest number is taken.

    Raises
    ------
    SurfaceError
        If the points are not (N, 3) finite numbers with N >= 1.
    ValueError
        If the prototype is not (L, 3) finite numbers.

    References
    ----------
    2S-SGCN (CVIU 2025), Eq. 5.
    """
    from scipy.spatial.distance import cdist

    nodes = _as_points(points)
    targets = np.asarray(prototype, dtype=np.float64)
    if targets.ndim != 2 or targets.shape[1] != 3 or not np.isfinite(targets).all():
        raise ValueError(f"prototype must be finite numbers of shape (L, 3), received shape {targets.shape}")
    return np.unique(cdist(targets, nodes, "sqeuclidean").argmin(axis=1)).astype(np.int64)


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
    nodes = _as_points(points)
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


def _as_points(points: ArrayLike) -> FloatArray:
    nodes = np.ascontiguousarray(points, dtype=np.float64)
    if nodes.ndim != 2 or nodes.shape[1:] != (3,) or len(nodes) == 0 or not np.isfinite(nodes).all():
        raise SurfaceError(f"points must be finite numbers of shape (N, 3), N >= 1; received shape {nodes.shape}")
    return nodes
