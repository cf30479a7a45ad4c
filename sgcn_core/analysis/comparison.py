"""Two cases of one person, such as before and after an operation: registration, displacements, changes.

The second case is brought onto the first by what the treatment leaves in place. Forehead and nasal root are the
default; registering the whole face would spread a change of the jaw over everything.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sgcn_core.analysis.case import AnalysisCase
from sgcn_core.analysis.distance_maps import DistanceMap, distance_map
from sgcn_core.analysis.regions import region_landmarks, region_mask
from sgcn_core.analysis.surface_fit import fit_motion, part_of
from sgcn_core.analysis.symmetry_values import WITHIN_95
from sgcn_core.errors import LandmarkError
from sgcn_core.geometry.procrustes import procrustes
from sgcn_core.geometry.similarity import Similarity
from sgcn_core.types.arrays import ReadOnlyArrays

FloatArray = NDArray[np.float64]

STABLE_REGIONS: tuple[str, ...] = ("forehead", "nasal root")

_BEYOND_95 = 7.8147
"""0.95 quantile of chi-squared with 3 degrees of freedom."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Registration(ReadOnlyArrays):
    """How the second case was brought onto the first.

    Attributes
    ----------
    motion : Similarity
        From the coordinates of the second case to those of the first; millimetres, LPS.
    method : {"landmarks", "surface"}
    residual : float
        Root mean square distance of what was registered, millimetres.
    regions : tuple of str
        Regions that were registered; empty if landmarks were named.
    landmarks : tuple of str
        Landmarks of the registration; where the surfaces were registered those of its start.
    covariance : ndarray (6, 6)
        Of a rotation vector about `centre` (radians) and a shift (mm).
    centre : ndarray (3,)
    """

    motion: Similarity
    method: str
    residual: float
    regions: tuple[str, ...]
    landmarks: tuple[str, ...]
    covariance: FloatArray
    centre: FloatArray

    def covariance_at(self, points: FloatArray) -> FloatArray:
        """Covariance (n, 3, 3) that the registration brings to places (n, 3) of the first case, mm^2."""
        jacobian = np.concatenate([_turns(points - self.centre), np.broadcast_to(np.eye(3), (len(points), 3, 3))], -1)
        found: FloatArray = jacobian @ self.covariance @ jacobian.transpose(0, 2, 1)
        return found


@dataclass(frozen=True, eq=False, kw_only=True)
class Displacement(ReadOnlyArrays):
    """How far a landmark moved from the first case to the second, after the registration.

    Attributes
    ----------
    label : str
    start : ndarray (3,)
        Place in the first case, mm, LPS.
    vector : ndarray (3,)
        To its place in the second case, mm, LPS of the first case; NaN if it is missing in one of them.
    covariance : ndarray (3, 3)
        Of both landmarks, as independent (see `measurement_changes`), and of the registration, mm^2; NaN if unknown.
    """

    label: str
    start: FloatArray
    vector: FloatArray
    covariance: FloatArray

    @property
    def length(self) -> float:
        """Millimetres."""
        return float(np.linalg.norm(self.vector))

    @property
    def length_sd(self) -> float:
        """Standard deviation of the length, to first order."""
        size = self.length
        direction = self.vector / size if size > 0 else np.full(3, np.sqrt(1 / 3))
        return float(np.sqrt(direction @ self.covariance @ direction))

    @property
    def moved(self) -> bool | None:
        """Whether zero lies outside its 95 % region (Mahalanobis distance); None if that is not known."""
        if not (np.isfinite(self.vector).all() and np.isfinite(self.covariance).all()):
            return None
        return bool(self.vector @ np.linalg.pinv(self.covariance) @ self.vector > _BEYOND_95)


@dataclass(frozen=True, kw_only=True)
class Change:
    """Change of one measurement against what errors alone would make of it; see `measurement_changes`.

    Attributes
    ----------
    name, unit : str
    before, after : float
        NaN if a landmark is missing.
    difference : float
        After less before.
    sd : float
        Standard deviation of the difference; NaN if unknown.
    """

    name: str
    unit: str
    before: float
    after: float
    difference: float
    sd: float

    @property
    def detectable(self) -> float:
        """Minimal detectable change: 1.96 standard deviations of the difference."""
        return WITHIN_95 * self.sd

    @property
    def significant(self) -> bool | None:
        """Whether it changed by more than that; None if it is not known."""
        if not (np.isfinite(self.difference) and np.isfinite(self.sd)):
            return None
        return bool(abs(self.difference) > self.detectable)


