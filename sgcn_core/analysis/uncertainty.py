"""Covariance of landmarks: the error expected of the detector, and the disagreement of human observers."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgcn_core.types.landmark_sets import LandmarkSet
from sgcn_core.types.landmarks import ERRORS_HOLD_OBSERVERS, LandmarkResult

FloatArray = NDArray[np.float64]

BOUND_IN_SD = 2.5003
"""Radius that holds 90 % of a three-dimensional isotropic normal distribution, in standard deviations per axis: the
square root of the 0.9 quantile of chi-squared with 3 degrees of freedom."""

MEAN_IN_SD = 1.5958
"""Mean distance from the centre of the same distribution: 2 sqrt(2 / pi)."""


def landmark_covariance(result: LandmarkResult, *, observers: bool = True) -> FloatArray:
    """Covariance of every landmark, (L, 3, 3), mm^2.

    The error of the detector is taken as normal and the same in all directions, with the standard deviation for which
    9 of 10 errors stay below the landmark's 90 % bound; where only an expected error is known, that for which it is
    the mean. What observers disagree by is added, as the definition of a landmark is no sharper than that, unless the
    stated errors hold it already (`holds_observers`).
    Landmarks without errors beside landmarks with errors, or in a file that holds no detection (neither a model's name
    nor a confidence below 1), were placed by hand: for them the observers' part stands alone.

    Errors of different landmarks are taken as independent, which they are not quite;
    ``python -m research.experiments.anthropometry`` measures how many intervals hold.

    Parameters
    ----------
    result : LandmarkResult
        Its errors are in millimetres, whatever its unit.
    observers : bool
        Whether to add the observers' disagreement. It is not taken out of errors that hold it.

    Returns
    -------
    ndarray (L, 3, 3)
        NaN for missing landmarks, and for those of a detection by weights that state no errors.
    """
    spread = np.where(
        np.isfinite(result.error_bound), result.error_bound / BOUND_IN_SD, result.expected_error / MEAN_IN_SD
    )
    stated = np.isfinite(spread)
    if stated.any() or not is_detection(result):
        spread = np.where(stated, spread, 0.0)
    if observers:
        held = stated & holds_observers(result)
        spread = np.hypot(spread, np.where(held, 0.0, observer_spread(result.labels)))
    missing = np.array([state == "missing" for state in result.status], dtype=bool)
    spread = np.where(missing, np.nan, spread)
    covariance: FloatArray = spread[:, None, None] ** 2 * np.eye(3)
    return covariance


def is_detection(result: LandmarkResult) -> bool:
    """Whether landmarks come from a detector: they name its model, or a confidence below 1."""
    return bool(result.info.get("model")) or bool((result.confidence < 1).any())


def holds_observers(result: LandmarkResult) -> bool:
    """Whether the stated errors hold the observers' disagreement, as the detector writes into ``info``.

    Formats that keep no ``info`` (.csv, .fcsv, and what Slicer saves) lose that; intervals are then wider than needed.
    """
    return result.info.get(ERRORS_HOLD_OBSERVERS) is True


def observer_spread(labels: tuple[str, ...]) -> FloatArray:
    """Standard deviation per axis, (L,) millimetres, between human observers.

    By the landmark's own entry in ``resources/analysis/observers.json``, else by its class of reproducibility;
    a label of no landmark set counts as class C.
    """
    content, known = _observers(), LandmarkSet.load("all")
    spread = []
    for label in labels:
        tier = known[label].reproducibility if label in known else content["further_landmarks"].get(label, "C")
        spread.append(float(content["landmarks"].get(label, content["tiers"][tier])["sd"]))
    return np.array(spread)


@cache
def _observers() -> dict[str, Any]:
    file = resources.files("sgcn_core") / "resources" / "analysis" / "observers.json"
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content
