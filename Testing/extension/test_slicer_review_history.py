"""Undo, files and further detections in the review of landmarks, on real nodes of slicer-core."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("slicer", reason="slicer-core is not installed")

import review_cases as cases
from FacialLandmarks3DLib.review.rows import placed_by
from FacialLandmarks3DLib.review.session import Review
from FacialLandmarks3DLib.scene.detected import accepted_positions
from FacialLandmarks3DLib.scene.landmark_node import write_landmarks
from FacialLandmarks3DLib.scene.landmark_surface import has_changed, surface_of
from review_cases import DETECTED, review_of, row_of
from slicer_scene import Application, slicer

from sgcn_core.types.landmark_sets import LandmarkSet

pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")


@pytest.fixture
def case(tmp_path: Path) -> Iterator[tuple[Any, Any]]:
    application = Application(tmp_path / "cache")
    yield cases.finished_case(application)
    del application  # it owns the scene


# --- undo ---------------------------------------------------------------------------------------------------------


def test_everything_can_be_undone_and_done_again(case: tuple[Any, Any]) -> None:
    _model, node = case
    review = review_of(node)
    states = [review.rows()]

    def changed() -> None:
        states.append(review.rows())
        assert states[-1] != states[-2]

    cases.drag(node, "prn", (2.0, 0.0, 0.0), (3.0, 0.0, 0.0))
    changed()
    review.snap("prn")
    changed()
    review.accept_all()
    changed()
    review.lock(None, True)
    changed()
    review.lock(["prn"], False)
    changed()
    review.reset("prn")
    changed()
    for expected in reversed(states[:-1]):
        review.undo()
        assert review.rows() == expected
    assert not review.can_undo
    for expected in states[1:]:
        review.redo()
        assert review.rows() == expected
    assert not review.can_redo


def test_a_click_that_moves_nothing_is_nothing_to_undo(case: tuple[Any, Any]) -> None:
    _model, node = case
    chosen: list[str] = []
    review = review_of(node, selected=chosen.append)
    cases.drag(node, "en_r")
    assert chosen == ["en_r"] and not review.can_undo
    review.close()
    cases.drag(node, "prn", (1.0, 0.0, 0.0))
    assert chosen == ["en_r"]


def test_slicers_own_undo_gets_every_state_where_it_is_on(case: tuple[Any, Any]) -> None:
    _model, node = case
    scene = node.GetScene()
    scene.SetUndoOn()
    node.SetUndoEnabled(True)
    review = review_of(node)
    review.accept_all()
    review.snap("prn")
    cases.drag(node, "prn", (9.0, 0.0, 0.0))
    review.reset("prn")
    scene.Undo()
    assert row_of(review, "prn").status == "edited"
    for _ in range(3):
        scene.Undo()
    assert cases.status_of(review.rows()) == DETECTED and accepted_positions(node) == {}


# --- files and other detections -----------------------------------------------------------------------------------


def test_a_scene_file_brings_everything_back(case: tuple[Any, Any], tmp_path: Path) -> None:
    _model, node = case
    review = review_of(node)
    review.accept("en_r")
    cases.move(node, "go_l", (3.0, 4.0, 0.0))
    node.SetNthControlPointPositionWorld(node.GetControlPointIndexByLabel("ch_l"), 1.0, 2.0, 3.0)
    review.lock(["prn"], True)
    review.synchronise()
    assert node.GetScene().WriteToMRB(str(tmp_path / "case.mrb"))
    again = Application(tmp_path / "second cache")
    cases.finished_case(again, name="Another")  # node IDs are others now
    assert again.scene.ReadFromMRB(os.fspath(tmp_path / "case.mrb"), False)
    node = next(
        candidate
        for candidate in again.scene.GetNodesByClass("vtkMRMLMarkupsFiducialNode")
        if candidate.GetAttribute("FacialLandmarks3D.accepted")
    )
    assert surface_of(node).GetName() == "Visage é" and not has_changed(node, surface_of(node))
    reread = review_of(node)
    assert cases.status_of(reread.rows()) == {
        **DETECTED,
        "en_r": "accepted",
        "go_l": "edited",
        "ch_l": "edited",
    }
    assert row_of(reread, "go_l").moved_mm == pytest.approx(5.0, abs=1e-3)
    assert row_of(reread, "en_r").expected_error_mm == 1.2 and row_of(reread, "prn").locked
    assert placed_by(node) == placed_by(case[1])
    reread.reset("go_l")
    assert row_of(reread, "go_l").status == "uncertain" and row_of(reread, "go_l").expected_error_mm == 3.4


def test_edits_of_landmarks_from_a_file_are_seen_too(case: tuple[Any, Any], tmp_path: Path) -> None:
    """As the command line writes it, or a batch."""
    file = cases.saved(case[1], tmp_path / "batch.mrk.json")
    node = case[1].GetScene().AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Loaded")
    storage = slicer.vtkMRMLMarkupsJsonStorageNode()
    storage.SetFileName(str(file))
    assert storage.ReadData(node)
    review = review_of(node)
    assert cases.status_of(review.rows()) == DETECTED
    cases.move(node, "prn", (0.0, 0.0, 7.0))
    assert row_of(review, "prn").moved_mm == pytest.approx(7.0)
    review.close()
    assert row_of(review_of(node), "prn").status == "edited"  # what is known is not adopted anew


def test_another_detection_starts_anew(case: tuple[Any, Any]) -> None:
    model, node = case
    review = review_of(node)
    review.accept_all()
    cases.drag(node, "prn", (1.0, 0.0, 0.0))
    assert not review.is_another_detection()
    write_landmarks(node, cases.result_at(np.arange(18.0).reshape(6, 3)), model, cases.PROVENANCE)
    assert review.is_another_detection() and not review.is_another_detection()
    assert cases.status_of(review.rows()) == DETECTED and not review.can_undo


def test_the_time_is_that_of_the_clock(case: tuple[Any, Any]) -> None:
    times = iter([cases.NOON, cases.NOON + timedelta(hours=1)])
    review = Review(case[1], clock=lambda: next(times))
    review.accept("en_r")
    review.accept("go_l")
    kept = accepted_positions(case[1])
    assert (kept["en_r"]["time"][11:13], kept["go_l"]["time"][11:13]) == ("12", "13")


# --- hardened transforms ------------------------------------------------------------------------------------------


def large_case(application: Application) -> Any:
    """Many landmarks, one in three uncertain, under a transform that scales differently along the axes."""
    model = cases.model_in(application)
    cases.transformed(application, model)
    node = application.add("MarkupsFiducial", "Many")
    labels = LandmarkSet.load("clinical").labels
    corners = np.random.default_rng(0).uniform(-80, 80, (len(labels), 3))
    result = {"unit": "mm", "frame": "RAS", "info": {}}
    result["landmarks"] = [
        {"label": label, "position": corner.tolist(), "status": "found" if place % 3 else "uncertain"}
        for place, (label, corner) in enumerate(zip(labels, corners, strict=True))
    ]
    write_landmarks(node, result, model, cases.PROVENANCE)
    return node


def test_hardening_a_transform_is_no_edit_and_edits_stay_what_they_were(tmp_path: Path) -> None:
    application = Application(tmp_path / "cache")
    node = large_case(application)
    review = review_of(node)
    uncertain = [row.label for row in review.rows() if row.status == "uncertain"]
    review.accept(uncertain[0])
    home = cases.world_position(node, "prn")
    for label in ("prn", *uncertain[1:4]):
        cases.move(node, label, (3.0, 4.0, 0.0))
    before = {row.label: (row.status, row.expected_error_mm, row.locked) for row in review.rows()}
    assert sorted(status for status, *_rest in before.values()).count("edited") == 4

    node.HardenTransform()
    assert node.GetParentTransformNode() is None
    review.synchronise()
    assert {row.label: (row.status, row.expected_error_mm, row.locked) for row in review.rows()} == before
    assert row_of(review, "prn").moved_mm == pytest.approx(5.0, abs=1e-3)
    assert not review.is_another_detection()
    assert not review.can_undo  # positions from before the hardening would be wrong
    review.undo()
    assert row_of(review, "prn").moved_mm == pytest.approx(5.0, abs=1e-3)
    review.reset("prn")
    np.testing.assert_allclose(cases.world_position(node, "prn"), home, atol=1e-3)
    assert not row_of(review, "prn").by_hand


def test_hardening_that_nobody_saw_is_seen_later(tmp_path: Path) -> None:
    application = Application(tmp_path / "cache")
    node = large_case(application)
    node.HardenTransform()
    assert not any(row.by_hand for row in review_of(node).rows())


def test_many_landmarks_moved_by_hand_are_edits(tmp_path: Path) -> None:
    application = Application(tmp_path / "cache")
    node = large_case(application)
    review = review_of(node)
    shifts = np.random.default_rng(1).normal(0, 3, (node.GetNumberOfControlPoints(), 3))
    for row in review.rows():
        cases.move(node, row.label, tuple(shifts[row.place]))
    review.synchronise()
    assert all(row.status == "edited" for row in review.rows())