@dataclass(frozen=True, eq=False, kw_only=True)
class Comparison:
    """Two registered cases.

    Attributes
    ----------
    first, second : str
        Names of the cases.
    registration : Registration
    displacements : tuple of Displacement
        Of the landmarks that both cases have, in the order of the first.
    """

    first: str
    second: str
    registration: Registration
    displacements: tuple[Displacement, ...]

    def displacement(self, label: str) -> Displacement:
        """That of one landmark."""
        for found in self.displacements:
            if found.label == label:
                return found
        raise ValueError(f"no landmark {label!r} in both cases")


def register(
    first: AnalysisCase,
    second: AnalysisCase,
    *,
    regions: Sequence[str] = STABLE_REGIONS,
    landmarks: Collection[str] | None = None,
    surfaces: bool = True,
    scaling: bool = False,
) -> Registration:
    """Bring the second case onto the first by a stable region.

    Parameters
    ----------
    first, second : AnalysisCase
    regions : sequence of str
        What did not change between both.
    landmarks : collection of str, optional
        Register these landmarks alone, instead of the regions.
    surfaces : bool
        Whether to register the skin of the regions (trimmed, point to plane) after their landmarks, where both cases
        have a surface.
    scaling : bool
        Whether the size may change. Only for scans of unlike scale: a change of size would be lost. Landmarks alone.

    Raises
    ------
    LandmarkError
        Fewer than three landmarks of the regions are in both cases, or they lie on a line.
    SettingsError
        Unknown region.
    SurfaceError
        The surfaces hardly overlap there.
    """
    wanted = region_landmarks(regions) if landmarks is None else tuple(landmarks)
    labels = tuple(label for label in wanted if first.has(label) and second.has(label))
    if len(labels) < 3:
        raise LandmarkError(
            f"the registration needs three landmarks that both cases have, of {', '.join(wanted)}; there are "
            f"{', '.join(labels) or 'none'}. Name another region or other landmarks"
        )
    by_landmarks = _register_landmarks(first, second, labels, scaling=scaling)
    named = () if landmarks is not None else tuple(regions)
    use_skin = surfaces and landmarks is None and not scaling and first.surface and second.surface
    if not use_skin or first.surface is None or second.surface is None:
        motion, residual, covariance, centre = by_landmarks
        return Registration(
            motion=motion,
            method="landmarks",
            residual=residual,
            regions=named,
            landmarks=labels,
            covariance=covariance,
            centre=centre,
        )
    moving = part_of(second.surface, region_mask(second, regions))
    found = fit_motion(moving, first.surface, by_landmarks[0])
    return Registration(
        motion=found.motion,
        method="surface",
        residual=found.residual,
        regions=named,
        landmarks=labels,
        covariance=found.covariance,
        centre=found.centre,
    )


def compare(first: AnalysisCase, second: AnalysisCase, registration: Registration | None = None) -> Comparison:
    """Displacements of the landmarks from the first case to the second.

    Parameters
    ----------
    first, second : AnalysisCase
        Before and after.
    registration : Registration, optional
        As of `register`; by default on forehead and nasal root.

    Raises
    ------
    LandmarkError, SurfaceError
        As `register`.
    """
    registration = register(first, second) if registration is None else registration
    labels = tuple(label for label in first.labels if label in second.labels)
    rows = [first.index(label) for label in labels], [second.index(label) for label in labels]
    start, end = first.positions[rows[0]], registration.motion.apply(second.positions[rows[1]])
    turn = registration.motion.scale * registration.motion.rotation
    covariance = first.covariance[rows[0]] + turn @ second.covariance[rows[1]] @ turn.T
    covariance = covariance + registration.covariance_at(end)
    displacements = tuple(
        Displacement(label=label, start=place, vector=vector, covariance=spread)
        for label, place, vector, spread in zip(labels, start, end - start, covariance, strict=True)
    )
    return Comparison(first=first.name, second=second.name, registration=registration, displacements=displacements)


