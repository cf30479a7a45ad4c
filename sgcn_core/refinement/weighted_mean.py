"""The weighted mean of the top nodes (Eq. 6)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def weighted_mean(positions: ArrayLike, values: ArrayLike, keep: ArrayLike | None = None) -> NDArray[np.float64]:
    """Average the top nodes of every landmark, weighted by the softmax of their heatmap values.

    Parameters
    ----------
    positions : (L, t, 3) array
        Positions of the top nodes.
    values : (L, t) array
        Their heatmap values.
    keep : (L, t) bool array, optional
        Nodes to use; at least one per landmark. All by default.

    Returns
    -------
    (L, 3) float64 array
        The point m of Eq. 6, in the frame of the positions. It lies near the surface, not on it.

    Notes
    -----
    Eq. 6 prints a factor 1/i in front of the sum. The softmax weights already add up to 1, so that the factor would
    move every landmark i-fold towards the origin; it is left out.
    """
    logits = np.asarray(values, dtype=np.float64)
    if keep is not None:
        logits = np.where(np.asarray(keep, dtype=bool), logits, -np.inf)
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    result: NDArray[np.float64] = np.einsum("lt,ltc->lc", weights, np.asarray(positions, dtype=np.float64))
    return result
