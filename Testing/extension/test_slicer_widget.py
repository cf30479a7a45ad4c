"""The whole panel as Slicer builds it, from its own .ui files, on the one stand-in for Qt and real nodes."""

# ruff: noqa: E402
from __future__ import annotations

import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("slicer", reason="slicer-core is not installed")

import fake_qt
import review_cases as cases
import slicer_stubs
import vtk
from slicer_scene import Application, slicer

slicer_stubs.install()

import FacialLandmarks3D as module

pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")

MODULE = slicer_stubs.MODULE
LIBRARY = "FacialLandmarks3DLib"
WITH_QT = (
    "module_panel", "batch.panel", "installation.panel", "planning.panel", "planning.widgets", "review.panel",
    "review.sections", "review.table",
)  # fmt: skip


class Parent:
    """The module's place in Slicer's window: a scroll area with a layout."""

    def __init__(self) -> None:
        self.isEntered, self.area = True, fake_qt.QScrollArea("moduleScrollArea")
        self._layout = fake_qt.QLayout(self.area)

    def layout(self) -> Any:
        return self._layout


class Window:
    """The widget in a scene."""

    def __init__(self, application: Application) -> None:
        self.application, self.parent = application, Parent()
        self.widget = module.FacialLandmarks3DWidget(self.parent)
        self.widget.setup()

    @property
    def ui(self) -> Any:
        return self.widget.ui

    @property
    def panel(self) -> Any:
        return self.widget.panel


@pytest.fixture
def application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Application:
    one = Application(tmp_path / "cache")
    monkeypatch.setattr(slicer, "mrmlScene", one.scene, raising=False)
    return one


@pytest.fixture
def window(application: Application, monkeypatch: pytest.MonkeyPatch) -> Iterator[Window]:
    monkeypatch.setitem(sys.modules, "qt", fake_qt.qt_module())
    for name, value in {
        "loadUI": fake_qt.load_ui,
        "childWidgetVariables": fake_qt.child_widget_variables,
        "mainWindow": lambda: None,
        "errorDisplay": lambda *given, **more: None,
    }.items():
        monkeypatch.setattr(slicer.util, name, value, raising=False)
    app = types.SimpleNamespace(connect=lambda *_: None, testingEnabled=lambda: True, processEvents=lambda: None)
    monkeypatch.setattr(slicer, "app", app, raising=False)
    fake_qt.QTimer.made.clear()
    for name in WITH_QT:
        sys.modules.pop(f"{LIBRARY}.{name}", None)
    opened = Window(application)
    yield opened
    opened.widget.cleanup()
    for name in WITH_QT:
        sys.modules.pop(f"{LIBRARY}.{name}", None)


def test_every_section_has_its_widgets(window: Window) -> None:
    """An empty layout is false in PythonQt: a second one was refused, and Batch and Installation stayed empty."""
    for name in ("review", "planning", "batch", "installation"):
        (content,) = getattr(window.ui, f"{name}Container").layout().widgets
        assert len(content.children) > 4, name


def test_the_truth_of_a_qt_object_is_never_asked() -> None:
    """Where the stand-in cannot see it: no `or` behind a call that gives a layout, no `if` on a widget's name."""
    asked = re.compile(
        r"(layout\(\) or |parentWidget\(\) or |if (not )?self\._(widget|dialog|timer|menu)(?![.\w]| is))"
    )
    for path in (MODULE / LIBRARY).rglob("*.py"):
        assert not asked.search(path.read_text(encoding="utf-8")), path.name


def test_a_scene_that_is_loaded_or_restored_shows_its_parameters(window: Window, tmp_path: Path) -> None:
    application = window.application
    model = cases.model_in(application)
    window.panel.enter()
    assert window.panel._parameters.inputNode is model
    file = tmp_path / "scene.mrml"
    application.scene.SetURL(str(file))
    application.scene.Commit()
    application.scene.Clear(0)
    assert window.panel._parameters is not None and window.panel._parameters.inputNode is None
    window.panel._use(None)  # as while a scene is being loaded
    application.scene.SetURL(str(file))
    application.scene.Import()
    parameters = window.panel._parameters
    assert parameters is not None and parameters.inputNode.GetName() == model.GetName()
    assert parameters.gui is window.ui
    assert f"{model.GetName()!r} has no surface" in window.ui.reasonLabel.text  # which was never saved to a file


