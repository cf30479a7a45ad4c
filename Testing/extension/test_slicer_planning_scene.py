"""Plots, views and what planning computes in a scene of slicer-core: kept, found again, removed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip("slicer", reason="slicer-core is not installed")

import planning_cases as cases
from FacialLandmarks3DLib.planning.computed import COMPUTED, ComputedNodes
from FacialLandmarks3DLib.planning.session import Planning
from FacialLandmarks3DLib.planning.tables import show_chart, show_table
from FacialLandmarks3DLib.scene.nodes import ReviewError
from FacialLandmarks3DLib.scene.overlay import shown_on
from planning_cases import WIDTH, Pair
from slicer_scene import Application, slicer

pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")


def test_plots_hold_values_and_intervals_of_what_was_measured(pair: Pair) -> None:
    with pytest.raises(ReviewError, match="Measure something"):
        pair.planning.plot()
    cases.take_away(pair.before, "ex_r")
    pair.planning.measure(["farkas"])
    chart = pair.planning.plot()
    kind = slicer.vtkMRMLPlotSeriesNode
    value, low, high = (chart.GetNthPlotSeriesNode(place) for place in range(3))
    assert value.GetPlotType() == kind.PlotTypeLine and value.GetLineStyle() == kind.LineStyleNone
    table = value.GetTableNode()
    names = [table.GetCellText(row, 0) for row in range(table.GetNumberOfRows())]
    assert WIDTH not in names and "Nose width" in names
    row = names.index("Nose width")
    columns = [table.GetColumnIndex(series.GetYColumnName()) for series in (low, value, high)]
    ends = [float(table.GetCellText(row, column)) for column in columns]
    assert ends == sorted(ends) and ends[0] < ends[2]
    nodes = cases.classes_in(pair.application)
    assert pair.planning.plot() is chart and cases.classes_in(pair.application) == nodes
    pair.planning.compare(pair.after)
    changes = pair.planning.plot()
    assert changes is not chart and "Changes from Before landmarks to After landmarks" in changes.GetTitle()


def test_tables_and_plots_get_into_slicers_views(pair: Pair) -> None:
    layout = pair.application.add("Layout", "Layout")
    table_view, plot_view = (pair.application.add(kind, kind) for kind in ("TableView", "PlotView"))
    table = pair.planning.measure(["farkas"])
    show_table(table)
    assert layout.GetViewArrangement() == layout.SlicerLayoutFourUpTableView
    assert table_view.GetTableNodeID() == table.GetID()
    layout.SetViewArrangement(layout.SlicerLayoutFourUpPlotTableView)
    chart = pair.planning.plot()
    show_chart(chart)
    assert layout.GetViewArrangement() == layout.SlicerLayoutFourUpPlotTableView  # it has a plot view already
    assert plot_view.GetPlotChartNodeID() == chart.GetID()


def test_what_was_computed_is_found_again_in_a_saved_scene(pair: Pair, tmp_path: Path) -> None:
    planning = pair.planning
    planning.measure(["farkas"])
    planning.fit_plane()
    planning.symmetry_map()
    planning.compare(pair.after, pair.face_after)
    planning.plot()
    roles = sorted(planning.nodes.roles())
    for node in planning.nodes:
        node.SetName("renamed")  # references count, not names
    assert pair.application.scene.WriteToMRB(str(tmp_path / "case.mrb"))
    again = Application(tmp_path / "second cache")
    again.scene.RegisterNodeClass(slicer.vtkMRMLColorLegendDisplayNode())
    again.add("Model", "so that identifiers differ")
    assert again.scene.ReadFromMRB(os.fspath(tmp_path / "case.mrb"), True)
    landmarks, face = (again.scene.GetFirstNodeByName(name) for name in ("Before landmarks", "Before"))
    opened = Planning(landmarks, face)
    assert sorted(opened.nodes.roles()) == roles and opened.chosen_analyses() == ["farkas"]
    assert not opened.nodes.mark(), opened.state()
    nodes = cases.classes_in(again)
    opened.measure(["farkas"])
    opened.fit_plane()
    assert cases.classes_in(again) == nodes
    assert opened.map.model is face
    opened.map.hide()
    assert not face.GetDisplayNode().GetScalarVisibility() and shown_on(face) is None
    opened.clear()
    left = [node for node in again.scene.GetNodes() if node.GetAttribute(COMPUTED)]
    assert not left and again.scene.GetFirstNodeByName("After landmarks") is not None


def test_a_copy_of_the_landmarks_has_nothing_computed(pair: Pair) -> None:
    pair.planning.measure(["farkas"])
    copied = pair.application.add("MarkupsFiducial", "Copy")
    copied.Copy(pair.before)
    assert list(ComputedNodes(copied)) == []
    ComputedNodes(copied).remove()
    assert pair.planning.table is not None


def test_everything_stands_in_one_folder_beside_the_landmarks_and_goes_together(pair: Pair) -> None:
    hierarchy = pair.application.hierarchy
    patient = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), "Patient")
    hierarchy.CreateItem(patient, pair.before)
    before = cases.classes_in(pair.application)
    pair.planning.measure(["farkas", "ricketts"])
    pair.planning.fit_plane()
    pair.planning.plot()
    items = {hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) for node in pair.planning.nodes}
    (folder,) = items
    assert hierarchy.GetItemParent(folder) == patient and "Before landmarks" in hierarchy.GetItemName(folder)
    pair.planning.clear()
    assert cases.classes_in(pair.application) == before and hierarchy.GetItemName(folder) == ""
