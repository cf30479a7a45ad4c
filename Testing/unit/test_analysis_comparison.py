"""Registration of two cases, displacements, changes, distance maps and volumes, and the agreement of observers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_face import lps, made_case, made_surface, moved_case
from scipy.spatial.transform import Rotation
from tiny_face_model import ellipsoid

from sgcn_core.analysis.comparison import compare, measurement_changes, register, surface_change
from sgcn_core.analysis.distance_maps import distance_map, volume_between
from sgcn_core.analysis.observers import agreement, landmark_agreement
from sgcn_core.analysis.regions import region_mask
from sgcn_core.errors import LandmarkError, SurfaceError
from sgcn_core.types.surface import Surface

TURN = Rotation.from_euler("xyz", (-10, 160, 35), degrees=True).as_matrix()
SHIFT = np.array([-12.0, 340.0, 5.0])


def sphere(radius: float, rows: int = 60, columns: int = 90) -> Surface:
    vertices, faces = ellipsoid(rows, columns)
    unit = vertices - vertices.mean(axis=0)
    return Surface(radius * unit / np.linalg.norm(unit, axis=1)[:, None], faces, unit="mm")


@pytest.mark.parametrize("with_surface", [False, True])
def test_a_moved_chin_is_found_after_any_motion_of_the_second_case(with_surface: bool) -> None:
    surface = made_surface() if with_surface else None
    before = made_case(surface=surface)
    after = moved_case(made_case({"pg": (4, 0, 3), "gn": (4, 0, 3)}, surface=surface), TURN, SHIFT)
    found = compare(before, after)
    assert found.registration.method == ("surface" if with_surface else "landmarks")
    np.testing.assert_allclose(found.displacement("gn").vector, lps(np.array([4.0, 0, 3])), atol=0.05)
    assert found.displacement("gn").length == pytest.approx(5.0, abs=0.05)
    assert found.displacement("gn").moved and not found.displacement("n").moved
    assert found.registration.motion.scale == 1.0
    assert set(found.registration.landmarks) == {"g", "ft_r", "ft_l", "scm_r", "scm_l", "scl_r", "scl_l"} | {
        *("n", "se", "mf_r", "mf_l")
    }


def test_the_first_case_may_be_turned_as_well() -> None:
    before, after = made_case(), made_case({"gn": (4, 0, 3)})
    plain = compare(before, after).displacement("gn")
    turned = compare(moved_case(before, TURN, SHIFT), after).displacement("gn")
    np.testing.assert_allclose(turned.vector, TURN @ plain.vector, atol=1e-9)
    np.testing.assert_allclose(turned.covariance, TURN @ plain.covariance @ TURN.T, atol=1e-9)


def test_unmoved_landmarks_count_as_moved_in_one_of_twenty() -> None:
    rng, case, moved = np.random.default_rng(3), made_case(deviation=0.7), []
    for _ in range(60):
        pair = [replace(case, positions=case.positions + rng.normal(0, 0.7, case.positions.shape)) for _ in range(2)]
        found = compare(*pair)
        moved += [found.displacement(label).moved for label in ("gn", "ch_l", "prn", "go_r", "al_r")]
    assert np.mean(moved) == pytest.approx(0.05, abs=0.035)


def test_registration_without_landmarks_in_common_is_an_error() -> None:
    case = made_case()
    lacking = replace(case, status=("missing",) * len(case))
    with pytest.raises(LandmarkError, match="three landmarks that both cases have"):
        register(case, lacking)
    with pytest.raises(LandmarkError, match="needs the surfaces of both cases"):
        surface_change(case, case, register(case, case))


def test_size_is_kept_unless_asked_for() -> None:
    case = made_case()
    larger = replace(case, positions=case.positions * 1.1)
    assert register(case, larger).motion.scale == 1.0 and register(case, larger).residual > 1.0
    scaled = register(case, larger, scaling=True)
    assert scaled.motion.scale == pytest.approx(1 / 1.1) and scaled.residual < 1e-9


def test_missing_landmarks_have_no_displacement() -> None:
    case = made_case()
    status = tuple("missing" if label == "gn" else "found" for label in case.labels)
    found = compare(case, replace(case, status=status)).displacement("gn")
    assert np.isnan(found.length) and found.moved is None


def test_changes_against_the_minimal_detectable_change() -> None:
    nose, mouth, empty = measurement_changes(
        ("nose", "mouth", "ear"), (30, 50, np.nan), (0.3, 1.0, 1), (32, 52, 60), (0.4, 1.0, 1)
    )
    assert nose.difference == 2 and nose.sd == pytest.approx(0.5)
    assert nose.detectable == pytest.approx(0.98, abs=1e-3) and nose.significant
    # The same standard error twice: 1.96 sqrt(2) SEM.
    assert mouth.detectable == pytest.approx(2.772, abs=1e-3) and mouth.significant is False
    assert np.isnan(empty.difference) and empty.significant is None
    with pytest.raises(ValueError, match="as many values"):
        measurement_changes(("a",), (1, 2), (1,), (1,), (1,))


def test_distance_and_volume_between_two_spheres() -> None:
    large, small = sphere(52.0), sphere(50.0)
    found = distance_map(large, small)
    assert np.nanmean(found.distance) == pytest.approx(2.0, abs=0.02)
    between = volume_between(found)
    exact = 4 / 3 * np.pi * (52.0**3 - 50.0**3) / 1000
    assert between.outside == pytest.approx(exact, rel=0.015) and between.inside == pytest.approx(0, abs=0.01)
    inward = volume_between(distance_map(small, large))
    assert inward.net == pytest.approx(-exact, rel=0.02)


def test_volume_of_a_lifted_plate_and_of_a_region_of_it() -> None:
    x, y = (grid.ravel() for grid in np.meshgrid(np.arange(0, 41.0), np.arange(0, 41.0), indexing="ij"))
    ids = np.arange(41 * 41).reshape(41, 41)
    a, b, c, d = (part.ravel() for part in (ids[:-1, :-1], ids[1:, :-1], ids[:-1, 1:], ids[1:, 1:]))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])
    flat = Surface(np.stack([x, y, 0 * x], 1), faces, unit="mm")
    height = np.where(x < 20, 3.0, -1.0)
    inner = (x >= 5) & (x <= 15) & (y >= 10) & (y <= 30)
    found = distance_map(flat.with_(vertices=np.stack([x, y, height], 1)), flat)
    between = volume_between(found, inner)
    assert between.outside == pytest.approx(10 * 20 * 3.0 / 1000) and between.area == pytest.approx(2.0)
    assert between.covered == 1.0
    assert volume_between(found, (x >= 25) & (x <= 35) & (y >= 10) & (y <= 30)).net == pytest.approx(-0.2)
    with pytest.raises(SurfaceError, match="no counterpart"):
        volume_between(found, np.zeros(len(x), dtype=bool))


def test_distances_are_to_triangles_and_end_at_the_border() -> None:
    plate = Surface(np.array([(0.0, 0, 0), (60, 0, 0), (0, 60, 0)]), np.array([(0, 1, 2)]), unit="mm")
    vertices = np.array([(15.0, 15, 2), (25, 15, 2), (15, 25, 2), (-30, -30, 2)])
    other = Surface(vertices, np.array([(0, 1, 2), (0, 2, 3)]), unit="mm")
    # Every vertex of a single triangle lies on the border: nothing within it has a counterpart of its own.
    assert np.isnan(distance_map(other, plate).distance).all()
    middle = np.concatenate([plate.vertices, [(20.0, 20, 0)]])
    fan = plate.with_(vertices=middle, faces=np.array([(0, 1, 3), (1, 2, 3), (2, 0, 3)]))
    np.testing.assert_allclose(distance_map(other, fan).distance, (2, 2, 2, np.nan))


def test_a_larger_chin_is_mapped_and_its_volume_measured() -> None:
    surface = made_surface()
    before = made_case(surface=surface)
    chin = before.position("pg")
    push = 6.0 * np.exp(-(((surface.vertices - chin) / 12.0) ** 2).sum(axis=1))
    grown = surface.with_(vertices=surface.vertices + push[:, None] * lps(np.array([0, 0, 1.0])))
    after = moved_case(made_case(surface=grown), TURN, SHIFT)
    registration = register(before, after)
    found = surface_change(before, after, registration)
    assert np.nanmax(found.distance) == pytest.approx(push.max(), abs=1.5)
    forehead = region_mask(after, ("forehead",))
    assert np.nanmax(np.abs(found.distance[forehead])) < 0.1
    region = push > 0.05
    volume = volume_between(found, region)
    # By the divergence theorem: the closed grown head less the closed first one.
    assert volume.net == pytest.approx((_volume(grown) - _volume(surface)) / 1000, rel=0.05)


def _volume(surface: Surface) -> float:
    corners = surface.vertices[surface.faces]
    return float(np.einsum("ni,ni->n", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6)


def test_observers_against_pingouin() -> None:
    pingouin = pytest.importorskip("pingouin", reason="pingouin is not installed")
    import pandas

    rng = np.random.default_rng(5)
    values = rng.normal(50, 4, (12, 1)) + rng.normal(0, 1.2, (12, 3)) + (0.0, 0.8, -0.3)
    found = agreement(values)
    table = pandas.DataFrame(
        [(case, rater, values[case, rater]) for case in range(12) for rater in range(3)], columns=["c", "r", "v"]
    )
    icc = pingouin.intraclass_corr(table, targets="c", raters="r", ratings="v").set_index("Type")["ICC"]
    single = {key.replace(",1", "").replace("(", "").replace(")", ""): value for key, value in icc.items()}
    assert found.icc2 == pytest.approx(single.get("ICC2", single.get("ICCA")), abs=1e-3)
    assert found.icc3 == pytest.approx(single.get("ICC3", single.get("ICCC")), abs=1e-3)


def test_icc_of_shrout_and_fleiss() -> None:
    # Six targets by four judges, their table 2: ICC(2,1) = 0.29, ICC(3,1) = 0.71 (table 4).
    table = [(9, 2, 5, 8), (6, 1, 3, 2), (8, 4, 6, 8), (7, 1, 2, 6), (10, 5, 6, 9), (6, 2, 4, 7)]
    found = agreement(table)
    assert (found.icc2, found.icc3) == (pytest.approx(0.2898, abs=1e-4), pytest.approx(0.7148, abs=1e-4))


def test_bland_altman_and_technical_error_by_hand() -> None:
    found = agreement([(10, 11), (20, 20), (30, 32), (40, np.nan)])
    assert found.cases == 3
    assert found.pairs[0, 1].bias == pytest.approx(1.0) and found.pairs[0, 1].sd == pytest.approx(1.0)
    assert (found.pairs[0, 1].low, found.pairs[0, 1].high) == (pytest.approx(-0.96), pytest.approx(2.96))
    assert found.tem == pytest.approx(np.sqrt((1 + 0 + 4) / 6))  # Dahlberg
    with pytest.raises(ValueError, match="two observers or more"):
        agreement([(1,), (2,)])


def test_two_observers_of_landmarks() -> None:
    cases = [made_case(), moved_case(made_case({"gn": (3, 0, 0), "ch_l": (1, 2, 0)}), TURN, SHIFT)]
    first = np.stack([case.positions for case in cases])
    second = first.copy()
    row = cases[0].labels.index("gn")
    second[0, row] += (0, 0, 2.0)
    second[1, row] += TURN @ (0, 0, 2.0)
    second[:, cases[0].labels.index("prn")] = np.nan
    found = {one.label: one for one in landmark_agreement(cases[0].labels, np.stack([first, second]))}
    assert found["gn"].distance == pytest.approx(2.0) and found["gn"].largest == pytest.approx(2.0)
    assert found["gn"].tem == pytest.approx(np.sqrt(2.0))  # sqrt(sum d^2 / 2n) with d = 2
    np.testing.assert_allclose([axis.pairs[0, 1].bias for axis in found["gn"].axes], (0, 0, 2), atol=0.05)
    assert found["n"].distance == 0 and found["n"].tem == 0
    assert found["prn"].cases == 0 and np.isnan(found["prn"].distance)
