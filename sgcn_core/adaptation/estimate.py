"""Offsets of definitions from few scans: empirical Bayes, so that what has little evidence stays near zero.

The displacement of a landmark on a scan is modelled as the annotator's offset plus noise, both normal and alike along
each axis. How far definitions differ and how large the noise is the weights' error model says beforehand; both are
scaled to the scans by one factor each (highest posterior), and the noise of each landmark to its own spread. The
estimate is the posterior mean: the mean displacement times ``between / (between + noise / scans)`` (James and Stein
1961; Efron and Morris 1973, J. Am. Stat. Assoc. 68).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sgcn_core.adaptation.corrected_scan import CorrectedScan
from sgcn_core.adaptation.definitions import Evidence, evidence_of, side_of
from sgcn_core.types.arrays import ReadOnlyArrays
from sgcn_core.uncertainty.domain import Domain

FloatArray = NDArray[np.float64]

# What is known beforehand of the noise counts as so many squared differences along one axis.
_NOISE_KNOWN = 6.0
# The factors are looked for between a fifth and five times; the logarithm has this standard deviation beforehand.
_FACTORS = np.exp(np.linspace(-1.6, 1.6, 17))
_FACTOR_DEVIATION = 0.7


@dataclass(frozen=True, eq=False, kw_only=True)
class LearntOffsets(ReadOnlyArrays):
    """Offsets of D definitions, millimetres of the head frame, on the right side.

    Attributes
    ----------
    definitions : D labels of the right side or the midline
    values : ndarray (D, 3)
    kept : ndarray (D,)
        Share of the mean displacement, 0 to 1; the rest lacks evidence.
    deviation : ndarray (D,)
        Standard deviation along one axis of the displacement of a new scan from the offset.
    scans : ndarray (D,) of int64
        On how many scans the landmark was placed.
    labels : labels of the weights, by which unknown labels are paired
    """

    definitions: tuple[str, ...]
    values: FloatArray
    kept: FloatArray
    deviation: FloatArray
    scans: NDArray[np.int64]
    labels: tuple[str, ...] = ()

    def place(self, label: str) -> int | None:
        """Which definition a label is of, None where nothing was learnt of it."""
        name = side_of(label, self.labels).definition
        return self.definitions.index(name) if name in self.definitions else None

    def of(self, labels: Sequence[str]) -> FloatArray:
        """Offsets (K, 3) of landmarks on their own sides; 0 where nothing was learnt."""
        offsets = np.zeros((len(labels), 3))
        for row, label in enumerate(labels):
            if (place := self.place(label)) is not None:
                offsets[row] = side_of(label, self.labels).turned(self.values[place])
        return offsets

    def deviation_of(self, labels: Sequence[str]) -> FloatArray:
        """Deviations (K,) of landmarks; 0 where nothing was learnt."""
        places = [self.place(label) for label in labels]
        return np.array([0.0 if place is None else float(self.deviation[place]) for place in places])


def estimate(scans: Sequence[CorrectedScan], labels: Collection[str], domain: Domain | None) -> LearntOffsets:
    """Offsets from corrected scans.

    Parameters
    ----------
    scans : at least one
    labels : of the weights
    domain : of the weights' error model; None where it has none
    """
    evidence = evidence_of(scans, labels, domain)
    if not evidence.definitions:
        nothing = np.empty(0)
        return LearntOffsets(
            definitions=(),
            values=nothing.reshape(0, 3),
            kept=nothing,
            deviation=nothing,
            scans=nothing.astype(np.int64),
            labels=tuple(labels),
        )
    of_definitions, of_noise = _factors(evidence)
    between = of_definitions * evidence.definition
    freedom = evidence.axes * (evidence.scans - 1)
    noise = (_NOISE_KNOWN * of_noise * evidence.noise + evidence.squares) / (_NOISE_KNOWN + freedom)
    of_mean = noise / evidence.weight
    kept = between / (between + of_mean)
    return LearntOffsets(
        definitions=evidence.definitions,
        values=kept[:, None] * evidence.mean,
        kept=kept,
        deviation=np.sqrt(noise + kept * of_mean),
        scans=evidence.scans,
        labels=tuple(labels),
    )


def _factors(evidence: Evidence) -> tuple[float, float]:
    """By how much definitions and noise vary more than known beforehand: factors on the variances."""
    of_definitions, of_noise = (each[..., None] for each in np.meshgrid(_FACTORS, _FACTORS, indexing="ij"))
    noise = of_noise * evidence.noise
    of_mean = of_definitions * evidence.definition + noise / evidence.weight
    freedom = evidence.axes * (evidence.scans - 1)
    unlikely = evidence.axes * np.log(of_mean) + (evidence.mean**2).sum(1) / of_mean
    unlikely = unlikely + freedom * np.log(noise) + evidence.squares / noise
    before = (np.log(of_definitions[..., 0]) ** 2 + np.log(of_noise[..., 0]) ** 2) / _FACTOR_DEVIATION**2
    best = np.unravel_index(np.argmin(unlikely.sum(-1) + before), before.shape)
    return float(_FACTORS[best[0]]), float(_FACTORS[best[1]])