def surface_change(first: AnalysisCase, second: AnalysisCase, registration: Registration) -> DistanceMap:
    """Signed distances from the vertices of the second surface, registered, to the first: positive where it gained.

    Raises
    ------
    LandmarkError
        A case has no surface.
    """
    if first.surface is None or second.surface is None:
        raise LandmarkError("a map of the change needs the surfaces of both cases; give both scans")
    return distance_map(second.surface.transformed(registration.motion.as_matrix()), first.surface)


def measurement_changes(
    names: Sequence[str],
    before: ArrayLike,
    before_sd: ArrayLike,
    after: ArrayLike,
    after_sd: ArrayLike,
    *,
    units: Sequence[str] | None = None,
) -> tuple[Change, ...]:
    """Changes of measurements (M,) from their values and standard deviations before and after.

    The errors of both dates are taken as independent. They are not quite: where an observer's, or the detector's, idea
    of a landmark differs from its definition, it does so alike on both scans of one person, and that offset cancels in
    the difference. How much of the stated errors is such an offset is not known, so nothing is subtracted: the minimal
    detectable change is larger than it need be (conservative), and a smaller change may be a true one.

    Raises
    ------
    ValueError
        Lengths that differ.
    """
    columns = [np.asarray(column, dtype=np.float64) for column in (before, before_sd, after, after_sd)]
    kinds = ("mm",) * len(names) if units is None else tuple(units)
    if any(column.shape != (len(names),) for column in columns) or len(kinds) != len(names):
        raise ValueError(f"{len(names)} names need as many values, standard deviations and units")
    return tuple(
        Change(name=name, unit=unit, before=b, after=a, difference=a - b, sd=float(np.hypot(b_sd, a_sd)))
        for name, unit, b, b_sd, a, a_sd in zip(names, kinds, *(column.tolist() for column in columns), strict=True)
    )


def _register_landmarks(
    first: AnalysisCase, second: AnalysisCase, labels: tuple[str, ...], *, scaling: bool
) -> tuple[Similarity, float, FloatArray, FloatArray]:
    """Motion, residual, covariance about the centre, and the centre."""
    rows = [first.index(label) for label in labels], [second.index(label) for label in labels]
    fixed, moving = first.positions[rows[0]], second.positions[rows[1]]
    variance = np.trace(first.covariance[rows[0]] + second.covariance[rows[1]], axis1=1, axis2=2) / 3.0
    known = np.isfinite(variance) & (variance > 0)
    weights = 1.0 / np.where(known, variance, np.median(variance[known]) if known.any() else 1.0)
    try:
        motion = procrustes(moving, fixed, weights=weights, scaling=scaling)
    except ValueError as error:
        raise LandmarkError(f"the landmarks {', '.join(labels)} do not fix the registration: {error}") from error
    moved = motion.apply(moving)
    squared = ((moved - fixed) ** 2).sum(axis=1)
    centre = np.average(moved, axis=0, weights=weights)
    jacobian = np.concatenate([_turns(moved - centre), np.broadcast_to(np.eye(3), (len(labels), 3, 3))], axis=-1)
    information = np.einsum("lka,l,lkb->ab", jacobian, weights, jacobian)
    covariance = np.linalg.pinv(information)
    # Where the landmarks fit worse than their errors let expect, or these are unknown, the residual decides.
    free = 3 * len(labels) - 6
    excess = float((weights * squared).sum()) / free if free else 1.0
    covariance = covariance * (max(excess, 1.0) if known.all() else excess)
    return motion, float(np.sqrt(squared.mean())), covariance, centre


def _turns(arms: FloatArray) -> FloatArray:
    """Matrices (n, 3, 3) that give the shift of places (n, 3) for a small rotation vector: v x arm."""
    x, y, z = arms.T
    zero = np.zeros_like(x)
    return np.stack([np.stack([zero, z, -y], -1), np.stack([-z, zero, x], -1), np.stack([y, -x, zero], -1)], axis=1)
