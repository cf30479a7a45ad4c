"""Tests of planning within Slicer, on the sample data of two dates."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import slicer

from .self_test import MODULE, open_module, wait
from .worker.python import RESOURCES


def test_planning_measures_and_follows_a_landmark(test: Any) -> None:
    """Table, lines and plane, Slicer's table view and plot view; the panel keeps its width."""
    panel, (before, _after), _scans = _dates()
    planning, ui = panel.planning, panel.planning.ui
    test.assertGreater(ui.analysisList.count, 5)
    width = panel._ui.planningContainer.width
    planning.analyses.check(["farkas"])
    ui.planeButton.click()
    ui.measureButton.click()
    test.assertGreater(ui.measurementTable.rowCount, 30)
    ui.tableViewButton.click()
    ui.plotButton.click()
    wait(lambda: not planning._refresh_timer.active and not planning._update_timer.active, seconds=10.0)
    slicer.app.processEvents()
    nodes = slicer.mrmlScene.GetNumberOfNodes()
    first = ui.measurementTable.item(0, 1).text()
    place = before.GetControlPointIndexByLabel("gn")  # of the height of the face, the first row
    x, y, z = before.GetNthControlPointPositionWorld(place)
    before.SetNthControlPointPositionWorld(place, x, y, z - 8.0)
    longest = wait(lambda: ui.measurementTable.item(0, 1).text() != first, seconds=20.0)
    test.delayDisplay(f"Longest pause of the interface: {1000 * longest:.0f} ms")
    test.assertEqual(slicer.mrmlScene.GetNumberOfNodes(), nodes)
    test.assertEqual(panel._ui.planningContainer.width, width)
    ui.clearButton.click()
    test.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLMarkupsPlaneNode"), 0)


def test_planning_compares_two_dates(test: Any) -> None:
    """Registration, changes, arrows and both maps, with Slicer's own timers and selectors."""
    panel, (_before, after), (face, face_after) = _dates()
    planning, ui = panel.planning, panel.planning.ui
    ui.comparisonCollapsibleButton.collapsed = False
    ui.otherLandmarksSelector.setCurrentNode(after)
    ui.otherSurfaceSelector.setCurrentNode(face_after)
    test.assertTrue(ui.compareButton.enabled and ui.changeMapButton.enabled)
    pauses = []
    for button in (ui.symmetryMapButton, ui.compareButton, ui.changeMapButton):
        button.click()
        test.assertTrue(ui.planningProgressBar.visible)
        pauses.append(wait(lambda: not planning._work_timer.active, seconds=60.0))
    test.delayDisplay(f"Longest pause of the interface: {1000 * max(pauses):.0f} ms")
    test.assertIs(planning.planning.map.model, face_after)
    test.assertTrue(face_after.GetDisplayNode().GetScalarVisibility())
    test.assertFalse(face.GetDisplayNode().GetScalarVisibility())
    test.assertIn("Registered on the skin", planning.planning.compare(after, face_after))
    ui.hideMapButton.click()
    test.assertFalse(face_after.GetDisplayNode().GetScalarVisibility())
    test.assertIsNone(face_after.GetTransformNodeID())


def test_planning_is_found_again_in_a_scene(test: Any) -> None:
    """Saved with a table, a plane and a map."""
    panel, _landmarks, _scans = _dates()
    planning = panel.planning
    planning.analyses.check(["farkas"])
    planning.ui.measureButton.click()
    planning.ui.symmetryMapButton.click()
    wait(lambda: not planning._work_timer.active, seconds=60.0)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scene.mrb"
        test.assertTrue(slicer.util.saveScene(str(file)))
        slicer.mrmlScene.Clear()
        slicer.util.loadScene(str(file))
        slicer.app.processEvents()
    test.assertEqual(planning.analyses.checked, ["farkas"])
    test.assertGreater(planning.ui.measurementTable.rowCount, 30)
    test.assertIsNotNone(planning.planning.map.model)
    planning.ui.clearButton.click()
    test.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLMarkupsLineNode"), 0)


PLANNING_TESTS = (
    test_planning_measures_and_follows_a_landmark,
    test_planning_compares_two_dates,
    test_planning_is_found_again_in_a_scene,
)


def _dates() -> tuple[Any, tuple[Any, Any], tuple[Any, Any]]:
    """The panel with the sample data of two dates: landmarks and scans, the first ones chosen."""
    panel = open_module()
    folder = RESOURCES / "SampleData"
    scans = [slicer.util.loadModel(str(folder / f"FacialLandmarks3D{name}.ply")) for name in ("Face", "After")]
    lists = [slicer.util.loadMarkups(str(folder / f"FacialLandmarks3D{name}.mrk.json")) for name in ("Before", "After")]
    slicer.util.getModuleLogic(MODULE).getParameterNode().inputNode = scans[0]
    panel.show_landmarks(lists[0])
    panel._ui.planningContainer.collapsed = False
    slicer.app.processEvents()
    return panel, (lists[0], lists[1]), (scans[0], scans[1])
