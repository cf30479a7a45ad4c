"""Measurements from landmarks: hand-computed values, invariances, what cannot be measured."""

from __future__ import annotations

import math

import numpy as np
import pytest
from constructed_face import case_of, mirrored, positions
from scipy.spatial.transform import Rotation

from sgcn_core.analysis import AnalysisCase, measure
from sgcn_core.errors import LandmarkError, SettingsError
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.surface import Surface

P = positions()
P["sto"] = (P["sts"] + P["sti"]) / 2
FORWARD = (0.0, -1.0, 0.0)
SIDES = ("r", "l")


def dist(a: str, b: str) -> float:
    return math.dist(P[a], P[b])


def corner(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
    u, v = a - b, c - b
    return math.degrees(math.acos(u @ v / math.sqrt(u @ u * (v @ v))))


def angle(a: str, b: str, c: str, drop: int | None = None) -> float:
    keep = [axis for axis in range(3) if axis != drop]
    return corner(P[a][keep], P[b][keep], P[c][keep])


def directions(a: str, b: str, c: str, d: str) -> float:
    """Angle in profile between a to b and c to d."""
    return corner(P[b][1:] - P[a][1:], np.zeros(2), P[d][1:] - P[c][1:])


def ahead(p: str, a: str | np.ndarray, b: str) -> float:
    """Distance in profile by the area of the triangle; positive in front of where the line is at the same height."""
    (ay, az), (by, bz) = (a if isinstance(a, np.ndarray) else P[a])[1:], P[b][1:]
    py, pz = P[p][1:]
    area = abs((by - ay) * (pz - az) - (bz - az) * (py - ay))
    at_height = ay + (by - ay) * (pz - az) / (bz - az)
    return math.copysign(area / math.hypot(by - ay, bz - az), at_height - py)


def away(p: str, a: str, b: np.ndarray) -> float:
    return float(np.linalg.norm(np.cross(P[p] - P[a], b - P[a])) / np.linalg.norm(b - P[a]))


def expected() -> dict[str, float]:
    """Every measurement of the constructed face, without the package's own functions."""
    base = (P["ac_r"] + P["ac_l"]) / 2
    s_point = (P["prn"] + P["sn"]) / 2
    values = {
        "face_height": math.sqrt(1 + 16 + 110**2),
        "upper_face_height": math.sqrt(16 + 71**2),
        "lower_face_height": math.sqrt(1 + 16 + 60**2),
        "menton_sellion_length": math.sqrt(1 + 100 + 106**2),
        "face_width": 136.0,
        "mandible_width": math.sqrt(104**2 + 9),
        "frontal_width": 112.0,
        "cranial_base_width": 140.0,
        "mandible_angle": angle("go_r", "me", "go_l", drop=1),
        "intercanthal_width": 32.0,
        "outercanthal_width": 88.0,
        "nose_height": 50.0,
        "nasal_bridge_length": math.sqrt(4 + 22**2 + 38**2),
        "nose_width": 36.0,
        "alar_base_width": 34.0,
        "subnasal_width": 18.0,
        "nasal_protrusion": math.sqrt(4 + 22**2 + 12**2),
        "nasal_root_width": 18.0,
        "nasofrontal_angle": angle("g", "n", "prn"),
        "nasolabial_angle": angle("c", "sn", "ls"),
        "nasolabial_angle_prn": angle("prn", "sn", "ls"),
        "ala_slope_angle": angle("al_r", "prn", "al_l"),
        "mouth_width": math.sqrt(52**2 + 4),
        "philtrum_width": 12.0,
        "philtrum_length": math.sqrt(1 + 64 + 14**2),
        "upper_lip_height": math.sqrt(16 + 21**2),
        "lower_lip_height": math.sqrt(36 + 17**2),
        "upper_vermilion_height": math.sqrt(1 + 16 + 49),
        "lower_vermilion_height": math.sqrt(1 + 4 + 81),
        "cutaneous_lower_lip": math.sqrt(1 + 64 + 64),
        "interlabial_gap": 2.0,
        "labiomental_angle": angle("li", "sl", "pg"),
        "oral_cant": math.degrees(math.atan2(2, 52)),
        "gonial_cant": math.degrees(math.atan2(3, 104)),
        "facial_convexity": angle("g", "sn", "pg"),
        "total_convexity": angle("g", "prn", "pg"),
        "upper_third": dist("tr", "g"),
        "middle_third": math.sqrt(1 + 4 + 60**2),
        "lower_third": math.sqrt(1 + 12**2 + 64**2),
        "middle_lower_third_ratio": dist("g", "sn") / dist("sn", "me"),
        "lower_third_split": dist("sn", "sto") / dist("sto", "me"),
        "middle_fifth": 32.0,
        "fifths_ratio": 32.0 / 28.0,
        "dorsal_length": math.sqrt(4 + 24**2 + 30**2),
        "tip_projection": away("prn", "se", base),
        "goode_ratio": away("prn", "se", base) / dist("se", "prn"),
        "tip_angle": angle("se", "prn", "sn"),
        "columella_length": math.sqrt(1 + 14**2 + 4),
        "columella_tip_length": dist("sn", "c") + dist("c", "prn"),
        "alar_base_to_intercanthal": 34.0 / 32.0,
        "alar_flare": 2.0,
        "nasofrontal_angle_se": angle("g", "se", "prn", drop=0),
        "nasofacial_angle": directions("g", "pg", "se", "prn"),
        "nasomental_angle": angle("se", "prn", "pg", drop=0),
        "tip_deviation": 2.0,
        "e_line_upper_lip": ahead("ls", "prn", "pg"),
        "e_line_lower_lip": ahead("li", "prn", "pg"),
        "s_line_upper_lip": ahead("ls", s_point, "pg"),
        "s_line_lower_lip": ahead("li", s_point, "pg"),
        "b_line_upper_lip": ahead("ls", "sn", "pg"),
        "b_line_lower_lip": ahead("li", "sn", "pg"),
        "z_angle": min(math.degrees(math.atan2(36, 6)), math.degrees(math.atan2(20, 4))),
        "h_angle": directions("pg", "ls", "pg", "n"),
        "h_line_lower_lip": ahead("li", "pg", "ls"),
        "h_line_subnasale": ahead("sn", "pg", "ls"),
        "h_line_upper_sulcus": ahead("spl", "pg", "ls"),
        "h_line_lower_sulcus": ahead("sl", "pg", "ls"),
        "soft_facial_angle": math.degrees(math.atan2(100, -2)),
        "nose_prominence": 14.0,
        "facial_contour_angle": 180 - angle("g", "sn", "pg", drop=0),
        "maxillary_prognathism": -2.0,
        "mandibular_prognathism": 0.0,
        "vertical_height_ratio": 60.0 / 64.0,
        "lower_face_throat_angle": angle("sn", "gn", "cervical", drop=0),
        "lower_height_depth_ratio": math.hypot(4, 60) / math.hypot(50, 10),
        "mentolabial_sulcus_depth": -ahead("sl", "li", "pg"),
        "vertical_lip_chin_ratio": dist("sn", "sts") / dist("sti", "me"),
        "mentocervical_angle": directions("pg", "g", "me", "cervical"),
        "facial_index": 100 * dist("n", "gn") / 136,
        "upper_facial_index": 100 * dist("n", "sto") / 136,
        "nasal_index": 72.0,
        "intercanthal_index": 100 * 32 / 88,
        "lower_third_index": 100 * dist("sn", "gn") / dist("n", "gn"),
        "mandibular_index": 100 * math.sqrt(104**2 + 9) / 136,
        "nasal_tip_index": 100 * dist("sn", "prn") / 36,
        "mouth_face_index": 100 * math.sqrt(52**2 + 4) / 136,
        **{
            f"midline_{name}": P[name][0]
            for name in ["g", "n", "se", "prn", "c", "sn", "ls", "sto", "li", "sl", "pg", "gn", "me"]
        },
        **{f"vertical_{name}": -18 - P[name][1] for name in ["g", "prn", "spl", "ls", "li", "sl", "pg"]},
    }
    paired = {
        "upper_face_depth": lambda s: dist("n", f"t_{s}"),
        "middle_face_depth": lambda s: dist("sn", f"t_{s}"),
        "lower_face_depth": lambda s: dist("gn", f"t_{s}"),
        "mandible_depth": lambda s: dist("gn", f"go_{s}"),
        "ramus_height": lambda s: dist(f"t_{s}", f"go_{s}"),
        "gonial_angle": lambda s: angle(f"t_{s}", f"go_{s}", "gn"),
        "fissure_length": lambda s: math.sqrt(28**2 + 100 + 4),
        "fissure_height": lambda s: math.sqrt(1 + 1 + 121),
        "canthal_tilt": lambda s: math.degrees(math.atan2(2, 28)),
        "brow_height": lambda s: math.sqrt(16 + 36 + 18**2),
        "ala_length": lambda s: dist(f"ac_{s}", "prn"),
        "lateral_upper_lip": lambda s: dist(f"sbal_{s}", f"ch_{s}"),
        "ear_length": lambda s: math.sqrt(36 + 64 + 62**2),
        "ear_width": lambda s: math.sqrt(12**2 + 28**2 + 16),
        "ear_insertion_length": lambda s: math.sqrt(9 + 4 + 44**2),
        "upper_middle_depth_index": lambda s: 100 * dist("n", f"t_{s}") / dist("sn", f"t_{s}"),
        "middle_lower_depth_index": lambda s: 100 * dist("sn", f"t_{s}") / dist("gn", f"t_{s}"),
        "eye_fissure_index": lambda s: 100 * math.sqrt(123) / math.sqrt(888),
        "inner_fifth": lambda s: 28.0,
        "outer_fifth": lambda s: 40.0,
    }
    return values | {f"{name}_{side}": value(side) for name, value in paired.items() for side in SIDES}


EXPECTED = expected()
HARD_TISSUE = {"skeletal_convexity", "lip_thickness", "incisor_exposure"}


@pytest.fixture(scope="module")
def table():
    return measure(case_of(positions()), horizontal=FORWARD)


def test_every_measurement_has_its_hand_computed_value(table) -> None:
    over_surface = {value.name for value in table.values if value.measurement.method == "surface"}
    assert {value.name for value in table.values} - over_surface - HARD_TISSUE == set(EXPECTED)
    for name, value in EXPECTED.items():
        assert table[name].value == pytest.approx(value, abs=1e-9), name


def test_a_rigid_motion_the_unit_the_frame_and_the_order_change_nothing(table) -> None:
    points = positions()
    turn = Rotation.from_euler("xyz", (20, 75, -130), degrees=True)
    away = np.array([30.0, -500.0, 7.0])
    moved = {label: turn.apply(place) + away for label, place in reversed(points.items())}
    other = measure(case_of(moved), horizontal=turn.apply(FORWARD))
    result = LandmarkResult(
        tuple(moved),
        np.array(list(moved.values())) * (-0.1, -0.1, 0.1),  # centimetres, RAS
        np.ones(len(moved)),
        ("found",) * len(moved),
        unit="cm",
        frame="RAS",
        error_bound=np.full(len(moved), 0.5 * 2.5003),
    )
    read = measure(AnalysisCase.from_result(result, observers=False), horizontal=turn.apply(FORWARD))
    for value in table.values:
        for same in (other[value.name], read[value.name]):
            assert same.status == value.status
            if value.value is not None:
                assert same.value == pytest.approx(value.value, abs=1e-6), value.name
                assert same.sd == pytest.approx(value.sd, rel=0.02), value.name  # by steps along other axes


def test_a_mirrored_face_exchanges_left_and_right(table) -> None:
    other = measure(case_of(mirrored(positions())), horizontal=FORWARD)
    signed = ("midline_", "oral_cant", "gonial_cant", "tip_deviation")
    for value in table.values:
        if value.value is None:
            continue
        name = value.name
        swapped = f"{name[:-1]}{dict(r='l', l='r')[name[-1]]}" if name[-2:] in ("_r", "_l") else name
        sign = -1.0 if name.startswith(signed) else 1.0
        assert other[swapped].value == pytest.approx(sign * value.value, abs=1e-9), name


def test_a_missing_landmark_leaves_its_measurements_empty() -> None:
    points = positions()
    del points["prn"], points["t_l"]
    table = measure(case_of(points))
    assert table["nasal_bridge_length"].value is None
    assert (table["nasal_bridge_length"].status, table["nasal_bridge_length"].missing) == ("missing", ("prn",))
    assert table["upper_face_depth_l"].missing == ("t_l",)
    assert table["upper_face_depth_r"].status == "ok"
    row = table["nasal_bridge_length"].row()
    assert [row[key] for key in ("value", "sd", "low_95", "high_95")] == [None] * 4


def test_what_needs_more_than_landmarks_says_what() -> None:
    table = measure(case_of(positions()))
    for name, reason in (
        ("vertical_prn", "natural head position"),
        ("z_angle", "natural head position"),
        ("maxillary_arc", "surface"),
        ("skeletal_convexity", "hard tissue"),
    ):
        assert table[name].status == "not available" and reason in table[name].reason, name


def test_no_stomion_between_open_lips() -> None:
    points = positions()
    points["sti"] = points["sti"] + (0.0, 0.0, -8.0)
    value = measure(case_of(points))["upper_lip_height"]
    assert value.value is None and "lips are apart" in value.reason
    points["sto"] = np.array([0.0, -22.0, -61.0])  # placed by hand
    assert measure(case_of(points))["upper_lip_height"].value == pytest.approx(math.hypot(4, 21))


def test_horizontals() -> None:
    case = case_of(positions())
    frankfort = measure(case, analyses=["arnett"], horizontal="frankfort")
    assert frankfort["vertical_prn"].value == pytest.approx(22 * 1.0, abs=1.0)  # t and or are level in this face
    substitute = measure(case, analyses=["arnett"], horizontal="frankfort:pi")
    assert "pi in the place of orbitale" in substitute.info["head frame"]
    assert measure(case, horizontal="axes")["vertical_prn"].value == pytest.approx(22.0)
    for wrong in ("up", "1,2", "0,0,0"):
        with pytest.raises(SettingsError, match="horizontal"):
            measure(case, horizontal=wrong)


def test_analyses_draw_their_lines() -> None:
    table = measure(case_of(positions()), analyses=["ricketts", "arnett"], horizontal=FORWARD)
    lines = {line.name: line for line in table.lines}
    along = (P["pg"] - P["prn"]) / dist("pg", "prn")
    assert lines["E-line"].start == pytest.approx(P["prn"] - 10 * along)
    assert lines["true vertical"].end - lines["true vertical"].start == pytest.approx((0, 0, 180))
    assert not measure(case_of(positions()), analyses=["arnett"]).lines  # no horizontal, no vertical


def test_the_surface_must_be_that_of_the_landmarks() -> None:
    points = positions()
    result = LandmarkResult(
        tuple(points), list(points.values()), np.ones(len(points)), ("found",) * len(points), unit="mm"
    )
    vertices = np.array(list(points.values()))
    faces = np.stack([np.arange(len(points) - 2) + k for k in range(3)], axis=1)
    in_metres = Surface(vertices / 1000.0, faces, unit="m")
    assert AnalysisCase.from_result(result, in_metres).surface.vertices == pytest.approx(vertices)
    with pytest.raises(LandmarkError, match="do not lie on the surface"):
        AnalysisCase.from_result(result, Surface(vertices + 300.0, faces, unit="mm"))
