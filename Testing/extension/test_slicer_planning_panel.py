"""The planning panel with widgets that are no Qt (:mod:`fake_qt`), on the sample data in slicer-core."""

from __future__ import annotations

import json
import re
import sys
import time
import types
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("slicer", reason="slicer-core is not installed")

import fake_qt as widgets
import planning_cases as cases
import qt_names
import slicer_stubs
from planning_cases import WIDTH, Pair
from slicer_scene import Application, slicer

pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")

RESOURCES = slicer_stubs.MODULE / "Resources"
UI = RESOURCES / "UI" / "FacialLandmarks3DPlanning.ui"
PLANNING = slicer_stubs.MODULE / "FacialLandmarks3DLib" / "planning"
WITH_QT = ("panel", "widgets")


class Desk:
    """The panel, and the sample data."""

    def __init__(self, pair: Pair, panel_class: Any) -> None:
        self.pair = pair
        container = widgets.widgets_of(RESOURCES / "UI" / "FacialLandmarks3D.ui").planningContainer
        services = types.SimpleNamespace(scene=pair.application.scene, resources=RESOURCES)
        self.panel = panel_class(container, services)
        self.ui = self.panel.ui
        self.table = self.ui.measurementTable

    def measure(self, *names: str) -> None:
        self.panel.analyses.check(names)
        self.ui.measureButton.click()

    def finish(self) -> None:
        """As Slicer's timers do."""
        for _round in range(2000):
            if not widgets.QTimer.running():
                return
            widgets.QTimer.run_out()
            time.sleep(0.001)
        raise AssertionError(self.ui.planningMessageLabel.text)

    def column(self, header: str) -> dict[str, str]:
        return dict(zip(self.table.texts(0), self.table.texts(self.table.headers.index(header)), strict=True))


def forget_parts() -> None:
    """They hold on to the qt that they were made with."""
    for name in WITH_QT:
        sys.modules.pop(f"FacialLandmarks3DLib.planning.{name}", None)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setitem(sys.modules, "qt", widgets.qt_module())
    monkeypatch.setattr(slicer.util, "loadUI", widgets.load_ui, raising=False)
    monkeypatch.setattr(slicer.util, "childWidgetVariables", widgets.child_widget_variables, raising=False)
    widgets.QTimer.made.clear()
    forget_parts()
    from FacialLandmarks3DLib.planning.panel import PlanningPanel

    made = Desk(Pair(Application(tmp_path / "cache")), PlanningPanel)
    made.panel.setLandmarkNode(made.pair.before, made.pair.face)
    yield made
    if made.panel.planning is not None:
        made.panel.cleanup()
    forget_parts()


# --- files --------------------------------------------------------------------------------------------------------


def test_every_widget_that_the_code_uses_is_in_the_ui_file_and_no_button_is_idle() -> None:
    listed, connections = qt_names.read_ui(UI)
    named = {widget.name for widget in listed}
    used = set(re.findall(r"\bui\.(\w+)", (PLANNING / "panel.py").read_text(encoding="utf-8")))
    assert used <= named
    assert {
        name for name in named if name.endswith(("Button", "ComboBox", "CheckBox", "Table", "Selector"))
    } <= used | {
        "comparisonCollapsibleButton",
        "normsCollapsibleButton",
    }
    receivers = {link.receiver for link in connections if link.slot == "setMRMLScene(vtkMRMLScene*)"}
    assert receivers == {widget.name for widget in listed[1:] if widget.kind.startswith("qMRML")}


def test_widgets_properties_and_signals_are_real_and_every_one_has_words() -> None:
    listed, _connections = qt_names.read_ui(UI)
    for widget in listed[1:]:
        assert set(widget.properties) <= qt_names.COMMON | qt_names.KINDS[widget.kind].properties, widget.name
        assert widget.properties.get("toolTip"), widget.name
    declared = {each.text for each in ET.parse(UI).getroot().iterfind("customwidgets/customwidget/class")}
    assert declared == {widget.kind for widget in listed if not widget.kind.startswith("Q")}


def test_only_the_panels_own_files_need_qt() -> None:
    for path in sorted(PLANNING.glob("*.py")):
        uses = bool(re.search(r"^\s*import qt$", path.read_text(encoding="utf-8"), re.MULTILINE))
        assert uses == (path.stem in WITH_QT), path.name


