"""Learning from the corrections of a scene: what is sent to the worker, and what the panel makes of its answer."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("slicer", reason="slicer-core is not installed")

import fake_qt as widgets
import review_cases as cases
from FacialLandmarks3DLib.review.learning import LearningJob, corrected_in, labels_to_learn
from FacialLandmarks3DLib.scene.nodes import ReviewError
from FacialLandmarks3DLib.worker.protocol import Failed, Progress, Result, WorkerError
from review_desk import Desk, open_desk
from slicer_scene import Application

pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")

ANSWER = {"summary": "Mean error 2.40 mm before, 1.80 mm after, on scans left out.", "notes": ["one is odd"]}


class Client:
    """A worker that keeps what it is asked, with the contents of the files, and answers what it is told to."""

    def __init__(self, *events: Any) -> None:
        self.busy, self.asked, self.events, self.cancelled = False, {}, list(events), False
        self.surfaces: list[np.ndarray] = []
        self.tables: list[dict[str, np.ndarray]] = []

    def request(self, kind: str, **fields: Any) -> int:
        self.busy, self.asked = True, {"kind": kind, **fields}
        for case in fields["cases"]:
            self.surfaces.append(np.load(case["input"])["points"])
            with open(case["landmarks"], encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
            self.tables.append({row["name"]: np.array([float(row[axis]) for axis in "xyz"]) for row in rows})
        return 4

    def poll(self) -> list[Any]:
        taken, self.events = self.events[:1], self.events[1:]
        self.busy = bool(self.events) or not taken
        return taken

    def cancel(self) -> None:
        self.busy, self.cancelled = False, True


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Application]:
    yield Application(tmp_path / "cache")


def job_of(client: Client, application: Application, output: Path) -> LearningJob:
    return LearningJob(client, corrected_in(application.scene), output)


def finished(job: LearningJob) -> LearningJob:
    for _ in range(200):
        if job.poll():
            return job
    raise AssertionError("it does not end")


def test_only_what_a_hand_has_moved_is_learnt_from(scene: Application) -> None:
    with pytest.raises(ReviewError, match="No landmarks of this scene"):
        corrected_in(scene.scene)
    _model, left_alone = cases.finished_case(scene, name="As it was")
    with pytest.raises(ReviewError, match="No landmarks of this scene"):
        corrected_in(scene.scene)
    model, node = cases.finished_case(scene, name="Corrected")
    cases.move(node, "prn", (0.0, 2.0, 0.0))
    cases.review_of(node).accept("en_r")
    found = corrected_in(scene.scene)
    assert [each.node.GetID() for each in found] == [node.GetID()] != [left_alone.GetID()]
    assert found[0].model.GetID() == model.GetID()
    assert labels_to_learn(found) == {"prn", "en_r"}


def test_a_landmark_that_was_taken_away_teaches_nothing(scene: Application) -> None:
    _model, node = cases.finished_case(scene)
    node.SetNthControlPointPositionMissing(node.GetControlPointIndexByLabel("prn"))
    with pytest.raises(ReviewError, match="No landmarks of this scene"):
        corrected_in(scene.scene)


def test_a_model_that_has_changed_is_named(scene: Application) -> None:
    model, node = cases.finished_case(scene)
    cases.move(node, "prn", (0.0, 2.0, 0.0))
    model.GetPolyData().GetPoints().SetPoint(0, 1.0, 2.0, 3.0)
    with pytest.raises(ReviewError, match="'Landmarks' is gone or has changed"):
        corrected_in(scene.scene)


def test_the_worker_gets_surfaces_and_landmarks_as_they_lie_in_the_world(scene: Application, tmp_path: Path) -> None:
    client = Client(Progress(4, "Landmarks", 0.5), Result(4, ANSWER))
    nodes = [cases.finished_case(scene, moved=moved) for moved in (True, False)]
    cases.move(nodes[0][1], "prn", (0.0, 2.0, 0.0))
    cases.move(nodes[1][1], "ex_r", (1.0, 0.0, 0.0))
    job = finished(job_of(client, scene, tmp_path / "mine.safetensors"))
    assert job.error is None and job.result == ANSWER
    assert client.asked["kind"] == "adapt" and client.asked["output"] == tmp_path / "mine.safetensors"
    for (model, node), points, table in zip(nodes, client.surfaces, client.tables, strict=True):
        np.testing.assert_allclose(points, cases.world_vertices(model), atol=1e-4)
        assert set(table) == {"prn", "ex_r"}  # what was left in its place on the other scan is right there
        for label, position in table.items():
            np.testing.assert_allclose(position, cases.world_position(node, label), atol=1e-9)
    assert not any(Path(case["input"]).exists() for case in client.asked["cases"])


def test_a_failure_says_why_and_cancelling_ends_the_worker(scene: Application, tmp_path: Path) -> None:
    _model, node = cases.finished_case(scene)
    cases.move(node, "prn", (0.0, 2.0, 0.0))
    failed = finished(job_of(Client(Failed(4, WorkerError("LandmarkError", "It is odd."))), scene, tmp_path / "w"))
    assert failed.result is None and "It is odd." in str(failed.error)
    client = Client(Progress(4, "prn", 0.5), Progress(4, "prn", 0.6))
    job = job_of(client, scene, tmp_path / "w")
    for _ in range(50):
        if not client.asked:
            job.poll()
    job.cancel()
    assert job.done and client.cancelled and "Cancelled" in str(job.error)


# --- the button -----------------------------------------------------------------------------------------------------


class Answers:
    """The user's answers."""

    def __init__(self) -> None:
        self.agrees, self.asked = True, []

    def confirm(self, text: str) -> bool:
        self.asked.append(text)
        return self.agrees


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with open_desk(tmp_path, monkeypatch) as opened:
        opened.panel.learn._messages = Answers()
        opened.panel.setLandmarkNode(opened.node)
        yield opened


