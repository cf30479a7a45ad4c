"""Landmarks where the field of view of a volume cuts the head: on such a plane there is no skin to lie on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sgcn_core.types.field_of_view import CutPlane, depth_below_cuts
from sgcn_core.uncertainty.calibration import Verdict
from sgcn_core.uncertainty.recognition import FOUND, MISSING, PEAKS, UNCERTAIN

_GONE_MM, _DOUBTFUL_MM = 3.0, 6.0


def at_cuts(positions: NDArray[np.float64], planes: Sequence[CutPlane], *, factor: float) -> NDArray[np.bool_]:
    """Which landmarks (L,) lie within 3 mm of a cut plane; parameters as in :func:`doubt_at_cuts`."""
    return depth_below_cuts(planes, positions) * factor < _GONE_MM


def doubt_at_cuts(
    verdict: Verdict, positions: NDArray[np.float64], planes: Sequence[CutPlane], *, factor: float
) -> Verdict:
    """The verdict, with landmarks within 3 mm of a cut plane missing and those within 6 mm uncertain at best.

    A landmark beyond the plane is drawn to the rim of what was measured; one that far from it may be there.

    Parameters
    ----------
    verdict : Verdict
    positions : (L, 3), in the frame and unit of the surface
    planes : sequence of CutPlane, in the same
    factor : millimetres of the unit
    """
    if not planes:
        return verdict
    depth = depth_below_cuts(planes, positions) * factor
    status = np.where(depth < _GONE_MM, MISSING, np.asarray(verdict.status))
    status = np.where((depth < _DOUBTFUL_MM) & (status == FOUND), UNCERTAIN, status)
    confidence = np.where(depth < _DOUBTFUL_MM, np.minimum(verdict.confidence, PEAKS[0]), verdict.confidence)
    return replace(verdict, confidence=confidence, status=tuple(status.tolist()))
