"""What an analysis of symmetry states."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from sgcn_core.analysis.midsagittal import MidsagittalPlane

_Item = TypeVar("_Item", "Quantity", "PairAsymmetry", "Cant")

WITHIN_95 = 1.959964
"""Half width of a 95 % interval of a normal distribution in standard deviations."""


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A number with its 95 % interval and what it exceeds.

    Attributes
    ----------
    name : str
    value : float
        NaN if a landmark is missing.
    sd : float
        Standard deviation; NaN if unknown.
    unit : {"mm", "degrees"}
    exceeds : tuple of {"perceptible", "usual"}
        Levels that its magnitude exceeds.
    clearly : bool
        Whether the whole interval lies beyond the lowest of these levels.
    least : float
        Smallest value possible; the interval ends there.
    """

    name: str
    value: float
    sd: float
    unit: str
    exceeds: tuple[str, ...] = ()
    clearly: bool = False
    least: float = -math.inf

    @property
    def low(self) -> float:
        """Lower end of the interval; NaN if the standard deviation is unknown."""
        low = self.value - WITHIN_95 * self.sd
        return low if math.isnan(low) else max(low, self.least)

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return self.value + WITHIN_95 * self.sd


@dataclass(frozen=True, kw_only=True)
class PairAsymmetry:
    """How far a left landmark lies from the mirror image of the right one.

    Attributes
    ----------
    name, right, left : str
        Of the pair, and both labels.
    group : str
        Part of the face.
    reproducibility : {"A", "B", "C"}
    lateral, up, forward : Quantity
        The left landmark less the mirror image of the right one, millimetres: positive where the left one lies further
        to the side, higher, further forward. NaN upwards and forwards if nasion or subnasale is missing.
    distance : Quantity
        Their distance, the absolute asymmetry; its interval never goes below 0.
    """

    name: str
    right: str
    left: str
    group: str
    reproducibility: str
    lateral: Quantity
    up: Quantity
    forward: Quantity
    distance: Quantity


@dataclass(frozen=True, kw_only=True)
class Cant:
    """Tilt of the line between both landmarks of a pair against the plane's normal; NaN without nasion or subnasale.

    Attributes
    ----------
    name : str
    frontal : Quantity
        Seen from in front, degrees: positive where the left landmark is higher.
    axial : Quantity
        Seen from above, degrees: positive where the left landmark lies further forward.
    angle : Quantity
        In space, degrees, never negative.
    """

    name: str
    frontal: Quantity
    axial: Quantity
    angle: Quantity


@dataclass(frozen=True, kw_only=True)
class SymmetryAnalysis:
    """The asymmetry of one face.

    Attributes
    ----------
    name : str, of the case
    plane : MidsagittalPlane
    without : tuple of str
        Regions that did not count for the plane.
    midline : tuple of Quantity
        Signed distance of each midline landmark from the plane, mm, positive on the subject's left.
    pairs : tuple of PairAsymmetry
    cants : tuple of Cant
    groups : dict
        Mean absolute asymmetry of the pairs of each part of the face: (millimetres, number of pairs). Pairs of class C
        are not averaged with better ones, and count only where a part has no others.
    index : float
        Composite index: the mean absolute asymmetry of all pairs of classes A and B, mm.
    index_pairs : int
        Number of pairs in it.
    """

    name: str
    plane: MidsagittalPlane
    without: tuple[str, ...]
    midline: tuple[Quantity, ...]
    pairs: tuple[PairAsymmetry, ...]
    cants: tuple[Cant, ...]
    groups: dict[str, tuple[float, int]]
    index: float
    index_pairs: int

    def pair(self, name: str) -> PairAsymmetry:
        """The asymmetry of one pair by its name, such as "ch"."""
        return _named(self.pairs, name, "pair")

    def deviation(self, label: str) -> Quantity:
        """The deviation of one midline landmark."""
        return _named(self.midline, label, "midline landmark")

    def cant(self, name: str) -> Cant:
        """The cant of one line, such as "ch"."""
        return _named(self.cants, name, "cant")


def _named(items: Sequence[_Item], name: str, kind: str) -> _Item:
    for item in items:
        if item.name == name:
            return item
    raise ValueError(f"no {kind} {name!r} in the analysis; there are {', '.join(item.name for item in items)}")
