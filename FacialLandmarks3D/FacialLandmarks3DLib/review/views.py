"""Let the views show a landmark, or the whole face from the front."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import slicer
from numpy.typing import NDArray

from ..scene.detected import facing_of
from ..scene.landmark_surface import ClosestPoints, surface_of
from ..scene.nodes import is_there, place_of, world_position

# From straight on, this is 75 degrees: flatter, the place of a point on the surface cannot be seen.
_LEAST_COSINE = 0.25
# Shares of the way from the present direction of view to straight on, from the least turn to the largest.
_TURNS = (0.0, 0.25, 0.5, 0.75, 1.0)
# The face fills most of the view of Slicer's camera, whose angle is 30 degrees.
_DISTANCE_OF_FACE = 2.6

_Vector = NDArray[np.float64]


def jump_to(node: Any, label: str, finder: ClosestPoints | None = None) -> bool:
    """Let all slice and 3D views show a landmark and highlight it; False where it has no position.

    Slices as ``vtkSlicerMarkupsLogic::JumpSlicesToLocation`` does it. A camera keeps its direction where it sees the
    landmark; else it is turned as little as needed.
    """
    place = place_of(node, label)
    if not is_there(node, place):
        return False
    x, y, z = world_position(node, place)
    scene = node.GetScene()
    slicer.vtkMRMLSliceNode.JumpAllSlices(scene, x, y, z, slicer.vtkMRMLSliceNode.CenteredJumpSlice)
    model = surface_of(node)
    for camera in _cameras(scene):
        direction, distance = _direction(camera)
        if model is not None and model.GetPolyData() is not None and model.GetPolyData().GetNumberOfCells() > 0:
            direction = _where_seen(finder or ClosestPoints(), model, np.array([x, y, z]), direction)
        _look(camera, np.array([x, y, z]), direction, distance, facing_of(node))
    display = node.GetDisplayNode()
    if display is not None:
        display.SetActiveControlPoint(place)
    return True


def turn_to_face(node: Any) -> bool:
    """Let the 3D views show the landmarks of a node from the front; False where it is not known where that is."""
    facing = facing_of(node)
    there = [place for place in range(node.GetNumberOfControlPoints()) if is_there(node, place)]
    if facing is None or not there:
        return False
    points = np.array([world_position(node, place) for place in there])
    middle = (points.min(0) + points.max(0)) / 2
    distance = _DISTANCE_OF_FACE * max(float(np.ptp(points, axis=0).max()), 1e-6)
    for camera in _cameras(node.GetScene()):
        _look(camera, middle, np.array(facing["front"]), distance, facing)
        camera.SetViewUp(*facing["up"])
    return True


def _cameras(scene: Any) -> Iterator[Any]:
    for number in range(scene.GetNumberOfNodesByClass("vtkMRMLCameraNode")):
        yield scene.GetNthNodeByClass(number, "vtkMRMLCameraNode")


def _direction(camera: Any) -> tuple[_Vector, float]:
    """From what the camera looks at to the camera, as a unit vector, and the distance."""
    offset = np.array(camera.GetPosition()) - camera.GetFocalPoint()
    distance = float(np.linalg.norm(offset))
    return (offset / distance, distance) if distance > 0 else (np.array([0.0, 1.0, 0.0]), 1.0)


def _where_seen(finder: ClosestPoints, model: Any, point: _Vector, direction: _Vector) -> _Vector:
    """The direction nearest to the given one from which a point of the surface is seen; that one where none is."""
    straight_on = finder.normal(model, point)
    for share in _TURNS:
        candidate = (1 - share) * direction + share * straight_on
        length = float(np.linalg.norm(candidate))
        if length < 1e-6:
            continue
        candidate /= length
        if candidate @ straight_on >= _LEAST_COSINE and finder.sees(model, point, candidate):
            return candidate
    return direction


def _look(
    camera: Any, target: _Vector, direction: _Vector, distance: float, facing: dict[str, list[float]] | None
) -> None:
    """One event for all that changes."""
    before = camera.StartModify()
    up = np.array(camera.GetViewUp())
    if abs(float(up @ direction)) > 0.95 * float(np.linalg.norm(up)):  # it would be turned about the line of sight
        up = np.array(facing["up"] if facing is not None else np.eye(3)[int(np.argmin(np.abs(direction)))])
    camera.SetFocalPoint(*target)
    camera.SetPosition(*(target + distance * direction))
    camera.SetViewUp(*up)
    camera.ResetClippingRange()
    camera.EndModify(before)
