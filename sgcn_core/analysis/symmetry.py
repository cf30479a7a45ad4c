"""Asymmetry of a face against its midsagittal plane: midline deviations, pairs, cants, regions, each with its interval.

References
----------
Levels of the flags and their sources: ``resources/analysis/asymmetry.json``.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgcn_core.analysis.case import AnalysisCase
from sgcn_core.analysis.midsagittal import MidsagittalPlane, plane_from_landmarks, refit
from sgcn_core.analysis.propagation import covariance_of
from sgcn_core.analysis.regions import face_mask, region_landmarks, region_mask
from sgcn_core.analysis.sides import Pair, group_of, pairs_of, reproducibility
from sgcn_core.analysis.surface_fit import fit_mirror, part_of
from sgcn_core.analysis.symmetry_values import WITHIN_95, Cant, PairAsymmetry, Quantity, SymmetryAnalysis
from sgcn_core.errors import LandmarkError, SettingsError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

PLANES: tuple[str, ...] = ("landmarks", "surface")
STABLE_SKIN: tuple[str, ...] = ("forehead", "nasal root", "right eye", "left eye")
"""Regions whose skin gives the surface's plane by default. The whole face would turn its plane towards an asymmetry of
the jaws: 2 degrees in faces with a small half, see ``python -m research.experiments.symmetry``."""

_UPRIGHT = (("sn", "n"), ("ibug33", "ibug27"))


def find_plane(
    case: AnalysisCase,
    *,
    method: str = "landmarks",
    stable: Collection[str] | None = None,
    skin: Sequence[str] | None = STABLE_SKIN,
    without: Sequence[str] = (),
    without_vertices: BoolArray | None = None,
) -> MidsagittalPlane:
    """The midsagittal plane of a case.

    Parameters
    ----------
    method : {"landmarks", "surface"}
        By stable landmarks; or by the skin of stable regions and its mirror image, starting from the landmarks' plane.
    stable : collection of str, optional
        Landmarks of the plane.
    skin : sequence of str, optional
        Regions whose skin is mirrored onto itself for the surface's plane; None for the whole face near its landmarks.
    without : sequence of str
        Regions that were operated on or are swollen: neither their landmarks nor their skin count.
    without_vertices : ndarray (P,) of bool, optional
        Skin that does not count for the surface's plane, beyond these regions.

    Raises
    ------
    LandmarkError
        Too few landmarks, or no surface.
    SettingsError
        Unknown method or region.
    """
    if method not in PLANES:
        raise SettingsError(f"unknown method {method!r} for the midsagittal plane; use one of {', '.join(PLANES)}")
    excluded = region_landmarks(without)
    plane = plane_from_landmarks(case.labels, case.positions, case.covariance, stable=stable, without=excluded)
    if method == "landmarks":
        return plane
    if case.surface is None:
        raise LandmarkError("the plane by the surface needs a surface; give the scan the landmarks were placed on")
    used = face_mask(case) if skin is None else region_mask(case, skin)
    used &= ~region_mask(case, without)
    if without_vertices is not None:
        used &= ~without_vertices
    return fit_mirror(part_of(case.surface, used), plane)


def analyse_symmetry(
    case: AnalysisCase, plane: MidsagittalPlane | None = None, *, without: Sequence[str] = ()
) -> SymmetryAnalysis:
    """Measure the asymmetry of a face.

    Parameters
    ----------
    case : AnalysisCase
    plane : MidsagittalPlane, optional
        As of `find_plane`; by default that of the stable landmarks.
    without : sequence of str
        Regions that shall not count for the plane. They are measured all the same.

    Raises
    ------
    LandmarkError, SettingsError
        As `find_plane`.
    """
    plane = find_plane(case, without=without) if plane is None else plane
    midline = tuple(label for label in _levels()["midline"] if label in case.labels)
    pairs = pairs_of(case.labels)
    cants = tuple(pair for pair in pairs if pair.name in _levels()["cants"])
    sheet = _Sheet(case, plane, midline, pairs, cants)
    asymmetries = tuple(sheet.pair(pair) for pair in pairs)
    trusted = [pair.distance.value for pair in asymmetries if pair.reproducibility in "AB"]
    trusted = [value for value in trusted if np.isfinite(value)]
    return SymmetryAnalysis(
        name=case.name,
        plane=plane,
        without=tuple(without),
        midline=tuple(sheet.deviation(label) for label in midline),
        pairs=asymmetries,
        cants=tuple(sheet.cant(pair) for pair in cants),
        groups=_groups(asymmetries),
        index=float(np.mean(trusted)) if trusted else float("nan"),
        index_pairs=len(trusted),
    )


def face_axes(case: AnalysisCase, plane: MidsagittalPlane) -> FloatArray:
    """Unit directions (3, 3) of the face, one a row: to the subject's left, up, forward.

    Left is the plane's normal, up the line from subnasale to nasion within the plane, forward what is at right angles
    to both. NaN up and forward where nasion or subnasale is missing.
    """
    rows = _upright_rows(case)
    up = np.full(3, np.nan) if rows is None else _up(case.positions[None], plane.normal[None], rows)[0]
    return np.stack([plane.normal, up, np.cross(plane.normal, up)])


class _Sheet:
    """All signed quantities of a case in one vector, with their covariance."""

    def __init__(
        self,
        case: AnalysisCase,
        plane: MidsagittalPlane,
        midline: tuple[str, ...],
        pairs: tuple[Pair, ...],
        cants: tuple[Pair, ...],
    ) -> None:
        self.case, self.plane = case, plane
        rows = {label: row for row, label in enumerate(case.labels)}
        self.middle = np.array([rows[label] for label in midline], dtype=np.int64)
        self.right = np.array([rows[pair.right] for pair in pairs], dtype=np.int64)
        self.left = np.array([rows[pair.left] for pair in pairs], dtype=np.int64)
        self.upright = _upright_rows(case)
        self.place: dict[tuple[str, str], int] = {("midline", label): i for i, label in enumerate(midline)}
        for number, pair in enumerate(pairs):
            self.place["pair", pair.name] = len(midline) + 3 * number
        first = len(midline) + 3 * len(pairs)
        self.canted = np.array([pairs.index(pair) for pair in cants], dtype=np.int64)
        for number, pair in enumerate(cants):
            self.place["cant", pair.name] = first + 2 * number
        self.values = self._of(case.positions[None])[0]
        self.covariance = covariance_of(self._of, case.positions, case.covariance)
        if plane.method != "landmarks":
            self.covariance = self.covariance + self._of_plane()

    def deviation(self, label: str) -> Quantity:
        row = self.place["midline", label]
        return self._flagged(label, self.values[row], self._sd(row), "mm")

    def pair(self, pair: Pair) -> PairAsymmetry:
        row = self.place["pair", pair.name]
        lateral, up, forward = (
            Quantity(name=name, value=float(self.values[row + i]), sd=self._sd(row + i), unit="mm")
            for i, name in enumerate(("lateral", "up", "forward"))
        )
        return PairAsymmetry(
            name=pair.name,
            right=pair.right,
            left=pair.left,
            group=group_of(pair.right),
            reproducibility=reproducibility((pair.right, pair.left)),
            lateral=lateral,
            up=up,
            forward=forward,
            distance=self._length(pair, row),
        )

    def cant(self, pair: Pair) -> Cant:
        row = self.place["cant", pair.name]
        frontal, axial = self.values[row], self.values[row + 1]
        slopes = np.tan(np.radians([frontal, axial]))
        size = float(np.hypot(*slopes))
        angle = float(np.degrees(np.arctan(size)))
        gradient = slopes * (1.0 + slopes**2) / (size * (1.0 + size**2)) if size > 0 else np.full(2, np.sqrt(0.5))
        spread = float(np.sqrt(gradient @ self.covariance[row : row + 2, row : row + 2] @ gradient))
        return Cant(
            name=pair.name,
            frontal=self._flagged(f"{pair.name} frontal", frontal, self._sd(row), "degrees"),
            axial=self._flagged(f"{pair.name} axial", axial, self._sd(row + 1), "degrees"),
            angle=self._flagged(f"{pair.name} in space", angle, spread, "degrees", least=0.0),
        )

    def _length(self, pair: Pair, row: int) -> Quantity:
        """The distance of left from mirrored right; without an upright direction from the positions themselves."""
        place = slice(row, row + 3)
        if self.upright is not None:
            vector, covariance = self.values[place], self.covariance[place, place]
        else:
            right, left = self.case.position(pair.right), self.case.position(pair.left)
            rows = [self.case.index(label) for label in (pair.right, pair.left)]
            vector = left - self.plane.mirrored(right)
            covariance = self.case.covariance[rows].sum(axis=0)
        size = float(np.linalg.norm(vector))
        direction = vector / size if size > 0 else np.full(3, np.sqrt(1 / 3))
        return self._flagged(pair.name, size, float(np.sqrt(direction @ covariance @ direction)), "mm", least=0.0)

    def _sd(self, row: int) -> float:
        return float(np.sqrt(self.covariance[row, row]))

    def _of(self, positions: FloatArray) -> FloatArray:
        """The quantities (n, Q) of positions (n, L, 3), the plane fitted to each of them if it is that of landmarks."""
        if self.plane.method == "landmarks":
            normal, point = refit(self.plane, self.case.labels, positions)
        else:
            normal, point = (np.broadcast_to(v, (len(positions), 3)) for v in (self.plane.normal, self.plane.point))
        return self._against(positions, normal, point)

    def _against(self, positions: FloatArray, normal: FloatArray, point: FloatArray) -> FloatArray:
        middle = np.einsum("nki,ni->nk", positions[:, self.middle] - point[:, None], normal)
        right, left = positions[:, self.right], positions[:, self.left]
        across = np.einsum("nki,ni->nk", right - point[:, None], normal)
        off = left - (right - 2.0 * across[..., None] * normal[:, None])
        up = np.full(normal.shape, np.nan) if self.upright is None else _up(positions, normal, self.upright)
        axes = np.stack([normal, up, np.cross(normal, up)], axis=1)
        moved = np.einsum("nki,nai->nka", off, axes)
        line = np.einsum("nki,nai->nka", (left - right)[:, self.canted], axes)
        angles = np.degrees(np.arctan(line[..., 1:] / line[..., :1]))
        return np.concatenate([middle, moved.reshape(len(moved), -1), angles.reshape(len(angles), -1)], axis=1)

    def _of_plane(self) -> FloatArray:
        """Covariance (Q, Q) that a plane brings that does not come from the landmarks."""
        step = np.array([1e-5, 1e-5, 1e-3])
        changes = np.concatenate([np.diag(step), -np.diag(step)])
        normal = self.plane.normal + changes[:, :2] @ self.plane.tilt_axes
        point = self.plane.point + changes[:, 2:] * self.plane.normal
        positions = np.broadcast_to(self.case.positions, (6, *self.case.positions.shape))
        values = self._against(positions, normal / np.linalg.norm(normal, axis=1)[:, None], point)
        jacobian = (values[:3] - values[3:]) / (2.0 * step[:, None])
        covariance: FloatArray = jacobian.T @ self.plane.covariance @ jacobian
        return covariance

    @staticmethod
    def _flagged(name: str, value: float, sd: float, unit: str, *, least: float = -np.inf) -> Quantity:
        levels = _levels()
        limits = {level: levels[level][unit] for level in ("perceptible", "usual") if unit in levels[level]}
        exceeds = tuple(level for level, limit in limits.items() if abs(value) > limit)
        lowest = min((limits[level] for level in exceeds), default=np.inf)
        clearly = bool(exceeds) and bool(abs(value) - WITHIN_95 * sd > lowest)
        return Quantity(name=name, value=float(value), sd=sd, unit=unit, exceeds=exceeds, clearly=clearly, least=least)


def _upright_rows(case: AnalysisCase) -> tuple[int, int] | None:
    """Rows of subnasale and nasion, None if one is missing."""
    return next(
        ((case.index(low), case.index(high)) for low, high in _UPRIGHT if case.has(low) and case.has(high)), None
    )


def _up(positions: FloatArray, normal: FloatArray, rows: tuple[int, int]) -> FloatArray:
    """Unit directions (n, 3) at right angles to the normals (n, 3), from the first landmark to the second."""
    line = positions[:, rows[1]] - positions[:, rows[0]]
    line = line - (line * normal).sum(axis=1)[:, None] * normal
    up: FloatArray = line / np.linalg.norm(line, axis=1)[:, None]
    return up


def _groups(pairs: tuple[PairAsymmetry, ...]) -> dict[str, tuple[float, int]]:
    found: dict[str, tuple[float, int]] = {}
    for group in dict.fromkeys(pair.group for pair in pairs):
        of_group = [pair for pair in pairs if pair.group == group and np.isfinite(pair.distance.value)]
        better = [pair for pair in of_group if pair.reproducibility in "AB"] or of_group
        if better:
            found[group] = (float(np.mean([pair.distance.value for pair in better])), len(better))
    return found


@cache
def _levels() -> dict[str, Any]:
    file = resources.files("sgcn_core") / "resources" / "analysis" / "asymmetry.json"
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content
