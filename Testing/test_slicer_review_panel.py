"""The review panel with widgets that are no Qt (:mod:`review_widgets`), on real nodes of slicer-core."""

from __future__ import annotations

import ast
import re
import sys
import types
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("slicer", reason="slicer-core is not installed")

import review_cases as cases
import review_widgets as widgets
from FacialLandmarks3DLib.landmark_node import write_landmarks
from FacialLandmarks3DLib.worker_events import Result
from review_cases import DETECTED
from slicer_scene import Application, slicer

pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")

MODULE = Path(__file__).resolve().parents[1] / "FacialLandmarks3D"
REVIEW = MODULE / "FacialLandmarks3DLib" / "review"
UI = MODULE / "Resources" / "UI" / "FacialLandmarks3DReview.ui"
WITH_QT = {"panel.py", "table.py", "heatmap_section.py", "pose_section.py"}
LABEL, SIDE, STATUS, ERROR, MOVED = range(5)


class Worker:
    """Answers heatmaps at once, with one bright point for each landmark."""

    def __init__(self) -> None:
        self.busy, self.running, self.asked = False, True, []
        self.points, self._answer = 0, None

    def request(self, kind: str, *, detection: int, label: str, output: Path) -> int:
        self.asked.append((kind, detection, label))
        values = np.zeros(self.points, dtype=np.float32)
        values[len(self.asked)] = 0.7
        np.save(output, values)
        self.busy, self._answer = True, Result(len(self.asked), {"output": str(output)})
        return len(self.asked)

    def poll(self) -> list[Any]:
        answer, self._answer = self._answer, None
        self.busy = False
        return [] if answer is None else [answer]


class Services:
    """As :class:`FacialLandmarks3DLib.services.Services`."""

    def __init__(self, scene: Any, client: Worker) -> None:
        self.scene, self.resources = scene, MODULE / "Resources"
        self.client, self.again = client, []
        self.detections: dict[str, int] = {}
        self.landmarker = types.SimpleNamespace(detection_of=lambda node: self.detections.get(node.GetID()))

    def worker(self) -> Worker:
        return self.client

    def place_again(self, initial_landmarks: Any) -> None:
        self.again.append(initial_landmarks)


class Desk:
    """A panel, its services and a finished case."""

    def __init__(self, application: Application, panel_class: Any) -> None:
        self.model, self.node = cases.finished_case(application)
        self.camera = application.add("Camera", "Camera")
        client = Worker()
        client.points = self.model.GetPolyData().GetNumberOfPoints()
        self.services = Services(application.scene, client)
        self.services.detections[self.node.GetID()] = 3
        self.container = widgets.QWidget("reviewContainer")
        self.panel = panel_class(self.container, self.services)
        self.ui = self.panel.ui
        self.table = self.ui.reviewTable

    def choose(self, label: str) -> None:
        self.table.setCurrentCell(self.table.texts(LABEL).index(label), 0)

    def column(self, column: int) -> dict[str, str]:
        return dict(zip(self.table.texts(LABEL), self.table.texts(column), strict=True))


def forget_parts() -> None:
    """They hold on to the qt that they were made with."""
    for name in WITH_QT:
        sys.modules.pop(f"FacialLandmarks3DLib.review.{name.removesuffix('.py')}", None)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setitem(sys.modules, "qt", widgets.qt_module())
    forget_parts()
    monkeypatch.setattr(slicer.util, "loadUI", widgets.load_ui, raising=False)
    monkeypatch.setattr(slicer.util, "childWidgetVariables", widgets.child_widget_variables, raising=False)
    widgets.QTimer.made.clear()
    application = Application(tmp_path / "cache")
    from FacialLandmarks3DLib.review.panel import ReviewPanel

    yield Desk(application, ReviewPanel)
    forget_parts()
    del application  # it owns the scene


# --- files --------------------------------------------------------------------------------------------------------


def test_every_widget_that_the_code_uses_is_in_the_ui_file_and_no_button_is_idle() -> None:
    named = {each.get("name") for each in ET.parse(UI).getroot().iter("widget")}
    code = "".join((REVIEW / name).read_text(encoding="utf-8") for name in WITH_QT)
    used = set(re.findall(r"\bui\.(\w+)", code))
    assert used <= named
    assert {name for name in named if name.endswith(("Button", "ComboBox", "CheckBox", "Table"))} <= used


