"""Transfer of points between faces by corresponding landmarks: a thin-plate spline."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

# Of the spline's kernel, normalised units: landmarks of two sets for one point are not interpolated one by one.
_SMOOTHING = 0.01
_LEAST = 8


def thin_plate_spline(source: FloatArray, target: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """The smooth map that takes each landmark of one face to that of another, and bends the space between least.

    Parameters
    ----------
    source, target : (G, 3) float64
        Corresponding landmarks, normalised; at least eight.

    Returns
    -------
    callable
        Maps points (P, 3).

    Raises
    ------
    ValueError
        If there are fewer than eight, or they lie in one plane.

    References
    ----------
    F. L. Bookstein, "Principal warps: thin-plate splines and the decomposition of deformations", IEEE TPAMI 11(6),
    1989; in three dimensions the kernel is -r.
    """
    from scipy.interpolate import RBFInterpolator

    if len(source) < _LEAST:
        raise ValueError(f"a transfer needs at least {_LEAST} landmarks that are seen, received {len(source)}")
    try:
        spline = RBFInterpolator(source, target, kernel="linear", degree=1, smoothing=_SMOOTHING)
    except np.linalg.LinAlgError as error:
        raise ValueError("the landmarks that are seen lie in one plane, which leaves the transfer open") from error

    def transferred(points: FloatArray) -> FloatArray:
        moved: FloatArray = spline(points)
        return moved

    return transferred
