"""The table of landmarks: what there is to say about each, and which to check first."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..scene.detected import Detected, accepted_positions, detected_landmarks, moved_by_hand
from ..scene.nodes import is_there, labels_of, local_position
from ..scene.provenance import read_provenance

TO_CHECK = ("missing", "uncertain")
_RANK = {"uncertain": 0, "missing": 1}
# Positions go through a file with about so many digits.
_STILL_MM = 1e-3


@dataclass(frozen=True)
class Row:
    """One landmark.

    Attributes
    ----------
    place : index of its control point
    label, name, definition : of the landmark set; name and definition are empty for other labels
    side : {"right", "left", "midline", ""}, the subject's own; empty where not known
    status : {"found", "uncertain", "missing", "edited", "accepted"}
    expected_error_mm : of the position as detected; None where not known, and for one placed manually
    moved_mm : distance by which it was moved manually, None where it was not moved
    by_hand : moved manually, or placed where nothing was found, or removed
    locked : bool
    loose : uncertain for no reason but its definition, as on every scan
    """

    place: int
    label: str
    name: str
    definition: str
    side: str
    status: str
    expected_error_mm: float | None
    moved_mm: float | None
    by_hand: bool
    locked: bool
    loose: bool

    @property
    def to_check(self) -> bool:
        """Whether nobody can rely on it yet, and this scan is the reason."""
        return self.status in TO_CHECK and not self.loose


def rows_of(node: Any) -> list[Row]:
    """One row for each control point, in the node's order."""
    detected, moved, accepted = detected_landmarks(node), moved_by_hand(node), accepted_positions(node)
    return [
        _row(node, place, label, detected.get(label), label in moved, moved.get(label), accepted.get(label))
        for place, label in enumerate(labels_of(node))
    ]


def worst_first(rows: Iterable[Row]) -> list[Row]:
    """Uncertain ones to check, missing ones, then the rest, each from the largest expected error to the smallest."""
    return sorted(rows, key=lambda row: (_RANK[row.status] if row.to_check else 2, -_error(row), row.place))


def placed_by(node: Any) -> str:
    """Model, version and weights that placed the landmarks first; empty where not known."""
    provenance = read_provenance(node)
    if provenance is None:
        return ""
    weights = f"weights {provenance.weights_sha256[:12]}" if provenance.weights_sha256 else ""
    return ", ".join(text for text in (f"{provenance.model} {provenance.version}".strip(), weights) if text)


def _row(
    node: Any,
    place: int,
    label: str,
    detected: Detected | None,
    by_hand: bool,
    moved: float | None,
    accepted: dict[str, Any] | None,
) -> Row:
    name, definition, side = _words(label)
    status = _status(node, place, detected, by_hand, accepted)
    known = detected is not None and status not in ("missing", "edited")
    return Row(
        place=place,
        label=label,
        name=name,
        definition=definition or node.GetNthControlPointDescription(place),
        side=side,
        status=status,
        expected_error_mm=detected.expected_error_mm if known and detected else None,
        moved_mm=moved,
        by_hand=by_hand,
        locked=bool(node.GetLocked() or node.GetNthControlPointLocked(place)),
        loose=status == "uncertain" and detected is not None and detected.loose,
    )


def _status(node: Any, place: int, detected: Detected | None, by_hand: bool, accepted: dict[str, Any] | None) -> str:
    if not is_there(node, place):
        return "missing"
    if by_hand or detected is None or detected.status == "missing":
        return "edited"
    if detected.status == "uncertain" and accepted and _near(accepted["position"], local_position(node, place)):
        return "accepted"
    return detected.status


def _near(first: Iterable[float], second: Iterable[float]) -> bool:
    return math.dist(tuple(first), tuple(second)) < _STILL_MM


def _error(row: Row) -> float:
    if row.expected_error_mm is not None:
        return row.expected_error_mm
    return math.inf if row.to_check else -1.0


def _words(label: str) -> tuple[str, str, str]:
    from sgcn_core.types.landmark_sets import LandmarkSet

    known = LandmarkSet.load("all")
    if label not in known:
        return "", "", {"_r": "right", "_l": "left"}.get(label[-2:], "")
    landmark = known[label]
    return landmark.name, landmark.definition, landmark.side
