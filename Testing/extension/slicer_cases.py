"""Faces as nodes of a scene, and a logic whose worker really detects: for the tests of the module."""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import Any

import numpy as np
import pytest
import slicer_stubs
import vtk
from face_volume import face_volume
from slicer_scene import Application, slicer
from vtk.util.numpy_support import numpy_to_vtk

slicer_stubs.install()

from sgcn_core.demo import demo_surface  # noqa: E402
from sgcn_core.geometry.vtk_bridge import to_polydata  # noqa: E402
from sgcn_core.types.units import flip_frame  # noqa: E402

PYTHON = os.environ.get("SGCN_WORKER_PYTHON", sys.executable)


def need_worker() -> None:
    """Skip where no Python with PyTorch is at hand; it may be another one than that of slicer-core."""
    if sys.executable == PYTHON and importlib.util.find_spec("torch") is None:
        pytest.skip("no PyTorch beside slicer-core; SGCN_WORKER_PYTHON may name a Python that has it")


def face_model(application: Application, name: str = "Visage é") -> Any:
    """The demo face as a model node, in its own coordinates RAS."""
    demo = demo_surface()
    model = application.add("Model", name)
    model.SetAndObservePolyData(to_polydata(flip_frame(demo.vertices), demo.faces))
    model.CreateDefaultDisplayNodes()
    return model


def face_volume_node(application: Application, name: str = "CT é", spacing: float = 2.0) -> Any:
    """The demo face as a CT-like volume node, at the same place as the model."""
    voxels, origin = face_volume(demo_surface(), spacing)
    matrix = vtk.vtkMatrix4x4()
    for axis, (sign, start) in enumerate(zip((-1, -1, 1), origin, strict=True)):  # from LPS to RAS
        matrix.SetElement(axis, axis, sign * spacing)
        matrix.SetElement(axis, 3, sign * start)
    return volume_node(application, voxels, matrix, name)


def volume_node(application: Application, voxels: np.ndarray, matrix: vtk.vtkMatrix4x4, name: str = "CT é") -> Any:
    """A scalar volume of voxels (Z, Y, X)."""
    image = vtk.vtkImageData()
    image.SetDimensions(*voxels.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(voxels.ravel(), deep=True))
    volume = application.add("ScalarVolume", name)
    volume.SetAndObserveImageData(image)
    volume.SetIJKToRASMatrix(matrix)
    return volume


def under(application: Application, node: Any, transform: vtk.vtkTransform, name: str = "Pose") -> Any:
    """Give a node a linear parent transform."""
    parent = application.add("LinearTransform", name)
    parent.SetMatrixTransformToParent(transform.GetMatrix())
    node.SetAndObserveTransformNodeID(parent.GetID())
    return parent


def turned(angle: float = 25.0) -> vtk.vtkTransform:
    """A transform that turns and moves."""
    transform = vtk.vtkTransform()
    transform.Translate(300, -50, 20)
    transform.RotateWXYZ(angle, 0, 1, 1)
    return transform


def positions(node: Any, *, world: bool = False) -> dict[str, np.ndarray]:
    """Label and position of the landmarks that are there."""
    there = {}
    for place in range(node.GetNumberOfControlPoints()):
        if node.GetNthControlPointPositionStatus(place) == slicer.vtkMRMLMarkupsNode.PositionDefined:
            read = node.GetNthControlPointPositionWorld if world else node.GetNthControlPointPosition
            there[node.GetNthControlPointLabel(place)] = np.array(read(place))
    return there


def nodes_of(application: Application, kind: str) -> list[Any]:
    """All nodes of the class ``vtkMRML...Node``."""
    name = f"vtkMRML{kind}Node"
    scene = application.scene
    return [scene.GetNthNodeByClass(place, name) for place in range(scene.GetNumberOfNodesByClass(name))]
