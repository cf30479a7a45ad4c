"""Errors of the first pass, of a second one and of mixtures of both, by set of scans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from research.local_pass.cases import Case
from research.local_pass.regions import REGIONS
from sgcn_core.evaluation.tables import Cell, Table
from sgcn_core.geometry.closest_point import closest_on_surface
from sgcn_core.geometry.surface_index import SurfaceIndex

FloatArray = NDArray[np.float64]


# Landmarks of each row: of an eye three groups, of each other region all.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "en": ("en_l", "en_r", "ibug39", "ibug42"),
    "ex": ("ex_l", "ex_r", "ibug36", "ibug45"),
    "lids": ("ps_l", "ps_r", "pi_l", "pi_r", *(f"ibug{i}" for i in (37, 38, 40, 41, 43, 44, 46, 47))),
    "nose": REGIONS["nose"].labels,
    "mouth": REGIONS["mouth"].labels,
    "ears": REGIONS["ear"].labels + REGIONS["ear"].opposite,
}
_SCANS = "scans"
SETS = (_SCANS, "heads", "gnm", "ict")
# Below this peak a second pass has seen nothing.
LEAST_PEAK = 0.3


@dataclass(frozen=True, eq=False)
class Second:
    """What a second pass found on one scan: label -> position, normalised, and how sure it is, 0 to 1."""

    case: Case
    found: Mapping[str, tuple[FloatArray, float]]

    @cached_property
    def _index(self) -> SurfaceIndex:
        return SurfaceIndex(self.case.vertices, self.case.faces)

    def errors(self, share: float) -> dict[str, float]:
        """Label -> millimetres, of the points that lie ``share`` of the way from the first pass to the second."""
        case = self.case
        known = {label for label, place in zip(case.labels, case.truth, strict=True) if np.isfinite(place).all()}
        labels = [label for label, (place, _) in self.found.items() if label in known and np.isfinite(place).all()]
        if not labels:
            return {}
        rows = [case.labels.index(label) for label in labels]
        second = np.array([self.found[label][0] for label in labels])
        sure = np.array([self.found[label][1] >= LEAST_PEAK for label in labels])
        mixed = case.first[rows] + (share * sure)[:, None] * (second - case.first[rows])
        places = closest_on_surface(mixed, self._index) if 0.0 < share < 1.0 else mixed
        away = np.linalg.norm(places - case.truth[rows], axis=1) * case.unit
        return dict(zip(labels, away.tolist(), strict=True))


def mean_errors(seconds: Sequence[Second], shares: Sequence[float]) -> dict[tuple[str, str], tuple[int, FloatArray]]:
    """(Set, group) -> how many landmarks, and their mean error (S,) at each share; single scans are sets as well."""
    sets: dict[str, list[Second]] = {}
    for second in seconds:
        sets.setdefault(second.case.group, []).append(second)
        if second.case.group == _SCANS:
            sets.setdefault(second.case.name, []).append(second)
    found: dict[tuple[str, str], tuple[int, FloatArray]] = {}
    for name, members in sets.items():
        errors = [[member.errors(share) for share in shares] for member in members]
        for group, labels in GROUPS.items():
            rows = [[by[label] for by in one] for one in errors for label in labels if label in one[0]]
            if rows:
                found[name, group] = len(rows), np.array(rows).mean(axis=0)
    return found


def table(name: str, seconds: Sequence[Second], shares: Sequence[float] = (0.0, 0.5, 1.0)) -> Table:
    """One row for each set and group: mean errors at each share of the second pass, and how many landmarks."""
    rows: list[dict[str, Cell]] = []
    for (each, group), (count, errors) in mean_errors(seconds, shares).items():
        line: dict[str, Cell] = {"set": each, "group": group, "landmarks": count}
        rows.append(line | {f"{share:g}": float(error) for share, error in zip(shares, errors, strict=True)})
    return Table(name, "Mean error in mm by the share that the second opinion has; 0 is the first pass alone.", rows)


def left_out(name: str, seconds: Sequence[Second]) -> Table:
    """The share that is best on all other sets, and what comes of it on the set left out."""
    shares = np.linspace(0.0, 1.0, 11)
    found = {key: value for key, value in mean_errors(seconds, shares.tolist()).items() if key[0] in SETS}
    rows: list[dict[str, Cell]] = []
    for (each, group), (count, errors) in found.items():
        others = [value[1] for key, value in found.items() if key[1] == group and key[0] != each]
        if others:
            best = int(np.mean([other / other[0] for other in others], axis=0).argmin())
            line: dict[str, Cell] = {"set": each, "group": group, "landmarks": count, "first pass": float(errors[0])}
            rows.append(line | {"share": f"{shares[best]:.1f}", "mixed": float(errors[best])})
    return Table(f"{name}_left_out", "Mean error in mm with the share that is best on the other sets.", rows)
