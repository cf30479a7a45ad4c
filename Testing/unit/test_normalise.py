"""Similarity transforms: algebra, exact inverses, Procrustes without reflections, standardisation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from sgcn_core.geometry.procrustes import procrustes
from sgcn_core.geometry.similarity import Similarity, from_crop, standardise_paper


def some_similarity(seed: int) -> Similarity:
    rng = np.random.default_rng(seed)
    return Similarity(rng.uniform(0.01, 50), Rotation.random(random_state=seed).as_matrix(), rng.normal(size=3) * 100)


def cloud(seed: int = 0, count: int = 40) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 3)) * (70, 100, 60) + (5, -30, 200)


def test_apply_scales_then_rotates_then_translates() -> None:
    quarter = Similarity(2.0, [[0, -1, 0], [1, 0, 0], [0, 0, 1]], [10, 0, 0])
    assert np.allclose(quarter.apply([[1, 0, 3], [0, 1, 0]]), [[10, 2, 6], [8, 0, 0]])
    assert np.allclose(quarter.apply([1, 0, 3]), [10, 2, 6])
    assert np.allclose(quarter.apply_to_normals([[1, 0, 0]]), [[0, 1, 0]])


@pytest.mark.parametrize("seed", range(5))
def test_inverse_brings_points_back(seed: int) -> None:
    transform, points = some_similarity(seed), cloud(seed)
    assert np.allclose(transform.inverse().apply(transform.apply(points)), points, rtol=1e-12, atol=1e-10)
    assert np.allclose(transform.inverse().inverse().as_matrix(), transform.as_matrix(), rtol=1e-12)
    assert np.allclose((transform @ transform.inverse()).as_matrix(), np.eye(4), atol=1e-11)


@pytest.mark.parametrize("seed", range(5))
def test_composition_applies_the_right_one_first(seed: int) -> None:
    outer, inner, points = some_similarity(seed), some_similarity(seed + 50), cloud(seed)
    expected = outer.apply(inner.apply(points))
    assert np.allclose((outer @ inner).apply(points), expected, rtol=1e-12)
    assert np.allclose(outer.compose(inner).as_matrix(), outer.as_matrix() @ inner.as_matrix(), rtol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_matrix_round_trip(seed: int) -> None:
    transform, points = some_similarity(seed), cloud(seed)
    again = Similarity.from_matrix(transform.as_matrix())
    assert again.scale == pytest.approx(transform.scale, rel=1e-12)
    assert np.allclose(again.rotation, transform.rotation, atol=1e-12)
    homogeneous = np.column_stack([points, np.ones(len(points))]) @ transform.as_matrix().T
    assert np.allclose(again.apply(points), homogeneous[:, :3])


def test_distances_scale_and_handedness_stays() -> None:
    transform, points = some_similarity(9), cloud()
    moved = transform.apply(points)
    assert np.linalg.norm(moved[0] - moved[1]) == pytest.approx(transform.scale * np.linalg.norm(points[0] - points[1]))
    volume = np.linalg.det(points[1:4] - points[0])
    assert np.linalg.det(moved[1:4] - moved[0]) == pytest.approx(transform.scale**3 * volume)


def test_missing_points_stay_missing() -> None:
    moved = some_similarity(1).apply([[1.0, 2, 3], [np.nan] * 3])
    assert np.isfinite(moved[0]).all() and np.isnan(moved[1]).all()


def test_value_cannot_be_changed_from_outside() -> None:
    rotation = np.eye(3)
    transform = Similarity(1.0, rotation, np.zeros(3))
    rotation[0, 0] = 5
    assert np.array_equal(transform.rotation, np.eye(3))
    with pytest.raises(ValueError, match="read-only"):
        transform.translation[0] = 1


@pytest.mark.parametrize(
    ("scale", "rotation", "translation", "message"),
    [
        (1.0, np.diag([-1.0, 1, 1]), np.zeros(3), "exchange left and right"),
        (1.0, 2 * np.eye(3), np.zeros(3), "orthonormal"),
        (1.0, np.full((3, 3), np.nan), np.zeros(3), "orthonormal"),
        (1.0, np.eye(2), np.zeros(3), "orthonormal"),
        (0.0, np.eye(3), np.zeros(3), "received 0.0"),
        (float("nan"), np.eye(3), np.zeros(3), "scale"),
        (1.0, np.eye(3), np.zeros(2), "translation"),
        (1.0, np.eye(3), [0, np.inf, 0], "translation"),
    ],
)
def test_what_is_no_similarity_is_refused(scale, rotation, translation, message) -> None:
    with pytest.raises(ValueError, match=message):
        Similarity(scale, rotation, translation)


@pytest.mark.parametrize(
    "matrix",
    [np.diag([-1.0, 1, 1, 1]), np.diag([1.0, 2, 1, 1]), np.zeros((4, 4)), np.eye(3), np.diag([1.0, 1, 1, 2])],
    ids=["mirror", "anisotropic", "zero", "3x3", "projective"],
)
def test_matrices_that_are_no_similarity_are_refused(matrix: np.ndarray) -> None:
    with pytest.raises(ValueError):
        Similarity.from_matrix(matrix)


@pytest.mark.parametrize("seed", range(5))
def test_procrustes_recovers_a_known_similarity(seed: int) -> None:
    truth, points = some_similarity(seed), cloud(seed)
    found = procrustes(points, truth.apply(points))
    assert np.allclose(found.as_matrix(), truth.as_matrix(), rtol=1e-9, atol=1e-9 * truth.scale)


def test_procrustes_without_scaling_keeps_the_size() -> None:
    truth, points = some_similarity(3), cloud()
    found = procrustes(points, truth.apply(points), scaling=False)
    assert found.scale == 1.0
    assert np.allclose(found.rotation, truth.rotation)
    assert np.allclose(found.apply(points).mean(0), truth.apply(points).mean(0))


@pytest.mark.parametrize("seed", range(20))
def test_procrustes_never_mirrors(seed: int) -> None:
    points = cloud(seed, 12)
    mirrored = some_similarity(seed).apply(points * (-1, 1, 1))
    found = procrustes(points, mirrored)
    assert np.linalg.det(found.rotation) == pytest.approx(1)
    error = np.sum((found.apply(points) - mirrored) ** 2)
    for turn in Rotation.random(50, random_state=seed):  # no other rotation, best scale and shift given, does better
        turned = turn.apply(points - points.mean(0))
        goal = mirrored - mirrored.mean(0)
        scale = max(np.sum(turned * goal) / np.sum(turned**2), 0)
        assert error <= np.sum((scale * turned - goal) ** 2) * (1 + 1e-9)


def test_procrustes_of_points_in_a_plane_is_a_rotation() -> None:
    points = cloud() * (1, 1, 0)
    truth = some_similarity(4)
    found = procrustes(points, truth.apply(points))
    assert np.allclose(found.apply(points), truth.apply(points))
    assert np.linalg.det(found.rotation) == pytest.approx(1)


def test_procrustes_minimises_the_weighted_error() -> None:
    rng = np.random.default_rng(0)
    source, target, weights = cloud(1), cloud(1) + rng.normal(size=(40, 3)) * 5, rng.random(40)
    found = procrustes(source, target, weights=weights)

    def error(transform: Similarity) -> float:
        return float(weights @ ((transform.apply(source) - target) ** 2).sum(axis=1))

    for step in np.concatenate([np.eye(7), -np.eye(7)]) * 1e-3:
        nudge = Similarity(1 + step[0], Rotation.from_rotvec(step[1:4]).as_matrix(), step[4:])
        assert error(found) < error(nudge @ found)


def test_weights_act_like_repeated_points_and_zero_leaves_out() -> None:
    source, target = cloud(1), cloud(2)
    weights = np.arange(40) % 3
    repeated = procrustes(np.repeat(source, weights, axis=0), np.repeat(target, weights, axis=0))
    target[weights == 0] = np.nan
    assert np.allclose(procrustes(source, target, weights=weights).as_matrix(), repeated.as_matrix())


@pytest.mark.parametrize(
    ("source", "weights", "message"),
    [
        (np.arange(15.0).reshape(5, 3), None, "line"),
        (np.ones((5, 3)), None, "one place"),
        (np.eye(3)[:2], None, "three points"),
        (np.eye(3), [1, 1, 0], "received 2"),
        (np.eye(3), [1, 1, -1], "negative"),
        (np.eye(3), [1, 1], "weights must be 3"),
        (np.full((4, 3), np.nan), None, "finite"),
        (np.eye(4), None, r"\(4, 4\)"),
    ],
)
def test_procrustes_refuses_what_leaves_the_answer_open(source, weights, message) -> None:
    with pytest.raises(ValueError, match=message):
        procrustes(source, source.copy(), weights=weights)


def test_procrustes_refuses_a_target_on_a_line() -> None:
    with pytest.raises(ValueError, match="target points"):
        procrustes(cloud(0, 5), np.arange(15.0).reshape(5, 3))


def test_paper_standardisation_centres_and_fills_the_unit_box() -> None:
    points = cloud()
    transform = standardise_paper(points)
    inside = transform.apply(points)
    assert np.allclose(inside.mean(axis=0), 0, atol=1e-12)
    assert np.abs(inside).max() == pytest.approx(1, abs=1e-12)
    assert np.array_equal(transform.rotation, np.eye(3))
    assert np.allclose(transform.inverse().apply(inside), points, rtol=1e-13, atol=1e-11)


def test_paper_standardisation_removes_place_and_unit() -> None:
    points = cloud()
    moved = 1000 * points + (4, 5, 6)
    assert np.allclose(standardise_paper(moved).apply(moved), standardise_paper(points).apply(points), atol=1e-11)


def test_crop_standardisation_depends_on_the_crop_alone() -> None:
    transform = from_crop([0, -10, 40], 125.0)
    assert np.allclose(
        transform.apply([[0, -10, 40], [125, -10, 40], [0, -135, 165]]), [[0, 0, 0], [1, 0, 0], [0, -1, 1]]
    )
    assert transform.inverse().scale == pytest.approx(125)


def test_standardisation_refuses_points_without_size() -> None:
    with pytest.raises(ValueError, match="same"):
        standardise_paper(np.ones((5, 3)))
    with pytest.raises(ValueError, match=r"\(0, 3\)"):
        standardise_paper(np.zeros((0, 3)))
    with pytest.raises(ValueError, match="received -1"):
        from_crop([0, 0, 0], -1)