# --- measuring ----------------------------------------------------------------------------------------------------


def test_without_landmarks_nothing_can_be_done(desk: Desk) -> None:
    desk.panel.setLandmarkNode(None)
    ui = desk.ui
    buttons = [getattr(ui, name) for name in vars(ui) if name.endswith("Button") and "Collapsible" not in name]
    assert len(buttons) == 9 and not any(button.enabled for button in buttons)
    assert ui.planningStateLabel.text == "No landmarks yet." and desk.table.rowCount == 0


def test_measuring_fills_the_table_and_a_drag_changes_it_once_the_mouse_rests(desk: Desk) -> None:
    desk.ui.measureButton.click()
    assert "at least one analysis" in desk.ui.planningMessageLabel.text and desk.ui.planningMessageLabel.visible
    desk.measure("farkas")
    assert desk.table.headers == ["Measurement", "Value", "Unit", "95 %", "Status"] and desk.table.rowCount > 30
    assert not desk.ui.planningMessageLabel.visible and "62 of 62" in desk.ui.planningStateLabel.text
    before, written = float(desk.column("Value")[WIDTH]), desk.table.rebuilt
    for _step in range(10):
        cases.move(desk.pair.before, "ex_r", (0.5, 0.0, 0.0))
    assert float(desk.column("Value")[WIDTH]) == before
    desk.finish()
    assert float(desk.column("Value")[WIDTH]) == pytest.approx(before + 5.0, abs=0.3)
    assert desk.table.rebuilt == written and "Out of date" not in desk.ui.planningStateLabel.text
    assert not widgets.QTimer.running()  # what was computed does not set off another round
    cases.take_away(desk.pair.before, "ex_r")
    desk.finish()
    assert desk.column("Value")[WIDTH] == "" and desk.column("Status")[WIDTH] == "missing: ex_r"


def test_the_chosen_measurement_says_what_it_is(desk: Desk) -> None:
    assert not desk.ui.measurementLabel.visible
    desk.measure("farkas")
    desk.table.setCurrentCell(desk.table.texts(0).index(WIDTH), 0)
    assert desk.ui.measurementLabel.visible and "Distance(ex_r, ex_l)" in desk.ui.measurementLabel.text
    assert desk.ui.measurementLabel.text == desk.table.item(desk.table.currentRow(), 1).toolTip()


def test_lines_are_drawn_while_the_box_is_checked(desk: Desk) -> None:
    desk.measure("farkas")
    nodes = desk.panel.planning.nodes
    assert nodes.roles("line:")
    desk.ui.linesCheckBox.checked = False
    assert not nodes.roles("line:")
    desk.ui.linesCheckBox.checked = True
    assert nodes.roles("line:")


def test_the_horizontal_makes_more_available(desk: Desk) -> None:
    desk.measure("arnett")
    before = list(desk.column("Value").values()).count("")
    desk.ui.horizontalComboBox.choose(3)
    assert list(desk.column("Value").values()).count("") < before


def test_z_scores_need_a_file_of_norms(desk: Desk, tmp_path: Path) -> None:
    desk.measure("farkas")
    desk.ui.zScoresCheckBox.checked = True
    assert not desk.ui.zScoresCheckBox.checked and "Select a file of norms" in desk.ui.planningMessageLabel.text
    desk.ui.normsPathLineEdit.currentPath = str(tmp_path / "missing.json")
    desk.ui.zScoresCheckBox.checked = True
    assert "no such file" in desk.ui.planningMessageLabel.text and "z" not in desk.table.headers
    values = desk.panel.planning.measured(["farkas"]).values
    (value,) = [each for each in values if each.measurement.title == WIDTH]
    norms = [
        {
            "measurement": value.name, "mean": value.value + sign * 4.0, "sd": 4.0, "n": 9, "sex": sex, "age": "adults",
            "population": "test people", "source": "nobody", "definition": "ex to ex",
        }
        for sex, sign in (("female", -1), ("male", 1))
    ]  # fmt: skip
    file = tmp_path / "norms.json"
    file.write_text(json.dumps({"norms": norms}))
    desk.ui.normsPathLineEdit.currentPath = str(file)
    desk.ui.measureButton.click()
    assert "Name a sex" in desk.ui.planningMessageLabel.text
    desk.ui.normsSexComboBox.choose(2)
    assert desk.column("z")[WIDTH] == "-1.0" and not desk.ui.planningMessageLabel.visible
    desk.ui.zScoresCheckBox.checked = False
    assert "z" not in desk.table.headers


