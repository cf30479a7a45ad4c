"""A finished case in a scene of slicer-core, for the tests of the review."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import slicer_stubs
import vtk
from slicer_scene import Application, slicer

slicer_stubs.install()  # makes FacialLandmarks3DLib importable

from FacialLandmarks3DLib.review.session import Review  # noqa: E402
from FacialLandmarks3DLib.scene.landmark_node import write_landmarks  # noqa: E402
from FacialLandmarks3DLib.scene.provenance import Provenance  # noqa: E402

from sgcn_core.geometry.vtk_bridge import from_polydata, to_polydata  # noqa: E402

PROVENANCE = Provenance("2S-SGCN", "0.1.0", "ab" * 32, "clinical", 7, "guided", "cpu", "Visage é", False, ())
# Label, vertex of the head, status, expected error.
LANDMARKS = (
    ("prn", 3, "found", 0.8),
    ("en_r", 17, "uncertain", 1.2),
    ("ch_l", 40, "missing", None),
    ("go_l", 25, "uncertain", 3.4),
    ("ex_r", 30, "found", 1.1),
    ("al_l", 33, "found", None),
)
LABELS = tuple(label for label, *_rest in LANDMARKS)
DETECTED = {label: status for label, _vertex, status, _error in LANDMARKS}
NOON = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)


def head() -> tuple[np.ndarray, np.ndarray]:
    """Vertices and triangles of a closed surface without symmetry, RAS mm."""
    source = vtk.vtkSphereSource()
    source.SetRadius(1.0)
    source.SetThetaResolution(12)
    source.SetPhiResolution(12)
    source.Update()
    vertices, faces = from_polydata(source.GetOutput())
    vertices = vertices * (70.0, 90.0, 110.0) + (12.0, -30.0, 55.0)
    vertices[5] += (9.0, 4.0, 6.0)
    return vertices, faces


def model_in(application: Application, name: str = "Visage é") -> Any:
    model = application.add("Model", name)
    model.SetAndObservePolyData(to_polydata(*head()))
    model.CreateDefaultDisplayNodes()
    return model


def result_at(positions: np.ndarray) -> dict[str, Any]:
    """What the worker says where the landmarks of `LANDMARKS` lie there, one row each."""
    landmarks = [
        {
            "label": label,
            "position": None if status == "missing" else position.tolist(),
            "confidence": {"found": 0.9, "uncertain": 0.4, "missing": 0.0}[status],
            "status": status,
            "expected_error_mm": error,
            "error_bound_mm": None if error is None else 2 * error,
        }
        for (label, _vertex, status, error), position in zip(LANDMARKS, positions, strict=True)
    ]
    return {"unit": "mm", "frame": "RAS", "landmarks": landmarks, "info": {}}


def transformed(application: Application, node: Any) -> Any:
    """Turned, moved, and within a grandparent that scales."""
    pose, scaling = application.add("LinearTransform", "Pose"), application.add("LinearTransform", "Scaling")
    transform, scale = vtk.vtkTransform(), vtk.vtkTransform()
    transform.Translate(100, -20, 5)
    transform.RotateWXYZ(37, 1, 2, 3)
    scale.Scale(1.5, 1.5, 1.2)
    pose.SetMatrixTransformToParent(transform.GetMatrix())
    scaling.SetMatrixTransformToParent(scale.GetMatrix())
    node.SetAndObserveTransformNodeID(pose.GetID())
    pose.SetAndObserveTransformNodeID(scaling.GetID())
    return pose


def world_vertices(model: Any) -> np.ndarray:
    transform = vtk.vtkGeneralTransform()
    if model.GetParentTransformNode() is not None:
        model.GetParentTransformNode().GetTransformToWorld(transform)
    return np.array([transform.TransformPoint(vertex) for vertex in head()[0]])


def finished_case(application: Application, *, moved: bool = True, name: str = "Visage é") -> tuple[Any, Any]:
    """A model, under a transform, and its landmarks as just detected."""
    model = model_in(application, name)
    if moved:
        transformed(application, model)
    landmarks = application.add("MarkupsFiducial", "Landmarks")
    positions = world_vertices(model)[[vertex for _label, vertex, *_rest in LANDMARKS]]
    write_landmarks(landmarks, result_at(positions), model, PROVENANCE)
    return model, landmarks


def world_position(node: Any, label: str) -> np.ndarray:
    position = [0.0] * 3
    node.GetNthControlPointPositionWorld(node.GetControlPointIndexByLabel(label), position)
    return np.array(position)


def move(node: Any, label: str, by: tuple[float, float, float]) -> None:
    """As a script would, or another module."""
    place = node.GetControlPointIndexByLabel(label)
    node.SetNthControlPointPositionWorld(place, *(world_position(node, label) + by))


def drag(node: Any, label: str, *steps: tuple[float, float, float]) -> None:
    """As the mouse does: vtkSlicerMarkupsWidget.cxx, StartWidgetInteraction to EndWidgetInteraction."""
    markups = slicer.vtkMRMLMarkupsNode
    held = slicer.vtkMRMLMarkupsDisplayNode.GetMovingMarkupIndexAttributeName()
    node.SetAttribute(held, str(node.GetControlPointIndexByLabel(label)))
    node.InvokeCustomModifiedEvent(markups.PointStartInteractionEvent)
    for step in steps:
        move(node, label, step)
    node.InvokeCustomModifiedEvent(markups.PointEndInteractionEvent)
    node.SetAttribute(held, "")


def review_of(node: Any, **more: Any) -> Review:
    return Review(node, clock=lambda: NOON, **more)


def row_of(review: Review, label: str) -> Any:
    return next(row for row in review.rows() if row.label == label)


def status_of(rows: list[Any]) -> dict[str, str]:
    return {row.label: row.status for row in rows}


def saved(node: Any, file: Path) -> Path:
    storage = slicer.vtkMRMLMarkupsJsonStorageNode()
    storage.SetFileName(str(file))
    assert storage.WriteData(node)
    return file
