"""Results to markups nodes, their provenance and what was edited by hand: with the real application's classes."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vtk

pytest.importorskip("slicer", reason="slicer-core is not installed")

from bridge_cases import LABELS, NOTE, PROVENANCE, finished_case, result_at, world_position
from FacialLandmarks3DLib.scene.detected import moved_by_hand, reset_landmark
from FacialLandmarks3DLib.scene.landmark_node import write_landmarks
from FacialLandmarks3DLib.scene.provenance import Provenance, provenance_of, read_provenance
from review_cases import model_in
from slicer_scene import Application, slicer

pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")


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
