"""Errors of the first pass, of a second one and of mixtures of both, by set of scans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from research.local_pass.cases import Case
from sgcn_core.evaluation.tables import Cell, Table
from sgcn_core.geometry.closest_point import closest_on_surface
from sgcn_core.geometry.surface_index import SurfaceIndex

FloatArray = NDArray[np.float64]


def _ibug(first: int, end: int) -> tuple[str, ...]:
    return tuple(f"ibug{i}" for i in range(first, end))


# Groups of one region, by how their labels of the left side begin.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "en": ("en_l", "en_r", "ibug39", "ibug42"),
    "ex": ("ex_l", "ex_r", "ibug36", "ibug45"),
    "lids": ("ps_l", "ps_r", "pi_l", "pi_r", *(f"ibug{i}" for i in (37, 38, 40, 41, 43, 44, 46, 47))),
    "nose": (
        "prn",
        "c",
        "sn",
        "al_l",
        "al_r",
        "ac_l",
        "ac_r",
        "sbal_l",
        "sbal_r",
        *(f"ibug{i}" for i in range(28, 36)),
    ),
    "mouth": ("ls", "sts", "sti", "li", "cph_l", "cph_r", "ch_l", "ch_r", *_ibug(48, 68)),
    "ears": tuple(f"{name}_{side}" for name in ("t", "obi", "sa", "sba", "pra", "pa") for side in "lr"),
}
# Below this peak a second pass has seen nothing.
LEAST_PEAK = 0.3


@dataclass(frozen=True, eq=False)
class Second:
    """What a second pass found on one scan: label -> position, normalised, and how sure it is, 0 to 1."""

    case: Case
    found: Mapping[str, tuple[FloatArray, float]]

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
        places = closest_on_surface(mixed, SurfaceIndex(case.vertices, case.faces)) if 0.0 < share < 1.0 else mixed
        away = np.linalg.norm(places - case.truth[rows], axis=1) * case.unit
        return dict(zip(labels, away.tolist(), strict=True))


def table(name: str, seconds: Sequence[Second], shares: Sequence[float] = (0.0, 0.5, 1.0)) -> Table:
    """One row for each set and group: mean errors at each share of the second pass, and how many landmarks."""
    sets: dict[str, list[Second]] = {}
    for second in seconds:
        sets.setdefault(second.case.group, []).append(second)
        if second.case.group == "scans":
            sets.setdefault(second.case.name, []).append(second)
    rows: list[dict[str, Cell]] = []
    for each, members in sets.items():
        found = {share: [member.errors(share) for member in members] for share in shares}
        for group, labels in GROUPS.items():
            values = {
                share: [one[label] for one in many for label in labels if label in one] for share, many in found.items()
            }
            count = len(values[shares[0]])
            if count:
                line: dict[str, Cell] = {"set": each, "group": group, "landmarks": count}
                rows.append(line | {f"{share:g}": float(np.mean(values[share])) for share in shares})
    return Table(name, "Mean error in mm by the share that the second opinion has; 0 is the first pass alone.", rows)
