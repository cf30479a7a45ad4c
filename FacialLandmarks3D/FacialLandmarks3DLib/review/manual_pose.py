"""Manual pose: three points that give the pose of the head where detection finds none."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..scene.nodes import is_there, labels_of, one_event, world_position
from ..scene.provenance import PREFIX
from .edits import start_place_mode

NODE_NAME = "Head pose (3 points)"
POSE_POINTS = {
    "ex_r": "outer corner of the subject's right eye",
    "ex_l": "outer corner of the subject's left eye",
    "prn": "tip of the nose",
}
_ATTRIBUTE = PREFIX + "manual_pose"
_COLOR = (0.2, 0.55, 1.0)
# Height of the triangle over its longest side; less is a line, which tells no pose.
_LEAST_HEIGHT = 0.1


class ManualPose:
    """The three points of a scene, in a markups node of their own.

    Parameters
    ----------
    scene : vtkMRMLScene
    """

    def __init__(self, scene: Any) -> None:
        self._scene = scene

    @property
    def node(self) -> Any | None:
        """The markups node with the points, None where there is none yet."""
        for number in range(self._scene.GetNumberOfNodesByClass("vtkMRMLMarkupsFiducialNode")):
            node = self._scene.GetNthNodeByClass(number, "vtkMRMLMarkupsFiducialNode")
            if node.GetAttribute(_ATTRIBUTE) is not None:
                return node
        return None

    def start(self, model_node: Any | None = None) -> Any:
        """Let the user click the points that are not placed yet, one after the other; returns the markups node.

        Parameters
        ----------
        model_node : the points get its parent transform and so follow it
        """
        node = self.node or self._create()
        if model_node is not None:
            self._follow(node, model_node)
        if not all(is_there(node, place) for place in range(node.GetNumberOfControlPoints())):
            node.SetControlPointPlacementStartIndex(0)
            start_place_mode(node, persistent=True)
        return node

    def clear(self) -> None:
        """Take the points and their node away."""
        node = self.node
        if node is not None:
            self._scene.RemoveNode(node)

    def next_point(self) -> str | None:
        """Label of the point to be placed next, None where all are placed or there is no node."""
        node = self.node
        if node is None:
            return None
        return next((label for place, label in enumerate(labels_of(node)) if not is_there(node, place)), None)

    def initial_landmarks(self) -> dict[str, list[float]] | None:
        """Label to position in the world, RAS mm, as the surface file has it; None unless all are placed."""
        node = self.node
        if node is None or self.next_point() is not None or set(labels_of(node)) != set(POSE_POINTS):
            return None
        return {label: list(world_position(node, place)) for place, label in enumerate(labels_of(node))}

    def is_line(self) -> bool:
        """Whether the three points lie so near to a line that they tell no pose; False while they are not all there."""
        points = self.initial_landmarks()
        if points is None:
            return False
        right, left, nose = (np.array(points[label]) for label in POSE_POINTS)
        sides = [np.linalg.norm(a - b) for a, b in ((right, left), (left, nose), (nose, right))]
        twice_area = float(np.linalg.norm(np.cross(left - right, nose - right)))
        return twice_area <= _LEAST_HEIGHT * float(max(sides)) ** 2

    @property
    def valid(self) -> bool:
        """Whether the points can be used."""
        return self.initial_landmarks() is not None and not self.is_line()

    def _create(self) -> Any:
        node = self._scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", NODE_NAME)
        with one_event(node):
            node.SetAttribute(_ATTRIBUTE, "1")
            for label, description in POSE_POINTS.items():
                place = node.AddControlPoint([0.0, 0.0, 0.0], label)
                node.SetNthControlPointDescription(place, description)
                node.UnsetNthControlPointPosition(place)
            node.SetFixedNumberOfControlPoints(True)
        node.CreateDefaultDisplayNodes()
        display = node.GetDisplayNode()
        if display is not None:
            display.SetSelectedColor(*_COLOR)
            display.SetPointLabelsVisibility(True)
            display.SetSnapMode(display.SnapModeToVisibleSurface)
        return node

    def _follow(self, node: Any, model_node: Any) -> None:
        """Change the parent transform and keep the points where they are in the world."""
        if node.GetTransformNodeID() == model_node.GetTransformNodeID():
            return
        places = [place for place in range(node.GetNumberOfControlPoints()) if is_there(node, place)]
        positions = [world_position(node, place) for place in places]
        with one_event(node):
            node.SetAndObserveTransformNodeID(model_node.GetTransformNodeID())
            for place, position in zip(places, positions, strict=True):
                node.SetNthControlPointPositionWorld(place, *position)
