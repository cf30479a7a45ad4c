"""Axes of a head for its pictures: the subject's left, up, and out of the face. Positions stay in true millimetres."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sgcn_core.errors import LandmarkError
from sgcn_core.geometry.procrustes import procrustes
from sgcn_core.types.landmarks import LandmarkResult

FloatArray = NDArray[np.float64]

# Mean of generated people in the head frame (+x the subject's left, +y up, +z out of the face), millimetres.
_MIDLINE: dict[str, tuple[int, int]] = {
    **{"g": (56, 107), "n": (48, 107), "se": (41, 106), "prn": (2, 130), "sn": (-12, 115), "ls": (-26, 118)},
    **{
        "li": (-41, 116),
        "sl": (-50, 109),
        "pg": (-60, 110),
        "gn": (-74, 104),
        "ibug27": (37, 107),
        "ibug8": (-74, 104),
    },
}
_LEFT: dict[tuple[str, str], tuple[int, int, int]] = {
    ("en_l", "en_r"): (19, 32, 92),
    ("ex_l", "ex_r"): (46, 33, 87),
    ("al_l", "al_r"): (18, -2, 109),
    ("ch_l", "ch_r"): (24, -35, 102),
    ("t_l", "t_r"): (73, 15, 12),
    ("ibug42", "ibug39"): (19, 32, 92),
    ("ibug45", "ibug36"): (44, 34, 86),
    ("ibug54", "ibug48"): (24, -35, 102),
}
_TYPICAL: dict[str, tuple[int, int, int]] = {
    **{label: (0, up, out) for label, (up, out) in _MIDLINE.items()},
    **{left: (x, up, out) for (left, _), (x, up, out) in _LEFT.items()},
    **{right: (-x, up, out) for (_, right), (x, up, out) in _LEFT.items()},
}


def head_axes(result: LandmarkResult, *, normal: ArrayLike | None = None) -> FloatArray:
    """Directions of the subject's left, of up and out of the face, as the rows of a rotation.

    They are those of a least-squares fit to the mean of generated people: upright by that mean, which is not the
    person's natural head position. The pose in ``result.info`` is not used, since a file may have changed its frame.

    Parameters
    ----------
    result : LandmarkResult
        At least three of the landmarks of eyes, nose, mouth and chin, in any frame and unit.
    normal : array_like (3,), optional
        Normal of the midsagittal plane, towards the subject's left and in the frame of the result: the first row is
        then this direction.

    Returns
    -------
    ndarray (3, 3)
        Determinant +1; ``positions @ axes.T`` is (left, up, out) in the unit of the result.

    Raises
    ------
    LandmarkError
        Too few landmarks are placed to tell how the head is turned.
    """
    used = [
        place
        for place, (label, status) in enumerate(zip(result.labels, result.status, strict=True))
        if status != "missing" and label in _TYPICAL
    ]
    typical = [_TYPICAL[result.labels[place]] for place in used]
    try:
        rotation = procrustes(result.positions[used], typical, weights=np.ones(len(used))).rotation
    except ValueError as error:
        raise LandmarkError(
            f"{len(used)} of the landmarks that tell how the head is turned are placed; at least three of "
            f"{', '.join(list(_TYPICAL)[:8])}, ... are needed"
        ) from error
    if normal is None:
        return np.asarray(rotation, dtype=np.float64)
    left = np.asarray(normal, dtype=np.float64)
    left = left / np.linalg.norm(left)
    out = rotation[2] - (rotation[2] @ left) * left
    out = out / np.linalg.norm(out)
    return np.stack([left, np.cross(out, left), out])
