"""Random points of a surface, uniform in area."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def sample_by_area(
    cumulative: FloatArray, count: int, rng: np.random.Generator, *, stratified: bool = True
) -> tuple[IntArray, FloatArray]:
    """Triangles and barycentric coordinates of random points.

    Parameters
    ----------
    cumulative : (F,) float64
        Cumulative sum of the areas of the triangles; the last one is positive.
    count : int
        Number of points N.
    rng : numpy.random.Generator
    stratified : bool
        The area, triangle after triangle, is cut into `count` equal pieces with one point in each. Every place is as
        likely as with independent points, but there are fewer clumps and gaps. The points are then in the order of the
        triangles; otherwise in random order.

    Returns
    -------
    triangles : (N,) int64
        Never one without area.
    barycentric : (N, 3) float64
        For ``geometry.triangles.interpolate``.
    """
    total = cumulative[-1]
    draws = rng.random(count)
    places = (np.arange(count) + draws) * (total / count) if stratified else draws * total
    # Rounding may put the last place at the very end, past the last triangle that has an area.
    last = np.searchsorted(cumulative, total)
    triangles = np.minimum(np.searchsorted(cumulative, places, side="right"), last)
    root, split = np.sqrt(rng.random(count)), rng.random(count)
    return triangles, np.stack([1 - root, root * (1 - split), root * split], axis=1)
