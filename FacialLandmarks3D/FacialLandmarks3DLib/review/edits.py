"""What is done to a landmark in the review, with undo and redo."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import slicer

from ..messages import _
from ..scene.detected import (
    ACCEPTED,
    Detected,
    accepted_positions,
    detected_landmarks,
    placed_positions,
    reset_landmark,
)
from ..scene.landmark_surface import ClosestPoints, needed_surface
from ..scene.nodes import (
    ReviewError,
    check_unlocked,
    is_there,
    labels_of,
    local_position,
    one_event,
    place_of,
    set_point_values,
    world_position,
)
from .rows import Row, rows_of

_DEPTH = 100
_BY_HAND = Detected("found")


@dataclass(frozen=True)
class _Point:
    label: str
    position: tuple[float, float, float] | None
    position_status: int
    locked: bool


@dataclass(frozen=True)
class _State:
    points: tuple[_Point, ...]
    accepted: str | None
    transform_id: str | None


class History:
    """States of a node before and after each action.

    :meth:`begin` before an action, :meth:`end` after it; an action that changes nothing leaves no trace.
    """

    def __init__(self, node: Any) -> None:
        self._node = node
        self._before: _State | None = None
        self._done: list[_State] = []
        self._undone: list[_State] = []

    @property
    def can_undo(self) -> bool:
        """Whether there is something to undo."""
        return self._fits(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether something was undone last."""
        return self._fits(self._undone)

    def begin(self) -> None:
        """An action is about to start."""
        self._before = _state(self._node)
        if self._node.GetScene() is not None:
            self._node.GetScene().SaveStateForUndo(self._node)

    def end(self) -> None:
        """It has ended."""
        before, self._before = self._before, None
        if before is not None and before != _state(self._node):
            self._done = [*self._done, before][-_DEPTH:]
            self._undone = []

    def undo(self) -> None:
        """Go back one action; nothing happens where there is none."""
        self._go(self._done, self._undone)

    def redo(self) -> None:
        """Do again what was undone last."""
        self._go(self._undone, self._done)

    def _fits(self, states: list[_State]) -> bool:
        """Positions are those under a transform; once it is hardened or another one, they are wrong."""
        return bool(states) and states[-1].transform_id == self._node.GetTransformNodeID()

    def _go(self, source: list[_State], target: list[_State]) -> None:
        self._before = None
        if self._fits(source):
            target.append(_state(self._node))
            _restore_state(self._node, source.pop())


def _state(node: Any) -> _State:
    points = tuple(
        _Point(
            node.GetNthControlPointLabel(place),
            local_position(node, place) if is_there(node, place) else None,
            node.GetNthControlPointPositionStatus(place),
            bool(node.GetNthControlPointLocked(place)),
        )
        for place in range(node.GetNumberOfControlPoints())
    )
    return _State(points, node.GetAttribute(ACCEPTED), node.GetTransformNodeID())


def _restore_state(node: Any, state: _State) -> None:
    """Labels that are not there any more are left out."""
    with one_event(node):
        for point in state.points:
            place = node.GetControlPointIndexByLabel(point.label)
            if place >= 0:
                _restore_point(node, place, point)
        if state.accepted is None:
            node.RemoveAttribute(ACCEPTED)
        else:
            node.SetAttribute(ACCEPTED, state.accepted)


def _restore_point(node: Any, place: int, point: _Point) -> None:
    markups = slicer.vtkMRMLMarkupsNode
    if point.position is not None:
        node.SetNthControlPointPosition(place, point.position)
    elif point.position_status == markups.PositionMissing:
        node.SetNthControlPointPositionMissing(place)
    else:
        node.UnsetNthControlPointPosition(place)
    node.SetNthControlPointLocked(place, point.locked)


def snap_to_surface(node: Any, label: str, finder: ClosestPoints) -> float:
    """Move a landmark to the closest point of its model's surface, in the world; returns how far, millimetres.

    Raises
    ------
    ReviewError
        It is locked or missing, or its model is gone.
    """
    place = place_of(node, label)
    check_unlocked(node, place)
    if not is_there(node, place):
        raise ReviewError(_("The landmark {label!r} is missing; place it by hand first.").format(label=label))
    before = world_position(node, place)
    after = finder.closest(needed_surface(node), before)
    node.SetNthControlPointPositionWorld(place, *after)
    return sum((a - b) ** 2 for a, b in zip(before, after, strict=True)) ** 0.5


