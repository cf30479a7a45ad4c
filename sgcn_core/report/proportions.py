"""Facial thirds and fifths: the horizontals and verticals of the front view, and the shares between them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sgcn_core.report.drawings import DrawnLine
from sgcn_core.report.face import Face

# From above; the first that is there of each.
_THIRDS: tuple[tuple[str, ...], ...] = (("tr",), ("g",), ("sn",), ("me", "gn"))
_FIFTHS: tuple[tuple[str, ...], ...] = (
    ("pa_r", "t_r", "zy_r"),
    *(("ex_r",), ("en_r",), ("en_l",), ("ex_l",)),
    ("pa_l", "t_l", "zy_l"),
)


def thirds(face: Face) -> tuple[DrawnLine, ...]:
    """Horizontals through trichion, glabella, subnasale and menton, with the distances between them.

    The upper third needs trichion (the hairline), which scans rarely show and detection does not place.
    """
    return _divided(face, _THIRDS, axis=1, names=("upper third", "middle third", "lower third"))


def fifths(face: Face) -> tuple[DrawnLine, ...]:
    """Verticals through the outer ends of the ears and the corners of the eyes, with the distances between them."""
    names = ("right outer fifth", "right eye", "between the eyes", "left eye", "left outer fifth")
    return _divided(face, _FIFTHS, axis=0, names=names)


def used_landmarks(face: Face, *, vertical: bool) -> tuple[str, ...]:
    """Landmarks of the thirds (`vertical`) or of the fifths that the face has."""
    return tuple(label for label in (_first(face, labels) for labels in (_THIRDS if vertical else _FIFTHS)) if label)


def _divided(
    face: Face, levels: Sequence[tuple[str, ...]], *, axis: int, names: Sequence[str]
) -> tuple[DrawnLine, ...]:
    """One line for each landmark that is there; its legend tells the distance to the next one."""
    labels = [_first(face, candidates) for candidates in levels]
    low, high = _extent(face, 1 - axis)
    total = _distance(face, labels[0], labels[-1], axis)
    lines = []
    for number, label in enumerate(labels):
        if not label:
            continue
        place = face.points[face.labels.index(label)]
        ends = np.array([place, place])
        ends[:, 1 - axis] = low, high
        name, value = label, ""
        if number < len(names):
            following = labels[number + 1]
            length = _distance(face, label, following, axis)
            if length is not None:
                share = f" ({100 * length / total:.0f} %)" if total else ""
                value = f"{names[number]} {length:.1f} mm{share}"
                name = f"{label} to {following}"
        doubtful = face.status[face.labels.index(label)] == "uncertain"
        lines.append(DrawnLine(name=name, points=ends, value=value, doubtful=doubtful))
    return tuple(lines)


def _first(face: Face, candidates: Sequence[str]) -> str:
    there = (c for c in candidates if c in face.labels and face.status[face.labels.index(c)] != "missing")
    return next(there, "")


def _distance(face: Face, one: str, other: str, axis: int) -> float | None:
    if not one or not other:
        return None
    points = face.points[[face.labels.index(one), face.labels.index(other)], axis]
    return float(abs(points[0] - points[1]))


def _extent(face: Face, axis: int) -> tuple[float, float]:
    values = face.points[:, axis][np.isfinite(face.points[:, axis])]
    return float(values.min()) - 8.0, float(values.max()) + 8.0
