"""Hears of what happens to the landmarks of a node in the views, in other modules and in scripts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
import vtk

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
