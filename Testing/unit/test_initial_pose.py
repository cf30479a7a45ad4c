"""The pose shown by three points."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from sgcn_core.errors import LandmarkError
from sgcn_core.geometry.similarity import Similarity
from sgcn_core.pose.manual import pose_of_points

TYPICAL = {"ex_r": (-45.0, 30.0, 40.0), "ex_l": (45.0, 30.0, 40.0), "prn": (0.0, -10.0, 85.0), "gn": (0.0, -75.0, 60.0)}
TO_SCAN = Similarity(
    0.0011, Rotation.from_euler("xyz", (70, -120, 33), degrees=True).as_matrix(), np.array([5.0, -2, 9])
)


def placed(**changes: object) -> dict[str, object]:
    return {label: TO_SCAN.apply(TYPICAL[label]) for label in ("ex_r", "ex_l", "prn")} | changes


def test_three_points_in_metres_tell_pose_and_size() -> None:
    to_head = pose_of_points(placed(), TYPICAL, to_mm=1000.0)

    np.testing.assert_allclose(to_head.apply(1000.0 * TO_SCAN.apply(TYPICAL["gn"])), TYPICAL["gn"], atol=1e-9)
    assert 1.0 / to_head.scale == pytest.approx(1.1)
    assert np.linalg.det(to_head.rotation) == pytest.approx(1.0)


def test_another_point_may_help() -> None:
    to_head = pose_of_points(placed(gn=TO_SCAN.apply(TYPICAL["gn"])), TYPICAL, to_mm=1000.0)

    np.testing.assert_allclose(to_head.apply(1000.0 * TO_SCAN.translation), (0, 0, 0), atol=1e-9)


@pytest.mark.parametrize(
    ("points", "to_mm", "complaint"),
    [
        ({"ex_r": (0, 0, 0), "prn": (1, 1, 1)}, 1.0, "missing: ex_l"),
        (placed(nose=(0, 0, 0)), 1000.0, "unknown initial landmark 'nose'"),
        (placed(prn=(0, 0)), 1000.0, "'prn' must be three finite numbers"),
        (placed(prn=(0, 0, np.nan)), 1000.0, "'prn' must be three finite numbers"),
        (placed(prn="tip"), 1000.0, "'prn' must be three"),
        (placed(prn=TO_SCAN.apply((45.0, 31.0, 40.0))), 1000.0, "do not fit a face"),
        (placed(prn=TO_SCAN.apply((0.0, 30.0, 40.0))), 1000.0, "one line"),
        (placed(), 1.0, "check the unit"),
    ],
)
def test_what_cannot_be_a_face_is_refused(points: dict[str, object], to_mm: float, complaint: str) -> None:
    with pytest.raises(LandmarkError, match=complaint):
        pose_of_points(points, TYPICAL, to_mm=to_mm)  # type: ignore[arg-type]
