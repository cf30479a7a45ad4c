"""The panel without Qt: its ``.ui`` file against the code, and what its button does."""

from __future__ import annotations

import ast
import enum
import re
import typing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import vtk

pytest.importorskip("slicer", reason="slicer-core is not installed")

import qt_names
import slicer_stubs
from slicer_scene import Application, slicer

slicer_stubs.install()

from FacialLandmarks3DLib.detection_options import DEVICES, LANDMARK_SETS, REFINEMENTS  # noqa: E402
from FacialLandmarks3DLib.landmark_job import LandmarkingCancelled, LandmarkingError  # noqa: E402
from FacialLandmarks3DLib.landmark_node import write_landmarks  # noqa: E402
from FacialLandmarks3DLib.panel.detection_panel import DetectionPanel, State  # noqa: E402
from FacialLandmarks3DLib.parameters import (  # noqa: E402
    DeviceChoice,
    FacialLandmarks3DParameterNode,
    LandmarkSetChoice,
    RefinementChoice,
)
from FacialLandmarks3DLib.provenance import Provenance  # noqa: E402

from sgcn_core.refinement.modes import MODES  # noqa: E402

MODULE = slicer_stubs.MODULE
UI = MODULE / "Resources" / "UI" / "FacialLandmarks3D.ui"
PANEL_FILES = sorted((MODULE / "FacialLandmarks3DLib" / "panel").glob("*.py"))


# --- the .ui file -------------------------------------------------------------------------------------------------


def test_widgets_properties_signals_and_slots_are_real() -> None:
    widgets, connections = qt_names.read_ui(UI)
    names = [widget.name for widget in widgets]
    assert len(set(names)) == len(names)
    for widget in widgets:
        known = qt_names.COMMON | qt_names.KINDS[widget.kind].properties | {"SlicerParameterName"}
        assert set(widget.properties) <= known, widget.name
    kinds = {widget.name: qt_names.KINDS[widget.kind] for widget in widgets}
    for link in connections:
        assert link.signal in kinds[link.sender].signals and link.slot in kinds[link.receiver].slots


def test_every_mrml_widget_gets_the_scene_and_every_widget_says_what_it_is_for() -> None:
    widgets, connections = qt_names.read_ui(UI)
    assert widgets[0].kind == "qMRMLWidget"
    needing = {w.name for w in widgets[1:] if w.kind.startswith("qMRML")}
    assert {link.receiver for link in connections if link.signal == "mrmlSceneChanged(vtkMRMLScene*)"} == needing
    assert [widget.name for widget in widgets[1:] if not widget.properties.get("toolTip")] == []


def test_each_parameter_goes_with_a_widget_that_can_show_it() -> None:
    parameters = FacialLandmarks3DParameterNode.allParameters
    shown = {widget.parameter: widget for widget in qt_names.read_ui(UI)[0] if widget.parameter}
    assert set(shown) == set(parameters) - {"weights"}  # the path is connected by hand: Slicer's shows "." for none
    for name, widget in shown.items():
        assert qt_names.CONNECTED[widget.kind] == _kind_of(parameters[name]), name
    for name in ("inputNode", "landmarks"):
        listed = re.findall(r"vtkMRML\w+Node", shown[name].properties["nodeTypes"])
        assert listed == [kind.__name__ for kind in slicer_stubs._members(parameters[name]) if kind is not type(None)]


def _kind_of(hint: Any) -> str:
    plain = typing.get_args(hint)[0] if hasattr(hint, "__metadata__") else hint
    if slicer_stubs.is_node_type(plain):
        return "node"
    return "enum" if issubclass(plain, enum.Enum) else plain.__name__


def test_what_can_be_chosen_is_what_a_detection_takes() -> None:
    assert {c.value for c in LandmarkSetChoice} - {"custom"} == set(LANDMARK_SETS)
    assert {c.value for c in DeviceChoice} == set(DEVICES)
    assert {c.value for c in RefinementChoice} == set(REFINEMENTS) == set(MODES)
    assert all(c.label() for kind in (LandmarkSetChoice, DeviceChoice, RefinementChoice) for c in kind)


@pytest.mark.parametrize("path", PANEL_FILES, ids=lambda path: path.name)
def test_the_code_uses_widgets_that_there_are_and_their_properties(path: Path) -> None:
    kinds = {widget.name: widget.kind for widget in qt_names.read_ui(UI)[0]}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Attribute):
            continue
        chain = ast.unparse(node).split(".")
        where = next((i for i, part in enumerate(chain) if part in ("ui", "_ui")), None)
        if where is None or len(chain) < where + 3:
            continue
        kind = qt_names.KINDS[kinds[chain[where + 1]]]
        assert chain[where + 2] in qt_names.COMMON | kind.properties | {"connect", "disconnect"}, ast.unparse(node)


def test_texts_for_the_user_can_be_translated() -> None:
    for path in [*(MODULE / "FacialLandmarks3DLib").rglob("*.py"), MODULE / "FacialLandmarks3D.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_":
                text = node.args[0]
                assert isinstance(text, ast.Constant) and isinstance(text.value, str), f"{path.name}:{node.lineno}"


# --- the button ---------------------------------------------------------------------------------------------------


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
        self.ui, self.messages, self.jobs, self.options = qt_names.stand_ins(UI), Messages(), [], []
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
def application(tmp_path: Path) -> Application:
    return Application(tmp_path / "cache")


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
    assert ui.progressBar.value == 70 and ui.stageLabel.text == "Recognising landmarks"
    node = result_node(application, panel.parameters.inputNode)
    job.end(node=node, warnings=("It is mirrored.",))
    job.tick()
    assert panel.landmarks == [node] and panel.panel.state is State.IDLE
    assert ui.stageLabel.text == "1 of 3 landmarks found, 1 uncertain: check those, 1 missing. It is mirrored."
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
    assert "Select your model file" in reason() and ui.placeButton.toolTip == reason()
    parameters.weights = "/no/such/file.safetensors"
    assert "no model file" in reason()
    parameters.weights, parameters.landmarkSet = "", LandmarkSetChoice.ALL
    panel.landmarker.busy = True
    assert "Something else" in reason()
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
    assert panel.messages.questions == ["Landmarks of 'Landmarks' corrected by hand: 1. Replace them?"]
    own = application.add("MarkupsFiducial", "Own")
    own.AddControlPoint([0.0, 0.0, 0.0])
    panel.parameters.landmarks = own
    panel.click()
    assert "'Own' holds points of other origin (1)" in panel.messages.questions[1] and len(panel.jobs) == 1


def test_the_pose_by_hand_reaches_the_detection(panel: Panel) -> None:
    shown = {"ex_r": (1.0, 2.0, 3.0), "ex_l": (4.0, 5.0, 6.0), "prn": (7.0, 8.0, 9.0)}
    panel.panel.start(shown)
    assert panel.options[0].initial_landmarks == shown
    panel.panel.cleanup()
    assert panel.jobs[0].done and panel.ui.placeButton._slots["clicked(bool)"] == []
