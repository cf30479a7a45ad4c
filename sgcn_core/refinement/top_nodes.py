"""The nodes on which a heatmap is highest: top_t(l) of Eq. 6-8."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

BLOCK = 64
"""Nodes per block when heatmaps are searched for their highest values."""


@dataclass(frozen=True, eq=False)
class TopNodes:
    """Top nodes of L landmarks, the input of stage 2.

    Parameters
    ----------
    positions : (L, t, 3) array
        Positions of the top nodes.
    values : (L, t) array
        Their heatmap values.
    keep : (L, t) bool array
        Top nodes to use, at least one per landmark.
    mean : (L, 3) array
        m of Eq. 6.
    sigma : float
        Standard deviation of the Gaussian of Eq. 1, in the unit of the positions.
    free_amplitude : bool
        Whether the height of the Gaussian is fitted, or 1 as printed.
    """

    positions: NDArray[np.float64]
    values: NDArray[np.float64]
    keep: NDArray[np.bool_]
    mean: NDArray[np.float64]
    sigma: float
    free_amplitude: bool

    def radii(self) -> NDArray[np.float64]:
        """r_m of Eq. 7: the largest distance from m to a top node, (L,)."""
        distances = np.linalg.norm(self.positions - self.mean[:, None, :], axis=2)
        result: NDArray[np.float64] = np.where(self.keep, distances, 0.0).max(axis=1)
        return result

    def peak(self) -> NDArray[np.float64]:
        """Highest heatmap value of the top nodes in use, (L,)."""
        result: NDArray[np.float64] = np.where(self.keep, self.values, -np.inf).max(axis=1)
        return result

    def spread(self) -> NDArray[np.float64]:
        """Root mean square distance from m to the top nodes, (L,)."""
        squared = ((self.positions - self.mean[:, None, :]) ** 2).sum(axis=2)
        result: NDArray[np.float64] = np.sqrt((squared * self.keep).sum(axis=1) / self.keep.sum(axis=1))
        return result


def top_nodes(heatmaps: ArrayLike, t: int = 12) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Find the `t` highest nodes of every heatmap.

    The order is total, so the answer does not depend on how it is found: higher values first and, among equal
    values, lower node ids first.

    Parameters
    ----------
    heatmaps : (N, L) array
        Predicted heatmap values of N nodes and L landmarks; any finite values (network outputs are not clipped).
    t : int
        How many nodes to keep per landmark; all N where there are fewer.

    Returns
    -------
    ids : (L, t) int64 array
        Node ids.
    values : (L, t) float64 array
        Their heatmap values, never increasing along a row.

    Raises
    ------
    ValueError
        If the array is not (N, L) with at least one node, a value is not finite, or `t` is less than 1.

    Notes
    -----
    The set top_i(l) of Eq. 6 of the paper; it uses t = 12.
    """
    by_landmark = np.asarray(heatmaps)
    if by_landmark.ndim != 2 or by_landmark.shape[0] == 0:
        raise ValueError(f"heatmaps must have shape (nodes, landmarks) with nodes > 0; received {by_landmark.shape}")
    if t < 1:
        raise ValueError(f"t, the number of top nodes, must be at least 1; received {t}")
    by_landmark = np.ascontiguousarray(by_landmark.T)
    if not np.isfinite(by_landmark).all():
        raise ValueError("heatmaps must be finite; some values are NaN or infinite")

    landmarks, count = by_landmark.shape
    t = min(t, count)
    # At least t values reach the t-th highest of the blocks' maxima, so only those need sorting.
    width = max(1, min(BLOCK, count // t))
    maxima = np.maximum.reduceat(by_landmark, np.arange(0, count, width), axis=1)
    floor = np.partition(maxima, maxima.shape[1] - t, axis=1)[:, maxima.shape[1] - t]
    rows, ids = np.nonzero(by_landmark >= floor[:, None])
    values = by_landmark[rows, ids]
    order = np.lexsort((ids, -values, rows))
    first = np.searchsorted(rows, np.arange(landmarks))
    chosen = order[first[:, None] + np.arange(t)]
    return ids[chosen].astype(np.int64), values[chosen].astype(np.float64)


def near_centre(positions: ArrayLike, values: ArrayLike, limit: float) -> NDArray[np.bool_]:
    """Separate the top nodes around the peak from strays.

    A single high value far from the landmark inflates r_m of Eq. 7 and, with it, the ball that is searched. Of a low or
    noisy heatmap even most top nodes may be strays. The centre of the group is the node with the most support: the sum,
    over the other nodes, of their squared heatmap value, fading linearly to zero at the distance `limit`. Unlike the
    sum of distances that defines a medoid, it lets neither one very high stray nor many scattered ones outvote the
    group.

    Parameters
    ----------
    positions : (L, t, 3) array
        Positions of the top nodes of every landmark.
    values : (L, t) array
        Their heatmap values; negative ones carry no weight.
    limit : float
        Largest accepted distance to the centre, in the unit of the positions.

    Returns
    -------
    (L, t) bool array
        True for the nodes to use; the centre itself always is.
    """
    points = np.asarray(positions, dtype=np.float64)
    weights = np.maximum(np.asarray(values, dtype=np.float64), 0.0) ** 2
    distances = np.linalg.norm(points[:, :, None, :] - points[:, None, :, :], axis=-1)
    closeness = np.maximum(1.0 - distances / limit, 0.0)
    # A node does not support itself.
    support = np.einsum("lij,lj->li", closeness, weights) - weights
    centre = support.argmax(axis=1)
    return np.take_along_axis(distances, centre[:, None, None], axis=1)[:, 0, :] <= limit
