"""Two dates and two observers compared on real nodes of slicer-core."""

from __future__ import annotations

import numpy as np
import pytest
import vtk

pytest.importorskip("slicer", reason="slicer-core is not installed")

import planning_cases as cases
from FacialLandmarks3DLib.planning.session import Planning
from FacialLandmarks3DLib.scene.nodes import ReviewError
from FacialLandmarks3DLib.scene.overlay import shown_on
from planning_cases import WIDTH, Pair

from sgcn_core.analysis.case import AnalysisCase
from sgcn_core.io.meshes import read_surface

pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")

# --- two dates ----------------------------------------------------------------------------------------------------


def test_a_known_change_is_found_and_nothing_of_the_users_is_moved(pair: Pair) -> None:
    planning = pair.planning
    planning.measure(["farkas", "ricketts"])
    said = planning.compare(pair.after, pair.face_after)
    assert "Registered on the skin of forehead, nasal root" in said
    assert pair.face_after.GetTransformNodeID() is None and pair.after.GetTransformNodeID() is None
    rows = cases.rows_of(planning.shown_table)
    moved = rows["pg: displacement"]
    assert moved["status"] == "changed" and float(moved["change"]) == pytest.approx(6.3, abs=1.5)
    assert float(moved["change"]) > float(moved["detectable"])
    assert rows["n: displacement"]["status"] == "not detectable"
    assert rows[WIDTH]["status"] == "not detectable" and abs(float(rows[WIDTH]["change"])) < 1.5
    transform = planning.nodes.find("registration")
    matrix = np.array([[transform.GetMatrixTransformToParent().GetElement(i, j) for j in range(4)] for i in range(4)])
    assert np.linalg.det(matrix[:3, :3]) == pytest.approx(1.0, abs=1e-6)
    for label in ("n", "g", "ex_r"):
        start, end = (
            np.array(node.GetNthControlPointPositionWorld(node.GetControlPointIndexByLabel(label)))
            for node in (pair.before, pair.after)
        )
        assert np.linalg.norm(matrix[:3, :3] @ end + matrix[:3, 3] - start) < 2.0
    arrows = planning.nodes.find("displacements")
    assert arrows.GetPolyData().GetNumberOfCells() > 62
    assert "compare again" not in planning.state() and "Out of date" not in planning.state()
    cases.move(pair.after, "pg", (0.0, 1.0, 0.0))
    planning.update()
    assert "Changes" in planning.state() and "Registration" in planning.state()


def test_landmarks_alone_are_registered_where_a_scan_is_not_known(pair: Pair) -> None:
    said = pair.planning.compare(pair.after, None, ("forehead", "nasal root", "right eye", "left eye"))
    assert "Registered on the landmarks" in said and "with both scans it is more exact" in said
    assert float(cases.rows_of(pair.planning.shown_table)["pg: displacement"]["detectable"]) > 2.0


def test_what_cannot_be_compared_is_said(pair: Pair) -> None:
    for other, words in ((None, "Choose the landmarks"), (pair.before, "other landmarks than")):
        with pytest.raises(ReviewError, match=words):
            pair.planning.compare(other)
    with pytest.raises(ReviewError, match="Choose the scan"):
        pair.planning.change_map(pair.after)
    with pytest.raises(ReviewError, match="same scan"):
        pair.planning.change_map(pair.after, pair.face)
    with pytest.raises(ReviewError, match="which scan"):
        Planning(pair.before).symmetry_map()
    for label in ("n", "se"):
        cases.take_away(pair.after, label)
    with pytest.raises(ValueError, match="three landmarks"):
        pair.planning.compare(pair.after, None, ("nasal root",))


def test_the_map_of_the_change_is_on_the_later_scan(pair: Pair) -> None:
    pair.planning.change_map(pair.after, pair.face_after)
    assert pair.planning.map.model is pair.face_after and shown_on(pair.face) is None
    values = vtk.util.numpy_support.vtk_to_numpy(pair.face_after.GetDisplayNode().GetActiveScalarArray())
    points = read_surface(cases.FACES["After"]).vertices
    chin = AnalysisCase.from_file(cases.AFTER).position("pg")
    near = np.linalg.norm(points - chin, axis=1)
    assert 4.0 < np.nanmax(values[near < 12]) < 7.0 and np.nanpercentile(np.abs(values[near > 90]), 90) < 0.5


# --- two observers ------------------------------------------------------------------------------------------------


def test_two_observers_are_compared_on_one_scan(pair: Pair) -> None:
    second = cases.landmarks_in(pair.application, cases.BEFORE)
    cases.move(second, "ex_r", (3.0, 0.0, 4.0))
    cases.take_away(second, "prn")
    pair.planning.measure(["farkas"])
    said = pair.planning.compare_observers(second)
    assert "61 landmarks" in said and "limits of agreement" in said
    rows = cases.rows_of(pair.planning.shown_table)
    assert rows["ex_r"]["difference"] == "5.0" and rows["ex_l"]["difference"] == "0.0"
    assert (rows["prn"]["difference"], rows["prn"]["unit"], rows["prn"]["status"]) == ("", "", "missing")
    assert float(rows[WIDTH]["difference"]) == pytest.approx(3.0, abs=0.2)
    chart = pair.planning.plot()
    assert "Bland-Altman" in chart.GetTitle() and chart.GetNumberOfPlotSeriesNodes() == 4
    table = chart.GetNthPlotSeriesNode(0).GetTableNode()
    data = {
        table.GetColumnName(place): table.GetTable().GetColumn(place) for place in range(table.GetNumberOfColumns())
    }
    differences = vtk.util.numpy_support.vtk_to_numpy(data["difference"])
    bias, sd = differences.mean(), differences.std(ddof=1)
    assert data["upper limit"].GetValue(0) == pytest.approx(bias + 1.96 * sd)
    with pytest.raises(ReviewError, match="Another date"):
        far = cases.landmarks_in(pair.application, cases.BEFORE)
        for place in range(far.GetNumberOfControlPoints()):
            far.SetNthControlPointPosition(place, *np.add(far.GetNthControlPointPosition(place), 30.0))
        pair.planning.compare_observers(far)
