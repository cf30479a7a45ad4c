"""Procrustes alignment that outliers do not pull."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sgcn_core.geometry.similarity import Similarity, procrustes

FloatArray = NDArray[np.float64]


def align_to_prototype(
    positions: FloatArray, weights: FloatArray, prototype: FloatArray, deviation: FloatArray, *, rounds: int = 12
) -> Similarity:
    """Similarity from landmarks to the prototype that outliers do not pull (iteratively reweighted Procrustes).

    Parameters
    ----------
    positions : (L, 3) array
    weights : (L,) array, none negative
    prototype : (L, 3) array
    deviation : (L,) array
        How far the population's landmarks lie from the prototype, root mean square, in its unit.

    Raises
    ------
    ValueError
        If fewer than three landmarks have weight.
    """
    share = weights / deviation
    for _ in range(rounds):
        similarity = procrustes(positions, prototype, weights=share)
        off = np.linalg.norm(similarity.apply(positions) - prototype, axis=1) / deviation
        share = weights / deviation / (1.0 + (off / 2.0) ** 2)
    return similarity
