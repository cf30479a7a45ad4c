"""Displacements by definition: those of the right and the left side are one, mirrored."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sgcn_core.adaptation.corrected_scan import STILL, CorrectedScan
from sgcn_core.analysis.sides import sides_of
from sgcn_core.types.landmark_sets import LandmarkSet
from sgcn_core.uncertainty.domain import Domain, well_defined

FloatArray = NDArray[np.float64]

RIGHT, LEFT, MIDLINE, NO_SIDE = "right", "left", "midline", ""
MIRROR = np.array([-1.0, 1.0, 1.0])
"""From the right to the left side of the head frame."""

# Correlation of the errors on both sides of one scan: 0.4 on the annotated real scans, where it hardly matters.
_BOTH_SIDES = 0.4
# What the error model tells of the detector's own error: mean length of a normal error over its deviation (chi, 3).
_MEAN_LENGTH = 1.596
# Standard deviations along one axis, millimetres: least noise of a landmark placed by hand, noise where no error is
# stated, and of definitions (well, loosely defined) where the weights know none.
_LEAST_NOISE, _USUAL_NOISE, _USUAL_DEFINITIONS = 0.6, 1.2, (1.0, 2.3)


@dataclass(frozen=True)
class Side:
    """Which definition a label is of, and on which side; the definition goes by the label of the right side."""

    definition: str
    side: str

    def turned(self, offset: FloatArray) -> FloatArray:
        """An offset (3,) of this side as one of the right side, and back."""
        return offset * MIRROR if self.side == LEFT else offset


def side_of(label: str, labels: Collection[str]) -> Side:
    """Definition and side of a label; labels of no landmark set are paired by ``_r`` and ``_l`` if both are there."""
    known, (right, left) = label in LandmarkSet.load("all"), sides_of(label)
    if right and (known or (right if label == left else left) in labels):
        return Side(right, LEFT if label == left else RIGHT)
    return Side(label, MIDLINE if known else NO_SIDE)


@dataclass(frozen=True, eq=False)
class Evidence:
    """What N scans say about D definitions; lengths in millimetres of the head frame.

    Attributes
    ----------
    definitions : D labels of the right side or the midline
    mean : (D, 3), weighted mean displacement, on the right side
    squares : (D,), weighted sum of the squared differences from it
    scans : (D,), on how many scans
    weight : (D,), sum of the weights; one for a landmark of one side
    axes : (D,), 2 in the midline, where nothing goes sideways, else 3
    noise : (D,), variance along one axis that is expected of a displacement on one side
    definition : (D,), the same of the definition of another annotator
    """

    definitions: tuple[str, ...]
    mean: FloatArray
    squares: FloatArray
    scans: NDArray[np.int64]
    weight: FloatArray
    axes: NDArray[np.int64]
    noise: FloatArray
    definition: FloatArray


def evidence_of(scans: Sequence[CorrectedScan], labels: Collection[str], domain: Domain | None) -> Evidence:
    """Gather the displacements of corrected scans by definition; those that no scan has moved are left out.

    Parameters
    ----------
    scans : at least one
    labels : of the weights
    domain : of the weights' error model, for what definitions differ by
    """
    between = _USUAL_DEFINITIONS if domain is None else tuple(float(each) for each in domain.deviation)
    gathered: dict[str, list[_Displaced]] = {}
    for scan in scans:
        for name, displaced in _by_definition(scan, labels, between).items():
            gathered.setdefault(name, []).append(displaced)
    kept = {name: each for name, each in gathered.items() if any(one.moved for one in each)}
    weights = [np.array([one.weight for one in each]) for each in kept.values()]
    offsets = [np.array([one.offset for one in each]) for each in kept.values()]
    means = [each.T @ own / own.sum() for each, own in zip(offsets, weights, strict=True)]
    squares = [((each - at) ** 2).sum(1) @ own for each, at, own in zip(offsets, means, weights, strict=True)]
    return Evidence(
        definitions=tuple(kept),
        mean=np.array(means).reshape(-1, 3),
        squares=np.array(squares),
        scans=np.array([len(each) for each in kept.values()], dtype=np.int64),
        weight=np.array([own.sum() for own in weights]),
        axes=np.array([2 if each[0].midline else 3 for each in kept.values()], dtype=np.int64),
        noise=np.array([np.mean([one.noise for one in each]) for each in kept.values()]),
        definition=np.array([between[0 if well_defined(name) else 1] ** 2 for name in kept]),
    )


@dataclass(frozen=True, eq=False)
class _Displaced:
    """The displacement (3,) of a definition on one scan, the mean of both sides, as one of the right side."""

    offset: FloatArray
    noise: float
    weight: float
    moved: bool
    midline: bool


def _by_definition(scan: CorrectedScan, labels: Collection[str], between: tuple[float, ...]) -> dict[str, _Displaced]:
    rows: dict[str, list[tuple[FloatArray, float, str]]] = {}
    for label, offset, expected in zip(scan.labels, scan.displacement, scan.expected, strict=True):
        side = side_of(label, labels)
        noise = _noise(float(expected), between[0 if well_defined(label) else 1])
        rows.setdefault(side.definition, []).append((side.turned(offset), noise, side.side))
    displaced = {}
    for name, each in rows.items():
        sides, midline = np.array([offset for offset, _, _ in each]), each[0][2] == MIDLINE
        displaced[name] = _Displaced(
            offset=sides.mean(0) * (np.array([0.0, 1.0, 1.0]) if midline else 1.0),
            noise=float(np.mean([noise for _, noise, _ in each])),
            weight=1.0 if len(each) == 1 else 2.0 / (1.0 + _BOTH_SIDES),
            moved=bool(np.linalg.norm(sides, axis=1).max() > STILL),
            midline=midline,
        )
    return displaced


def _noise(expected: float, definition: float) -> float:
    """Variance along one axis of the detector's error and the annotator's hand, of an expected error of both and of
    the definition."""
    if not np.isfinite(expected):
        return _USUAL_NOISE**2
    return float(max((expected / _MEAN_LENGTH) ** 2 - definition**2, _LEAST_NOISE**2))
