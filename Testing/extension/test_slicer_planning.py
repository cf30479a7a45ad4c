"""Planning on real nodes of slicer-core, against sgcn_core reading the same files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import vtk

pytest.importorskip("slicer", reason="slicer-core is not installed")

import planning_cases as cases
from FacialLandmarks3DLib.planning.case import case_of
from FacialLandmarks3DLib.planning.computed import COMPUTED, STALE, ComputedNodes
from FacialLandmarks3DLib.planning.maps import distance_steps, finished, limit_of
from FacialLandmarks3DLib.planning.session import Planning, analyses
from FacialLandmarks3DLib.planning.tables import show_chart, show_table
from FacialLandmarks3DLib.review.heatmap import HeatmapOverlay
from FacialLandmarks3DLib.scene.nodes import ReviewError
from FacialLandmarks3DLib.scene.overlay import MAP, shown_on
from FacialLandmarks3DLib.scene.provenance import PREFIX, Provenance, write_provenance
from planning_cases import WIDTH, Pair
from slicer_scene import Application, slicer

from sgcn_core.analysis.case import AnalysisCase
from sgcn_core.analysis.distance_maps import distance_map, mirror_map
from sgcn_core.analysis.measuring import measure
from sgcn_core.analysis.symmetry import find_plane
from sgcn_core.analysis.uncertainty import BOUND_IN_SD
from sgcn_core.io.markups import read_landmarks
from sgcn_core.io.meshes import read_surface

pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")


def same(found: str, wanted: float | None) -> bool:
    return found == "" if wanted is None else abs(float(found) - wanted) <= 0.051


def test_the_analysis_needs_no_pytorch_within_slicer() -> None:
    names = ("measuring", "norms", "symmetry", "comparison", "distance_maps", "observers", "skin_target")
    code = "import sys; sys.modules['torch'] = None; " + "; ".join(
        f"import sgcn_core.analysis.{name}" for name in names
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


# --- landmarks of nodes -------------------------------------------------------------------------------------------


def test_a_case_has_the_landmarks_of_the_file_in_its_own_frame(pair: Pair) -> None:
    found, wanted = case_of(pair.before), AnalysisCase.from_file(cases.BEFORE)
    assert found.labels == wanted.labels and found.status == wanted.status
    np.testing.assert_allclose(found.positions, wanted.positions, atol=1e-3)
    np.testing.assert_allclose(found.covariance, wanted.covariance, atol=2e-3)


def test_a_scan_in_metres_is_measured_in_millimetres(pair: Pair) -> None:
    wanted = case_of(pair.before).positions
    for place in range(pair.before.GetNumberOfControlPoints()):
        position = np.array(pair.before.GetNthControlPointPosition(place)) / 1000
        pair.before.SetNthControlPointPosition(place, *position)
    for name, value in (("version", "1"), ("unit", "m")):
        pair.before.SetAttribute(PREFIX + name, value)
    np.testing.assert_allclose(case_of(pair.before).positions, wanted, atol=1e-6)
    pair.planning.fit_plane()
    plane = pair.planning.nodes.find("midsagittal plane")
    assert np.linalg.norm(plane.GetCenterWorld()) < 0.2 and 0.1 < plane.GetSizeWorld()[0] < 0.5


def test_a_landmark_moved_by_hand_is_as_certain_as_observers_agree(pair: Pair) -> None:
    from FacialLandmarks3DLib.scene.detected import adopt

    adopt(pair.before)
    before = case_of(pair.before)
    cases.move(pair.before, "go_r", (0.0, 4.0, 0.0))
    after = case_of(pair.before)
    place = before.index("go_r")
    assert np.trace(after.covariance[place]) < 0.7 * np.trace(before.covariance[place])
    assert after.position("go_r")[1] == pytest.approx(before.position("go_r")[1] - 4.0)


@pytest.mark.parametrize("held", [False, True])
def test_observers_are_added_unless_the_stated_errors_hold_them(pair: Pair, held: bool) -> None:
    from FacialLandmarks3DLib.scene.detected import adopt

    adopt(pair.before)
    write_provenance(pair.before, Provenance(model="2S-SGCN", version="1", errors_hold_observers=held))
    cases.move(pair.before, "go_r", (0.0, 4.0, 0.0))
    found, stated = case_of(pair.before), read_landmarks(cases.BEFORE)
    of_detector = (stated.error_bound[stated.index("prn")] / BOUND_IN_SD) ** 2
    wanted = of_detector if held else of_detector + 0.41**2
    assert found.covariance[found.index("prn")] == pytest.approx(wanted * np.eye(3), abs=2e-3)
    assert found.covariance[found.index("go_r"), 0, 0] == pytest.approx(1.38**2)  # placed by hand: observers alone
    assert found.info["errors_hold_observers"] is held


def test_lists_that_cannot_be_measured_are_refused(pair: Pair) -> None:
    empty = pair.application.add("MarkupsFiducial", "Empty")
    with pytest.raises(ReviewError, match="no landmarks"):
        case_of(empty)
    for _twice in range(2):
        empty.AddControlPoint([0.0, 0.0, 0.0], "n")
    with pytest.raises(ReviewError, match="'n' twice"):
        case_of(empty)
    with pytest.raises(ReviewError, match="at least one"):
        pair.planning.measure([])


# --- measurements -------------------------------------------------------------------------------------------------


def test_all_analyses_are_measured_as_sgcn_core_does(pair: Pair) -> None:
    names = [name for name, _title, _about in analyses()]
    table = pair.planning.measure(names)
    wanted = measure(AnalysisCase.from_file(cases.BEFORE), analyses=names)
    rows = cases.rows_of(table)
    assert table.GetNumberOfRows() == len(wanted) > 100 and table.GetLocked()
    for each in wanted.values:
        row = rows[each.measurement.title]
        assert same(row["value"], each.value), each.name
        assert bool(row["interval"]) == (each.low is not None)
        if each.status != "ok":
            assert each.status.split()[0] in row["status"]
    assert "z" not in rows[WIDTH]


def test_measurements_do_not_depend_on_how_the_head_lies(pair: Pair) -> None:
    tables = []
    for _turn in range(2):
        rows = cases.rows_of(pair.planning.measure(["farkas"], lines=False))
        tables.append({name: (row["value"], row["unit"], row["status"]) for name, row in rows.items()})
        cases.turned(pair.application, pair.before, pair.face)
    assert tables[0] == tables[1]


@pytest.mark.parametrize("how", ["missing", "unset"])
def test_a_landmark_without_position_leaves_cells_empty(pair: Pair, how: str) -> None:
    place = pair.before.GetControlPointIndexByLabel("ex_r")
    if how == "missing":
        pair.before.SetNthControlPointPositionMissing(place)
    else:
        pair.before.UnsetNthControlPointPosition(place)
    row = cases.rows_of(pair.planning.measure(["farkas"]))[WIDTH]
    assert (row["value"], row["unit"], row["interval"]) == ("", "", "") and row["status"] == "missing: ex_r"


def test_moving_a_landmark_updates_table_lines_and_plane_and_duplicates_nothing(pair: Pair) -> None:
    planning = pair.planning
    planning.measure(["farkas"])
    planning.fit_plane()
    before, nodes = float(cases.rows_of(planning.table)[WIDTH]["value"]), cases.classes_in(pair.application)
    plane = planning.nodes.find("midsagittal plane")
    assert plane.GetLocked() and not planning.nodes.mark()
    cases.move(pair.before, "ex_r", (5.0, 0.0, 0.0))  # in RAS the subject's right is +x
    assert {node.GetAttribute(STALE) for node in planning.nodes} == {"0"}
    assert len(planning.nodes.mark()) == len(list(planning.nodes)) and "Out of date" in planning.state()
    shifted = plane.GetCenterWorld()
    planning.update()
    assert float(cases.rows_of(planning.table)[WIDTH]["value"]) == pytest.approx(before + 5.0, abs=0.3)
    assert plane.GetCenterWorld() != shifted and not planning.nodes.mark() and "Out of date" not in planning.state()
    assert cases.classes_in(pair.application) == nodes


def test_lines_end_where_the_analysis_puts_them(pair: Pair) -> None:
    transform = cases.turned(pair.application, pair.before)
    pair.planning.measure(["ricketts"])
    (line,) = [node for node in pair.planning.nodes if node.IsA("vtkMRMLMarkupsLineNode")]
    wanted = measure(AnalysisCase.from_file(cases.BEFORE), analyses=["ricketts"]).lines[0]
    assert line.GetName() == wanted.name and line.GetLocked()
    for place, end in enumerate((wanted.start, wanted.end)):
        in_world = transform.TransformPoint(*(end * (-1, -1, 1)))
        np.testing.assert_allclose(line.GetNthControlPointPositionWorld(place), in_world, atol=1e-3)
    pair.planning.measure(["ricketts"], lines=False)
    assert not pair.planning.nodes.roles("line:")


def test_what_needs_a_horizontal_is_not_available_without_one(pair: Pair) -> None:
    without = cases.rows_of(pair.planning.measure(["arnett"]))
    with_axes = cases.rows_of(pair.planning.measure(["arnett"], horizontal="axes"))
    lacking = {name for name, row in without.items() if row["status"] == "not available"}
    assert lacking and all(without[name]["value"] == "" for name in lacking)
    assert {name for name in lacking if with_axes[name]["value"]}
    wanted = measure(AnalysisCase.from_file(cases.BEFORE), analyses=["arnett"], horizontal="axes")
    assert all(same(with_axes[each.measurement.title]["value"], each.value) for each in wanted.values)
    cases.move(pair.before, "prn", (0.0, 0.1, 0.0))
    pair.planning.update()
    assert pair.planning.chosen_horizontal() == "axes"


def test_norms_are_off_until_the_user_gives_a_file(pair: Pair, tmp_path: Path) -> None:
    pytest.importorskip("sgcn_core.analysis.norms", reason="norms are not there yet")
    rows = cases.rows_of(pair.planning.measure(["farkas"]))
    (value,) = [v for v in pair.planning.measured(["farkas"]).values if v.measurement.title == WIDTH]
    norm = {
        "measurement": value.name, "mean": value.value - 2.0, "sd": 4.0, "n": 100, "sex": "female",
        "population": "test people", "age": "adults", "source": "nobody", "definition": "ex to ex",
    }  # fmt: skip
    file = tmp_path / "norms.json"
    file.write_text(json.dumps({"norms": [norm]}))
    with_norms = cases.rows_of(pair.planning.measure(["farkas"], norms=str(file)))
    assert with_norms[WIDTH]["z"] == "+0.5" and "test people" in with_norms[WIDTH]["norm"]
    assert "z" not in rows[WIDTH] and with_norms["Nose width"]["z"] == ""
    with pytest.raises(ValueError, match="male"):
        pair.planning.measure(["farkas"], norms=str(file), sex="male")
    file.write_text("[]")
    with pytest.raises(ValueError, match=r"norms\.json"):
        pair.planning.measure(["farkas"], norms=str(file))


# --- symmetry -----------------------------------------------------------------------------------------------------


def test_the_plane_lies_between_both_sides_and_moves_with_the_head(pair: Pair) -> None:
    pair.planning.fit_plane()
    node, wanted = pair.planning.nodes.find("midsagittal plane"), find_plane(AnalysisCase.from_file(cases.BEFORE))
    np.testing.assert_allclose(node.GetNormalWorld(), wanted.normal * (-1, -1, 1), atol=1e-4)
    assert abs(wanted.signed_distance(np.array(node.GetCenterWorld()) * (-1, -1, 1))) < 1e-3
    assert node.GetNormalWorld()[0] < -0.99  # to the subject's left
    transform = cases.turned(pair.application, pair.before)
    before = node.GetNormalWorld()
    pair.planning.update()
    np.testing.assert_allclose(node.GetNormalWorld(), transform.TransformVector(before), atol=1e-4)


def test_the_asymmetry_of_a_landmark_that_was_moved_is_stated(pair: Pair) -> None:
    cases.move(pair.before, "ch_l", (0.0, 0.0, 6.0))
    pair.planning.fit_plane()
    rows = cases.rows_of(pair.planning.shown_table)
    assert float(rows["ch: asymmetry"]["value"]) == pytest.approx(6.0, abs=1.5)
    assert rows["ch: asymmetry"]["status"] == "more than usual"
    assert float(rows["ch: asymmetry, upwards"]["value"]) == pytest.approx(6.0, abs=1.5)
    assert float(rows["ch: cant from in front"]["value"]) > 4 and rows["ch: cant from in front"]["unit"] == "°"
    cases.take_away(pair.before, "ch_l")
    pair.planning.fit_plane()
    row = cases.rows_of(pair.planning.shown_table)["ch: asymmetry"]
    assert (row["value"], row["unit"], row["interval"], row["status"]) == ("", "", "", "missing")


def test_without_stable_landmarks_there_is_no_plane(pair: Pair) -> None:
    for label in ("ex_r", "en_r", "t_r"):
        cases.take_away(pair.before, label)
    with pytest.raises(ValueError, match="two pairs"):
        pair.planning.fit_plane()
    assert pair.planning.nodes.find("midsagittal plane") is None


def test_distances_are_those_of_sgcn_core(pair: Pair) -> None:
    first, second = (read_surface(file) for file in cases.FACES.values())
    part = first.clipped(np.arange(len(first.faces)) < 5000).compacted()
    found, wanted = finished(distance_steps(part, second)), distance_map(part, second).distance
    both = np.isfinite(found) & np.isfinite(wanted)
    assert both.mean() > 0.5 and (np.isfinite(found) == np.isfinite(wanted)).mean() > 0.97
    # sgcn_core looks at the triangles around the closest vertices, VTK at all of them.
    assert (np.abs(found) <= np.abs(wanted) + 1e-6)[both].mean() > 0.99
    assert np.percentile(np.abs(found - wanted)[both], 95) < 0.05
    larger = part.with_(vertices=part.vertices * 1.02)
    assert np.nanmedian(finished(distance_steps(larger, first))) > 0.5


def test_the_symmetry_map_colours_the_face_and_hiding_it_restores_everything(pair: Pair) -> None:
    display = pair.face.GetDisplayNode()
    display.SetScalarVisibility(False)
    before = display.GetColorNodeID() or None, display.GetScalarRange(), display.GetActiveScalarName()
    nodes = cases.classes_in(pair.application)
    assert "mirror image" in pair.planning.symmetry_map()
    model = pair.planning.map.model
    assert model is pair.face and display.GetScalarVisibility() and pair.planning.map.title == "Symmetry map"
    low, high = display.GetScalarRange()
    assert low == -high and high in (1.0, 2.0, 3.0, 5.0)
    colors = display.GetColorNode()
    middle, ends = np.zeros(4), np.zeros((2, 4))
    colors.GetColor(colors.GetNumberOfColors() // 2, middle)
    colors.GetColor(0, ends[0]), colors.GetColor(colors.GetNumberOfColors() - 1, ends[1])
    assert middle[:3].min() > 0.9 and ends[0][2] > ends[0][0] and ends[1][0] > ends[1][2]
    brightness = ends[:, :3] @ (0.2126, 0.7152, 0.0722)
    assert brightness[1] - brightness[0] > 0.2  # both signs can be told apart in grey
    legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(pair.face)
    assert legend is not None and legend.GetTitleText() == "mm"
    surface = read_surface(cases.FACES["Before"])
    wanted = mirror_map(surface, find_plane(AnalysisCase.from_file(cases.BEFORE))).distance
    found = vtk.util.numpy_support.vtk_to_numpy(display.GetActiveScalarArray())
    assert np.nanpercentile(np.abs(found - wanted), 95) < 0.05
    pair.planning.map.hide()
    assert (display.GetColorNodeID() or None, display.GetScalarRange(), display.GetActiveScalarName()) == before
    assert not display.GetScalarVisibility() and pair.face.GetPolyData().GetPointData().GetNumberOfArrays() == 0
    assert slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(pair.face) is None
    pair.planning.clear()
    assert cases.classes_in(pair.application) == [*nodes, "vtkMRMLSubjectHierarchyNode SubjectHierarchy"]


def test_a_heatmap_and_a_map_take_each_others_place(pair: Pair) -> None:
    heatmap, count = HeatmapOverlay(), pair.face.GetPolyData().GetNumberOfPoints()
    display = pair.face.GetDisplayNode()
    before = display.GetScalarVisibility(), display.GetColorNodeID() or None
    heatmap.show(pair.face, "prn", np.linspace(0, 1, count))
    pair.planning.map.show(pair.face, np.linspace(-1, 1, count), "Symmetry map")
    assert shown_on(pair.face) == MAP and heatmap.model is None
    heatmap.hide()
    assert pair.planning.map.model is pair.face, "the map is not the heatmap's to hide"
    heatmap.show(pair.face, "prn", np.linspace(0, 1, count))
    assert pair.planning.map.model is None
    pair.planning.map.hide()
    assert heatmap.model is pair.face
    heatmap.hide()
    assert (display.GetScalarVisibility(), display.GetColorNodeID() or None) == before


def test_the_range_of_a_map_is_round_and_holds_nearly_all() -> None:
    values = np.concatenate([np.full(999, 1.4), [30.0], [np.nan]])
    assert limit_of(values) == 2.0 and limit_of(np.array([np.nan])) == 1.0


# --- plots and views ----------------------------------------------------------------------------------------------


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


# --- scenes -------------------------------------------------------------------------------------------------------


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
