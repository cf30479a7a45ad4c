"""What a stated error holds besides the network's: the domain of the scan, and the observers' disagreement.

The network's error has the length that the error model says, in any direction. To it comes an offset that is normally
distributed with the same standard deviation along each axis: that of trained observers who place the landmark, and that
of scanners, people and annotators that the network was not trained on, one number for each group of landmarks. The
length of the sum follows the noncentral chi distribution with three degrees of freedom, whose mean and distribution are
known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from sgcn_core.types.landmark_sets import without_side

FloatArray = NDArray[np.float64]

WELL_DEFINED = frozenset({"en", "ex", "ch", "prn", "sn", "ls", "li", "cph", "al", "ac", "sto", "sts", "sti"})
"""Clinical landmarks that are a corner, a tip or a border; of the 68 points they are 27 to 67."""

# Where the search for a quantile begins and how often it halves: 0.0001 mm.
_FARTHEST, _HALVINGS = 120.0, 20
# Shortest length of the network's error, millimetres: the formulas divide by it.
_LEAST = 1e-3


def well_defined(label: str) -> bool:
    """Whether a landmark is a corner, a tip or a border: `WELL_DEFINED`, and ``ibug27`` to ``ibug67``."""
    if label.startswith("ibug"):
        return int(label[4:]) >= 27
    return without_side(label) in WELL_DEFINED


@dataclass(frozen=True, eq=False)
class Domain:
    """The two offsets of L landmarks, in groups: 0 well-defined, 1 loosely defined. Millimetres of the person.

    Attributes
    ----------
    observers : (L,), standard deviation of trained observers along one axis
    loose : (L,), 1 for the loosely defined landmarks, else 0
    deviation : (2,), standard deviation of the domain along one axis, by group
    factor : (2,), on the 90 % bound, by which it holds for as many landmarks as it says (conformal), by group
    limit : (2,), 90 % bound above which a landmark is uncertain, by group
    """

    observers: FloatArray
    loose: FloatArray
    deviation: FloatArray
    factor: FloatArray
    limit: FloatArray

    def __post_init__(self) -> None:
        if self.observers.shape != self.loose.shape:
            raise ValueError(f"observers {self.observers.shape} and loose {self.loose.shape} must have one shape")
        for name in ("deviation", "factor", "limit"):
            if getattr(self, name).shape != (2,):
                raise ValueError(f"the domain's {name} has shape {getattr(self, name).shape}, expected (2,)")

    def group(self, labels: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """Group (M,) of the landmarks with these numbers; of all by default."""
        groups = self.loose.astype(np.int64)
        return groups if labels is None else groups[labels]

    def offset(self, labels: NDArray[np.int64] | None = None) -> FloatArray:
        """Standard deviation (M,) of both offsets together along one axis."""
        own = self.observers if labels is None else self.observers[labels]
        offset: FloatArray = np.hypot(own, self.deviation[self.group(labels)])
        return offset

    def arrays(self) -> dict[str, FloatArray]:
        """All that has to be stored, by name."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.floating]]) -> Domain:
        """The domain of :meth:`arrays`; KeyError where one is lacking."""
        return cls(**{entry.name: np.asarray(arrays[entry.name], dtype=np.float64) for entry in fields(cls)})


@dataclass(frozen=True, eq=False)
class ErrorLengths:
    """Distribution of the length of M errors: one of C lengths in any direction, and a normal offset.

    Attributes
    ----------
    lengths : (C,), millimetres
    shares : (M, C), probability of each length; rows add up to 1
    offset : (M,), standard deviation of the offset along one axis, above 0
    """

    lengths: FloatArray
    shares: FloatArray
    offset: FloatArray

    def mean(self) -> FloatArray:
        """Mean length (M,)."""
        from scipy.special import erf

        length, s = np.maximum(self.lengths, _LEAST), self.offset[:, None]
        each = s * np.sqrt(2.0 / np.pi) * np.exp(-0.5 * (length / s) ** 2)
        each = each + (length + s**2 / length) * erf(length / (np.sqrt(2.0) * s))
        mean: FloatArray = (self.shares * each).sum(1)
        return mean

    def within(self, distance: FloatArray | float) -> FloatArray:
        """Probability (M,) that the length is at most ``distance``, (M,) or one for all."""
        from scipy.special import ndtr

        length, s = np.maximum(self.lengths, _LEAST), self.offset[:, None]
        reach = np.broadcast_to(np.asarray(distance, dtype=np.float64), self.offset.shape)[:, None]
        inner, outer = (reach - length) / s, (reach + length) / s
        density = (np.exp(-0.5 * inner**2) - np.exp(-0.5 * outer**2)) / np.sqrt(2.0 * np.pi)
        each = ndtr(inner) - ndtr(-outer) - s / length * density
        share: FloatArray = np.clip((self.shares * each).sum(1), 0.0, 1.0)
        return share

    def quantile(self, share: float) -> FloatArray:
        """Length (M,) that is not exceeded with probability ``share``."""
        low, high = np.zeros(len(self.offset)), np.full(len(self.offset), _FARTHEST)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2.0
            beyond = self.within(middle) < share
            low, high = np.where(beyond, middle, low), np.where(beyond, high, middle)
        quantile: FloatArray = (low + high) / 2.0
        return quantile
