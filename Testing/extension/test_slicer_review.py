"""The review of landmarks on real nodes (package slicer-core): rows, edits, undo, files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vtk

pytest.importorskip("slicer", reason="slicer-core is not installed")

import review_cases as cases
from FacialLandmarks3DLib.messages import counts_sentence
from FacialLandmarks3DLib.review.rows import placed_by
from FacialLandmarks3DLib.scene.detected import accepted_positions
from FacialLandmarks3DLib.scene.landmark_node import write_landmarks
from FacialLandmarks3DLib.scene.landmark_surface import has_changed
from FacialLandmarks3DLib.scene.nodes import ReviewError
from review_cases import DETECTED, review_of, row_of
from slicer_scene import Application, slicer, warped

from sgcn_core.io.markups import read_landmarks

pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")


@pytest.fixture
def case(application: Application) -> tuple[Any, Any]:
    return cases.finished_case(application)


# --- the table ----------------------------------------------------------------------------------------------------


def test_the_worst_come_first_and_are_counted(case: tuple[Any, Any]) -> None:
    review = review_of(case[1])
    assert [row.label for row in review.rows()] == ["go_l", "en_r", "ch_l", "ex_r", "prn", "al_l"]
    assert [row.label for row in review.rows() if row.to_check] == ["go_l", "en_r", "ch_l"]
    assert cases.status_of(review.rows()) == DETECTED
    counts = review.counts()
    assert (counts.total, counts.uncertain, counts.missing, counts.edited, counts.accepted) == (6, 2, 1, 0, 0)


def test_what_is_uncertain_on_every_scan_is_not_to_check(application: Application, tmp_path: Path) -> None:
    model, node = cases.finished_case(application)
    result = cases.result_at(cases.world_vertices(model)[[vertex for _label, vertex, *_rest in cases.LANDMARKS]])
    for landmark in result["landmarks"]:
        landmark["to_check"] = landmark["label"] == "en_r"
    write_landmarks(node, result, model, cases.PROVENANCE)
    review = review_of(node)
    assert [row.label for row in review.rows() if row.to_check] == ["en_r", "ch_l"]
    assert [row.label for row in review.rows() if row.loose] == ["go_l"] and row_of(
        review, "go_l"
    ).status == "uncertain"
    assert (review.counts().uncertain, review.counts().loose, review.counts().missing) == (1, 1, 1)
    assert counts_sentence(review.counts()).endswith(
        ", median expected error 1.1 mm; check 2, 1 loosely defined (3.4 mm)"
    )
    assert "on every scan" in node.GetNthControlPointDescription(node.GetControlPointIndexByLabel("go_l"))
    kept = read_landmarks(cases.saved(node, tmp_path / "Landmarks.mrk.json"))
    assert kept.to_check == ("en_r",) and kept.uncertain_by_definition == ("go_l",)


def test_a_row_says_what_a_landmark_is(case: tuple[Any, Any]) -> None:
    review = review_of(case[1])
    row = row_of(review, "en_r")
    assert (row.name, row.side, row.expected_error_mm) == ("right endocanthion", "right", 1.2)
    assert row.definition == "Inner corner of the lid opening."
    assert row_of(review, "prn").side == "midline" and row_of(review, "ch_l").side == "left"
    assert row_of(review, "ch_l").expected_error_mm is None
    assert placed_by(case[1]) == "2S-SGCN 0.1.0, weights abababababab"


def test_labels_of_other_weights_have_a_row_too(application: Application) -> None:
    node = application.add("MarkupsFiducial", "Others")
    node.AddControlPoint([1.0, 2.0, 3.0], "my point_l")
    node.SetNthControlPointDescription(0, "where it hurts")
    row = review_of(node).rows()[0]
    assert (row.name, row.side, row.definition, row.status) == ("", "left", "where it hurts", "edited")
    assert placed_by(node) == "" and review_of(application.add("MarkupsFiducial", "None")).rows() == []


# --- edits --------------------------------------------------------------------------------------------------------


def test_what_a_hand_has_moved_is_edited_with_the_distance_in_the_world(case: tuple[Any, Any]) -> None:
    _model, node = case
    review = review_of(node)
    order = [row.label for row in review.rows()]
    cases.drag(node, "en_r", (3.0, 0.0, 0.0), (0.0, 4.0, 0.0))
    row = row_of(review, "en_r")
    assert (row.status, row.expected_error_mm) == ("edited", None)
    assert row.moved_mm == pytest.approx(5.0, abs=1e-6)
    assert [row.label for row in review.rows()] == order  # nothing moves under the mouse
    review.sort()
    assert [row.label for row in review.rows()][-2:] == ["en_r", "al_l"]


def test_a_missing_landmark_placed_by_hand_is_there_and_one_taken_away_is_missing(case: tuple[Any, Any]) -> None:
    _model, node = case
    review = review_of(node)
    node.SetNthControlPointPositionWorld(node.GetControlPointIndexByLabel("ch_l"), 1.0, 2.0, 3.0)
    node.UnsetNthControlPointPosition(node.GetControlPointIndexByLabel("prn"))
    placed, taken = row_of(review, "ch_l"), row_of(review, "prn")
    assert (placed.status, placed.by_hand, placed.moved_mm) == ("edited", True, None)
    assert (taken.status, taken.by_hand, taken.moved_mm) == ("missing", True, None)


def test_placing_waits_for_a_click_and_leaves_other_missing_ones_alone(case: tuple[Any, Any]) -> None:
    _model, node = case
    markups = slicer.vtkMRMLMarkupsNode
    review, scene = review_of(node), node.GetScene()
    node.SetNthControlPointPositionMissing(node.GetControlPointIndexByLabel("al_l"))
    place = node.GetControlPointIndexByLabel("ch_l")
    review.place("ch_l")
    assert node.GetNthControlPointIndexByPositionStatus(0, markups.PositionUndefined) == place
    assert node.GetNthControlPointIndexByPositionStatus(1, markups.PositionUndefined) == -1
    assert node.GetControlPointPlacementStartIndex() == place
    assert scene.GetNodeByID("vtkMRMLSelectionNodeSingleton").GetActivePlaceNodeID() == node.GetID()
    interaction = scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    assert interaction.GetCurrentInteractionMode() == slicer.vtkMRMLInteractionNode.Place
    assert not interaction.GetPlaceModePersistence()
    node.SetNthControlPointPositionWorld(place, 1.0, 2.0, 3.0, markups.PositionPreview)
    assert row_of(review, "ch_l").status == "missing" and not review.can_undo
    node.SetNthControlPointPositionWorld(place, 1.0, 2.0, 3.0)
    assert row_of(review, "ch_l").status == "edited" and review.can_undo
    review.undo()
    assert node.GetNthControlPointPositionStatus(place) == markups.PositionMissing
    with pytest.raises(ReviewError, match="drag"):
        review.place("prn")


@pytest.mark.parametrize("parent", [None, cases.transformed, warped])
def test_snapping_finds_the_closest_point_of_the_surface_in_the_world(application: Application, parent: Any) -> None:
    model, node = cases.finished_case(application, moved=False)
    if parent is not None:
        parent(application, model)
        node.SetAndObserveTransformNodeID(model.GetTransformNodeID())
    review = review_of(node)
    cases.move(node, "prn", (9.0, -4.0, 13.0))
    before = cases.world_position(node, "prn")
    moved = review.snap("prn")
    after = cases.world_position(node, "prn")
    copy = vtk.vtkPolyData()
    copy.DeepCopy(model.GetPolyData())
    for number, vertex in enumerate(cases.world_vertices(model)):
        copy.GetPoints().SetPoint(number, vertex)
    skin = vtk.vtkImplicitPolyDataDistance()
    skin.SetInput(copy)
    assert abs(skin.EvaluateFunction(after)) < 1e-3
    assert (
        moved
        == pytest.approx(np.linalg.norm(after - before))
        == pytest.approx(abs(skin.EvaluateFunction(before)), abs=1e-3)
    )
    assert row_of(review, "prn").status == "edited"


def test_snapping_follows_a_model_that_moves_or_changes(case: tuple[Any, Any]) -> None:
    model, node = case
    review = review_of(node)
    assert review.snap("prn") < 1e-3
    node.SetAndObserveTransformNodeID(None)  # the landmarks stay behind
    matrix = vtk.vtkMatrix4x4()
    model.GetParentTransformNode().SetMatrixTransformToParent(matrix)
    assert review.snap("prn") > 1.0
    assert review.snap("prn") < 1e-3
    assert not has_changed(node, model)
    points = vtk.vtkPoints()
    points.DeepCopy(model.GetPolyData().GetPoints())
    points.SetPoint(3, 0.0, 0.0, 0.0)
    model.GetPolyData().SetPoints(points)
    assert has_changed(node, model)


@pytest.mark.parametrize(
    ("spoil", "label", "message"),
    [
        (lambda model, node: node.SetNthControlPointLocked(0, True), "prn", "unlock"),
        (lambda model, node: node.SetLocked(True), "prn", "unlock"),
        (lambda model, node: None, "ch_l", "by hand first"),
        (lambda model, node: None, "ibug0", "no longer in 'Landmarks'"),
        (lambda model, node: model.GetScene().RemoveNode(model), "prn", "no longer in the scene"),
    ],
)
def test_what_cannot_be_snapped_says_why_and_stays(case: tuple[Any, Any], spoil: Any, label: str, message: str) -> None:
    review = review_of(case[1])
    before = cases.world_position(case[1], "prn")
    spoil(*case)
    with pytest.raises(ReviewError, match=message):
        review.snap(label)
    np.testing.assert_array_equal(cases.world_position(case[1], "prn"), before)
    assert not review.can_undo


def test_a_landmark_goes_back_to_where_it_was_placed(case: tuple[Any, Any]) -> None:
    _model, node = case
    review = review_of(node)
    before = cases.world_position(node, "go_l")
    cases.move(node, "go_l", (5.0, 0.0, 0.0))
    node.SetNthControlPointPositionWorld(node.GetControlPointIndexByLabel("ch_l"), 1.0, 2.0, 3.0)
    for label in ("go_l", "ch_l"):
        review.reset(label)
    np.testing.assert_allclose(cases.world_position(node, "go_l"), before, atol=1e-9)
    assert cases.status_of(review.rows()) == DETECTED
    node.SetNthControlPointLocked(0, True)
    with pytest.raises(ReviewError, match="locked"):
        review.reset("prn")


def test_accepting_declares_uncertain_ones_right_where_they_are(case: tuple[Any, Any]) -> None:
    _model, node = case
    review = review_of(node)
    assert sorted(review.accept_all()) == ["en_r", "go_l"]
    assert cases.status_of(review.rows()) == {**DETECTED, "en_r": "accepted", "go_l": "accepted"}
    assert accepted_positions(node)["go_l"]["time"] == "2026-11-22T12:00:00+00:00"
    assert row_of(review, "go_l").expected_error_mm == 3.4
    cases.move(node, "go_l", (5.0, 0.0, 0.0))
    assert row_of(review, "go_l").status == "edited"
    review.reset("go_l")
    assert row_of(review, "go_l").status == "accepted"
    assert review.accept_all() == [] and review.accept("prn") == []


def test_locks_of_one_and_of_all(case: tuple[Any, Any]) -> None:
    _model, node = case
    review = review_of(node)
    review.lock(["prn"], True)
    assert [row.label for row in review.rows() if row.locked] == ["prn"]
    review.lock(None, True)
    assert all(row.locked for row in review.rows())
    node.SetLocked(True)
    review.lock(None, False)
    assert not any(row.locked for row in review.rows()) and not node.GetLocked()


# --- colours and measurements -------------------------------------------------------------------------------------


def test_colours_and_files_say_what_the_table_says(case: tuple[Any, Any], tmp_path: Path) -> None:
    _model, node = case
    review = review_of(node)
    review.accept("en_r")
    cases.move(node, "go_l", (5.0, 0.0, 0.0))
    node.SetNthControlPointPositionWorld(node.GetControlPointIndexByLabel("ch_l"), 1.0, 2.0, 3.0)
    node.UnsetNthControlPointPosition(node.GetControlPointIndexByLabel("ex_r"))
    review.synchronise()
    selected = {label for place, label in enumerate(cases.LABELS) if node.GetNthControlPointSelected(place)}
    assert selected == {"prn", "al_l", "en_r", "go_l", "ch_l"}
    read = read_landmarks(cases.saved(node, tmp_path / "edited.mrk.json"))
    status = dict(zip(read.labels, read.status, strict=True))
    assert status == {**dict.fromkeys(cases.LABELS, "found"), "ex_r": "missing"}
    error = dict(zip(read.labels, read.expected_error, strict=True))
    assert error["en_r"] == 1.2 and np.isnan(error["go_l"]) and np.isnan(error["ch_l"])
    for label in ("go_l", "ch_l", "ex_r"):
        review.reset(label)
    read = read_landmarks(cases.saved(node, tmp_path / "reset.mrk.json"))
    assert dict(zip(read.labels, read.status, strict=True)) == {**DETECTED, "en_r": "found"}
    assert dict(zip(read.labels, read.expected_error, strict=True))["go_l"] == 3.4


def test_bringing_in_line_what_is_in_line_tells_nobody(case: tuple[Any, Any]) -> None:
    _model, node = case
    review, events = review_of(node), []
    review.synchronise()
    node.AddObserver(vtk.vtkCommand.AnyEvent, lambda *_given: events.append(1))
    review.synchronise()
    assert events == []
