"""Weighted sample elimination: of many candidates keep the given number that are spaced most evenly.

C. Yuksel, "Sample Elimination for Generating Poisson Disk Sample Sets", Computer Graphics Forum 34(2), 2015: keep
removing the sample that is most crowded. The paper removes them one by one with a heap. Here they go in rounds of whole
arrays, with the same result (see `eliminate`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_EXACT_BITS = 52  # integers up to 2**52 add up in float64 without rounding, in any order
_FOLDED = 1.3  # neighbours over those on a flat surface, beyond which the radius is reduced; faces have about 1


def largest_radius(area: float, count: int) -> float:
    """Return r_max: half the spacing of `count` points in a hexagonal lattice on this area (Yuksel 2015)."""
    return math.sqrt(area / (2 * math.sqrt(3) * count))


def crowding(
    points: FloatArray, area: float, count: int, *, alpha: float, beta: float, gamma: float, seed: int
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return how much each candidate is crowded by its neighbours, in exact integers.

    The weight of two candidates at distance d < 2 r_max is ``(1 - max(d, 2 r_min) / (2 r_max)) ** alpha`` with
    ``r_min = r_max * (1 - (N / M) ** gamma) * beta`` (Yuksel 2015). All weights are rounded to multiples of
    one small quantum and carried as integers in float64, so that sums and differences are exact whatever their order.
    Below that quantum every candidate has a different random number, so that no two are ever equally crowded. Were ties
    broken by position in the list, a surface too thin for any neighbours would lose one whole end.

    Parameters
    ----------
    points : (M, 3) float64
        Candidates.
    area : float
        Area of the surface they were drawn from.
    count : int
        Number of candidates that shall remain, N.
    alpha, beta, gamma, seed
        As in `sample_poisson_disk`.

    Returns
    -------
    pairs : (2, E) int64
        Neighbouring candidates, each pair once.
    weights : (E,) float64
        Weight of the pair, integers.
    start : (M,) float64
        Sum of the weights of each candidate plus its tie-breaker, integers below 2**53, all different.
    """
    from scipy.spatial import cKDTree

    candidates = len(points)
    # A plain sliding-midpoint tree is quicker to build, and as quick to search for points on a surface.
    tree = cKDTree(points, balanced_tree=False, compact_nodes=False)
    reach = _reach(tree, points, area, count)
    clamp = reach * (1 - (count / candidates) ** gamma) * beta
    found = tree.query_pairs(reach, output_type="ndarray")
    pairs = np.ascontiguousarray(found.T, dtype=np.int64)
    difference = points.take(pairs[0], axis=0) - points.take(pairs[1], axis=0)
    difference *= difference
    distance = np.sqrt(difference[:, 0] + difference[:, 1] + difference[:, 2])
    weights = _power(np.maximum(1 - np.maximum(distance, clamp) / reach, 0), alpha)
    largest_sum = float(_sum_per_candidate(pairs, weights, candidates).max(initial=0))
    rank_bits = (candidates - 1).bit_length()
    sum_bits = math.frexp(largest_sum)[1]
    weights = np.ldexp(np.rint(np.ldexp(weights, _EXACT_BITS - sum_bits - rank_bits)), rank_bits)
    start = _sum_per_candidate(pairs, weights, candidates)
    return pairs, weights, start + np.random.default_rng((seed, 1)).permutation(candidates)


def eliminate(pairs: IntArray, weights: FloatArray, start: FloatArray, count: int) -> IntArray:
    """Return which candidates remain when the most crowded one is removed until `count` are left.

    A candidate that is more crowded than all its neighbours stays so until it goes, because removals only ever relieve.
    So all such candidates can go in one round, each with the weight at which the one-by-one algorithm removes it.
    One by one, these weights never rise; hence that algorithm removes the candidates whose weights at removal are the
    largest, and the rounds may end as soon as nobody who is left weighs more than the smallest of those.

    Parameters
    ----------
    pairs, weights, start
        From `crowding`.
    count : int
        Number of candidates to keep.

    Returns
    -------
    (count,) int64
        Positions of the survivors, ascending.
    """
    surplus = len(start) - count
    if surplus <= 0:
        return np.arange(len(start))
    current = start.copy()
    at_removal = np.full(len(start), -1.0)
    is_contender = np.ones(len(start), dtype=bool)
    first, second = pairs
    # `take` with positions: on arrays this long it is nearly twice as fast as indexing, or than using a mask.
    while is_contender.any():
        on_top = is_contender.copy()
        on_top[np.where(current.take(first) > current.take(second), second, first)] = False
        at_removal[on_top] = current[on_top]
        is_contender &= ~on_top
        ended = on_top.take(first) | on_top.take(second)
        relieved = np.flatnonzero(ended)
        one, other = first.take(relieved), second.take(relieved)
        current -= np.bincount(np.where(on_top.take(one), other, one), weights.take(relieved), len(start))
        if np.count_nonzero(at_removal >= 0) >= surplus:
            is_contender &= current > np.partition(at_removal, -surplus)[-surplus]
            # A pair with anyone who is out of the contest neither holds the other back nor relieves it in time.
            ended |= ~(is_contender.take(first) & is_contender.take(second))
        going_on = np.flatnonzero(~ended)
        first, second, weights = first.take(going_on), second.take(going_on), weights.take(going_on)
    return np.sort(np.argpartition(at_removal, count)[:count])


def _reach(tree: cKDTree, points: FloatArray, area: float, count: int) -> float:
    """2 r_max, the distance up to which candidates crowd each other.

    Where a surface is folded more tightly than the spacing (double layers, noise, the inside of a CT), its area says
    too little about distances in space. The r_max of its area is then too large: 2 r_min, below which distances are not
    told apart, grows beyond the spacing that is possible, so that close pairs remain; and the neighbours multiply, with
    the square of the time. So the distance is reduced until candidates have as many neighbours as on a flat domain.
    """
    reach = 2 * largest_radius(area, count)
    on_flat_domain = 2 * math.pi / math.sqrt(3) * len(points) / count
    probes = points[:: max(1, len(points) // 500)]
    for _ in range(20):
        neighbours = float(np.mean(tree.query_ball_point(probes, reach, return_length=True))) - 1
        if neighbours <= _FOLDED * on_flat_domain:
            break
        reach *= math.sqrt(on_flat_domain / neighbours)
    return reach


def _sum_per_candidate(pairs: IntArray, weights: FloatArray, candidates: int) -> FloatArray:
    sums = np.zeros(candidates)
    for ends in pairs:
        sums += np.bincount(ends, weights, candidates)
    return sums


def _power(base: FloatArray, exponent: float) -> FloatArray:
    """`base ** exponent`; whole exponents by multiplication, which is faster and rounds alike on every processor."""
    if exponent != int(exponent) or exponent < 1:
        return np.power(base, exponent)
    result = None
    for bit in reversed(f"{int(exponent):b}"):
        if bit == "1":
            result = base if result is None else result * base
        base = base * base
    assert result is not None
    return result
