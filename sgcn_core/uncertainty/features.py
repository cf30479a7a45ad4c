"""Features of each landmark, which the error model turns into millimetres."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sgcn_core.refinement.landmark_estimation import STRAY_LIMIT, Refined
from sgcn_core.uncertainty.boundary import distance_to
from sgcn_core.uncertainty.expectation import Expectation

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

FloatArray = NDArray[np.float64]

FEATURES: tuple[str, ...] = (
    "peak",  # of the heatmap
    "amplitude",  # of the Gaussian that fits it best
    "residual",  # of Eq. 8
    "spread",  # of the highest nodes
    "rival",  # highest value of the heatmap elsewhere
    "mass",  # of the squared heatmap around the landmark, over its peak's
    "width",  # of the squared heatmap in the direction in which it is widest
    "lean",  # from the middle of the squared heatmap to the landmark
    "pull",  # from the weighted mean of Eq. 6 to the surface
    "misplacement",  # from where the other landmarks expect it
    "mahalanobis",  # the same in standard deviations
    "vagueness",  # standard deviation of that expectation
    "support",  # heatmap where the other landmarks expect it
    "gap",  # from where the other landmarks expect it to the scan
    "sparseness",  # distance to the eighth node, relative to other landmarks
    "one_sidedness",  # whether the scan lies to one side of it
    "boundary",  # distance to the end of the scan
    "neighbours",  # heatmaps' peaks of the landmarks around it
    "scan_peak",  # median peak of the scan
    "scan_misplacement",  # median misplacement of the scan
)
"""Names of the columns of ``landmark_features``. Lengths are logarithms of 1 + millimetres of the head frame."""

_FARTHEST_BOUNDARY = 40.0
_AROUND, _WIDER = 8, 40
_SEEN = 0.2


def landmark_features(
    refined: Refined,
    heatmaps: NDArray[np.float32],
    nodes: FloatArray,
    boundary: FloatArray,
    expected: Expectation,
    mean: FloatArray,
    *,
    sigma: float,
    unit: float,
) -> FloatArray:
    """One row of ``FEATURES`` for each landmark: (L, F), all finite.

    Parameters
    ----------
    refined : Refined, L landmarks
    heatmaps : (N, L)
    nodes : (N, 3)
    boundary : (B, 3), points on the boundary of the scan, see ``boundary_points``; none if it has none
    expected : Expectation, where the other landmarks expect each one
    mean : (L, 3), mean shape of the population
    sigma : width of the heatmaps
    unit : millimetres of the head frame for one unit of all these lengths
    """
    from scipy.spatial import cKDTree

    peak = np.clip(refined.peak, 0.0, 1.5)
    misplacement = unit * np.linalg.norm(expected.positions - refined.positions, axis=1)
    tree = cKDTree(nodes)
    gap, nearest = tree.query(expected.positions)
    seen = peak > _SEEN
    columns = {
        "peak": peak,
        "amplitude": np.clip(refined.amplitude, 0.0, 1.5),
        "residual": np.minimum(refined.residual, 1.0),
        "spread": np.log1p(unit * refined.spread),
        **_heat_around(heatmaps, nodes, refined.positions, STRAY_LIMIT * sigma, unit),
        "pull": np.log1p(unit * np.linalg.norm(refined.positions - refined.mean, axis=1)),
        "misplacement": np.log1p(misplacement),
        "mahalanobis": np.log1p(expected.distance),
        "vagueness": np.log1p(unit * expected.vagueness),
        "support": np.clip(heatmaps[nearest, np.arange(len(peak))], -0.2, 1.5),
        "gap": np.log1p(unit * gap),
        **_surroundings(tree, refined.positions),
        "boundary": np.log1p(np.minimum(unit * distance_to(boundary, refined.positions), _FARTHEST_BOUNDARY)),
        "neighbours": _neighbours_peak(peak, mean),
        "scan_peak": np.full(len(peak), np.median(peak)),
        "scan_misplacement": np.full(len(peak), np.median(np.log1p(misplacement[seen] if seen.any() else 50.0))),
    }
    return np.stack([columns[name] for name in FEATURES], axis=1)


def _heat_around(
    heatmaps: NDArray[np.float32], nodes: FloatArray, positions: FloatArray, reach: float, unit: float
) -> dict[str, FloatArray]:
    """How each heatmap lies around its landmark, within ``reach``, and how high it is elsewhere: (L,) each."""
    squared = (nodes**2).sum(1)[:, None] + (positions**2).sum(1) - 2.0 * nodes @ positions.T
    away = np.where(squared > reach**2, heatmaps, -0.2).max(0)
    heat = np.where(squared <= reach**2, np.maximum(heatmaps, 0.0), 0.0).astype(np.float64) ** 2
    total = heat.sum(0) + 1e-9
    middle = heat.T @ nodes / total[:, None]
    products = (nodes[:, :, None] * nodes[:, None, :]).reshape(-1, 9)
    spread = (heat.T @ products / total[:, None]).reshape(-1, 3, 3) - middle[:, :, None] * middle[:, None, :]
    widest = np.sqrt(np.maximum(np.linalg.eigvalsh(spread)[:, -1], 0.0))
    return {
        "rival": np.clip(away, -0.2, 1.5).astype(np.float64),
        "mass": np.log(total / (heat.max(0) + 1e-6) + 1e-3),
        "width": np.log1p(unit * widest),
        "lean": np.log1p(unit * np.linalg.norm(np.where(total[:, None] > 1e-6, middle - positions, 0.0), axis=1)),
    }


def _surroundings(tree: cKDTree, positions: FloatArray) -> dict[str, FloatArray]:
    """How thinly the nodes lie around each landmark, and how far to one side of it."""
    distances, ids = (np.asarray(found) for found in tree.query(positions, min(_WIDER, tree.n)))
    close, reach = distances[:, min(_AROUND, tree.n) - 1], np.maximum(distances[:, -1], 1e-9)
    offset = np.linalg.norm(tree.data[ids].mean(1) - positions, axis=1)
    usual = max(float(np.median(close)), 1e-9)
    return {
        "sparseness": np.log(np.clip(close / usual, 0.2, 20.0)),
        "one_sidedness": np.clip(offset / reach, 0.0, 1.0),
    }


def _neighbours_peak(peak: FloatArray, mean: FloatArray) -> FloatArray:
    """Mean peak of the eight landmarks next to each one in the average face."""
    from scipy.spatial import cKDTree

    count = min(_AROUND + 1, len(mean))
    ids = np.asarray(cKDTree(mean).query(mean, count)[1])
    values: FloatArray = peak[ids[:, 1:]].mean(1)
    return values
