"""The review panel with widgets that are no Qt (:mod:`fake_qt`), on real nodes of slicer-core."""

from __future__ import annotations

import ast
import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("slicer", reason="slicer-core is not installed")

import fake_qt as widgets
import review_cases as cases
from FacialLandmarks3DLib.scene.landmark_node import write_landmarks
from review_cases import DETECTED
from review_desk import ERROR, LABEL, MODULE, MOVED, SIDE, STATUS, WITH_QT, Desk, open_desk

pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")

REVIEW = MODULE / "FacialLandmarks3DLib" / "review"
UI = MODULE / "Resources" / "UI" / "FacialLandmarks3DReview.ui"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with open_desk(tmp_path, monkeypatch) as opened:
        yield opened


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
    for name in ("snap", "reset", "accept", "undo", "more"):
        assert not getattr(desk.ui, f"{name}Button").enabled
    assert not desk.ui.reviewMessageLabel.visible


def test_the_table_shows_the_worst_first_with_words_and_colours(desk: Desk) -> None:
    desk.panel.setLandmarkNode(desk.node)
    assert desk.table.texts(LABEL) == ["go_l", "en_r", "ch_l", "ex_r", "prn", "al_l"]
    assert desk.column(STATUS) == DETECTED
    assert desk.table.texts(SIDE)[:3] == ["left", "right", "left"]
    assert desk.table.texts(ERROR) == ["3.4", "1.2", "", "1.1", "0.8", ""]
    assert desk.ui.countsLabel.text == "5 of 6 placed, median expected error 1.1 mm; check 3"
    tip = desk.table.item(0, LABEL).toolTip()
    for words in ("left", "Uncertain: check", "Expected error 3.4 mm", "2S-SGCN 0.1.0, weights abababababab"):
        assert words in tip
    colours = {desk.table.item(row, STATUS).data(1) for row in range(6)}
    assert len(colours) == 3


def test_the_filter_shows_what_is_to_check(desk: Desk) -> None:
    desk.panel.setLandmarkNode(desk.node)
    desk.choose("en_r")
    desk.ui.filterComboBox.choose(1)
    assert desk.table.texts(LABEL) == ["go_l", "en_r", "ch_l"] and desk.panel.table.current.label == "en_r"
    desk.ui.acceptButton.click()
    assert desk.column(STATUS)["en_r"] == "accepted"  # it stays until the filter is chosen again
    desk.ui.filterComboBox.choose(0)
    desk.ui.filterComboBox.choose(1)
    assert desk.table.texts(LABEL) == ["go_l", "ch_l"]


def test_choosing_a_row_jumps_and_says_what_can_be_done(desk: Desk) -> None:
    desk.panel.setLandmarkNode(desk.node)
    desk.choose("go_l")
    np.testing.assert_allclose(desk.camera.GetFocalPoint(), cases.world_position(desk.node, "go_l"), atol=1e-6)
    ui = desk.ui
    assert ui.snapButton.enabled and ui.acceptButton.enabled and not ui.resetButton.enabled
    assert not desk.panel.actions["placeByHandAction"].enabled
    desk.choose("ch_l")
    assert (
        not ui.snapButton.enabled
        and desk.panel.actions["placeByHandAction"].enabled
        and "Missing: not found" in ui.landmarkLabel.text
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
    assert desk.panel.table.current.label == "prn" and desk.table.scrolled.text() == "prn"
    assert tuple(desk.camera.GetFocalPoint()) == (0.0, 0.0, 0.0)  # the view does not run away from the mouse
    assert desk.column(MOVED)["prn"] == ""
    widgets.QTimer.run_out()
    assert desk.column(MOVED)["prn"] == "3.0" and desk.column(STATUS)["prn"] == "edited"
    row = desk.table.texts(LABEL).index("prn")
    changed = {place for place, item in desk.table.items.items() if item.written != written[place]}
    assert {place[0] for place in changed} == {row} and desk.table.rebuilt == rebuilt
    assert desk.ui.countsLabel.text.endswith("1 edited") and desk.ui.resetButton.enabled and desk.ui.undoButton.enabled
    widgets.QTimer.run_out()  # what synchronising has changed
    assert not widgets.QTimer.running()


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
    desk.panel.actions["redoAction"].trigger()
    assert desk.column(STATUS) == DETECTED
    desk.panel.actions["acceptAllAction"].trigger()
    assert (
        ui.countsLabel.text == "5 of 6 placed, median expected error 1.1 mm; check 1; 2 accepted"
        and not desk.panel.actions["acceptAllAction"].enabled
    )
    desk.panel.actions["lockAction"].trigger()
    assert desk.panel.actions["lockAction"].text == "Unlock" and not ui.snapButton.enabled
    desk.panel.actions["lockAllAction"].trigger()
    assert desk.panel.actions["lockAllAction"].text == "Unlock all"
    desk.panel.actions["lockAllAction"].trigger()
    assert desk.panel.actions["lockAllAction"].text == "Lock all" and desk.panel.actions["lockAction"].text == "Lock"
    desk.choose("ch_l")
    desk.panel.actions["placeByHandAction"].trigger()
    assert "Click on the model where ch_l is: Corner of the mouth." in ui.reviewMessageLabel.text
    desk.node.SetNthControlPointPositionWorld(desk.node.GetControlPointIndexByLabel("ch_l"), 1.0, 2.0, 3.0)
    widgets.QTimer.run_out()
    assert desk.column(MOVED)["ch_l"] == "placed" and ui.countsLabel.text.startswith(
        "6 of 6 placed, median expected error 1.1 mm; nothing to check"
    )


def test_what_cannot_be_done_is_said(desk: Desk) -> None:
    desk.panel.setLandmarkNode(desk.node)
    desk.choose("prn")
    desk.services.scene.RemoveNode(desk.model)
    desk.ui.snapButton.click()
    assert desk.ui.reviewMessageLabel.visible and "no longer in the scene" in desk.ui.reviewMessageLabel.text
    desk.panel.actions["acceptAllAction"].trigger()
    assert not desk.ui.reviewMessageLabel.visible


def test_landmarks_placed_anew_are_a_new_table(desk: Desk) -> None:
    desk.panel.setLandmarkNode(desk.node)
    desk.choose("prn")
    desk.panel.actions["acceptAllAction"].trigger()
    result = cases.result_at(np.arange(18.0).reshape(6, 3))
    result["landmarks"] = result["landmarks"][:2]
    write_landmarks(desk.node, result, desk.model, cases.PROVENANCE)
    widgets.QTimer.run_out()
    assert desk.column(STATUS) == {"en_r": "uncertain", "prn": "found"} and not desk.ui.undoButton.enabled
    assert desk.panel.table.current.label == "prn"
