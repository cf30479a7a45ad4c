"""The plane of symmetry and maps on the face, as nodes of slicer-core, against sgcn_core reading the same files."""

from __future__ import annotations

import numpy as np
import pytest
import vtk

pytest.importorskip("slicer", reason="slicer-core is not installed")

import planning_cases as cases
from FacialLandmarks3DLib.planning.maps import distance_steps, finished, limit_of
from FacialLandmarks3DLib.review.heatmap import HeatmapOverlay
from FacialLandmarks3DLib.scene.overlay import MAP, shown_on
from planning_cases import Pair
from slicer_scene import slicer

from sgcn_core.analysis.case import AnalysisCase
from sgcn_core.analysis.distance_maps import distance_map, mirror_map
from sgcn_core.analysis.symmetry import find_plane
from sgcn_core.io.meshes import read_surface

pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")


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
