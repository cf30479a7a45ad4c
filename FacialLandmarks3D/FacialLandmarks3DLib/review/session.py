"""The review of one markups node: what the panel's buttons do, without the panel. Also usable from a script."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any

import slicer
import vtk

from ..scene.detected import Counts, adopt, counts_of, follow_hardening, placed_positions
from ..scene.landmark_surface import ClosestPoints, surface_of
from ..scene.nodes import is_there, labels_of, set_locked
from . import edits
from .edits import History
from .rows import Row, rows_of, worst_first
from .views import jump_to

# Where Slicer's markups widget says which point the mouse holds; vtkMRMLMarkupsDisplayNode.h
_HELD_POINT = "Markups.MovingMarkupIndex"


class Watch:
    """Observes one markups node until :meth:`stop`.

    Parameters
    ----------
    node : vtkMRMLMarkupsNode
    changed : called after every change of a point, of the node's attributes, its transform or its measurements
    grabbed : called with the label of a point that the mouse has taken hold of, before it moves
    released : called when the mouse has let go
    """

    def __init__(
        self,
        node: Any,
        changed: Callable[[], None],
        grabbed: Callable[[str], None],
        released: Callable[[], None],
    ) -> None:
        self._node, self._changed, self._grabbed, self._released = node, changed, grabbed, released
        markups = slicer.vtkMRMLMarkupsNode
        # A change of points does not invoke ModifiedEvent, vtkMRMLMarkupsNode.h says.
        self._tags = [
            node.AddObserver(event, self._on_change)
            for event in (
                markups.PointModifiedEvent,
                markups.PointAddedEvent,
                markups.PointRemovedEvent,
                vtk.vtkCommand.ModifiedEvent,
                slicer.vtkMRMLTransformableNode.TransformModifiedEvent,
            )
        ]
        self._tags.append(node.AddObserver(markups.PointStartInteractionEvent, self._on_grab))
        self._tags.append(node.AddObserver(markups.PointEndInteractionEvent, self._on_release))

    def stop(self) -> None:
        """Observe no more."""
        for tag in self._tags:
            self._node.RemoveObserver(tag)
        self._tags = []

    def _on_change(self, _caller: Any, _event: str) -> None:
        self._changed()

    def _on_grab(self, _caller: Any, _event: str) -> None:
        place = self._node.GetAttribute(_HELD_POINT) or ""
        if place.isdigit() and int(place) < self._node.GetNumberOfControlPoints():
            self._grabbed(self._node.GetNthControlPointLabel(int(place)))

    def _on_release(self, _caller: Any, _event: str) -> None:
        self._released()


def _now() -> datetime:
    return datetime.now(timezone.utc)


class Review:
    """Rows, edits and history of the landmarks of a node; every edit can be undone.

    The order of the rows is made once, and again by :meth:`sort`: a table that reorders itself under the mouse cannot
    be worked with.

    Parameters
    ----------
    node : vtkMRMLMarkupsNode
    changed : called after each change, many times while a point is dragged
    selected : called with the label of a landmark that the mouse has taken hold of in a view
    clock : gives the time that is written beside what is accepted
    """

    def __init__(
        self,
        node: Any,
        *,
        changed: Callable[[], None] = lambda: None,
        selected: Callable[[str], None] = lambda label: None,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self.node = node
        self._changed, self._selected, self._clock = changed, selected, clock
        self._finder = ClosestPoints()
        adopt(node)
        follow_hardening(node)
        self._begin()
        self._watch = Watch(node, self._on_change, self._on_grab, self._on_release)

    def close(self) -> None:
        """Observe the node no more."""
        self._watch.stop()

    @property
    def can_undo(self) -> bool:
        """Whether there is something to undo."""
        return self._history.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether something was undone last."""
        return self._history.can_redo

    def rows(self) -> list[Row]:
        """All landmarks, in the order of the last sorting."""
        known = {row.label: row for row in rows_of(self.node)}
        return [known.pop(label) for label in self._order if label in known] + list(known.values())

    def counts(self) -> Counts:
        """How many have which status."""
        return counts_of(rows_of(self.node))

    def sort(self) -> None:
        """Bring the worst to the top."""
        self._order = [row.label for row in worst_first(rows_of(self.node))]

    def is_another_detection(self) -> bool:
        """Whether the landmarks have been placed anew since the last call; then they are sorted, with no history."""
        if self._identity == self._identify():
            return False
        self._begin()
        return True

    def prepare(self) -> Iterator[None]:
        """What the first jump or snap needs, in small steps."""
        model = surface_of(self.node)
        if model is not None and model.GetPolyData() is not None and model.GetPolyData().GetNumberOfCells() > 0:
            yield from self._finder.prepare(model)

    def jump(self, label: str) -> bool:
        """Let the views show a landmark; False where it has no position."""
        return jump_to(self.node, label, self._finder)

    def snap(self, label: str) -> float:
        """See :func:`edits.snap_to_surface`."""
        with self._action():
            return edits.snap_to_surface(self.node, label, self._finder)

    def reset(self, label: str) -> None:
        """See :func:`edits.reset`."""
        with self._action():
            edits.reset(self.node, label)

    def accept(self, label: str) -> list[str]:
        """See :func:`edits.accept`."""
        with self._action():
            return edits.accept(self.node, [label], self._clock())

    def accept_all(self) -> list[str]:
        """See :func:`edits.accept_all`."""
        with self._action():
            return edits.accept_all(self.node, self._clock())

    def lock(self, labels: Iterable[str] | None, locked: bool) -> None:
        """Lock or unlock landmarks, None for all."""
        with self._action():
            set_locked(self.node, labels_of(self.node) if labels is None else labels, locked)

    def place(self, label: str) -> None:
        """See :func:`edits.start_placing`; what the click then does can be undone like a drag."""
        self._history.begin()
        edits.start_placing(self.node, label)
        self._placing = label

    def undo(self) -> None:
        """Go back one action."""
        self._history.undo()
        edits.synchronise(self.node)

    def redo(self) -> None:
        """Do again what was undone last."""
        self._history.redo()
        edits.synchronise(self.node)

    def synchronise(self) -> list[Row]:
        """See :func:`edits.synchronise`; after points were moved from elsewhere. Returns the rows as of `rows`."""
        if follow_hardening(self.node):
            self._identity = self._identify()
        rows = self.rows()
        edits.synchronise(self.node, rows)
        return rows

    def _begin(self) -> None:
        self._identity = self._identify()
        self._history = History(self.node)
        self._placing = ""
        self.sort()

    def _identify(self) -> tuple[Any, ...]:
        placed = placed_positions(self.node)
        return labels_of(self.node), tuple(sorted((label, tuple(at or ())) for label, at in placed.items()))

    @contextmanager
    def _action(self) -> Iterator[None]:
        self._history.begin()
        try:
            yield
        finally:
            self._history.end()
            edits.synchronise(self.node)

    def _on_change(self) -> None:
        if self._placing and self._is_placed(self._placing):
            self._placing = ""
            self._history.end()
        self._changed()

    def _is_placed(self, label: str) -> bool:
        place = self.node.GetControlPointIndexByLabel(label)
        return place >= 0 and is_there(self.node, place)

    def _on_grab(self, label: str) -> None:
        self._history.begin()
        self._selected(label)

    def _on_release(self) -> None:
        self._history.end()
        edits.synchronise(self.node)
        self._changed()