def test_every_kind_of_widget_is_known_and_every_one_has_words() -> None:
    root = ET.parse(UI).getroot()
    declared = {each.text for each in root.iterfind("customwidgets/customwidget/class")}
    kinds = {each.get("class") for each in root.iter("widget")}
    assert {kind for kind in kinds if not kind.startswith("Q")} == declared == {"ctkCollapsibleButton"}
    for widget in root.iter("widget"):
        if widget.get("class") in ("QPushButton", "QCheckBox", "QComboBox", "QTableWidget"):
            assert widget.find("property[@name='toolTip']/string").text, widget.get("name")


@pytest.mark.parametrize("path", sorted(REVIEW.glob("*.py")), ids=lambda path: path.name)
def test_only_the_panels_own_files_need_qt_and_none_anything_foreign(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {alias.name.partition(".")[0] for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    names |= {
        node.module.partition(".")[0] for node in tree.body if isinstance(node, ast.ImportFrom) and node.level == 0
    }
    allowed = {"slicer", "vtk", "numpy"} | ({"qt"} if path.name in WITH_QT else set())
    assert names - set(sys.stdlib_module_names) <= allowed


# --- the table ----------------------------------------------------------------------------------------------------


def test_without_landmarks_there_is_nothing_to_do(desk: Desk) -> None:
    assert desk.table.rowCount == 0 and desk.ui.countsLabel.text == "No landmarks yet."
    assert desk.container.layout().widgets == [desk.panel._widget]
    for name in ("snap", "reset", "placeByHand", "accept", "acceptAll", "lock", "lockAll", "undo", "redo"):
        assert not getattr(desk.ui, f"{name}Button").enabled
    assert not desk.ui.reviewMessageLabel.visible


def test_the_table_shows_the_worst_first_with_words_and_colours(desk: Desk) -> None:
    desk.panel.setLandmarkNode(desk.node)
    assert desk.table.texts(LABEL) == ["ch_l", "go_l", "en_r", "ex_r", "prn", "al_l"]
    assert desk.column(STATUS) == DETECTED
    assert desk.table.texts(SIDE)[:3] == ["left", "left", "right"]
    assert desk.table.texts(ERROR) == ["", "3.4", "1.2", "1.1", "0.8", ""]
    assert desk.ui.countsLabel.text == "2 to check, 1 missing of 6 landmarks"
    tip = desk.table.item(1, LABEL).toolTip
    for words in ("left", "Uncertain: check", "Expected error 3.4 mm", "2S-SGCN 0.1.0, weights abababababab"):
        assert words in tip
    colours = {desk.table.item(row, STATUS).data[1] for row in range(6)}
    assert len(colours) == 3


def test_the_filter_shows_what_is_to_check(desk: Desk) -> None:
    desk.panel.setLandmarkNode(desk.node)
    desk.choose("en_r")
    desk.ui.filterComboBox.choose(1)
    assert desk.table.texts(LABEL) == ["ch_l", "go_l", "en_r"] and desk.panel.table.current.label == "en_r"
    desk.ui.acceptButton.click()
    assert desk.column(STATUS)["en_r"] == "accepted"  # it stays until the filter is chosen again
    desk.ui.filterComboBox.choose(0)
    desk.ui.filterComboBox.choose(1)
    assert desk.table.texts(LABEL) == ["ch_l", "go_l"]


def test_choosing_a_row_jumps_and_says_what_can_be_done(desk: Desk) -> None:
    desk.panel.setLandmarkNode(desk.node)
    desk.choose("go_l")
    np.testing.assert_allclose(desk.camera.GetFocalPoint(), cases.world_position(desk.node, "go_l"), atol=1e-6)
    ui = desk.ui
    assert ui.snapButton.enabled and ui.acceptButton.enabled and not ui.resetButton.enabled
    assert not ui.placeByHandButton.enabled
    desk.choose("ch_l")
    assert (
        not ui.snapButton.enabled and ui.placeByHandButton.enabled and "ch_l is missing" in ui.reviewMessageLabel.text
    )
    desk.camera.SetFocalPoint(0.0, 0.0, 0.0)
    desk.choose("go_l")
    desk.camera.SetFocalPoint(0.0, 0.0, 0.0)
    desk.table.emit("cellClicked(int,int)", desk.table.currentRow(), 0)  # on the row that is current already
    np.testing.assert_allclose(desk.camera.GetFocalPoint(), cases.world_position(desk.node, "go_l"), atol=1e-6)


def test_a_drag_changes_one_row_at_the_pace_of_the_timer(desk: Desk) -> None:
    desk.panel.setLandmarkNode(desk.node)
    widgets.QTimer.run_out()
    rebuilt = desk.table.rebuilt
    written = {place: item.written for place, item in desk.table.items.items()}
    desk.camera.SetFocalPoint(0.0, 0.0, 0.0)
    cases.drag(desk.node, "prn", *[(0.1, 0.0, 0.0)] * 30)
    assert desk.panel.table.current.label == "prn" and desk.table.scrolled.text == "prn"
    assert tuple(desk.camera.GetFocalPoint()) == (0.0, 0.0, 0.0)  # the view does not run away from the mouse
    assert desk.column(MOVED)["prn"] == ""
    widgets.QTimer.run_out()
    assert desk.column(MOVED)["prn"] == "3.0" and desk.column(STATUS)["prn"] == "edited"
    row = desk.table.texts(LABEL).index("prn")
    changed = {place for place, item in desk.table.items.items() if item.written != written[place]}
    assert {place[0] for place in changed} == {row} and desk.table.rebuilt == rebuilt
    assert desk.ui.countsLabel.text.endswith("1 edited") and desk.ui.resetButton.enabled and desk.ui.undoButton.enabled
    widgets.QTimer.run_out()  # what synchronising has changed
    assert not any(timer.running for timer in widgets.QTimer.made)


def test_the_buttons_do_what_they_say(desk: Desk) -> None:
    desk.panel.setLandmarkNode(desk.node)
    ui = desk.ui
    cases.move(desk.node, "prn", (0.0, 0.0, 9.0))
    widgets.QTimer.run_out()
    desk.choose("prn")
    ui.snapButton.click()
    assert 0 < float(desk.column(MOVED)["prn"]) < 9
    ui.resetButton.click()
    assert desk.column(STATUS) == DETECTED and not ui.resetButton.enabled
    ui.undoButton.click()
    ui.redoButton.click()
    assert desk.column(STATUS) == DETECTED
    ui.acceptAllButton.click()
    assert ui.countsLabel.text == "0 to check, 1 missing of 6 landmarks; 2 accepted" and not ui.acceptAllButton.enabled
    ui.lockButton.click()
    assert ui.lockButton.text == "Unlock" and not ui.snapButton.enabled
    ui.lockAllButton.click()
    assert ui.lockAllButton.text == "Unlock all"
    ui.lockAllButton.click()
    assert ui.lockAllButton.text == "Lock all" and ui.lockButton.text == "Lock"
    desk.choose("ch_l")
    ui.placeByHandButton.click()
    assert "Click on the model where ch_l is: Corner of the mouth." in ui.reviewMessageLabel.text
    desk.node.SetNthControlPointPositionWorld(desk.node.GetControlPointIndexByLabel("ch_l"), 1.0, 2.0, 3.0)
    widgets.QTimer.run_out()
    assert desk.column(MOVED)["ch_l"] == "placed" and ui.countsLabel.text.startswith("Nothing to check of 6 landmarks")


def test_what_cannot_be_done_is_said(desk: Desk) -> None:
    desk.panel.setLandmarkNode(desk.node)
    desk.choose("prn")
    desk.services.scene.RemoveNode(desk.model)
    desk.ui.snapButton.click()
    assert desk.ui.reviewMessageLabel.visible and "not in the scene" in desk.ui.reviewMessageLabel.text
    desk.ui.acceptAllButton.click()
    assert not desk.ui.reviewMessageLabel.visible


def test_landmarks_placed_anew_are_a_new_table(desk: Desk) -> None:
    desk.panel.setLandmarkNode(desk.node)
    desk.choose("prn")
    desk.ui.acceptAllButton.click()
    result = cases.result_at(np.arange(18.0).reshape(6, 3))
    result["landmarks"] = result["landmarks"][:2]
    write_landmarks(desk.node, result, desk.model, cases.PROVENANCE)
    widgets.QTimer.run_out()
    assert desk.column(STATUS) == {"en_r": "uncertain", "prn": "found"} and not desk.ui.undoButton.enabled
    assert desk.panel.table.current.label == "prn"


# --- the heatmap --------------------------------------------------------------------------------------------------


def shown(desk: Desk) -> str | None:
    name = desk.model.GetDisplayNode().GetActiveScalarName()
    return name.removeprefix("LandmarkHeatmap ") if name else None


def test_the_heatmap_follows_the_chosen_landmark(desk: Desk) -> None:
    desk.panel.setLandmarkNode(desk.node)
    desk.ui.heatmapCheckBox.checked = True
    assert "Choose a landmark" in desk.ui.reviewMessageLabel.text and not desk.ui.heatmapCheckBox.checked
    desk.choose("prn")
    desk.ui.heatmapCheckBox.checked = True
    assert shown(desk) is None
    widgets.QTimer.run_out()
    assert shown(desk) == "prn" and "highest value 0.70" in desk.ui.reviewMessageLabel.text
    desk.choose("en_r")
    desk.choose("go_l")  # before the answer to the former wish
    widgets.QTimer.run_out()
    widgets.QTimer.run_out()
    assert shown(desk) == "go_l" and [label for *_rest, label in desk.services.client.asked] == ["prn", "en_r", "go_l"]
    assert not any(timer.running for timer in widgets.QTimer.made)
    desk.ui.heatmapCheckBox.checked = False
    assert shown(desk) is None and desk.model.GetPolyData().GetPointData().GetNumberOfArrays() == 0


def forgotten(desk: Desk) -> None:
    desk.services.detections.clear()


def changed(desk: Desk) -> None:
    desk.model.GetPolyData().GetPoints().SetPoint(0, 9.0, 9.0, 9.0)


def ended(desk: Desk) -> None:
    desk.services.client.running = False


@pytest.mark.parametrize(
    ("spoil", "words"), [(forgotten, "no longer"), (changed, "changed since the detection"), (ended, "no longer")]
)
def test_a_heatmap_that_cannot_be_had_is_said_and_unchecked(desk: Desk, spoil: Any, words: str) -> None:
    desk.panel.setLandmarkNode(desk.node)
    desk.choose("prn")
    spoil(desk)
    desk.ui.heatmapCheckBox.checked = True
    assert words in desk.ui.reviewMessageLabel.text and not desk.ui.heatmapCheckBox.checked
    assert desk.services.client.asked == [] and shown(desk) is None


def test_nothing_is_left_behind(desk: Desk) -> None:
    desk.panel.setLandmarkNode(desk.node)
    desk.choose("prn")
    desk.ui.heatmapCheckBox.checked = True
    widgets.QTimer.run_out()
    assert shown(desk) == "prn"
    observed = desk.node.HasObserver(slicer.vtkMRMLMarkupsNode.PointStartInteractionEvent)
    desk.ui.poseCollapsibleButton.collapsed = False
    desk.panel.cleanup()
    assert observed and not desk.node.HasObserver(slicer.vtkMRMLMarkupsNode.PointStartInteractionEvent)
    assert shown(desk) is None and desk.model.GetPolyData().GetPointData().GetNumberOfArrays() == 0
    assert not any(timer.running or timer.slots for timer in widgets.QTimer.made)
    assert sum(child.connected for child in desk.panel._widget.children) == 0


# --- three points by hand -----------------------------------------------------------------------------------------


def test_three_points_start_the_detection_again(desk: Desk) -> None:
    ui = desk.ui
    assert not ui.poseRunButton.enabled and not ui.poseClearButton.enabled
    desk.panel.openManualPose()
    ui.posePlaceButton.click()
    assert "outer corner of the subject's right eye (ex_r)" in ui.poseStateLabel.text
    node = desk.panel.pose.pose.node
    for number, position in enumerate([(45.0, 0.0, 0.0), (-45.0, 0.0, 0.0), (0.0, 40.0, -30.0)]):
        assert not ui.poseRunButton.enabled
        node.SetNthControlPointPositionWorld(number, *position)
        widgets.QTimer.run_out()
    assert ui.poseRunButton.enabled and not ui.posePlaceButton.enabled and "are placed" in ui.poseStateLabel.text
    ui.poseRunButton.click()
    assert desk.services.again == [{"ex_r": [45.0, 0.0, 0.0], "ex_l": [-45.0, 0.0, 0.0], "prn": [0.0, 40.0, -30.0]}]
    node.SetNthControlPointPositionWorld(2, 1.0, 0.0, 0.0)
    widgets.QTimer.run_out()
    assert "on a line" in ui.poseStateLabel.text and not ui.poseRunButton.enabled
    ui.poseClearButton.click()
    assert desk.panel.pose.pose.node is None and ui.posePlaceButton.enabled
    ui.poseCollapsibleButton.collapsed = True
    assert not any(timer.running for timer in widgets.QTimer.made)
