"""Midsagittal plane, asymmetry, and the mirror map, on faces whose asymmetry is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_face import lps, made_case, made_surface, moved_case
from scipy.spatial.transform import Rotation

from sgcn_core.analysis.case import AnalysisCase
from sgcn_core.analysis.distance_maps import mirror_map, volume_between
from sgcn_core.analysis.midsagittal import plane_from_landmarks
from sgcn_core.analysis.regions import face_mask, region_landmarks, region_mask, region_names
from sgcn_core.analysis.sides import midline_of, pairs_of
from sgcn_core.analysis.symmetry import analyse_symmetry, face_axes, find_plane
from sgcn_core.errors import LandmarkError, SettingsError
from sgcn_core.types.landmark_sets import LandmarkSet, mirror_label
from sgcn_core.types.surface import Surface

TURN = Rotation.from_euler("xyz", (25, -40, 130), degrees=True).as_matrix()
SHIFT = np.array([30.0, -210.0, 77.0])


def mirrored_case(case: AnalysisCase) -> AnalysisCase:
    """The mirror image of the case in x, its labels exchanged."""
    return replace(
        case,
        labels=tuple(mirror_label(label) for label in case.labels),
        positions=case.positions * (-1, 1, 1),
    )


def test_pairs_have_right_and_left_of_the_subject() -> None:
    pairs = {pair.name: (pair.right, pair.left) for pair in pairs_of(LandmarkSet.load("all").labels)}
    assert pairs["ex"] == ("ex_r", "ex_l")
    assert pairs["ibug36/ibug45"] == ("ibug36", "ibug45")
    assert "prn" in midline_of(("prn", "ex_r", "unknown"))
    assert pairs_of(("spot_l", "spot_r", "dot_l"))[0].left == "spot_l"


def test_the_plane_of_a_symmetric_face_is_its_middle_and_points_to_the_left() -> None:
    plane = find_plane(made_case())
    np.testing.assert_allclose(plane.normal, (1, 0, 0), atol=1e-12)
    np.testing.assert_allclose(plane.point[0], 0, atol=1e-12)
    assert plane.residual < 1e-9
    assert plane.signed_distance(lps(np.array([3.0, 10, 20]))) == pytest.approx(3.0)


def test_the_plane_is_not_drawn_by_what_is_not_stable() -> None:
    moved = {label: (8.0, -2.0, 0.0) for label in ("pg", "gn", "me", "prn", "ch_l", "ch_r", "go_l", "go_r")}
    plane = find_plane(made_case(moved))
    np.testing.assert_allclose(plane.normal, (1, 0, 0), atol=1e-12)


def test_one_asymmetric_stable_landmark_has_little_weight() -> None:
    plane = find_plane(made_case({"ex_l": (0.0, -6.0, -5.0)}))
    assert np.degrees(np.arccos(plane.normal[0])) < 1.2
    assert plane.weights[[pair.name for pair in plane.pairs].index("ex")] < 0.5 * plane.weights.max()


def test_landmarks_of_a_region_left_out_do_not_count() -> None:
    moved = {"ex_l": (0.0, -9.0, -9.0), "en_l": (0.0, -5.0, 0.0)}
    case = made_case(moved)
    plane = plane_from_landmarks(
        case.labels,
        case.positions,
        case.covariance,
        stable=("ex_l", "ex_r", "en_l", "en_r", "n", "t_l", "t_r", "g", "ft_l", "ft_r"),
        without=region_landmarks(("left eye",)),
    )
    np.testing.assert_allclose(plane.normal, (1, 0, 0), atol=1e-12)
    assert "ex_l" not in plane.landmarks and "ex_r" not in plane.landmarks


def test_too_few_landmarks_are_an_error_that_names_them() -> None:
    case = made_case()
    with pytest.raises(LandmarkError, match="two pairs of landmarks"):
        plane_from_landmarks(case.labels, case.positions, stable=("ex_l", "ex_r", "n"))


def test_uncertainty_of_the_plane_is_that_of_repeated_landmarks() -> None:
    case = made_case(deviation=0.4)
    rng = np.random.default_rng(1)
    found = find_plane(case)
    tilts, shifts = [], []
    for _ in range(150):
        plane = plane_from_landmarks(
            case.labels, case.positions + rng.normal(0, 0.4, case.positions.shape), case.covariance
        )
        tilts.append(plane.normal @ found.tilt_axes.T)
        shifts.append(plane.signed_distance(found.point))
    assert found.angle_sd == pytest.approx(np.degrees(np.sqrt(np.var(tilts, axis=0).sum())), rel=0.2)
    assert found.position_sd == pytest.approx(np.std(shifts), rel=0.2)


def test_hand_computed_deviation_pair_and_cant() -> None:
    analysis = analyse_symmetry(made_case({"gn": (5.0, 0, 0), "ch_l": (2.0, -3.0, 1.0)}))
    assert analysis.deviation("gn").value == pytest.approx(5.0)
    assert analysis.deviation("n").value == pytest.approx(0.0, abs=1e-9)
    mouth, axes = analysis.pair("ch"), face_axes(made_case(), analysis.plane)
    # The upright axis runs from subnasale to nasion: 47 mm up and 6 mm back.
    up = np.array([0, 47, -6]) / np.hypot(47, 6)
    np.testing.assert_allclose(axes, lps(np.array([(1, 0, 0), up, np.cross((1, 0, 0), up)])), atol=1e-9)
    assert mouth.lateral.value == pytest.approx(2.0)
    assert mouth.up.value == pytest.approx(up @ (2, -3, 1))
    assert mouth.distance.value == pytest.approx(np.sqrt(14))
    line = np.array([52.0, -3.0, 1.0])
    assert analysis.cant("ch").frontal.value == pytest.approx(np.degrees(np.arctan(up @ line / 52)))
    assert analysis.cant("ch").angle.value == pytest.approx(np.degrees(np.arccos(52 / np.linalg.norm(line))))
    trusted = [pair for pair in analysis.pairs if pair.reproducibility in "AB"]
    assert analysis.index == pytest.approx(np.sqrt(14) / len(trusted))
    assert analysis.groups["mouth"] == (pytest.approx(np.sqrt(14)), 1)


def test_flags_name_the_level_and_need_more_than_noise_to_be_clear() -> None:
    analysis = analyse_symmetry(made_case({"gn": (3.5, 0, 0), "pg": (9.0, 0, 0), "al_l": (2.0, 0, 0)}))
    assert analysis.deviation("gn").exceeds == ("perceptible",) and not analysis.deviation("gn").clearly
    assert analysis.deviation("pg").exceeds == ("perceptible", "usual") and analysis.deviation("pg").clearly
    assert analysis.pair("al").distance.exceeds == ()


def test_intervals_hold_the_truth_in_95_of_100_cases() -> None:
    truth = made_case({"gn": (6.0, 0, 0), "ch_l": (0.0, -5.0, 0.0)}, deviation=0.6)
    rng, inside = np.random.default_rng(0), []
    for _ in range(80):
        noisy = replace(truth, positions=truth.positions + rng.normal(0, 0.6, truth.positions.shape))
        analysis = analyse_symmetry(noisy)
        for quantity, value in ((analysis.deviation("gn"), 6.0), (analysis.pair("ch").distance, 5.0)):
            inside.append(quantity.low <= value <= quantity.high)
    assert 0.89 <= np.mean(inside) <= 0.99


def test_a_missing_landmark_leaves_its_numbers_empty() -> None:
    case = made_case()
    status = tuple("missing" if label in ("ch_l", "gn") else "found" for label in case.labels)
    analysis = analyse_symmetry(replace(case, status=status))
    assert np.isnan(analysis.deviation("gn").value) and np.isnan(analysis.pair("ch").distance.value)
    assert np.isfinite(analysis.pair("al").distance.sd)


def test_rigid_motion_changes_nothing() -> None:
    case = made_case({"gn": (5.0, 0, 0), "ch_l": (2.0, -3.0, 1.0), "ex_l": (0, 1, 0)})
    first, second = analyse_symmetry(case), analyse_symmetry(moved_case(case, TURN, SHIFT))
    np.testing.assert_allclose(second.plane.normal, TURN @ first.plane.normal, atol=1e-9)
    for one, other in zip(first.midline, second.midline, strict=True):
        assert (one.value, one.sd) == pytest.approx((other.value, other.sd), abs=1e-6)
    for a, b in zip(first.pairs, second.pairs, strict=True):
        assert (a.lateral.value, a.up.value, a.forward.value) == pytest.approx(
            (b.lateral.value, b.up.value, b.forward.value), abs=1e-7
        )
    assert first.cant("ch").frontal.value == pytest.approx(second.cant("ch").frontal.value)


def test_the_mirror_image_exchanges_sides_and_signs() -> None:
    case = made_case({"gn": (5.0, 0, 0), "ch_l": (2.0, -3.0, 1.0)})
    first, second = analyse_symmetry(case), analyse_symmetry(mirrored_case(case))
    assert second.deviation("gn").value == pytest.approx(-first.deviation("gn").value)
    assert second.pair("ch").up.value == pytest.approx(-first.pair("ch").up.value)
    assert second.pair("ch").forward.value == pytest.approx(-first.pair("ch").forward.value)
    assert second.pair("ch").lateral.value == pytest.approx(-first.pair("ch").lateral.value)
    assert second.pair("ch").distance.value == pytest.approx(first.pair("ch").distance.value)
    assert second.cant("ch").frontal.value == pytest.approx(-first.cant("ch").frontal.value)


def test_the_surface_corrects_a_plane_from_poor_landmarks() -> None:
    # Both eyes were marked 3 mm too low on the left, which tilts the plane by about 2 degrees.
    case = made_case({"ex_l": (0, -3, 0), "en_l": (0, -3, 0)}, surface=made_surface())
    rough, fine = find_plane(case), find_plane(case, method="surface")
    assert abs(rough.normal[2]) > 0.01
    assert np.degrees(np.arccos(fine.normal[0])) < 0.1 and abs(fine.signed_distance(np.zeros(3))) < 0.1
    assert fine.method == "surface" and fine.residual < 0.2 and fine.normal[0] > 0
    moved = find_plane(moved_case(case, TURN, SHIFT), method="surface")
    np.testing.assert_allclose(moved.normal, TURN @ fine.normal, atol=1e-6)


def test_a_bump_on_one_side_does_not_move_the_surface_plane() -> None:
    surface = made_surface()
    cheek = lps(np.array([55.0, -20.0, 74.0]))
    outward = lps(np.array([0.6, 0.0, 0.8]))
    push = 10.0 * np.exp(-(((surface.vertices - cheek) / 16.0) ** 2).sum(axis=1))
    bumped = surface.with_(vertices=surface.vertices + push[:, None] * outward)
    plane = find_plane(made_case(surface=bumped), method="surface")
    assert np.degrees(np.arccos(plane.normal[0])) < 0.3 and abs(plane.signed_distance(np.zeros(3))) < 0.3
    excluded = find_plane(made_case(surface=bumped), method="surface", without_vertices=push > 0.05)
    assert np.degrees(np.arccos(excluded.normal[0])) < 0.1
    found = mirror_map(bumped, excluded)
    assert np.nanmax(found.distance) == pytest.approx(push.max(), abs=2.0)
    assert np.nanmin(found.distance) == pytest.approx(-np.nanmax(found.distance), abs=0.5)
    top = np.nanargmax(found.distance)
    assert excluded.signed_distance(bumped.vertices[top]) > 20
    left = volume_between(found, surface.vertices[:, 0] > 0)
    assert left.outside == pytest.approx(volume_between(found, surface.vertices[:, 0] < 0).inside, rel=0.1)


def test_the_mirror_map_of_a_symmetric_surface_is_zero_in_any_triangulation() -> None:
    surface = made_surface(110, 161)  # an odd number of columns: the mirror image has other triangles
    found = mirror_map(surface, find_plane(made_case(surface=surface)))
    assert np.nanpercentile(np.abs(found.distance), 99) < 0.15
    assert np.isnan(found.distance).mean() < 0.02


def test_regions_are_skin_around_their_landmarks() -> None:
    case = made_case(surface=made_surface())
    chin = region_mask(case, ("chin",))
    assert chin.any() and case.surface is not None
    distances = np.linalg.norm(case.surface.vertices[:, None] - case.positions[None], axis=2)
    near = distances[:, [case.index(label) for label in ("sl", "pg", "gn", "me")]].min(axis=1)
    np.testing.assert_array_equal(chin, near < 20)
    assert not (face_mask(case) & (case.surface.vertices[:, 1] > 60)).any()
    assert set(region_landmarks(region_names())) <= set(LandmarkSet.load("clinical").labels)
    with pytest.raises(SettingsError, match="unknown region 'chins'; similar: chin"):
        region_mask(case, ("chins",))
    with pytest.raises(LandmarkError, match="needs a surface"):
        region_mask(made_case(), ("chin",))


def test_an_unknown_method_is_an_error() -> None:
    with pytest.raises(SettingsError, match="unknown method 'skull'"):
        find_plane(made_case(), method="skull")


def test_ibug_landmarks_alone_give_a_plane() -> None:
    positions = lps(np.array([(-45.0, 22, 70), (45, 22, 70), (-17, 20, 80), (17, 20, 80), (0, 22, 90)]))
    labels = ("ibug36", "ibug45", "ibug39", "ibug42", "ibug27")
    plane = plane_from_landmarks(labels, positions)
    np.testing.assert_allclose(plane.normal, (1, 0, 0), atol=1e-12)


def test_a_map_is_written_with_its_distances(tmp_path) -> None:
    from sgcn_core.io.meshes import read_surface

    vertices = np.array([(0.0, 0, 0), (10, 0, 0), (0, 10, 0), (10, 10, 0)])
    surface = Surface(vertices, np.array([(0, 1, 2), (1, 3, 2)]), unit="mm")
    found = mirror_map(surface.with_(vertices=vertices), find_plane(made_case()))
    found = type(found)(surface, np.array([1.0, -2.0, np.nan, 0.5]), found.places)
    for name in ("map.ply", "map.vtp"):
        read = read_surface(found.write(tmp_path / name))
        np.testing.assert_array_equal(read.vertices, vertices)
        assert (read.unit, read.frame) == ("mm", "LPS")
    text = (tmp_path / "map.ply").read_bytes()
    assert b"property double distance_mm\n" in text
    rows = np.frombuffer(text.split(b"end_header\n")[1][: 4 * 32], "<f8").reshape(4, 4)
    np.testing.assert_array_equal(rows[:, 3], found.distance)
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkIOXML import vtkXMLPolyDataReader

    reader = vtkXMLPolyDataReader()
    reader.SetFileName(str(tmp_path / "map.vtp"))
    reader.Update()
    array = reader.GetOutput().GetPointData().GetArray("distance_mm")
    np.testing.assert_array_equal(vtk_to_numpy(array), found.distance)
