"""Weighted sample elimination: the paper's weights, exact sums, and the same survivors as the heap algorithm."""

from __future__ import annotations

import heapq

import numpy as np
import pytest

from sgcn_core.sampling.elimination import crowding, eliminate, largest_radius

YUKSEL = {"alpha": 8.0, "beta": 0.65, "gamma": 1.5}


def one_by_one(pairs: np.ndarray, weights: np.ndarray, start: np.ndarray, count: int) -> np.ndarray:
    """The algorithm as Yuksel prints it: a heap, the heaviest sample first, its neighbours relieved."""
    neighbours: list[list[tuple[int, float]]] = [[] for _ in start]
    for i, j, weight in zip(*pairs.tolist(), weights.tolist(), strict=True):
        neighbours[i].append((j, weight))
        neighbours[j].append((i, weight))
    current = start.tolist()
    heap = [(-weight, sample) for sample, weight in enumerate(current)]
    heapq.heapify(heap)
    left = set(range(len(current)))
    while len(left) > count:
        weight, sample = heapq.heappop(heap)
        if sample not in left or -weight != current[sample]:
            continue
        left.remove(sample)
        for other, share in neighbours[sample]:
            if other in left:
                current[other] -= share
                heapq.heappush(heap, (-current[other], other))
    return np.array(sorted(left))


def test_radius_is_that_of_the_hexagonal_lattice() -> None:
    step, count = 0.5, 1600
    cell_area = step * step * np.sqrt(3) / 2
    assert 2 * largest_radius(cell_area * count, count) == pytest.approx(step)


def test_folded_surfaces_do_not_multiply_the_neighbours() -> None:
    rng = np.random.default_rng(0)
    flat = rng.random((5000, 3)) * (1, 1, 0)
    on_flat_domain = 2 * np.pi / np.sqrt(3) * 5
    for layers in (1, 2, 10, 100):
        pairs, _, _ = crowding(flat, float(layers), 1000, seed=0, **YUKSEL)
        neighbours = 2 * pairs.shape[1] / len(flat)
        assert neighbours < 1.35 * on_flat_domain
        assert neighbours > 0.85 * on_flat_domain


def test_weights_are_those_of_the_paper() -> None:
    points = np.random.default_rng(3).random((60, 3)) * (1, 1, 0)
    count, area = 12, 1.0
    pairs, weights, start = crowding(points, area, count, seed=0, **YUKSEL)
    reach = 2 * np.sqrt(area / (2 * np.sqrt(3) * count))
    clamp = reach * (1 - (count / 60) ** 1.5) * 0.65
    expected = np.zeros((60, 60))
    for i in range(60):
        for j in range(60):
            distance = np.linalg.norm(points[i] - points[j])
            if i != j and distance < reach:
                expected[i, j] = (1 - max(distance, clamp) / reach) ** 8
    unit = weights.max() / expected.max()
    found = np.zeros((60, 60))
    found[pairs[0], pairs[1]] = found[pairs[1], pairs[0]] = weights / unit
    assert np.allclose(found, expected, rtol=0, atol=1e-9 * expected.max())
    assert np.allclose(start / unit, expected.sum(1), rtol=1e-9)


@pytest.mark.parametrize("alpha", [1.0, 3.0, 6.5])
def test_weights_with_another_exponent(alpha: float) -> None:
    points = np.array([[0.0, 0, 0], [0.5, 0, 0], [0.5, 0.75, 0]])
    pairs, weights, _ = crowding(points, 2 * np.sqrt(3) * 3 / 4, 3, alpha=alpha, beta=0.0, gamma=1.5, seed=0)
    shares = dict(zip(map(tuple, np.sort(pairs.T).tolist()), weights.tolist(), strict=True))
    assert shares[0, 1] / shares[1, 2] == pytest.approx((0.5 / 0.25) ** alpha)


def test_sums_are_exact_and_no_two_candidates_are_equally_crowded() -> None:
    points = np.random.default_rng(1).random((3000, 3)) * (1, 1, 0)
    pairs, weights, start = crowding(points, 1.0, 600, seed=0, **YUKSEL)
    assert (weights == np.rint(weights)).all()
    assert start.max() < 2.0**53
    assert len(np.unique(start)) == len(start)
    sums = np.zeros(3000, dtype=object)
    np.add.at(sums, pairs.ravel(), np.tile(weights.astype(np.int64).astype(object), 2))
    ranks = start.astype(np.int64).astype(object) - sums
    assert sorted(ranks.tolist()) == list(range(3000))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("share", [0.02, 0.2, 0.5, 0.97])
def test_rounds_keep_the_same_candidates_as_one_by_one(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    points = rng.random((1500, 3)) * (1, 1, 0.1)
    points[:40] = points[40:80]  # coincident points have equal weights
    count = int(share * len(points))
    pairs, weights, start = crowding(points, 1.0, count, seed=seed, **YUKSEL)
    assert np.array_equal(eliminate(pairs, weights, start, count), one_by_one(pairs, weights, start, count))


def test_rounds_equal_one_by_one_on_a_sphere_of_head_size() -> None:
    direction = np.random.default_rng(0).normal(size=(10_000, 3))
    points = 80 * direction / np.linalg.norm(direction, axis=1, keepdims=True)
    problem = crowding(points, 4 * np.pi * 80**2, 2000, seed=0, **YUKSEL)
    assert np.array_equal(eliminate(*problem, 2000), one_by_one(*problem, 2000))


def test_the_order_of_the_pairs_does_not_matter() -> None:
    points = np.random.default_rng(5).random((2000, 3)) * (1, 1, 0)
    pairs, weights, start = crowding(points, 1.0, 400, seed=0, **YUKSEL)
    shuffled = np.random.default_rng(6).permutation(len(weights))
    other = eliminate(pairs[::-1, shuffled], weights[shuffled], start, 400)
    assert np.array_equal(eliminate(pairs, weights, start, 400), other)