# --- symmetry and comparison --------------------------------------------------------------------------------------


def test_a_map_is_made_step_by_step_and_hidden(desk: Desk) -> None:
    ui = desk.ui
    assert ui.symmetryMapButton.enabled and not ui.hideMapButton.enabled
    ui.symmetryMapButton.click()
    assert ui.planningProgressBar.visible and not ui.symmetryMapButton.enabled and desk.panel.planning.map.model is None
    widgets.QTimer.run_out()
    cases.move(desk.pair.before, "prn", (0.1, 0.0, 0.0))  # a map goes on while landmarks move
    desk.finish()
    assert not ui.planningProgressBar.visible and desk.panel.planning.map.model is desk.pair.face
    assert "mirror image" in ui.planningMessageLabel.text and ui.hideMapButton.enabled
    assert "Out of date: Symmetry map" in ui.planningStateLabel.text  # it shows what was there when it began
    ui.hideMapButton.click()
    assert desk.panel.planning.map.model is None and not ui.hideMapButton.enabled
    ui.symmetryMapButton.click()
    ui.hideMapButton.click()
    desk.finish()
    assert desk.panel.planning.map.model is None and not ui.planningProgressBar.visible


def test_the_plane_and_its_table(desk: Desk) -> None:
    desk.ui.planeButton.click()
    assert "The plane rests on" in desk.ui.planningMessageLabel.text
    assert "ch: asymmetry" in desk.table.texts(0) and desk.panel.planning.nodes.find("midsagittal plane") is not None
    for label in ("ex_r", "en_r", "t_r"):
        cases.take_away(desk.pair.before, label)
    desk.ui.planeButton.click()
    assert "two pairs" in desk.ui.planningMessageLabel.text


def test_two_dates_are_compared_and_the_change_is_shown(desk: Desk) -> None:
    ui, pair = desk.ui, desk.pair
    assert not ui.compareButton.enabled
    ui.otherLandmarksSelector.setCurrentNode(pair.before)
    assert not ui.compareButton.enabled
    ui.otherLandmarksSelector.setCurrentNode(pair.after)
    assert ui.compareButton.enabled and ui.changeMapButton.enabled and ui.stableRegionComboBox.enabled
    ui.changeMapButton.click()
    desk.finish()
    assert "Choose the scan" in ui.planningMessageLabel.text
    ui.otherSurfaceSelector.setCurrentNode(pair.face_after)
    desk.measure("farkas")
    ui.compareButton.click()
    desk.finish()
    assert "Registered on the skin of forehead, nasal root" in ui.planningMessageLabel.text
    assert desk.table.headers == ["Measurement", "Change", "Unit", "95 %", "Detectable", "Status"]
    assert desk.column("Status")["pg: displacement"] == "changed"
    ui.changeMapButton.click()
    desk.finish()
    assert desk.panel.planning.map.model is pair.face_after


def test_two_observers_are_compared(desk: Desk) -> None:
    ui = desk.ui
    ui.otherLandmarksSelector.setCurrentNode(cases.landmarks_in(desk.pair.application, cases.BEFORE))
    ui.comparisonKindComboBox.choose(1)
    assert not ui.changeMapButton.enabled and not ui.stableRegionComboBox.enabled
    ui.compareButton.click()
    desk.finish()
    assert "limits of agreement" in ui.planningMessageLabel.text and "Difference" in desk.table.headers


# --- views, scenes, end -------------------------------------------------------------------------------------------


def test_tables_and_plots_are_shown_in_slicers_views(desk: Desk) -> None:
    application = desk.pair.application
    application.add("Layout", "Layout")
    table_view, plot_view = (application.add(kind, kind) for kind in ("TableView", "PlotView"))
    assert not desk.ui.tableViewButton.enabled
    desk.measure("farkas")
    desk.ui.tableViewButton.click()
    assert table_view.GetTableNodeID() == desk.panel.planning.table.GetID()
    desk.ui.plotButton.click()
    assert plot_view.GetPlotChartNode() is not None


