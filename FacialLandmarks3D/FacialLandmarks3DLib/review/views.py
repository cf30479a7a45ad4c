"""Bring a landmark to the middle of the views."""

from __future__ import annotations

from typing import Any

import slicer

from ..scene.nodes import is_there, place_of, world_position


def jump_to(node: Any, label: str) -> bool:
    """Centre all slice and 3D views on a landmark and highlight it; False where it has no position.

    Slices as ``vtkSlicerMarkupsLogic::JumpSlicesToLocation`` does it. Cameras are moved beside the face instead of
    turned towards the point, as ``FocusCameraOnNthPointInMarkup`` would, so that the view stays from where it was.
    """
    place = place_of(node, label)
    if not is_there(node, place):
        return False
    x, y, z = world_position(node, place)
    scene = node.GetScene()
    slicer.vtkMRMLSliceNode.JumpAllSlices(scene, x, y, z, slicer.vtkMRMLSliceNode.CenteredJumpSlice)
    for number in range(scene.GetNumberOfNodesByClass("vtkMRMLCameraNode")):
        _centre(scene.GetNthNodeByClass(number, "vtkMRMLCameraNode"), (x, y, z))
    display = node.GetDisplayNode()
    if display is not None:
        display.SetActiveControlPoint(place)
    return True


def _centre(camera: Any, target: tuple[float, float, float]) -> None:
    focus, eye = camera.GetFocalPoint(), camera.GetPosition()
    moved = [eye[axis] + target[axis] - focus[axis] for axis in range(3)]
    camera.SetFocalPoint(*target)
    camera.SetPosition(*moved)
    camera.ResetClippingRange()
