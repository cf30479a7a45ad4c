"""What planning takes from landmarks nodes of slicer-core, against sgcn_core reading the same files."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("slicer", reason="slicer-core is not installed")

import planning_cases as cases
from FacialLandmarks3DLib.planning.case import case_of
from FacialLandmarks3DLib.scene.detected import adopt
from FacialLandmarks3DLib.scene.nodes import ReviewError
from FacialLandmarks3DLib.scene.provenance import PREFIX, Provenance, write_provenance
from planning_cases import Pair

from sgcn_core.analysis.case import AnalysisCase
from sgcn_core.analysis.uncertainty import BOUND_IN_SD
from sgcn_core.io.markups import read_landmarks

pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")


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


@pytest.mark.parametrize("held", [None, False, True])
def test_observers_are_added_unless_stated_errors_hold_them_and_count_alone_where_placed_by_hand(
    pair: Pair, held: bool | None
) -> None:
    adopt(pair.before)
    if held is not None:
        write_provenance(pair.before, Provenance(model="2S-SGCN", version="1", errors_hold_observers=held))
    cases.move(pair.before, "go_r", (0.0, 4.0, 0.0))
    found, stated = case_of(pair.before), read_landmarks(cases.BEFORE)
    of_detector = (stated.error_bound[stated.index("prn")] / BOUND_IN_SD) ** 2
    wanted = of_detector if held else of_detector + 0.41**2
    assert found.covariance[found.index("prn")] == pytest.approx(wanted * np.eye(3), abs=2e-3)
    assert found.covariance[found.index("go_r"), 0, 0] == pytest.approx(1.38**2)  # placed by hand: observers alone
    assert found.position("go_r")[1] == pytest.approx(stated.position("go_r")[1] - 4.0, abs=1e-3)
    assert found.info.get("errors_hold_observers") is held


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
