"""Labels in the views for the landmarks that matter at the moment: all 62 at once hide the face."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import slicer

from ..scene.nodes import is_there, local_position, one_event, place_of
from .rows import Row

_NAME = "Landmark labels"


class ViewLabels:
    """Shows the labels of some landmarks with a markups node of its own, which is neither listed nor saved.

    Slicer shows the labels of all points of a node, or of none.

    Parameters
    ----------
    node : vtkMRMLMarkupsNode with the landmarks
    """

    def __init__(self, node: Any) -> None:
        self._node = node
        self._labels: Any = None

    def update(self, rows: Iterable[Row], chosen: str | None, *, show_all: bool) -> None:
        """Show the labels of the chosen landmark and of those to check, or of all."""
        display = self._node.GetDisplayNode()
        if display is None or self._node.GetScene() is None:
            return
        if bool(display.GetPointLabelsVisibility()) != show_all:
            display.SetPointLabelsVisibility(show_all)
        wanted = [] if show_all else [row.label for row in rows if row.to_check or row.label == chosen]
        wanted = [label for label in wanted if is_there(self._node, place_of(self._node, label))]
        if wanted or self._labels is not None:
            self._show(wanted)

    def close(self) -> None:
        """Give the landmarks' own labels back."""
        if self._labels is not None and self._labels.GetScene() is not None:
            self._labels.GetScene().RemoveNode(self._labels)
        self._labels = None
        if self._node.GetDisplayNode() is not None:
            self._node.GetDisplayNode().SetPointLabelsVisibility(True)

    def _show(self, wanted: list[str]) -> None:
        if self._labels is None or self._labels.GetScene() is None:
            self._labels = self._make()
        labels = self._labels
        with one_event(labels):
            labels.SetAndObserveTransformNodeID(self._node.GetTransformNodeID())
            shown = [labels.GetNthControlPointLabel(place) for place in range(labels.GetNumberOfControlPoints())]
            if shown != wanted:
                labels.RemoveAllControlPoints()
            for place, label in enumerate(wanted):
                own = place_of(self._node, label)
                position, found = local_position(self._node, own), self._node.GetNthControlPointSelected(own)
                if shown != wanted:
                    labels.AddControlPoint(position, label)
                elif local_position(labels, place) != position:
                    labels.SetNthControlPointPosition(place, position)
                if labels.GetNthControlPointSelected(place) != found:  # its colour
                    labels.SetNthControlPointSelected(place, found)

    def _make(self) -> Any:
        node = slicer.vtkMRMLMarkupsFiducialNode()
        node.SetName(_NAME)
        node.SetHideFromEditors(True)
        node.SetSaveWithScene(False)
        node.SetLocked(True)  # the mouse takes hold of the landmarks, not of their labels
        scene = self._node.GetScene()
        node = scene.AddNode(node)
        node.CreateDefaultDisplayNodes()
        display, own = node.GetDisplayNode(), self._node.GetDisplayNode()
        display.SetSaveWithScene(False)
        with one_event(display):
            display.SetColor(own.GetColor())
            display.SetSelectedColor(own.GetSelectedColor())
            display.SetTextScale(own.GetTextScale())
            # As large as the landmark's own: a smaller point would count as hidden within it, and so would its label.
            display.SetGlyphScale(own.GetGlyphScale())
            display.SetPropertiesLabelVisibility(False)
            display.SetPointLabelsVisibility(True)
        return node
