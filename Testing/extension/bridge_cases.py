"""The head of the review's tests as a surface and as nodes, with what the worker says of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import review_cases
import vtk
from FacialLandmarks3DLib.scene.landmark_node import write_landmarks
from FacialLandmarks3DLib.scene.provenance import Provenance
from review_cases import model_in
from slicer_scene import Application

from sgcn_core.types.surface import Surface

HEAD = Surface(*review_cases.head(), unit="mm", frame="RAS")
LABELS = ("prn", "en_r", "ch_l")
PLACES = (3, 17, 40)
"""Vertices of the head at which these landmarks lie."""
NOTE = 'a note: "ü"; <b>, 100 %'
PROVENANCE = Provenance("2S-SGCN", "0.1.0", "ab" * 32, "clinical", 7, "guided", "cpu", "Visage é", False, (NOTE,))


def matrix_of(transform: vtk.vtkTransform) -> np.ndarray:
    return np.array([[transform.GetMatrix().GetElement(i, j) for j in range(4)] for i in range(4)])


def under(application: Application, node: Any, transform: vtk.vtkTransform) -> Callable[[np.ndarray], np.ndarray]:
    parent = application.add("LinearTransform", "Pose")
    parent.SetMatrixTransformToParent(transform.GetMatrix())
    node.SetAndObserveTransformNodeID(parent.GetID())
    matrix = matrix_of(transform)
    return lambda points: points @ matrix[:3, :3].T + matrix[:3, 3]


def linear(application: Application, node: Any) -> Callable[[np.ndarray], np.ndarray]:
    """Turned and moved within a grandparent that scales."""
    transform, scaling = vtk.vtkTransform(), vtk.vtkTransform()
    transform.Translate(100, -20, 5)
    transform.RotateWXYZ(37, 1, 2, 3)
    scaling.Scale(1.5, 1.5, 1.5)
    moved = under(application, node, transform)
    scaled = under(application, node.GetParentTransformNode(), scaling)
    return lambda points: scaled(moved(points))


def result_at(positions: np.ndarray, **changes: Any) -> dict[str, Any]:
    """What the worker says where it has found three landmarks there."""
    landmarks = [
        {
            "label": label,
            "position": position.tolist(),
            "confidence": 0.9,
            "status": "found",
            "expected_error_mm": 0.8,
            "error_bound_mm": 1.6,
        }
        for label, position in zip(LABELS, positions, strict=True)
    ]
    return {"unit": "mm", "frame": "RAS", "landmarks": landmarks, "info": {}, **changes}


def world_position(node: Any, place: int) -> np.ndarray:
    position = [0.0] * 3
    node.GetNthControlPointPositionWorld(place, position)
    return np.array(position)


def finished_case(application: Application) -> tuple[Any, Any]:
    """A model in a folder under a transform, with landmarks of all three kinds."""
    model = model_in(application)
    folder = application.hierarchy.CreateFolderItem(application.hierarchy.GetSceneItemID(), "Patient")
    application.hierarchy.CreateItem(folder, model)
    to_world = linear(application, model)
    result = result_at(to_world(HEAD.vertices[list(PLACES)]))
    result["landmarks"][1].update(status="uncertain", confidence=0.4)
    result["landmarks"][2].update(
        status="missing", position=None, confidence=0.0, expected_error_mm=None, error_bound_mm=None
    )
    landmarks = application.add("MarkupsFiducial", "Landmarks é")
    write_landmarks(landmarks, result, model, PROVENANCE)
    return model, landmarks
