"""Pose of the head from three or more points placed by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from sgcn_core.errors import LandmarkError
from sgcn_core.geometry.procrustes import procrustes
from sgcn_core.geometry.similarity import Similarity
from sgcn_core.types.landmark_sets import INITIAL_LANDMARKS, initial_positions

# Sizes of heads against the mean one, and millimetres of the mean head by which hand-placed points may be off.
_SIZES = (0.4, 2.5)
_FARTHEST = 20.0


def pose_of_points(
    points: Mapping[str, Sequence[float]], typical: Mapping[str, ArrayLike], *, to_mm: float = 1.0
) -> Similarity:
    """The similarity from millimetres of the scan to the head frame that brings the points to their typical places.

    Parameters
    ----------
    points : label -> (3,), in the axes of the scan; at least ``ex_r``, ``ex_l`` and ``prn``
    typical : label -> (3,), mean places in the head frame, millimetres
    to_mm : millimetres of one unit of the points

    Raises
    ------
    LandmarkError
        A point is missing, unknown or not three finite numbers, or the points cannot be those of a face: in one line,
        or of a shape or size that no face has, as with a wrong unit.
    """
    positions = initial_positions(points)
    if unknown := [label for label in points if label not in typical]:
        raise LandmarkError(f"unknown initial landmark {unknown[0]!r}; place {', '.join(INITIAL_LANDMARKS)}")
    placed = to_mm * np.array(list(positions.values()))
    wanted = np.array([typical[label] for label in points], dtype=np.float64)
    try:
        to_head = procrustes(placed, wanted)
    except ValueError as error:
        raise LandmarkError(f"no pose follows from the initial landmarks: {error}; place them again") from error
    farthest = float(np.linalg.norm(to_head.apply(placed) - wanted, axis=1).max())
    size = 1.0 / to_head.scale
    if not _SIZES[0] < size < _SIZES[1] or farthest > _FARTHEST:
        raise LandmarkError(
            f"the initial landmarks do not fit a face: {size:.3g} times the size of the mean head, "
            f"{farthest:.0f} mm from the mean face; check the unit, and that right and left are the subject's"
        )
    return to_head