def reset(node: Any, label: str) -> None:
    """Put a landmark back where the detector had placed it, or make it missing again where it had found none.

    Raises
    ------
    ReviewError
        It is locked, or nothing is known of a detection.
    """
    check_unlocked(node, place_of(node, label))
    if label not in placed_positions(node):
        raise ReviewError(_("The detected position of {label!r} is not known.").format(label=label))
    reset_landmark(node, label)


def accept(node: Any, labels: Iterable[str], now: datetime) -> list[str]:
    """Declare uncertain landmarks right where they are; returns those that were uncertain.

    Missing ones stay missing: there is nothing to accept. The node keeps where each lay, so that it counts as accepted
    only there, and the time.
    """
    wanted = set(labels)
    uncertain = [row for row in rows_of(node) if row.status == "uncertain" and row.label in wanted]
    if uncertain:
        kept = accepted_positions(node)
        for row in uncertain:
            kept[row.label] = {
                "position": local_position(node, row.place),
                "time": now.isoformat(timespec="seconds"),
            }
        node.SetAttribute(ACCEPTED, json.dumps(kept))
    return [row.label for row in uncertain]


def accept_all(node: Any, now: datetime) -> list[str]:
    """:func:`accept` of every landmark."""
    return accept(node, labels_of(node), now)


def start_placing(node: Any, label: str) -> None:
    """Let the next click in a view place a missing landmark; other missing ones stay as they are.

    Slicer fills the first point whose position is undefined, from the start index on
    (``vtkMRMLMarkupsDisplayNode::UpdateActiveControlPointWorld``).

    Raises
    ------
    ReviewError
        It is locked, or it has a position already.
    """
    place = place_of(node, label)
    check_unlocked(node, place)
    if is_there(node, place):
        raise ReviewError(_("The landmark {label!r} has a position; drag it in a view.").format(label=label))
    node.UnsetNthControlPointPosition(place)
    node.SetControlPointPlacementStartIndex(place)
    start_place_mode(node, persistent=False)


def start_place_mode(node: Any, *, persistent: bool) -> None:
    """Switch the mouse to placing points of a node; as in Docs/developer_guide/script_repository/markups.md."""
    scene = node.GetScene()
    selection = scene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
    interaction = scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    if selection is None or interaction is None:
        raise ReviewError(_("There is no view to click in; set the position from the Python console."))
    selection.SetReferenceActivePlaceNodeClassName(node.GetClassName())
    selection.SetActivePlaceNodeID(node.GetID())
    if persistent:
        interaction.SwitchToPersistentPlaceMode()
    else:
        interaction.SwitchToSinglePlaceMode()


def synchronise(node: Any, rows: Iterable[Row] | None = None) -> None:
    """Make colours and measurements say what the table says, so that other modules and files know it too.

    What was placed or accepted manually counts as found: it is drawn in that colour (selected), its status is found,
    and a position that is not the detector's has no expected error. ``reset`` brings the detector's values back.
    """
    detected = detected_landmarks(node)
    if not detected:
        return
    in_order = sorted(rows_of(node) if rows is None else rows, key=lambda row: row.place)
    said = [_said(row, detected.get(row.label, _BY_HAND)) for row in in_order]
    with one_event(node):
        set_point_values(node, "status", [each.code for each in said])
        set_point_values(node, "confidence", [each.confidence for each in said])
        set_point_values(node, "expected_error_mm", [_number(each.expected_error_mm) for each in said])
        set_point_values(node, "error_bound_mm", [_number(each.error_bound_mm) for each in said])
        set_point_values(node, "to_check", [float(each.to_check and each.status == "uncertain") for each in said])
        for place, each in enumerate(said):
            if bool(node.GetNthControlPointSelected(place)) != (each.status == "found"):
                node.SetNthControlPointSelected(place, each.status == "found")


def _said(row: Row, detected: Detected) -> Detected:
    if row.status == "missing":
        return Detected("missing", 0.0)
    if row.status == "edited":
        return _BY_HAND
    if row.status == "accepted":
        return Detected("found", detected.confidence, detected.expected_error_mm, detected.error_bound_mm)
    return detected


def _number(value: float | None) -> float:
    return -1.0 if value is None else value
