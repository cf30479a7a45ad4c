"""Where the landmarks of a markups node were placed first, and how far a hand has moved them since."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import slicer

from .provenance import PREFIX
from .world_surface import transform_to_world

_ATTRIBUTE = PREFIX + "placed"
# Positions go through a file with about so many digits; less is no edit.
_STILL_MM = 1e-3


def remember_placed(node: Any) -> None:
    """Keep the positions of now as those that the detector gave, in the node's own coordinates."""
    replace_placed(node, _positions(node))


def replace_placed(node: Any, positions: Mapping[str, list[float] | None]) -> None:
    """Keep other positions, in the node's own coordinates, as those that the detector gave."""
    node.SetAttribute(_ATTRIBUTE, json.dumps(dict(positions)))


def placed_positions(node: Any) -> dict[str, list[float] | None]:
    """Label and position in the node's own coordinates, None for what was missing; empty where nothing is kept."""
    text = node.GetAttribute(_ATTRIBUTE)
    return {} if text is None else json.loads(text)


def moved_by_hand(node: Any) -> dict[str, float | None]:
    """Landmarks that are not where the detector placed them.

    Returns
    -------
    dict
        Label and the distance in the world, millimetres; None where a missing landmark was placed or a placed one
        was taken away.
    """
    moved: dict[str, float | None] = {}
    now = _positions(node)
    for label, before in placed_positions(node).items():
        after = now.get(label)
        if before == after:
            continue
        distance = None
        if before is not None and after is not None:
            distance = float(np.linalg.norm(_in_world(node, before) - _in_world(node, after)))
        if distance is None or distance > _STILL_MM:
            moved[label] = distance
    return moved


def reset_landmark(node: Any, label: str) -> None:
    """Put a landmark back where the detector placed it; ValueError where that is not known."""
    placed = placed_positions(node)
    if label not in placed:
        raise ValueError(f"nothing is kept about where {label!r} was placed")
    place = node.GetControlPointIndexByLabel(label)
    if place < 0:
        raise ValueError(f"there is no landmark {label!r} in {node.GetName()!r} any more")
    position = placed[label]
    if position is None:
        node.SetNthControlPointPositionMissing(place)
    else:
        node.SetNthControlPointPosition(place, position)


def _positions(node: Any) -> dict[str, list[float] | None]:
    defined = slicer.vtkMRMLMarkupsNode.PositionDefined
    return {
        node.GetNthControlPointLabel(place): list(node.GetNthControlPointPosition(place))
        if node.GetNthControlPointPositionStatus(place) == defined
        else None
        for place in range(node.GetNumberOfControlPoints())
    }


def _in_world(node: Any, position: list[float]) -> np.ndarray:
    transform = transform_to_world(node)
    return np.array(position if transform is None else transform.TransformPoint(position))
