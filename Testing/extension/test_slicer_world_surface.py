"""Model nodes to surfaces in the world, whatever file and transforms: with the real application's classes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vtk

pytest.importorskip("slicer", reason="slicer-core is not installed")

from bridge_cases import HEAD, PLACES, PROVENANCE, linear, result_at, under, world_position
from FacialLandmarks3DLib.scene.landmark_node import write_landmarks
from FacialLandmarks3DLib.scene.world_surface import UnusableModelError, read_world_surface
from review_cases import model_in
from slicer_scene import Application, slicer, warped

from sgcn_core.geometry.vtk_bridge import from_polydata, to_polydata
from sgcn_core.io.meshes import write_surface

# VTK's own, with a NumPy newer than it.
pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")

SUFFIXES = (".ply", ".stl", ".obj", ".vtk", ".vtp")
UNTAGGED = {
    ".ply": vtk.vtkPLYWriter,
    ".stl": vtk.vtkSTLWriter,
    ".obj": vtk.vtkOBJWriter,
    ".vtk": vtk.vtkPolyDataWriter,
    ".vtp": vtk.vtkXMLPolyDataWriter,
}


def write_file(path: Path, tag: str | None) -> Path:
    """The head in a file: in the frame of its tag, LPS where there is none, as Slicer takes it."""
    surface = HEAD.in_frame(tag or "LPS")
    if tag is not None:
        return write_surface(surface, path)
    writer = UNTAGGED[path.suffix]()
    writer.SetFileName(str(path))
    writer.SetInputData(to_polydata(surface.vertices, surface.faces))
    writer.Write()
    return path


def no_parent(application: Application, node: Any) -> Callable[[np.ndarray], np.ndarray]:
    return lambda points: points


def mirrored(application: Application, node: Any) -> Callable[[np.ndarray], np.ndarray]:
    transform = vtk.vtkTransform()
    transform.Scale(-1, 1, 1)
    transform.Translate(5, 6, 7)
    return under(application, node, transform)


def signed_volume(points: np.ndarray, triangles: np.ndarray) -> float:
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    return float((a * np.cross(b, c)).sum() / 6)


@pytest.mark.parametrize("parent", [no_parent, linear, warped, mirrored])
@pytest.mark.parametrize("tag", ["LPS", "RAS", None])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_landmarks_stay_on_their_points_whatever_file_and_transforms(
    application: Application, tmp_path: Path, suffix: str, tag: str | None, parent: Callable
) -> None:
    frame = slicer.vtkMRMLStorageNode.CoordinateSystemLPS
    model = application.models.AddModel(str(write_file(tmp_path / f"face{suffix}", tag)), frame)
    to_world = parent(application, model)
    expected = to_world(HEAD.vertices)

    surface = read_world_surface(model)
    distance = np.linalg.norm(surface.points[:, None] - expected[None], axis=2)
    assert distance.min(axis=0).max() < 1e-3 and distance.min(axis=1).max() < 1e-3
    assert surface.points.dtype == np.float64 and surface.triangles.dtype == np.int64
    assert signed_volume(surface.points, surface.triangles) > 0
    assert surface.mirrored is (parent is mirrored) and len(surface.warnings) == surface.mirrored

    landmarks = application.add("MarkupsFiducial", "Landmarks")
    write_landmarks(landmarks, result_at(expected[list(PLACES)]), model, PROVENANCE)
    assert landmarks.GetTransformNodeID() == model.GetTransformNodeID()
    for place, vertex in enumerate(PLACES):
        np.testing.assert_allclose(world_position(landmarks, place), expected[vertex], atol=1e-3)
        np.testing.assert_allclose(landmarks.GetNthControlPointPosition(place), HEAD.vertices[vertex], atol=1e-2)


@pytest.mark.parametrize("parent", [linear, warped])
def test_the_surface_is_the_one_that_slicer_hardens(application: Application, parent: Callable) -> None:
    model = model_in(application)
    parent(application, model)
    surface = read_world_surface(model)
    unchanged = from_polydata(model.GetPolyData())[0]
    model.HardenTransform()
    np.testing.assert_allclose(surface.points, from_polydata(model.GetPolyData())[0], atol=1e-3)
    np.testing.assert_allclose(unchanged, HEAD.vertices, atol=1e-4)


def test_a_mirror_is_seen_through_a_warp_and_two_mirrors_are_none(application: Application) -> None:
    model = model_in(application)
    mirrored(application, model)
    warped(application, model.GetParentTransformNode())
    surface = read_world_surface(model)
    assert surface.mirrored and "'Pose'" in surface.warnings[0] and "left" in surface.warnings[0]
    model.GetParentTransformNode().SetAndObserveTransformNodeID(None)
    mirrored(application, model.GetParentTransformNode())
    assert not read_world_surface(model).mirrored


def test_polygons_and_strips_become_triangles_of_the_same_points(application: Application) -> None:
    stripper = vtk.vtkStripper()
    stripper.SetInputData(to_polydata(HEAD.vertices, HEAD.faces))
    stripper.Update()
    model = application.add("Model", "Strips")
    model.SetAndObservePolyData(stripper.GetOutput())
    surface = read_world_surface(model)
    assert len(surface.triangles) == len(HEAD.faces)
    np.testing.assert_allclose(surface.points, HEAD.vertices, atol=1e-4)


@pytest.mark.parametrize(("content", "message"), [(None, "no surface"), ("empty", "no surface"), ("cloud", "polygons")])
def test_a_model_without_a_surface_is_refused(application: Application, content: str | None, message: str) -> None:
    model = application.add("Model", "Nothing")
    if content is not None:
        polydata = vtk.vtkPolyData()
        if content == "cloud":
            polydata.SetPoints(to_polydata(HEAD.vertices, HEAD.faces).GetPoints())
        model.SetAndObservePolyData(polydata)
    with pytest.raises(UnusableModelError, match=message):
        read_world_surface(model)


def test_points_that_are_not_finite_are_refused(application: Application) -> None:
    model = model_in(application)
    model.GetPolyData().GetPoints().SetPoint(0, np.nan, 0, 0)
    with pytest.raises(UnusableModelError, match="finite"):
        read_world_surface(model)
