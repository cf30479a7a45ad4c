"""Summaries of landmark errors in millimetres. NumPy only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

FAILURE = 10.0
"""A landmark further than this from the truth is a failure, millimetres."""

THRESHOLDS = (1.0, 2.0, 3.0, 4.0)
"""Distances of the success detection rates, millimetres."""

OBSERVERS = "Human observers differ by 1.3-1.5 mm on average (Berends et al. 2024, Bannister et al. 2020)."
"""Printed with every table of errors, for comparison."""


@dataclass(frozen=True)
class Summary:
    """Statistics of a set of errors, millimetres; NaN if there are none.

    Attributes
    ----------
    count : number of errors; landmarks not found are not among them
    missing : landmarks that should have been found and were not
    mean, deviation : mean and standard deviation over all landmarks of all faces
    median, high : 50th and 95th percentile
    rates : share of the landmarks, missing ones included, within each of ``THRESHOLDS``
    failures : number of errors above ``FAILURE``
    """

    count: int
    missing: int
    mean: float
    deviation: float
    median: float
    high: float
    rates: tuple[float, ...]
    failures: int


def summarise(errors: ArrayLike) -> Summary:
    """Statistics of errors of any shape; NaN for a landmark that was not found."""
    values = np.asarray(errors, dtype=np.float64).ravel()
    found = values[~np.isnan(values)]
    missing = len(values) - len(found)
    if not len(found):
        nan = float("nan")
        return Summary(0, missing, nan, nan, nan, nan, (nan if not missing else 0.0,) * len(THRESHOLDS), 0)
    return Summary(
        count=len(found),
        missing=missing,
        mean=float(found.mean()),
        deviation=float(found.std()),
        median=float(np.median(found)),
        high=float(np.percentile(found, 95)),
        rates=success_rates(values, THRESHOLDS),
        failures=int((found > FAILURE).sum()),
    )


def success_rates(errors: ArrayLike, thresholds: Sequence[float]) -> tuple[float, ...]:
    """Share of the errors within each threshold, 0 to 1; NaN counts as beyond."""
    values = np.asarray(errors, dtype=np.float64).ravel()
    if not len(values):
        raise ValueError("no errors given")
    return tuple(float((values <= threshold).mean()) for threshold in thresholds)