def test_clear_leaves_landmarks_and_scans(desk: Desk) -> None:
    application = desk.pair.application
    before = cases.classes_in(application)
    assert not desk.ui.clearButton.enabled
    desk.measure("farkas")
    desk.ui.planeButton.click()
    desk.ui.symmetryMapButton.click()
    desk.finish()
    assert desk.ui.clearButton.enabled
    desk.ui.clearButton.click()
    assert [each for each in cases.classes_in(application) if "SubjectHierarchy" not in each] == before
    assert desk.table.rowCount == 0 and not desk.ui.clearButton.enabled
    desk.finish()
    assert not desk.panel.planning.nodes.roles()


def test_another_panel_finds_what_was_computed(desk: Desk) -> None:
    desk.measure("farkas", "ricketts")
    desk.panel.setLandmarkNode(None)
    assert desk.table.rowCount == 0
    desk.panel.analyses.check([])
    desk.panel.setLandmarkNode(desk.pair.before, desk.pair.face)
    assert desk.panel.analyses.checked == ["farkas", "ricketts"] and desk.table.rowCount > 30


def test_the_end_leaves_no_observer_no_timer_and_no_connection(desk: Desk) -> None:
    desk.measure("farkas")
    desk.ui.symmetryMapButton.click()
    desk.panel.cleanup()
    assert not widgets.QTimer.running()
    assert sum(widget.connected for widget in desk.panel._widget.children) == 0
    assert sum(timer.connected for timer in widgets.QTimer.made) == 0
    cases.move(desk.pair.before, "ex_r", (1.0, 0.0, 0.0))
    assert not widgets.QTimer.running()


# --- the tests that run within Slicer -------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(3))
def test_the_self_tests_of_planning_run_on_the_stand_in(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import FacialLandmarks3D as module

    application = Application(tmp_path / "cache")
    application.scene.RegisterNodeClass(slicer.vtkMRMLColorLegendDisplayNode())
    parent = types.SimpleNamespace(isEntered=True, layout=lambda: widgets.QLayout(widgets.QScrollArea("area")))
    files = str(tmp_path / "scene.mrb")

    def load_scene(path: str) -> None:
        assert application.scene.ReadFromMRB(path, False)

    def load_markups(path: str) -> Any:
        return cases.landmarks_in(application, Path(path))

    monkeypatch.setitem(sys.modules, "qt", widgets.qt_module())
    monkeypatch.setattr(slicer, "mrmlScene", application.scene, raising=False)
    app = types.SimpleNamespace(
        processEvents=widgets.QTimer.run_out, layoutManager=lambda: None, connect=lambda *_: None
    )
    monkeypatch.setattr(slicer, "app", app, raising=False)
    forget_parts()
    with_qt = ("module_panel", "batch.panel", "installation.panel", "review.panel", "review.sections", "review.table")
    for name in with_qt:
        sys.modules.pop(f"FacialLandmarks3DLib.{name}", None)
    stand_ins = {
        "loadUI": widgets.load_ui,
        "childWidgetVariables": widgets.child_widget_variables,
        "mainWindow": lambda: None,
        "selectModule": lambda name: widget.enter(),
        "getModuleWidget": lambda name: widget,
        "getModuleLogic": lambda name: widget.logic,
        "loadModel": lambda path: application.models.AddModel(path, slicer.vtkMRMLStorageNode.CoordinateSystemLPS),
        "loadMarkups": load_markups,
        "saveScene": lambda path: application.scene.WriteToMRB(files),
        "loadScene": lambda path: load_scene(files),
    }
    for name, value in stand_ins.items():
        monkeypatch.setattr(slicer.util, name, value, raising=False)
    widget = module.FacialLandmarks3DWidget(parent)
    widget.setup()
    from FacialLandmarks3DLib.self_test_planning import PLANNING_TESTS

    assert len(PLANNING_TESTS) == 3
    PLANNING_TESTS[number](module.FacialLandmarks3DTest())
    widget.cleanup()
    forget_parts()
    for name in with_qt:
        sys.modules.pop(f"FacialLandmarks3DLib.{name}", None)
