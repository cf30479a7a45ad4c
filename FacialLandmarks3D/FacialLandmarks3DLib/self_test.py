"""Tests within Slicer, of what needs its window and its packages."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import slicer
import vtk

from .detection.job import LandmarkingCancelled
from .detection.panel import State
from .worker.python import make_importable

MODULE, _FACE = "FacialLandmarks3D", "Face of the self test"
_SECONDS = 300.0


def test_the_panel_opens_and_says_what_is_missing(test: Any) -> None:
    """Widgets and parameters are connected both ways."""
    panel = open_module()
    test.assertFalse(panel._ui.placeButton.enabled)
    test.assertTrue(panel._ui.reasonLabel.text)
    model = _face_node()
    parameters = slicer.util.getModuleLogic(MODULE).getParameterNode()
    parameters.inputNode = model
    test.assertEqual(panel._ui.inputSelector.currentNodeID, model.GetID())
    test.assertTrue(panel._ui.placeButton.enabled)
    panel._ui.seedSpinBox.value = 7
    test.assertEqual(parameters.seed, 7)
    panel._ui.inputSelector.setCurrentNode(None)
    test.assertIsNone(parameters.inputNode)


def test_the_button_places_landmarks(test: Any) -> None:
    """From the click to the review, with Slicer's own timer."""
    panel = open_module()
    if not _installed(panel):
        test.skipTest("PyTorch is not installed in this Slicer")
    slicer.util.getModuleLogic(MODULE).getParameterNode().inputNode = _face_node()
    panel._ui.placeButton.click()
    test.assertEqual(panel.detection.state, State.RUNNING)
    longest = wait(lambda: panel.detection.state is State.IDLE)
    node = panel.review.review.node
    test.assertEqual(node.GetNumberOfControlPoints(), 62)
    test.assertIn("62", panel._ui.stageLabel.text)
    test.delayDisplay(f"Longest pause of the interface: {1000 * longest:.0f} ms")


def test_a_second_click_cancels(test: Any) -> None:
    """The scene is as it was."""
    panel = open_module()
    if not _installed(panel):
        test.skipTest("PyTorch is not installed in this Slicer")
    slicer.util.getModuleLogic(MODULE).getParameterNode().inputNode = _face_node()
    panel._ui.placeButton.click()
    slicer.app.processEvents()
    panel._ui.placeButton.click()
    test.assertEqual(panel.detection.state, State.IDLE)
    test.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLMarkupsFiducialNode"), 0)


def test_a_script_need_not_wait(test: Any) -> None:
    """Slicer's timer drives a job of the logic."""
    if not _installed(open_module()):
        test.skipTest("PyTorch is not installed in this Slicer")
    logic = slicer.util.getModuleLogic(MODULE)
    job = logic.placeLandmarks(_face_node(), "ibug68", wait=False)
    wait(lambda: job.done)
    test.assertEqual(job.result().GetNumberOfControlPoints(), 68)
    job = logic.placeLandmarks(_face_node(), wait=False)
    job.cancel()
    test.assertIsInstance(job.error, LandmarkingCancelled)


def test_every_section_has_its_widgets(test: Any) -> None:
    """Review, Batch and Installation are built into the empty layouts of their containers."""
    panel = open_module()
    for name, widget in (
        ("review", panel.review.ui.reviewTable),
        ("planning", panel.planning.ui.measurementTable),
        ("batch", panel.batch.ui.batchTable),
        ("installation", panel.installation.ui.installButton),
    ):
        container = getattr(panel._ui, f"{name}Container")
        test.assertEqual(container.layout().count(), 1)
        container.collapsed = False
        slicer.app.processEvents()
        test.assertTrue(widget.visible, name)
        container.collapsed = True


def test_a_scan_that_is_loaded_later_becomes_the_input(test: Any) -> None:
    """With the module open and nothing chosen."""
    panel = open_module()
    test.assertIsNone(panel._ui.inputSelector.currentNode())
    model = _face_node()
    wait(lambda: panel._ui.inputSelector.currentNode() is not None, seconds=5.0)
    test.assertEqual(panel._ui.inputSelector.currentNodeID, model.GetID())