def run_out(desk: Desk) -> None:
    for _ in range(200):
        if desk.ui.learnButton.text != "Cancel":
            return
        widgets.QTimer.run_out()
    raise AssertionError("it does not end")


@pytest.mark.parametrize("agrees", [True, False])
def test_the_button_learns_and_offers_the_weights(desk: Desk, tmp_path: Path, agrees: bool) -> None:
    desk.panel.learn._messages.agrees = agrees
    desk.services.client = client = Client(Progress(4, "Landmarks", 0.5), Result(4, ANSWER))
    cases.drag(desk.node, "prn", (0.0, 2.0, 0.0))
    desk.ui.learnButton.click()
    assert desk.ui.learnButton.text == "Cancel", desk.ui.reviewMessageLabel.text
    run_out(desk)
    assert client.asked["weights"] is None and client.asked["device"] == "auto" and client.asked["overwrite"]
    assert client.asked["output"] == tmp_path / "mine.safetensors"
    assert desk.ui.reviewMessageLabel.text == f"{ANSWER['summary']} One is odd."
    assert ANSWER["summary"] in desk.panel.learn._messages.asked[0]
    assert desk.services.used_weights == ([str(tmp_path / "mine.safetensors")] if agrees else [])


def test_the_button_says_what_stands_against_learning(desk: Desk) -> None:
    desk.ui.learnButton.click()
    assert "No landmarks of this scene" in desk.ui.reviewMessageLabel.text
    cases.drag(desk.node, "prn", (0.0, 2.0, 0.0))
    desk.services.client = Client()
    desk.services.client.busy = True
    desk.ui.learnButton.click()
    assert "busy" in desk.ui.reviewMessageLabel.text and not desk.services.client.asked
    desk.services.client = Client(Failed(4, WorkerError("LandmarkError", "Nothing could be learnt.")))
    desk.ui.learnButton.click()
    run_out(desk)
    assert "Nothing was learnt. Nothing could be learnt." in desk.ui.reviewMessageLabel.text
    assert not desk.panel.learn._messages.asked and not desk.services.used_weights


def test_closing_the_panel_ends_learning(desk: Desk) -> None:
    desk.services.client = client = Client(*[Progress(4, "prn", 0.5)] * 50)
    cases.drag(desk.node, "prn", (0.0, 2.0, 0.0))
    desk.ui.learnButton.click()
    for _ in range(50):
        widgets.QTimer.run_out()
        if client.asked:
            break
    desk.panel.cleanup()
    assert client.cancelled and not any(timer.connected for timer in widgets.QTimer.made)
