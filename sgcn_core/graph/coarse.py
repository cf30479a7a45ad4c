"""The coarse graph: the prototype of the landmarks (Eq. 4), and the points nearest to it (Eq. 5)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sgcn_core.graph.fine import checked_points

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


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

    nodes = checked_points(points)
    targets = np.asarray(prototype, dtype=np.float64)
    if targets.ndim != 2 or targets.shape[1] != 3 or not np.isfinite(targets).all():
        raise ValueError(f"prototype must be finite numbers of shape (L, 3), received shape {targets.shape}")
    return np.unique(cdist(targets, nodes, "sqeuclidean").argmin(axis=1)).astype(np.int64)