def test_a_scene_that_is_loaded_while_the_panel_is_open_is_shown(test: Any) -> None:
    """Its parameters and its landmarks."""
    panel = open_module()
    model, node = _face_node(), _landmarks_by_hand()
    parameters = slicer.util.getModuleLogic(MODULE).getParameterNode()
    parameters.inputNode, parameters.landmarks = model, node
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scene.mrb"
        test.assertTrue(slicer.util.saveScene(str(file)))
        slicer.mrmlScene.Clear()
        slicer.util.loadScene(str(file))
        slicer.app.processEvents()
        test.assertIsNotNone(panel._ui.inputSelector.currentNode())
        test.assertTrue(panel._ui.placeButton.enabled)
        test.assertEqual(panel.review.review.node.GetName(), node.GetName())


def test_a_drag_is_followed_and_the_panel_keeps_its_width(test: Any) -> None:
    """As Slicer's markups widget does it; a wider panel would shrink the view under the mouse."""
    panel, node = _reviewed()
    width, view = panel._ui.reviewContainer.width, _width_of_view()
    markups, held = slicer.vtkMRMLMarkupsNode, slicer.vtkMRMLMarkupsDisplayNode.GetMovingMarkupIndexAttributeName()
    node.SetAttribute(held, "0")
    node.InvokeCustomModifiedEvent(markups.PointStartInteractionEvent)
    for _step in range(20):
        x, y, z = node.GetNthControlPointPosition(0)
        node.SetNthControlPointPosition(0, x, y + 0.5, z)
        slicer.app.processEvents()
    node.InvokeCustomModifiedEvent(markups.PointEndInteractionEvent)
    node.SetAttribute(held, "")
    wait(lambda: panel.review.table.current is not None and panel.review.table.current.moved_mm is not None)
    test.assertEqual(panel.review.table.current.label, node.GetNthControlPointLabel(0))
    test.assertAlmostEqual(panel.review.table.current.moved_mm, 10.0, places=3)
    test.assertEqual((panel._ui.reviewContainer.width, _width_of_view()), (width, view))
    panel.review.ui.undoButton.click()
    test.assertIsNone(panel.review.table.current.moved_mm)


def test_a_click_on_a_row_shows_the_landmark(test: Any) -> None:
    """In the middle of the view, from a side from which it is seen; name and definition in the panel."""
    panel, node = _reviewed()
    camera = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCameraNode")
    table, ui = panel.review.table, panel.review.ui
    for row, label in enumerate(table.labels):
        began = time.monotonic()
        ui.reviewTable.setCurrentCell(row, 0)
        test.assertLess(time.monotonic() - began, 0.2)
        position = [0.0] * 3
        node.GetNthControlPointPositionWorld(node.GetControlPointIndexByLabel(label), position)
        test.assertLess(vtk.vtkMath.Distance2BetweenPoints(camera.GetFocalPoint(), position), 1e-6)
        test.assertTrue(ui.landmarkLabel.visible and label in ui.landmarkLabel.text)
        test.assertGreaterEqual(ui.reviewTable.columnWidth(0), 50)


def test_the_menu_and_its_entries(test: Any) -> None:
    """What PythonQt makes of menus: entries that can be chosen, and checked."""
    panel, node = _reviewed()
    actions = panel.review.actions
    actions["lockAllAction"].trigger()
    test.assertTrue(all(row.locked for row in panel.review.review.rows()))
    test.assertEqual(actions["lockAllAction"].text, "Unlock all")
    actions["allLabelsAction"].trigger()
    test.assertTrue(node.GetDisplayNode().GetPointLabelsVisibility())
    actions["allLabelsAction"].trigger()
    test.assertFalse(node.GetDisplayNode().GetPointLabelsVisibility())


def test_the_three_points_are_scrolled_to(test: Any) -> None:
    """After a detection that has found no face."""
    panel = open_module()
    error = RuntimeError("no face")
    error.kind = "FaceNotFoundError"  # type: ignore[attr-defined]
    panel._help_with_failure(error)
    for _round in range(5):
        slicer.app.processEvents()
    test.assertTrue(panel.review.ui.posePlaceButton.visible)
    test.assertFalse(panel.review.ui.posePlaceButton.visibleRegion().isEmpty())


