"""Heatmap and three points in the review panel, with widgets that are no Qt, on real nodes of slicer-core."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("slicer", reason="slicer-core is not installed")

import fake_qt as widgets
from review_desk import Desk, open_desk
from slicer_scene import slicer

pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with open_desk(tmp_path, monkeypatch) as opened:
        yield opened


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
    assert not widgets.QTimer.running()
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
    assert not any(timer.active or timer.connected for timer in widgets.QTimer.made)
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
    assert not widgets.QTimer.running()
