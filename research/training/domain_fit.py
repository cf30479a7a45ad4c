"""Fit the domain of an error model (`sgcn_core.uncertainty.domain`) to populations that the network never saw.

Scans are few and landmarks of one scan, and scans of one annotator, go together. So every annotator counts the same,
whatever the number of scans, and within one every scan. For each group of landmarks the domain's deviation is that by
which the mean stated error is the mean error; the factor is the weighted 90 % quantile of error over bound (conformal,
Dunn, Wasserman and Ramdas 2023 for groups of dependent data), at the level 0.9 (1 + 1 / scans), drawn towards that of
all landmarks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from research.training.calibration_data import ModeData
from sgcn_core.analysis.uncertainty import observer_spread
from sgcn_core.uncertainty.domain import Domain, ErrorLengths, well_defined
from sgcn_core.uncertainty.error_model import BOUND_SHARE, ErrorModel

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

LIMITS = (6.0, 7.5)
"""90 % bounds above which a well-defined, and a loosely defined, landmark is uncertain, millimetres."""

# Annotators that the factor of all landmarks counts as much as (the group's own has those that it has).
_POOLED_AS = 2.0
# Domain deviations that are tried, millimetres along one axis.
_LARGEST, _STEPS = 8.0, 28


@dataclass(frozen=True, eq=False)
class DomainSamples:
    """M landmarks that are there and not reported missing: (M,) each, and the network's part of the error.

    Attributes
    ----------
    label : which landmark
    error : millimetres of the person
    scan, annotator : numbers
    shares : (M, C), probability of each class of error
    size : millimetres of the person for one of the head frame
    """

    label: IntArray
    error: FloatArray
    scan: IntArray
    annotator: IntArray
    shares: FloatArray
    size: FloatArray

    @classmethod
    def of(cls, model: ErrorModel, sources: Sequence[tuple[ModeData, Sequence[int]]]) -> DomainSamples:
        """Landmarks of several sets of scans; each comes with the annotator's number of every scan."""
        parts, first = [], 0
        for data, annotators in sources:
            scan, label = np.nonzero(data.known & ~data.absent & np.isfinite(data.error))
            shares = model.probabilities(data.features[scan, label], label)
            told = shares[:, -1] <= model.missing_above[0]
            scan, label, shares = scan[told], label[told], shares[told]
            size = data.size[scan]
            present = shares[:, :-1] / np.maximum(1.0 - shares[:, -1:], 1e-9)
            who = np.asarray(annotators, dtype=np.int64)[scan]
            parts.append((label, data.error[scan, label] * size, first + scan, who, present, size))
            first += len(data.size)
        return cls(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def where(self, chosen: BoolArray) -> DomainSamples:
        return DomainSamples(
            self.label[chosen],
            self.error[chosen],
            self.scan[chosen],
            self.annotator[chosen],
            self.shares[chosen],
            self.size[chosen],
        )

    def weights(self) -> FloatArray:
        """Weight (M,) of each landmark: every annotator counts 1, and so do, of one annotator, all scans alike."""
        pairs = np.unique(np.stack([self.annotator, self.scan], 1), axis=0)
        scans_of = dict(zip(*np.unique(pairs[:, 0], return_counts=True), strict=True))
        landmarks_of = dict(zip(*np.unique(self.scan, return_counts=True), strict=True))
        return np.array(
            [1.0 / (scans_of[who] * landmarks_of[scan]) for who, scan in zip(self.annotator, self.scan, strict=True)]
        )

    def lengths(self, typical: FloatArray, offset: FloatArray) -> ErrorLengths:
        """Stated distribution of the errors, in units of one millimetre of each person's size."""
        return ErrorLengths(typical, self.shares, offset / self.size)


def fit_domain(model: ErrorModel, samples: DomainSamples, labels: Sequence[str]) -> ErrorModel:
    """The error model with its domain.

    Parameters
    ----------
    samples : of scans that the network and the error model did not see
    labels : L names
    """
    own = observer_spread(tuple(labels))
    loose = np.array([float(not well_defined(label)) for label in labels])
    group = loose[samples.label].astype(int)
    deviation = np.array([_deviation(model, samples.where(group == number), own) for number in (0, 1)])
    offset = np.hypot(own[samples.label], deviation[group])
    bound = samples.size * samples.lengths(model.typical, offset).quantile(BOUND_SHARE)
    ratio = samples.error / bound
    pooled = _conformal(ratio, samples)
    factor = []
    for number in (0, 1):
        part = samples.where(group == number)
        trust = len(np.unique(part.annotator)) / (len(np.unique(part.annotator)) + _POOLED_AS)
        factor.append(trust * _conformal(ratio[group == number], part) + (1.0 - trust) * pooled)
    domain = Domain(own, loose, deviation, np.array(factor), np.array(LIMITS))
    return replace(model, domain=domain)


def _deviation(model: ErrorModel, samples: DomainSamples, observers: FloatArray) -> float:
    """The deviation by which the mean stated error is the mean error; 0 where the error is less without."""
    weights, tried = samples.weights(), np.linspace(0.0, _LARGEST, _STEPS + 1)
    own, actual = observers[samples.label], float(np.average(samples.error, weights=weights))
    stated = [
        float(np.average(samples.size * samples.lengths(model.typical, np.hypot(own, each)).mean(), weights=weights))
        for each in tried
    ]
    return float(np.interp(actual, stated, tried))


def _conformal(ratio: FloatArray, samples: DomainSamples) -> float:
    """Weighted quantile of error over bound."""
    share = min(BOUND_SHARE * (1.0 + 1.0 / len(np.unique(samples.scan))), 1.0)
    order, weights = np.argsort(ratio), samples.weights()
    reached = np.cumsum(weights[order]) / weights.sum()
    return float(ratio[order][min(int(np.searchsorted(reached, share)), len(ratio) - 1)])