def test_a_scan_that_is_loaded_later_becomes_the_input(window: Window) -> None:
    assert window.panel._parameters.inputNode is None
    helper = slicer.vtkMRMLModelNode()
    helper.SetHideFromEditors(True)
    window.application.scene.AddNode(helper)
    fake_qt.QTimer.run_out()
    assert window.panel._parameters.inputNode is None
    model = cases.model_in(window.application)
    fake_qt.QTimer.run_out()
    assert window.panel._parameters.inputNode is model
    cases.model_in(window.application, "another")
    fake_qt.QTimer.run_out()
    assert window.panel._parameters.inputNode is model, "a choice stays"
    window.panel._parameters.inputNode = None
    fake_qt.QTimer.run_out()
    assert window.panel._parameters.inputNode is None, "and so does the choice of none"


def test_labels_whose_text_changes_cannot_widen_the_panel() -> None:
    """A wide panel shrinks the 3D view, and a landmark under the mouse jumps."""
    for path in sorted((MODULE / "Resources" / "UI").glob("*.ui")):
        text = path.read_text(encoding="utf-8")
        for name in re.findall(r'<widget class="QLabel" name="(\w+)">', text):
            element = text[text.index(f'name="{name}">') :].partition("</widget>")[0]
            if name.endswith(
                ("countsLabel", "landmarkLabel", "measurementLabel", "MessageLabel", "StateLabel", "StatusLabel")
            ) or name in (
                "reasonLabel",
                "stageLabel",
            ):
                assert 'hsizetype="Ignored"' in element and "<bool>true</bool>" in element, name
            else:
                assert re.search(r'<property name="text">\s*<string>[^<]+', element), f"{name} has no text of its own"


def test_after_placing_the_view_shows_the_face_from_the_front(window: Window) -> None:
    application = window.application
    camera = application.add("Camera", "Camera")
    camera.SetPosition(0.0, -500.0, 0.0)
    model, node = cases.finished_case(application, moved=False)
    result = {**cases.result_at(cases.head()[0][[v for _l, v, *_r in cases.LANDMARKS]])}
    result["facing"] = {"front": [0.6, 0.8, 0.0], "up": [0.0, 0.0, 1.0]}
    from FacialLandmarks3DLib.scene.landmark_node import write_landmarks

    write_landmarks(node, result, model, cases.PROVENANCE)
    window.panel.show_landmarks(node)
    offset = np.array(camera.GetPosition()) - camera.GetFocalPoint()
    np.testing.assert_allclose(offset / np.linalg.norm(offset), [0.6, 0.8, 0.0], atol=1e-6)
    np.testing.assert_allclose(camera.GetViewUp(), [0.0, 0.0, 1.0], atol=1e-6)
    assert not window.ui.reviewContainer.collapsed


def test_a_failure_unfolds_the_three_points_and_scrolls_to_them(window: Window) -> None:
    error = RuntimeError("no face")
    error.kind = "FaceNotFoundError"  # type: ignore[attr-defined]
    assert window.panel.review.ui.poseCollapsibleButton.collapsed
    window.panel._help_with_failure(error)
    fake_qt.QTimer.run_out()
    assert not window.panel.review.ui.poseCollapsibleButton.collapsed and not window.ui.reviewContainer.collapsed
    assert window.parent.area.shown is window.panel.review.ui.poseCollapsibleButton


def test_a_row_click_turns_the_camera_until_the_landmark_is_seen(window: Window) -> None:
    application = window.application
    camera = application.add("Camera", "Camera")
    model, node = cases.finished_case(application)
    window.panel.show_landmarks(node)
    table = window.panel.review.ui.reviewTable
    middle = cases.world_vertices(model).mean(0)
    for label in ("prn", "go_l", "ex_r"):
        camera.SetFocalPoint(*middle)
        away = middle - cases.world_position(node, label)
        camera.SetPosition(*(middle + 600 * away / np.linalg.norm(away)))  # from behind
        table.setCurrentCell(table.texts(0).index(label), 0)
        target, eye = np.array(camera.GetFocalPoint()), np.array(camera.GetPosition())
        np.testing.assert_allclose(target, cases.world_position(node, label), atol=1e-6)
        assert np.linalg.norm(eye - target) == pytest.approx(600, rel=1e-6)
        assert _unobstructed(model, target, eye), label
        before = tuple(camera.GetPosition())
        table.emit("cellClicked(int,int)", table.currentRow(), 0)
        assert tuple(camera.GetPosition()) == pytest.approx(before), "what is seen needs no turn"


