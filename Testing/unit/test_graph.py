"""Fine neighbours, prototype, coarse set and spatial order, against brute force and on awkward inputs."""

from __future__ import annotations

import numpy as np
import pytest

from sgcn_core.errors import SurfaceError
from sgcn_core.graph.coarse import coarse_set, prototype
from sgcn_core.graph.fine import fine_neighbours, spatial_order


def brute_force(points: np.ndarray, k: int) -> np.ndarray:
    """Self first, then by distance, then by number."""
    squared = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    np.fill_diagonal(squared, -1)
    return np.argsort(squared, axis=1, kind="stable")[:, :k]


@pytest.mark.parametrize(("count", "k"), [(400, 16), (16, 16), (50, 1), (1, 1)])
def test_neighbours_equal_brute_force(count: int, k: int) -> None:
    points = np.random.default_rng(count).normal(size=(count, 3))
    neighbours = fine_neighbours(points, k)
    assert neighbours.dtype == np.int64
    assert np.array_equal(neighbours, brute_force(points, k))


def test_ties_on_a_lattice_go_to_the_lower_number() -> None:
    lattice = np.stack(np.meshgrid(*[np.arange(6.0)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    for points in (lattice, lattice[np.random.default_rng(0).permutation(len(lattice))]):
        assert np.array_equal(fine_neighbours(points, 9), brute_force(points, 9))


@pytest.mark.parametrize("copies", [2, 5, 30])
def test_first_column_is_the_point_itself_even_among_copies(copies: int) -> None:
    points = np.repeat(np.random.default_rng(0).normal(size=(12, 3)), copies, axis=0)
    neighbours = fine_neighbours(points, 8)
    assert np.array_equal(neighbours[:, 0], np.arange(len(points)))
    assert np.array_equal(neighbours, brute_force(points, 8))
    assert all(len(set(row)) == 8 for row in neighbours.tolist())


def test_neighbours_follow_a_permutation_of_the_points() -> None:
    rng = np.random.default_rng(1)
    points = rng.normal(size=(300, 3))
    order = rng.permutation(300)
    assert np.array_equal(order[fine_neighbours(points[order], 12)], fine_neighbours(points, 12)[order])


def test_neighbours_do_not_change_with_unit_or_place() -> None:
    points = np.random.default_rng(2).normal(size=(300, 3))
    assert np.array_equal(fine_neighbours(1000 * points + 7), fine_neighbours(points))


def test_too_few_points_and_bad_arguments_are_refused() -> None:
    points = np.random.default_rng(0).normal(size=(15, 3))
    with pytest.raises(SurfaceError, match="at least 16 points, received 15"):
        fine_neighbours(points)
    with pytest.raises(ValueError, match="received 0"):
        fine_neighbours(points, 0)
    with pytest.raises(SurfaceError, match=r"\(15, 2\)"):
        fine_neighbours(points[:, :2], 3)
    points[3, 1] = np.nan
    with pytest.raises(SurfaceError, match="finite"):
        fine_neighbours(points, 3)


def test_prototype_is_the_mean_over_the_samples_that_have_the_landmark() -> None:
    landmarks = np.array([[[0, 0, 0], [1, 1, 1]], [[2, 4, 6], [np.nan] * 3], [[4, 2, 0], [3, 3, 5]]], dtype=float)
    assert np.allclose(prototype(landmarks), [[2, 2, 2], [2, 2, 3]])


def test_partly_missing_position_counts_as_absent() -> None:
    landmarks = np.array([[[1.0, 1, 1]], [[5, np.nan, 5]]])
    assert np.allclose(prototype(landmarks), [[1, 1, 1]])


def test_prototype_moves_with_the_samples() -> None:
    landmarks = np.random.default_rng(0).normal(size=(20, 7, 3))
    landmarks[3, 2] = np.nan
    assert np.allclose(prototype(landmarks[::-1] * 2 + 1), prototype(landmarks) * 2 + 1)


def test_prototype_refuses_what_it_cannot_average() -> None:
    landmarks = np.zeros((4, 3, 3))
    landmarks[:, 1] = np.nan
    with pytest.raises(ValueError, match=r"\[1\] are absent from all 4 samples"):
        prototype(landmarks)
    with pytest.raises(ValueError, match=r"\(4, 3\)"):
        prototype(np.zeros((4, 3)))
    with pytest.raises(ValueError, match="finite or NaN"):
        prototype(np.full((1, 1, 3), np.inf))


def test_coarse_set_counts_a_shared_point_once_and_takes_the_lower_of_equals() -> None:
    points = np.array([[5.0, 0, 0], [0, 0, 0], [0, 0, 0], [1, 0, 0]])
    assert coarse_set(points, [[0.1, 0, 0], [-0.2, 0, 0], [0.9, 0, 0]]).tolist() == [1, 3]


def test_coarse_set_refuses_an_incomplete_prototype() -> None:
    with pytest.raises(ValueError, match="finite"):
        coarse_set(np.zeros((4, 3)), [[np.nan, 0, 0]])
    with pytest.raises(SurfaceError, match=r"\(0, 3\)"):
        coarse_set(np.zeros((0, 3)), [[0, 0, 0]])


def test_spatial_order_is_a_permutation_that_keeps_neighbours_near() -> None:
    rng = np.random.default_rng(0)
    direction = rng.normal(size=(4000, 3))
    points = direction / np.linalg.norm(direction, axis=1, keepdims=True)
    order = spatial_order(points)
    assert np.array_equal(np.sort(order), np.arange(4000))
    distance = [np.abs(fine_neighbours(cloud) - np.arange(4000)[:, None]).mean() for cloud in (points, points[order])]
    assert distance[1] < 0.2 * distance[0]


def test_spatial_order_visits_octants_one_after_another() -> None:
    corners = np.array([[x, y, z] for x in (0, 9) for y in (0, 9) for z in (0, 9)], dtype=float)
    points = (corners[:, None] + np.random.default_rng(0).random((8, 5, 3))).reshape(-1, 3)
    octant = (np.repeat(np.arange(8), 5))[spatial_order(points)]
    assert len(set(octant.tolist())) == 1 + np.count_nonzero(np.diff(octant))


def test_spatial_order_of_equal_points_is_their_own_order() -> None:
    assert spatial_order(np.ones((6, 3))).tolist() == list(range(6))
    assert spatial_order([[0, 0, 0], [1, 1, 1], [0, 0, 0]]).tolist() == [0, 2, 1]


def test_spatial_order_is_the_same_at_any_scale_and_place() -> None:
    points = np.random.default_rng(0).integers(0, 1024, (500, 3)).astype(float)
    assert np.array_equal(spatial_order(points * 4 + 64), spatial_order(points))
