"""Facial thirds and fifths: the horizontals and verticals of the front view. Their widths are measurements."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sgcn_core.report.drawings import DrawnLine
from sgcn_core.report.face import Face

THIRDS: tuple[str, ...] = ("tr", "g", "sn", "me")
FIFTHS: tuple[str, ...] = ("pa_r", "ex_r", "en_r", "en_l", "ex_l", "pa_l")
_BEYOND = 8.0  # mm that the lines reach beyond the landmarks


def horizontals(face: Face, labels: Sequence[str] = THIRDS) -> tuple[DrawnLine, ...]:
    """Lines across the face through those landmarks that are there.

    The upper third needs trichion (the hairline), which scans rarely show and detection does not place.
    """
    return _lines(face, labels, along=0)


def verticals(face: Face, labels: Sequence[str] = FIFTHS) -> tuple[DrawnLine, ...]:
    """Lines down the face through those landmarks that are there."""
    return _lines(face, labels, along=1)


def _lines(face: Face, labels: Sequence[str], *, along: int) -> tuple[DrawnLine, ...]:
    values = face.points[:, along][np.isfinite(face.points[:, along])]
    lines = []
    for label in labels:
        place = face.labels.index(label) if label in face.labels else -1
        if place < 0 or face.status[place] == "missing":
            continue
        ends = np.array([face.points[place], face.points[place]])
        ends[:, along] = values.min() - _BEYOND, values.max() + _BEYOND
        lines.append(DrawnLine(name="", points=ends, doubtful=face.status[place] == "uncertain"))
    return tuple(lines)
