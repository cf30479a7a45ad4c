"""Model nodes to arrays, results to markups nodes: with the real application's classes (package slicer-core)."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vtk

pytest.importorskip("slicer", reason="slicer-core is not installed")

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "FacialLandmarks3D"))

from FacialLandmarks3DLib.scene.detected import moved_by_hand, reset_landmark
from FacialLandmarks3DLib.scene.landmark_node import write_landmarks
from FacialLandmarks3DLib.scene.provenance import Provenance, provenance_of, read_provenance
from FacialLandmarks3DLib.scene.world_surface import UnusableModelError, read_world_surface
from slicer_scene import Application, slicer, warped

from sgcn_core.geometry.vtk_bridge import from_polydata, to_polydata
from sgcn_core.io import markups
from sgcn_core.io.markups import read_landmarks
from sgcn_core.io.meshes import read_surface, write_surface
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.surface import Surface

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
LABELS = ("prn", "en_r", "ch_l")
PLACES = (3, 17, 40)
NOTE = 'a note: "ü"; <b>, 100 %'
PROVENANCE = Provenance("2S-SGCN", "0.1.0", "ab" * 32, "clinical", 7, "guided", "cpu", "Visage é", False, (NOTE,))


@pytest.fixture
def application(tmp_path: Path) -> Application:
    return Application(tmp_path / "cache")


def head() -> Surface:
    """A closed surface without symmetry, RAS."""
    source = vtk.vtkSphereSource()
    source.SetRadius(1.0)
    source.Update()
    vertices, faces = from_polydata(source.GetOutput())
    vertices = vertices * (70.0, 90.0, 110.0) + (12.0, -30.0, 55.0)
    vertices[5] += (9.0, 4.0, 6.0)
    return Surface(vertices, faces, unit="mm", frame="RAS")


def write_file(path: Path, tag: str | None) -> Path:
    """The head in a file: in the frame of its tag, LPS where there is none, as Slicer takes it."""
    surface = head().in_frame(tag or "LPS")
    if tag is not None:
        return write_surface(surface, path)
    writer = UNTAGGED[path.suffix]()
    writer.SetFileName(str(path))
    writer.SetInputData(to_polydata(surface.vertices, surface.faces))
    writer.Write()
    return path


def matrix_of(transform: vtk.vtkTransform) -> np.ndarray:
    return np.array([[transform.GetMatrix().GetElement(i, j) for j in range(4)] for i in range(4)])


def no_parent(application: Application, node: Any) -> Callable[[np.ndarray], np.ndarray]:
    return lambda points: points


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


def mirrored(application: Application, node: Any) -> Callable[[np.ndarray], np.ndarray]:
    transform = vtk.vtkTransform()
    transform.Scale(-1, 1, 1)
    transform.Translate(5, 6, 7)
    return under(application, node, transform)


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


def signed_volume(points: np.ndarray, triangles: np.ndarray) -> float:
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    return float((a * np.cross(b, c)).sum() / 6)


def world_position(node: Any, place: int) -> np.ndarray:
    position = [0.0] * 3
    node.GetNthControlPointPositionWorld(place, position)
    return np.array(position)


def model_in(application: Application) -> Any:
    model = application.add("Model", "Visage é")
    model.SetAndObservePolyData(to_polydata(head().vertices, head().faces))
    model.CreateDefaultDisplayNodes()
    return model


# --- the frame matrix -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("parent", [no_parent, linear, warped, mirrored])
@pytest.mark.parametrize("tag", ["LPS", "RAS", None])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_landmarks_stay_on_their_points_whatever_file_and_transforms(
    application: Application, tmp_path: Path, suffix: str, tag: str | None, parent: Callable
) -> None:
    frame = slicer.vtkMRMLStorageNode.CoordinateSystemLPS
    model = application.models.AddModel(str(write_file(tmp_path / f"face{suffix}", tag)), frame)
    to_world = parent(application, model)
    expected = to_world(head().vertices)

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
        np.testing.assert_allclose(landmarks.GetNthControlPointPosition(place), head().vertices[vertex], atol=1e-2)


@pytest.mark.parametrize("parent", [linear, warped])
def test_the_surface_is_the_one_that_slicer_hardens(application: Application, parent: Callable) -> None:
    model = model_in(application)
    parent(application, model)
    surface = read_world_surface(model)
    unchanged = from_polydata(model.GetPolyData())[0]
    model.HardenTransform()
    np.testing.assert_allclose(surface.points, from_polydata(model.GetPolyData())[0], atol=1e-3)
    np.testing.assert_allclose(unchanged, head().vertices, atol=1e-4)


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
    stripper.SetInputData(to_polydata(head().vertices, head().faces))
    stripper.Update()
    model = application.add("Model", "Strips")
    model.SetAndObservePolyData(stripper.GetOutput())
    surface = read_world_surface(model)
    assert len(surface.triangles) == len(head().faces)
    np.testing.assert_allclose(surface.points, head().vertices, atol=1e-4)


@pytest.mark.parametrize(("content", "message"), [(None, "no surface"), ("empty", "no surface"), ("cloud", "polygons")])
def test_a_model_without_a_surface_is_refused(application: Application, content: str | None, message: str) -> None:
    model = application.add("Model", "Nothing")
    if content is not None:
        polydata = vtk.vtkPolyData()
        if content == "cloud":
            polydata.SetPoints(to_polydata(head().vertices, head().faces).GetPoints())
        model.SetAndObservePolyData(polydata)
    with pytest.raises(UnusableModelError, match=message):
        read_world_surface(model)


def test_points_that_are_not_finite_are_refused(application: Application) -> None:
    model = model_in(application)
    model.GetPolyData().GetPoints().SetPoint(0, np.nan, 0, 0)
    with pytest.raises(UnusableModelError, match="finite"):
        read_world_surface(model)


# --- landmarks --------------------------------------------------------------------------------------------------


def finished_case(application: Application) -> tuple[Any, Any]:
    """A model in a folder under a transform, with landmarks of all three kinds."""
    model = model_in(application)
    folder = application.hierarchy.CreateFolderItem(application.hierarchy.GetSceneItemID(), "Patient")
    application.hierarchy.CreateItem(folder, model)
    to_world = linear(application, model)
    result = result_at(to_world(head().vertices[list(PLACES)]))
    result["landmarks"][1].update(status="uncertain", confidence=0.4)
    result["landmarks"][2].update(
        status="missing", position=None, confidence=0.0, expected_error_mm=None, error_bound_mm=None
    )
    landmarks = application.add("MarkupsFiducial", "Landmarks é")
    write_landmarks(landmarks, result, model, PROVENANCE)
    return model, landmarks


def check_finished_case(model: Any, landmarks: Any) -> None:
    markups = slicer.vtkMRMLMarkupsNode
    assert [landmarks.GetNthControlPointLabel(place) for place in range(3)] == list(LABELS)
    statuses = [landmarks.GetNthControlPointPositionStatus(place) for place in range(3)]
    assert statuses == [markups.PositionDefined, markups.PositionDefined, markups.PositionMissing]
    assert [bool(landmarks.GetNthControlPointSelected(place)) for place in range(3)] == [True, False, False]
    assert not any(landmarks.GetNthControlPointLocked(place) for place in range(3))
    words = [landmarks.GetNthControlPointDescription(place) for place in range(3)]
    assert words[0].startswith("pronasale: Midline point") and words[0].endswith("found; expected error 0.8 mm")
    assert "uncertain: check" in words[1] and words[2].endswith("missing: not found on this surface")
    assert landmarks.GetTransformNodeID() == model.GetTransformNodeID() and landmarks.GetTransformNodeID()
    assert landmarks.GetNthControlPointAssociatedNodeID(0) == model.GetID()
    values = {
        name: [landmarks.GetMeasurement(name).GetControlPointValues().GetValue(place) for place in range(3)]
        for name in ("confidence", "status", "expected_error_mm", "error_bound_mm")
    }
    assert values["confidence"] == [0.9, 0.4, 0.0] and values["status"] == [2.0, 1.0, 0.0]
    assert values["expected_error_mm"] == [0.8, 0.8, -1.0] and values["error_bound_mm"] == [1.6, 1.6, -1.0]
    assert landmarks.GetFixedNumberOfControlPoints() and read_provenance(landmarks) == PROVENANCE
    assert moved_by_hand(landmarks) == {}


def test_a_finished_case_says_everything(application: Application) -> None:
    model, landmarks = finished_case(application)
    check_finished_case(model, landmarks)
    hierarchy = application.hierarchy
    item, neighbour = (hierarchy.GetItemByDataNode(node) for node in (landmarks, model))
    assert hierarchy.GetItemParent(item) == hierarchy.GetItemParent(neighbour)
    assert hierarchy.GetItemName(hierarchy.GetItemParent(item)) == "Patient"


def test_a_finished_case_survives_a_scene_file(application: Application, tmp_path: Path) -> None:
    model, landmarks = finished_case(application)
    before = [world_position(landmarks, place) for place in (0, 1)]
    assert application.scene.WriteToMRB(str(tmp_path / "case.mrb"))
    again = Application(tmp_path / "second cache")
    assert again.scene.ReadFromMRB(os.fspath(tmp_path / "case.mrb"), True)
    model, landmarks = (again.scene.GetFirstNodeByName(name) for name in ("Visage é", "Landmarks é"))
    check_finished_case(model, landmarks)
    np.testing.assert_allclose([world_position(landmarks, place) for place in (0, 1)], before, atol=1e-3)
    assert landmarks.GetDisplayNode().GetSelectedColor() == pytest.approx((0.1, 0.75, 0.35))


def test_what_slicer_saves_is_read_by_the_package(application: Application, tmp_path: Path) -> None:
    _, landmarks = finished_case(application)
    storage = slicer.vtkMRMLMarkupsJsonStorageNode()
    storage.SetFileName(str(tmp_path / "saved.mrk.json"))
    assert storage.WriteData(landmarks)
    read = read_landmarks(tmp_path / "saved.mrk.json")
    assert read.labels == LABELS and read.status == ("found", "uncertain", "missing")
    np.testing.assert_allclose(read.confidence, (0.9, 0.4, 0.0))
    np.testing.assert_allclose(read.expected_error[:2], 0.8)
    np.testing.assert_allclose(read.in_frame("RAS").positions[0], head().vertices[PLACES[0]], atol=1e-4)


def test_a_second_run_replaces_the_first_and_keeps_what_the_user_chose(application: Application) -> None:
    model, landmarks = finished_case(application)
    landmarks.GetDisplayNode().SetGlyphScale(4.0)
    landmarks.SetNthControlPointLocked(0, True)
    landmarks.SetNthControlPointPosition(0, 1, 2, 3)
    result = result_at(np.arange(9.0).reshape(3, 3))
    write_landmarks(landmarks, result, model, provenance_of(result, landmark_set="all", input_name="x"))
    assert landmarks.GetNumberOfControlPoints() == 3 and landmarks.GetDisplayNode().GetGlyphScale() == 4.0
    np.testing.assert_allclose(world_position(landmarks, 2), (6.0, 7.0, 8.0), atol=1e-6)
    assert not landmarks.GetNthControlPointLocked(0) and moved_by_hand(landmarks) == {}
    assert landmarks.GetNumberOfMeasurements() == 5
    assert landmarks.GetMeasurement("status").GetControlPointValues().GetValue(2) == 2.0


@pytest.mark.parametrize(
    ("changes", "message"), [({"frame": "LPS"}, "RAS"), ({"unit": "ell"}, "mm"), ({"nan": True}, "no finite position")]
)
def test_a_result_that_does_not_fit_leaves_the_node_as_it_was(
    application: Application, changes: dict[str, Any], message: str
) -> None:
    model, landmarks = finished_case(application)
    result = result_at(np.zeros((3, 3)), **changes)
    if changes.get("nan"):
        result["landmarks"][2]["position"][1] = float("nan")
    with pytest.raises(ValueError, match=message):
        write_landmarks(landmarks, result, model, Provenance())
    check_finished_case(model, landmarks)


def test_a_scan_in_metres_keeps_its_numbers_and_is_told_in_millimetres(application: Application) -> None:
    """Slicer takes all numbers for millimetres; landmarks lie on the scan, distances are those of the person."""
    model, landmarks = model_in(application), application.add("MarkupsFiducial", "Landmarks")
    result = result_at(np.arange(9.0).reshape(3, 3) / 1000, unit="m")
    write_landmarks(landmarks, result, model, provenance_of(result, landmark_set="all", input_name="x"))
    np.testing.assert_allclose(world_position(landmarks, 2), (0.006, 0.007, 0.008), atol=1e-9)
    assert read_provenance(landmarks).unit == "m" and moved_by_hand(landmarks) == {}
    landmarks.SetNthControlPointPosition(2, 0.006, 0.007, 0.0085)
    assert list(moved_by_hand(landmarks).values()) == pytest.approx([0.5])


def test_one_event_tells_of_all_landmarks(application: Application) -> None:
    model, landmarks = finished_case(application)
    events = []
    landmarks.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: events.append(1))
    write_landmarks(landmarks, result_at(np.zeros((3, 3))), model, PROVENANCE)
    assert len(events) <= 3


def test_a_scene_without_hierarchy_items_is_no_obstacle(application: Application) -> None:
    landmarks = application.add("MarkupsFiducial", "Landmarks")
    write_landmarks(landmarks, result_at(np.zeros((3, 3))), model_in(application), PROVENANCE)
    assert landmarks.GetNumberOfControlPoints() == 3 and landmarks.GetTransformNodeID() is None


# --- files that Slicer exchanges with the CLI module -------------------------------------------------------------


def test_the_model_that_slicer_hands_to_a_cli_module_is_read_in_its_frame(
    application: Application, tmp_path: Path
) -> None:
    storage = model_in(application).CreateDefaultStorageNode()
    storage.ConfigureForDataExchange()
    storage.SetFileName(str(tmp_path / "exchange.vtp"))
    assert storage.WriteData(application.scene.GetFirstNodeByName("Visage é"))
    surface = read_surface(tmp_path / "exchange.vtp")
    assert surface.frame == "LPS"
    np.testing.assert_allclose(surface.in_frame("RAS").vertices, head().vertices, atol=1e-4)


def test_slicer_loads_the_table_and_the_markups_of_the_cli_module(application: Application, tmp_path: Path) -> None:
    nowhere, here = [np.nan] * 3, [1.0, 2.0, 3.0]
    result = LandmarkResult(LABELS, [here, here, nowhere], [0.9, 0.4, 0.0], ("found", "uncertain", "missing"))
    table, landmarks = application.add("Table", "Table"), application.add("MarkupsFiducial", "Landmarks")
    for node, storage, name in (
        (table, slicer.vtkMRMLTableStorageNode(), "out.csv"),
        (landmarks, slicer.vtkMRMLMarkupsJsonStorageNode(), "out.mrk.json"),
    ):
        storage.SetFileName(str(markups.write_landmarks(result, tmp_path / name)))
        assert storage.ReadData(node)
    assert (table.GetNumberOfRows(), table.GetCellText(0, 0)) == (3, "prn")
    assert [table.GetCellText(row, 5) for row in range(3)] == list(result.status)
    np.testing.assert_allclose(world_position(landmarks, 0), (-1.0, -2.0, 3.0))
    assert landmarks.GetNthControlPointPositionStatus(2) != slicer.vtkMRMLMarkupsNode.PositionDefined


# --- provenance and edits ---------------------------------------------------------------------------------------


def test_provenance_is_taken_from_the_workers_answer() -> None:
    result = {
        "info": {"model": "2S-SGCN", "version": "0.1.0", "weights_sha256": "ab" * 32, "seed": 7, "refine": "guided"},
        "model": {"sha256": "ab" * 32, "device": "cpu"},
        "notes": [NOTE],
    }
    assert provenance_of(result, landmark_set="clinical", input_name="Visage é") == PROVENANCE
    result["info"]["errors_hold_observers"] = True
    held = provenance_of(result, landmark_set="clinical", input_name="Visage é")
    assert held == replace(PROVENANCE, errors_hold_observers=True)


def test_a_node_that_nobody_has_placed_has_no_provenance(application: Application) -> None:
    landmarks = application.add("MarkupsFiducial", "By hand")
    assert read_provenance(landmarks) is None and moved_by_hand(landmarks) == {}


def test_edits_are_measured_in_the_world_and_undone(application: Application) -> None:
    _, landmarks = finished_case(application)
    landmarks.SetNthControlPointPositionWorld(0, *np.add(world_position(landmarks, 0), (0.0, 3.0, 4.0)))
    landmarks.UnsetNthControlPointPosition(1)
    landmarks.SetNthControlPointPositionWorld(2, 1.0, 2.0, 3.0)
    moved = moved_by_hand(landmarks)
    assert moved == {"prn": pytest.approx(5.0), "en_r": None, "ch_l": None}
    for label in LABELS:
        reset_landmark(landmarks, label)
    assert moved_by_hand(landmarks) == {}
    assert landmarks.GetNthControlPointPositionStatus(2) == slicer.vtkMRMLMarkupsNode.PositionMissing
    with pytest.raises(ValueError, match="ibug0"):
        reset_landmark(landmarks, "ibug0")


def test_moving_the_head_is_no_edit(application: Application) -> None:
    model, landmarks = finished_case(application)
    before = world_position(landmarks, 0)
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, 50.0)
    model.GetParentTransformNode().SetMatrixTransformToParent(matrix)
    assert np.linalg.norm(world_position(landmarks, 0) - before) > 10 and moved_by_hand(landmarks) == {}
