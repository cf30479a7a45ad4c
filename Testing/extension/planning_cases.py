"""The sample data of two dates in a scene of slicer-core, for the tests of planning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import slicer_stubs
import vtk
from slicer_scene import Application, slicer

slicer_stubs.install()  # makes FacialLandmarks3DLib importable

from FacialLandmarks3DLib.planning.session import Planning  # noqa: E402

SAMPLES = slicer_stubs.MODULE / "Resources" / "SampleData"
BEFORE, AFTER = SAMPLES / "FacialLandmarks3DBefore.mrk.json", SAMPLES / "FacialLandmarks3DAfter.mrk.json"
FACES = {"Before": SAMPLES / "FacialLandmarks3DFace.ply", "After": SAMPLES / "FacialLandmarks3DAfter.ply"}

WIDTH = "Outercanthal width"
"""A measurement of both dates."""


class Pair:
    """Scans and landmarks of both dates."""

    def __init__(self, application: Application) -> None:
        # What the Colors module of Slicer does when it starts.
        application.scene.RegisterNodeClass(slicer.vtkMRMLColorLegendDisplayNode())
        self.application = application
        self.before, self.after = (landmarks_in(application, file) for file in (BEFORE, AFTER))
        self.face, self.face_after = (face_in(application, name) for name in FACES)
        self.planning = Planning(self.before, self.face)


def face_in(application: Application, name: str) -> Any:
    model = application.models.AddModel(str(FACES[name]), slicer.vtkMRMLStorageNode.CoordinateSystemLPS)
    model.SetName(name)
    return model


def landmarks_in(application: Application, file: Path) -> Any:
    node = application.add(
        "MarkupsFiducial", file.name.removeprefix("FacialLandmarks3D").partition(".")[0] + " landmarks"
    )
    storage = slicer.vtkMRMLMarkupsJsonStorageNode()
    storage.SetFileName(str(file))
    assert storage.ReadData(node)
    return node


def turned(application: Application, *nodes: Any) -> vtk.vtkTransform:
    """Put nodes under a transform that turns and moves."""
    transform = vtk.vtkTransform()
    transform.Translate(40, -30, 100)
    transform.RotateWXYZ(35, 1, 2, -1)
    parent = application.add("LinearTransform", "Pose")
    parent.SetMatrixTransformToParent(transform.GetMatrix())
    for node in nodes:
        node.SetAndObserveTransformNodeID(parent.GetID())
    return transform


def rows_of(table: Any) -> dict[str, dict[str, str]]:
    """Name of the measurement to the cells of its row."""
    from FacialLandmarks3DLib.planning.tables import cells_of

    return {row["measurement"]: row for row in cells_of(table)}


def take_away(node: Any, label: str) -> None:
    node.SetNthControlPointPositionMissing(node.GetControlPointIndexByLabel(label))


def move(node: Any, label: str, by: tuple[float, float, float]) -> None:
    place = node.GetControlPointIndexByLabel(label)
    node.SetNthControlPointPositionWorld(place, *np.add(node.GetNthControlPointPositionWorld(place), by))


def classes_in(application: Application) -> list[str]:
    """Classes and names of all nodes, in the order of the scene."""
    return [f"{node.GetClassName()} {node.GetName()}" for node in application.scene.GetNodes()]
