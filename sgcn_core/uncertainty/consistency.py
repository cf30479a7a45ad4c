"""Landmarks that contradict each other: one anatomical point found at two places, or a place unlike any face."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sgcn_core.uncertainty.expectation import UNLIKE, Expectation

FloatArray = NDArray[np.float64]

SAME_POINT: tuple[tuple[str, str], ...] = (
    ("prn", "ibug30"),
    ("sn", "ibug33"),
    ("ex_r", "ibug36"),
    ("ex_l", "ibug45"),
    ("en_r", "ibug39"),
    ("en_l", "ibug42"),
    ("ch_r", "ibug48"),
    ("ch_l", "ibug54"),
)
"""Labels of the two landmark sets for one anatomical point, up to a small offset by definition."""

# Millimetres beyond the usual offset from which two contradict each other. On 30 generated and real scans none exceeds
# 3.5 mm, with a box over one eye it is 11 mm.
_LEAST_EXCESS = 5.0
# The less supported one is farther from the expectation by this factor; otherwise neither is believed.
_CLEARLY = 2.0


def contradictions(
    labels: Sequence[str],
    positions: FloatArray,
    told: NDArray[np.bool_],
    prototype: FloatArray,
    expected: Expectation,
    *,
    unit: float,
) -> FloatArray:
    """Millimetres of the head frame (L,) by which others contradict a landmark, 0 where none does.

    Of a pair the one is contradicted that lies farther from where all the others expect it, both if that does not tell.

    Parameters
    ----------
    labels : L names
    positions : (L, 3), normalised, head upright (as the prototype)
    told : (L,), which landmarks are reported at all
    prototype : (L, 3), mean landmarks, whose offsets are the usual ones
    expected : Expectation from the other landmarks
    unit : millimetres of the head frame for one of these units
    """
    place = {label: number for number, label in enumerate(labels)}
    apart = unit * np.linalg.norm(positions - expected.positions, axis=1)
    off = np.where(told & (expected.distance > UNLIKE), apart, 0.0)
    for pair in SAME_POINT:
        if not all(label in place and told[place[label]] for label in pair):
            continue
        one, other = (place[label] for label in pair)
        usual = prototype[one] - prototype[other]
        excess = unit * float(np.linalg.norm(positions[one] - positions[other] - usual))
        if excess <= _LEAST_EXCESS:
            continue
        for mine, its in ((one, other), (other, one)):
            if _CLEARLY * expected.distance[mine] > expected.distance[its]:
                off[mine] = max(off[mine], excess)
    return off
