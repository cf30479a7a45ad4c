"""Uncertainty of what is computed from landmarks, to first order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_STEP = 1e-3  # mm, of the central differences


def covariance_of(
    function: Callable[[FloatArray], FloatArray], positions: FloatArray, covariance: FloatArray
) -> FloatArray:
    """Covariance (Q, Q) of Q quantities that are computed from landmarks.

    Parameters
    ----------
    function : callable
        From positions (n, L, 3) to quantities (n, Q).
    positions : ndarray (L, 3)
        NaN where missing.
    covariance : ndarray (L, 3, 3)
        Of each landmark, mm^2; errors of different landmarks are taken as independent.

    Returns
    -------
    ndarray (Q, Q)
        NaN in the rows and columns of quantities that are NaN, or depend on a landmark of unknown covariance.
    """
    count = len(positions)
    moved = np.broadcast_to(positions, (count, 3, 2, count, 3)).copy()
    for row in range(count):
        for axis in range(3):
            moved[row, axis, :, row, axis] += (_STEP, -_STEP)
    values = function(moved.reshape(-1, count, 3)).reshape(count, 3, 2, -1)
    jacobian = (values[:, :, 0] - values[:, :, 1]) / (2.0 * _STEP)
    known = np.isfinite(covariance).all(axis=(1, 2))
    present = np.isfinite(positions).all(axis=1)
    total: FloatArray = np.einsum(
        "lai,lab,lbj->ij", np.nan_to_num(jacobian[known]), covariance[known], np.nan_to_num(jacobian[known])
    )
    unknown = (np.abs(np.nan_to_num(jacobian[~known & present])) > 1e-12).any(axis=(0, 1))
    lost = unknown | ~np.isfinite(function(positions[None])[0])
    total[lost], total[:, lost] = np.nan, np.nan
    return total
