"""Tests within Slicer, of what needs its window and its packages."""

from __future__ import annotations

import time
from typing import Any

import slicer
import vtk

from .detection.job import LandmarkingCancelled
from .detection.panel import State
from .worker.python import make_importable

_MODULE = "FacialLandmarks3D"
_SECONDS = 300.0


def test_the_panel_opens_and_says_what_is_missing(test: Any) -> None:
    """Widgets and parameters are connected both ways."""
    panel = _open()
    test.assertFalse(panel._ui.placeButton.enabled)
    test.assertTrue(panel._ui.reasonLabel.text)
    model = _face_node()
    parameters = slicer.util.getModuleLogic(_MODULE).getParameterNode()
    parameters.inputNode = model
    test.assertEqual(panel._ui.inputSelector.currentNodeID, model.GetID())
    test.assertTrue(panel._ui.placeButton.enabled)
    panel._ui.seedSpinBox.value = 7
    test.assertEqual(parameters.seed, 7)
    panel._ui.inputSelector.setCurrentNode(None)
    test.assertIsNone(parameters.inputNode)


def test_the_button_places_landmarks(test: Any) -> None:
    """From the click to the review, with Slicer's own timer."""
    panel = _open()
    if not _installed(panel):
        test.skipTest("PyTorch is not installed in this Slicer")
    slicer.util.getModuleLogic(_MODULE).getParameterNode().inputNode = _face_node()
    panel._ui.placeButton.click()
    test.assertEqual(panel.detection.state, State.RUNNING)
    longest = _wait(lambda: panel.detection.state is State.IDLE)
    node = panel.review.review.node
    test.assertEqual(node.GetNumberOfControlPoints(), 62)
    test.assertIn("62", panel._ui.stageLabel.text)
    test.delayDisplay(f"Longest pause of the interface: {1000 * longest:.0f} ms")


def test_a_second_click_cancels(test: Any) -> None:
    """The scene is as it was."""
    panel = _open()
    if not _installed(panel):
        test.skipTest("PyTorch is not installed in this Slicer")
    slicer.util.getModuleLogic(_MODULE).getParameterNode().inputNode = _face_node()
    panel._ui.placeButton.click()
    slicer.app.processEvents()
    panel._ui.placeButton.click()
    test.assertEqual(panel.detection.state, State.IDLE)
    test.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLMarkupsFiducialNode"), 0)


def test_a_script_need_not_wait(test: Any) -> None:
    """Slicer's timer drives a job of the logic."""
    if not _installed(_open()):
        test.skipTest("PyTorch is not installed in this Slicer")
    logic = slicer.util.getModuleLogic(_MODULE)
    job = logic.placeLandmarks(_face_node(), "ibug68", wait=False)
    _wait(lambda: job.done)
    test.assertEqual(job.result().GetNumberOfControlPoints(), 68)
    job = logic.placeLandmarks(_face_node(), wait=False)
    job.cancel()
    test.assertIsInstance(job.error, LandmarkingCancelled)


SELF_TESTS = (
    test_the_panel_opens_and_says_what_is_missing,
    test_the_button_places_landmarks,
    test_a_second_click_cancels,
    test_a_script_need_not_wait,
)


def _open() -> Any:
    slicer.util.selectModule(_MODULE)
    return slicer.util.getModuleWidget(_MODULE).panel


def _installed(panel: Any) -> bool:
    return bool(panel.services.installation.ready()[0])


def _face_node() -> Any:
    """The face that comes with the package, as a model node."""
    make_importable()
    from sgcn_core.demo import demo_surface
    from sgcn_core.geometry.vtk_bridge import to_polydata

    demo = demo_surface().in_frame("RAS")
    polydata: vtk.vtkPolyData = to_polydata(demo.vertices, demo.faces)
    return slicer.modules.models.logic().AddModel(polydata)


def _wait(ended: Any) -> float:
    """Let Slicer work until something has ended; the longest time that it did not look at the mouse, seconds."""
    began, longest = time.monotonic(), 0.0
    while not ended():
        if time.monotonic() - began > _SECONDS:
            raise AssertionError("the detection did not end")
        before = time.monotonic()
        slicer.app.processEvents()
        longest = max(longest, time.monotonic() - before)
        time.sleep(0.005)
    return longest