def test_the_cli_module_runs_from_its_own_panel(test: Any) -> None:
    """With what its panel hands over where no folder was chosen."""
    if not _installed(open_module()):
        test.skipTest("PyTorch is not installed in this Slicer")
    if not hasattr(slicer.modules, "faciallandmarks3dcli"):
        test.skipTest("the CLI module is not loaded")
    landmarks = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Landmarks")
    parameters = {
        "inputModel": _face_node(),
        "inputFolder": ".",
        "outputFolder": ".",
        "outputLandmarks": landmarks,
    }
    run = slicer.cli.runSync(slicer.modules.faciallandmarks3dcli, None, parameters)
    test.assertFalse(run.GetStatus() & run.ErrorsMask, run.GetErrorText())
    test.assertEqual(landmarks.GetNumberOfControlPoints(), 62)


SELF_TESTS = (
    test_the_panel_opens_and_says_what_is_missing,
    test_every_section_has_its_widgets,
    test_a_scan_that_is_loaded_later_becomes_the_input,
    test_a_scene_that_is_loaded_while_the_panel_is_open_is_shown,
    test_a_drag_is_followed_and_the_panel_keeps_its_width,
    test_a_click_on_a_row_shows_the_landmark,
    test_the_menu_and_its_entries,
    test_the_three_points_are_scrolled_to,
    test_the_button_places_landmarks,
    test_a_second_click_cancels,
    test_a_script_need_not_wait,
    test_the_cli_module_runs_from_its_own_panel,
)


def open_module() -> Any:
    """The panel, with its module shown."""
    slicer.util.selectModule(MODULE)
    return slicer.util.getModuleWidget(MODULE).panel


def _installed(panel: Any) -> bool:
    return bool(panel.services.installation.ready()[0])


def _face_node() -> Any:
    """The face that comes with the package, as a model node."""
    make_importable()
    from sgcn_core.demo import demo_surface
    from sgcn_core.geometry.vtk_bridge import to_polydata

    demo = demo_surface().in_frame("RAS")
    polydata: vtk.vtkPolyData = to_polydata(demo.vertices, demo.faces)
    model = slicer.modules.models.logic().AddModel(polydata)
    model.SetName(_FACE)
    return model


def _landmarks_by_hand() -> Any:
    """A point list with landmarks on the face, as from a detection."""
    from .scene.landmark_node import write_landmarks
    from .scene.provenance import Provenance

    model = slicer.mrmlScene.GetFirstNodeByName(_FACE)
    points = model.GetPolyData().GetPoints()
    statuses = ("found", "uncertain", "found")
    landmarks = [
        {
            "label": label,
            "position": list(points.GetPoint(place * points.GetNumberOfPoints() // 4)),
            "status": status,
            "confidence": 0.9,
            "expected_error_mm": 1.0,
        }
        for place, (label, status) in enumerate(zip(("prn", "en_r", "en_l"), statuses, strict=True), start=1)
    ]
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Landmarks")
    write_landmarks(node, {"frame": "RAS", "unit": "mm", "landmarks": landmarks}, model, Provenance(version="test"))
    return node


def _reviewed() -> tuple[Any, Any]:
    """The panel with landmarks in review, and their node."""
    panel = open_module()
    _face_node()
    node = _landmarks_by_hand()
    panel.show_landmarks(node)
    slicer.app.processEvents()
    return panel, node


def _width_of_view() -> int:
    """Pixels; 0 where there is no 3D view."""
    manager = slicer.app.layoutManager()
    return 0 if manager is None or manager.threeDViewCount == 0 else int(manager.threeDWidget(0).width)


def wait(ended: Any, seconds: float = _SECONDS) -> float:
    """Let Slicer work until something has ended; the longest time that it did not look at the mouse, seconds."""
    began, longest = time.monotonic(), 0.0
    while not ended():
        if time.monotonic() - began > seconds:
            raise AssertionError(f"nothing happened within {seconds:g} seconds")
        before = time.monotonic()
        slicer.app.processEvents()
        longest = max(longest, time.monotonic() - before)
        time.sleep(0.005)
    return longest