def _unobstructed(model: Any, target: np.ndarray, eye: np.ndarray) -> bool:
    """With VTK's own tree of boxes, on the model in the world."""
    filter_ = vtk.vtkTransformPolyDataFilter()
    transform = vtk.vtkGeneralTransform()
    model.GetParentTransformNode().GetTransformToWorld(transform)
    filter_.SetTransform(transform)
    filter_.SetInputData(model.GetPolyData())
    filter_.Update()
    tree = vtk.vtkOBBTree()
    tree.SetDataSet(filter_.GetOutput())
    tree.BuildLocator()
    return tree.IntersectWithLine(target + 0.02 * (eye - target), eye, None, None) == 0


def test_only_the_labels_that_matter_are_in_the_view(window: Window) -> None:
    _model, node = cases.finished_case(window.application)
    window.panel.show_landmarks(node)
    review = window.panel.review

    def labels() -> list[str]:
        found = [each for each in _fiducials(window.application) if each.GetName() == "Landmark labels"]
        return [each.GetNthControlPointLabel(i) for each in found for i in range(each.GetNumberOfControlPoints())]

    assert labels() == ["go_l", "en_r"] and not node.GetDisplayNode().GetPointLabelsVisibility()
    table = review.ui.reviewTable
    table.setCurrentCell(table.texts(0).index("prn"), 0)
    assert sorted(labels()) == ["en_r", "go_l", "prn"]
    review.actions["allLabelsAction"].trigger()
    assert node.GetDisplayNode().GetPointLabelsVisibility() and labels() == []
    review.actions["allLabelsAction"].trigger()
    cases.move(node, "prn", (0.0, 0.0, 5.0))
    fake_qt.QTimer.run_out()
    (helper,) = [each for each in _fiducials(window.application) if each.GetName() == "Landmark labels"]
    np.testing.assert_allclose(cases.world_position(helper, "prn"), cases.world_position(node, "prn"), atol=1e-6)
    assert helper.GetHideFromEditors() and not helper.GetSaveWithScene() and helper.GetLocked()
    review.setLandmarkNode(None)
    assert _fiducials(window.application) == [node] and node.GetDisplayNode().GetPointLabelsVisibility()


def _fiducials(application: Application) -> list[Any]:
    scene, name = application.scene, "vtkMRMLMarkupsFiducialNode"
    return [scene.GetNthNodeByClass(place, name) for place in range(scene.GetNumberOfNodesByClass(name))]


def test_the_chosen_landmark_has_its_full_name_and_definition_in_the_panel(window: Window) -> None:
    _model, node = cases.finished_case(window.application)
    window.panel.show_landmarks(node)
    ui = window.panel.review.ui
    assert not ui.landmarkLabel.visible
    ui.reviewTable.setCurrentCell(ui.reviewTable.texts(0).index("ch_l"), 0)
    assert ui.landmarkLabel.visible and "Corner of the mouth." in ui.landmarkLabel.text
    assert "Missing: not found on this surface." in ui.landmarkLabel.text
    header = ui.reviewTable.horizontalHeader()
    assert header.highlightSections is False and header.minimumSectionSize >= 50
    assert all(len(text) <= 8 for text in ui.reviewTable.headers)
    assert "mm" in ui.reviewTable.horizontalHeaderItem(3).toolTip()


def test_a_hint_goes_when_its_step_is_done(window: Window) -> None:
    _model, node = cases.finished_case(window.application)
    window.panel.show_landmarks(node)
    review = window.panel.review
    review.ui.reviewTable.setCurrentCell(review.ui.reviewTable.texts(0).index("ch_l"), 0)
    review.actions["placeByHandAction"].trigger()
    assert "Click on the model where ch_l is" in review.ui.reviewMessageLabel.text
    node.SetNthControlPointPositionWorld(node.GetControlPointIndexByLabel("ch_l"), 1.0, 2.0, 3.0)
    fake_qt.QTimer.run_out()
    assert not review.ui.reviewMessageLabel.visible and review.ui.reviewMessageLabel.text == ""


def test_nothing_is_measured_or_built_with_each_cell_or_click(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    """`ResizeToContents` measures all rows with every cell; a search tree is built before the first click needs it."""
    import FacialLandmarks3DLib.scene.landmark_surface as surface

    _model, node = cases.finished_case(window.application)
    window.application.add("Camera", "Camera")
    window.panel.show_landmarks(node)
    table = window.panel.review.ui.reviewTable
    assert fake_qt.QHeaderView.ResizeToContents not in table.horizontalHeader().modes
    for _tick in range(20):
        fake_qt.QTimer.run_out()
    monkeypatch.setattr(surface, "_locator", lambda _surface: pytest.fail("built while the user waits"))
    written = {place: item.written for place, item in table.items.items()}
    table.setCurrentCell(table.texts(0).index("go_l"), 0)
    assert {place: item.written for place, item in table.items.items()} == written
