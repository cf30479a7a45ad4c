"""What the panel's button does, on stand-ins for its widgets."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import vtk

pytest.importorskip("slicer", reason="slicer-core is not installed")

import fake_qt
import slicer_stubs
from slicer_scene import Application, slicer

slicer_stubs.install()

from FacialLandmarks3DLib.detection.job import (  # noqa: E402
    LandmarkingCancelled,
    LandmarkingError,
)
from FacialLandmarks3DLib.detection.panel import (  # noqa: E402
    DetectionPanel,
    State,
)
from FacialLandmarks3DLib.detection.parameters import (  # noqa: E402
    FacialLandmarks3DParameterNode,
    LandmarkSetChoice,
)
from FacialLandmarks3DLib.scene.landmark_node import write_landmarks  # noqa: E402
from FacialLandmarks3DLib.scene.provenance import Provenance  # noqa: E402

MODULE = slicer_stubs.MODULE
UI = MODULE / "Resources" / "UI" / "FacialLandmarks3D.ui"

pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")


class Job:
    """A detection as the panel sees it."""

    def __init__(self) -> None:
        self.stage, self.fraction, self.done, self.error, self.node = "preparing", 0.0, False, None, None
        self.warnings: tuple[str, ...] = ()
        self.tick: Any = None

    def cancel(self) -> None:
        self.end(error=LandmarkingCancelled("Cancelled."))

    def end(self, **outcome: Any) -> None:
        self.__dict__.update(done=True, **outcome)


class Messages:
    """Remembers what is shown; agrees unless told otherwise."""

    def __init__(self) -> None:
        self.errors: list[tuple[str, str]] = []
        self.questions: list[str] = []
        self.agrees = True

    def error(self, text: str, details: str = "") -> None:
        self.errors.append((text, details))

    def confirm(self, text: str) -> bool:
        self.questions.append(text)
        return self.agrees


class Panel:
    """A detection panel on stand-ins, in a scene with one model."""

    def __init__(self, application: Application) -> None:
        self.ui, self.messages, self.jobs, self.options = fake_qt.widgets_of(UI), Messages(), [], []
        self.landmarks: list[Any] = []
        self.failures: list[Exception] = []
        self.installed, self.refusal, self.failure = True, "", None
        self.landmarker = SimpleNamespace(busy=False, start=self.begin)
        node = application.scene.AddNode(slicer.vtkMRMLScriptedModuleNode())
        self.parameters: Any = FacialLandmarks3DParameterNode(node)
        self.parameters.inputNode = ball(application)
        self.panel = DetectionPanel(
            self.ui,
            SimpleNamespace(landmarker=self.landmarker, installation=self),
            lambda: self.parameters,
            self.landmarks.append,
            on_failure=self.failures.append,
            messages=self.messages,
            drive=lambda job, tick: setattr(job, "tick", tick),
        )

    def begin(self, input_node: Any, options: Any, output: Any) -> Job:
        if self.failure is not None:
            raise self.failure
        self.options.append(options)
        self.jobs.append(Job())
        return self.jobs[-1]

    def ready(self) -> tuple[bool, str]:
        return self.installed, ""

    def ensure(self) -> None:
        assert self.panel.state is State.INSTALLING and self.ui.placeButton.enabled is False
        if self.refusal:
            raise RuntimeError(self.refusal)
        self.installed = True

    def click(self) -> None:
        self.ui.placeButton.emit("clicked(bool)", False)


def ball(application: Application) -> Any:
    source = vtk.vtkSphereSource()
    source.Update()
    model = application.add("Model", "Ball")
    model.SetAndObservePolyData(source.GetOutput())
    return model


@pytest.fixture
def panel(application: Application) -> Panel:
    return Panel(application)


def result_node(application: Application, model: Any) -> Any:
    landmarks = [
        {
            "label": label,
            "position": None if status == "missing" else [1.0, 2.0, 3.0],
            "status": status,
            "confidence": 0.5,
        }
        for label, status in (("prn", "found"), ("en_r", "uncertain"), ("en_l", "missing"))
    ]
    node = application.add("MarkupsFiducial", "Landmarks")
    write_landmarks(node, {"unit": "mm", "frame": "RAS", "landmarks": landmarks}, model, Provenance(version="1"))
    return node


def test_the_button_places_landmarks_and_tells_what_came_out(panel: Panel, application: Application) -> None:
    ui = panel.ui
    assert ui.placeButton.enabled and ui.placeButton.text == "Place landmarks" and not ui.progressBar.visible
    panel.parameters.landmarkSet, panel.parameters.seed = LandmarkSetChoice.IBUG68, 4
    panel.click()
    (job,) = panel.jobs
    assert (panel.options[0].landmark_set, panel.options[0].seed, panel.options[0].device) == ("ibug68", 4, "cpu")
    assert panel.panel.state is State.RUNNING and ui.placeButton.text == "Cancel" and ui.placeButton.enabled
    assert ui.progressBar.visible and not ui.inputsCollapsibleButton.enabled
    job.stage, job.fraction = "network", 0.7
    job.tick()
    assert ui.progressBar.value == 70 and ui.stageLabel.text == "Computing heatmaps"
    node = result_node(application, panel.parameters.inputNode)
    job.end(node=node, warnings=("It is mirrored.",))
    job.tick()
    assert panel.landmarks == [node] and panel.panel.state is State.IDLE
    assert ui.stageLabel.text == "2 of 3 placed; check 2. It is mirrored."
    assert (
        ui.placeButton.text == "Place landmarks" and ui.inputsCollapsibleButton.enabled and not ui.progressBar.visible
    )


def test_a_second_click_cancels(panel: Panel) -> None:
    panel.click()
    panel.click()
    assert panel.jobs[0].done and panel.panel.state is State.IDLE
    assert panel.ui.stageLabel.text == "Cancelled." and panel.messages.errors == [] and panel.landmarks == []


def test_a_failure_is_shown_with_its_details(panel: Panel) -> None:
    panel.click()
    error = LandmarkingError("There is no face.", hint="Look again.", kind="FaceNotFoundError", details="the log")
    panel.jobs[0].end(error=error)
    panel.jobs[0].tick()
    assert panel.messages.errors == [("There is no face. Look again.", "the log")] and panel.failures == [error]
    assert panel.ui.stageLabel.text == "No landmarks were placed. There is no face." and panel.ui.placeButton.enabled
    panel.failure = RuntimeError("Slicer's Python was not found.")
    panel.click()
    assert panel.messages.errors[-1][0] == "Slicer's Python was not found." and panel.panel.state is State.IDLE


def test_the_reason_why_it_cannot_run_is_shown(panel: Panel, application: Application) -> None:
    parameters, ui = panel.parameters, panel.ui

    def reason() -> str:
        panel.panel.update()
        assert ui.reasonLabel.visible is bool(ui.reasonLabel.text) is not ui.placeButton.enabled
        return ui.reasonLabel.text

    assert reason() == ""
    parameters.landmarkSet = LandmarkSetChoice.CUSTOM
    assert "Select your weights file" in reason() and ui.placeButton.toolTip == reason()
    parameters.weights = "/no/such/file.safetensors"
    assert reason().startswith("Weights file '/no/such/file.safetensors' does not exist")
    parameters.weights, parameters.landmarkSet = "", LandmarkSetChoice.ALL
    panel.landmarker.busy = True
    assert "Another detection" in reason()
    panel.landmarker.busy = False
    parameters.inputNode = application.add("Model", "Empty")
    assert "'Empty' has no surface" in reason()
    parameters.inputNode = None
    assert "Select a model or a volume" in reason()
    panel.parameters = None
    assert "closed" in reason()
    panel.panel.start()
    assert panel.jobs == [] and "closed" in panel.messages.errors[0][0]


def test_what_is_missing_is_installed_with_the_first_use_only(panel: Panel) -> None:
    panel.installed, panel.refusal = False, "You declined."
    panel.click()
    assert panel.jobs == [] and panel.messages.errors[0][0] == "You declined."
    assert panel.ui.stageLabel.text == "Not installed: You declined." and panel.ui.placeButton.enabled
    panel.refusal = ""
    panel.click()
    assert panel.installed and len(panel.jobs) == 1


def test_work_of_a_person_is_not_replaced_without_asking(panel: Panel, application: Application) -> None:
    node = result_node(application, panel.parameters.inputNode)
    panel.parameters.landmarks = node
    panel.click()
    assert panel.messages.questions == [] and len(panel.jobs) == 1
    panel.click()
    node.SetNthControlPointPosition(0, 1.0, 2.0, 9.0)
    panel.messages.agrees = False
    panel.click()
    assert panel.messages.questions == ["'Landmarks' has manual corrections (1 landmarks). Overwrite them?"]
    own = application.add("MarkupsFiducial", "Own")
    own.AddControlPoint([0.0, 0.0, 0.0])
    panel.parameters.landmarks = own
    panel.click()
    assert (
        "'Own' holds points that were not placed by this module" in panel.messages.questions[1] and len(panel.jobs) == 1
    )


def test_the_pose_by_hand_reaches_the_detection(panel: Panel) -> None:
    shown = {"ex_r": (1.0, 2.0, 3.0), "ex_l": (4.0, 5.0, 6.0), "prn": (7.0, 8.0, 9.0)}
    panel.panel.start(shown)
    assert panel.options[0].initial_landmarks == shown
    panel.panel.cleanup()
    assert panel.jobs[0].done and panel.ui.placeButton.slots["clicked(bool)"] == []
