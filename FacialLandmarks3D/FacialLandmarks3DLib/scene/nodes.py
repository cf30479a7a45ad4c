"""Small steps with nodes: the subject hierarchy, one event for many changes, control points by label."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import slicer

from ..messages import _


def place_beside(node: Any, neighbour: Any) -> None:
    """Give a node the parent item of another one; nothing happens where the other one has no item.

    Parameters
    ----------
    node, neighbour : vtkMRMLNode of the same scene
    """
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(neighbour.GetScene())
    if hierarchy is None:
        return
    nowhere = hierarchy.GetInvalidItemID()
    reference = hierarchy.GetItemByDataNode(neighbour)
    if reference == nowhere:
        return
    parent = hierarchy.GetItemParent(reference)
    item = hierarchy.GetItemByDataNode(node)
    if item == nowhere:
        hierarchy.CreateItem(parent, node)
    else:
        hierarchy.SetItemParent(item, parent)


class ReviewError(ValueError):
    """What was asked for cannot be done; the message says why and what to do instead."""


def labels_of(node: Any) -> tuple[str, ...]:
    """Labels in the node's order."""
    return tuple(node.GetNthControlPointLabel(place) for place in range(node.GetNumberOfControlPoints()))


def place_of(node: Any, label: str) -> int:
    """Index of the control point of a label.

    Raises
    ------
    ReviewError
        The node has none.
    """
    place = node.GetControlPointIndexByLabel(label)
    if place < 0:
        raise ReviewError(
            _("The landmark {label!r} is no longer in {name!r}; place the landmarks again.").format(
                label=label, name=node.GetName()
            )
        )
    return int(place)


def is_there(node: Any, place: int) -> bool:
    """Whether a control point has a position; one that is only being previewed under the mouse has none."""
    return bool(node.GetNthControlPointPositionStatus(place) == slicer.vtkMRMLMarkupsNode.PositionDefined)


def world_position(node: Any, place: int) -> tuple[float, float, float]:
    """Position in the world, RAS mm; only of a point that is there."""
    position = [0.0, 0.0, 0.0]
    node.GetNthControlPointPositionWorld(place, position)
    return position[0], position[1], position[2]


def local_position(node: Any, place: int) -> tuple[float, float, float]:
    """Position in the node's own coordinates; only of a point that is there."""
    x, y, z = node.GetNthControlPointPosition(place)
    return x, y, z


def check_unlocked(node: Any, place: int) -> None:
    """Raise ReviewError where the landmark, or the whole node, is locked."""
    if node.GetLocked() or node.GetNthControlPointLocked(place):
        label = node.GetNthControlPointLabel(place)
        raise ReviewError(_("The landmark {label!r} is locked; unlock it to change it.").format(label=label))


def set_locked(node: Any, labels: Iterable[str], locked: bool) -> None:
    """Lock or unlock landmarks; unlocking also takes the lock of the node as a whole, which would still hold them."""
    with one_event(node):
        if not locked:
            node.SetLocked(False)
        for label in labels:
            node.SetNthControlPointLocked(place_of(node, label), locked)


def point_values(node: Any, name: str) -> list[float] | None:
    """The measurement's value of each control point, None where there is none or their numbers differ."""
    measurement = node.GetMeasurement(name)
    values = None if measurement is None else measurement.GetControlPointValues()
    if values is None or values.GetNumberOfTuples() != node.GetNumberOfControlPoints():
        return None
    return [values.GetValue(place) for place in range(values.GetNumberOfTuples())]


def set_point_values(node: Any, name: str, values: Sequence[float]) -> None:
    """Change a measurement that :func:`point_values` can read; no event where nothing changes."""
    if point_values(node, name) in (None, list(values)):
        return
    column = node.GetMeasurement(name).GetControlPointValues()
    for place, value in enumerate(values):
        column.SetValue(place, value)
    column.Modified()
    node.Modified()


@contextmanager
def one_event(node: Any) -> Iterator[None]:
    """All changes within tell of themselves once, at the end."""
    before = node.StartModify()
    try:
        yield
    finally:
        node.EndModify(before)
