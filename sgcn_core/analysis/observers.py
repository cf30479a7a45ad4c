"""Agreement of observers who placed the same landmarks, or of a detector with them.

References
----------
P. E. Shrout, J. L. Fleiss, "Intraclass correlations: uses in assessing rater reliability", Psychological Bulletin
86(2), 1979 (ICC). J. M. Bland, D. G. Altman, "Statistical methods for assessing agreement between two methods of
clinical measurement", The Lancet 327, 1986. G. Dahlberg, "Statistical methods for medical and biological
students", 1940 (TEM).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sgcn_core.errors import LandmarkError
from sgcn_core.geometry.procrustes import procrustes

FloatArray = NDArray[np.float64]

_WITHIN_95 = 1.96


@dataclass(frozen=True, kw_only=True)
class BlandAltman:
    """Difference of two observers, second less first: mean, standard deviation, limits of agreement."""

    bias: float
    sd: float

    @property
    def low(self) -> float:
        """Lower limit of agreement."""
        return self.bias - _WITHIN_95 * self.sd

    @property
    def high(self) -> float:
        """Upper limit of agreement."""
        return self.bias + _WITHIN_95 * self.sd


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Agreement of k observers on one number of n cases.

    Attributes
    ----------
    cases, observers : int
    mean, sd : float
        Of all values; the standard deviation is that between observers within a case.
    tem : float
        Technical error of measurement, the same as `sd`: root of the mean variance within a case. For two observers
        this is Dahlberg's sqrt(sum d^2 / 2n).
    icc2, icc3 : float
        ICC(2,1), absolute agreement of observers taken at random, and ICC(3,1), consistency of these observers; NaN
        with a single case.
    pairs : dict
        Bland-Altman of each two observers, by their numbers; its standard deviation is NaN with a single case.
    """

    cases: int
    observers: int
    mean: float
    sd: float
    icc2: float
    icc3: float
    pairs: dict[tuple[int, int], BlandAltman]

    @property
    def tem(self) -> float:
        """Technical error of measurement."""
        return self.sd


@dataclass(frozen=True, kw_only=True)
class LandmarkAgreement:
    """Agreement of k observers on one landmark in n cases.

    Attributes
    ----------
    label : str
    cases : int
        In which every observer placed it.
    distance, distance_sd, largest : float
        Of two observers' points, over all cases and pairs of observers: mean, standard deviation, largest; mm.
    tem : float
        Technical error of measurement in space: root of the variances within a case summed over the axes, mm.
    axes : tuple of Agreement
        Of each coordinate.
    """

    label: str
    cases: int
    distance: float
    distance_sd: float
    largest: float
    tem: float
    axes: tuple[Agreement, ...]


def agreement(values: ArrayLike) -> Agreement:
    """Agreement on one number, such as a measurement.

    Parameters
    ----------
    values : array_like (n, k)
        Of n cases by k observers; cases with a NaN are left out.

    Raises
    ------
    ValueError
        Not two-dimensional, fewer than two observers, or no case that all of them measured.
    """
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] < 2:
        raise ValueError(f"values must be (cases, observers) with two observers or more, received {table.shape}")
    table = table[np.isfinite(table).all(axis=1)]
    if not len(table):
        raise ValueError("no case was measured by every observer")
    icc2, icc3 = _icc(table)
    pairs = {}
    for first, second in itertools.combinations(range(table.shape[1]), 2):
        difference = table[:, second] - table[:, first]
        spread = float(difference.std(ddof=1)) if len(table) > 1 else float("nan")
        pairs[first, second] = BlandAltman(bias=float(difference.mean()), sd=spread)
    return Agreement(
        cases=len(table),
        observers=table.shape[1],
        mean=float(table.mean()),
        sd=float(np.sqrt(table.var(axis=1, ddof=1).mean())),
        icc2=icc2,
        icc3=icc3,
        pairs=pairs,
    )


def landmark_agreement(labels: Sequence[str], positions: FloatArray) -> tuple[LandmarkAgreement, ...]:
    """Agreement on each landmark.

    The cases are first brought into the frame of the first one (rigid Procrustes of the observers' means; all
    observers of a case move together), so that the ICC compares the disagreement with
    how the people differ and not with how their scans lie in space.

    Parameters
    ----------
    labels : sequence of str, L of them
    positions : ndarray (k, n, L, 3)
        Of k observers and n cases, millimetres, each case in one frame for all observers; NaN where missing.

    Raises
    ------
    LandmarkError
        Fewer than two observers, or a case without three landmarks in common with the first.
    """
    if positions.ndim != 4 or positions.shape[0] < 2 or positions.shape[2:] != (len(labels), 3):
        raise LandmarkError(
            f"positions must be (observers, cases, {len(labels)}, 3), two observers or more; received {positions.shape}"
        )
    common = _common_frame(positions)
    return tuple(_of_landmark(label, common[:, :, row]) for row, label in enumerate(labels))


def _of_landmark(label: str, places: FloatArray) -> LandmarkAgreement:
    """Agreement on one landmark from positions (k, n, 3)."""
    complete = np.isfinite(places).all(axis=(0, 2))
    places = places[:, complete]
    if not complete.any():
        nan = float("nan")
        return LandmarkAgreement(label=label, cases=0, distance=nan, distance_sd=nan, largest=nan, tem=nan, axes=())
    pairs = itertools.combinations(range(len(places)), 2)
    distances = np.concatenate([np.linalg.norm(places[a] - places[b], axis=1) for a, b in pairs])
    axes = tuple(agreement(places[:, :, axis].T) for axis in range(3))
    return LandmarkAgreement(
        label=label,
        cases=int(complete.sum()),
        distance=float(distances.mean()),
        distance_sd=float(distances.std(ddof=1)) if len(distances) > 1 else float("nan"),
        largest=float(distances.max()),
        tem=float(np.sqrt(sum(axis.sd**2 for axis in axes))),
        axes=axes,
    )


def _common_frame(positions: FloatArray) -> FloatArray:
    """Positions (k, n, L, 3), every case moved rigidly onto the first."""
    moved: FloatArray = positions.copy()
    means = positions.mean(axis=0)
    for case in range(1, positions.shape[1]):
        both = np.isfinite(means[0]).all(axis=1) & np.isfinite(means[case]).all(axis=1)
        try:
            motion = procrustes(means[case][both], means[0][both], scaling=False)
        except ValueError as error:
            raise LandmarkError(f"case {case + 1} cannot be brought onto the first: {error}") from error
        moved[:, case] = motion.apply(positions[:, case])
    return moved


def _icc(table: FloatArray) -> tuple[float, float]:
    """ICC(2,1) and ICC(3,1) from the mean squares of rows (cases), columns (observers) and error."""
    n, k = table.shape
    if n < 2:
        return float("nan"), float("nan")
    mean, rows, columns = table.mean(), table.mean(axis=1), table.mean(axis=0)
    between = k * ((rows - mean) ** 2).sum() / (n - 1)
    observers = n * ((columns - mean) ** 2).sum() / (k - 1)
    error = ((table - rows[:, None] - columns + mean) ** 2).sum() / ((n - 1) * (k - 1))
    absolute, consistent = between + (k - 1) * error + k * (observers - error) / n, between + (k - 1) * error
    if absolute <= 0 or consistent <= 0:
        return float("nan"), float("nan")
    return float((between - error) / absolute), float((between - error) / consistent)
