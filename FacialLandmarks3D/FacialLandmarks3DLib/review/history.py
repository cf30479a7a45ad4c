"""Undo and redo of what is done to the landmarks of one node.

Slicer's own undo is off unless somebody switches it on for the scene and for each node (``vtkMRMLScene::UndoFlag``,
``vtkMRMLNode::UndoEnabled``); where it is on, it gets every state as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import slicer

from .detected import ACCEPTED
from .points import is_there, local_position, one_event

_DEPTH = 100


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
            _restore(self._node, source.pop())


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


def _restore(node: Any, state: _State) -> None:
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
