"""Midsagittal plane of a face, from its stable landmarks.

A plane that fits the whole face would hide an asymmetry by turning towards it. The plane therefore rests on landmarks
that growth, trauma and surgery of nose, jaws and chin leave in place, and those of a region that was operated on or is
swollen can be left out.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sgcn_core.analysis.sides import Pair, midline_of, pairs_of
from sgcn_core.errors import LandmarkError
from sgcn_core.types.arrays import ReadOnlyArrays

FloatArray = NDArray[np.float64]

STABLE: tuple[str, ...] = ("ex_r", "ex_l", "en_r", "en_l", "n", "t_r", "t_l")
"""Landmarks of the plane by default: outer and inner corners of the eyes, nasion, and the tragi where they are seen."""
STABLE_IBUG: tuple[str, ...] = ("ibug36", "ibug45", "ibug39", "ibug42", "ibug27")
"""The same points of the set ibug68, for cases without the clinical ones; it has no tragi."""

_ROUNDS = 20
_TUNING = 2.385  # Cauchy weights of 95 % efficiency for normal errors


@dataclass(frozen=True, eq=False, kw_only=True)
class MidsagittalPlane(ReadOnlyArrays):
    """The plane between both halves of a face.

    Attributes
    ----------
    point : ndarray (3,)
        A point of the plane amid what it was fitted to, millimetres.
    normal : ndarray (3,)
        Unit normal; it points to the subject's left.
    method : {"landmarks", "surface"}
        Fitted to stable landmarks, or to the surface and its mirror image.
    residual : float
        Root mean square of what the fit leaves, millimetres. Landmarks: distance of each left landmark from its
        mirrored right one, and of the midline landmarks from the plane. Surface: distance of the skin that was used
        from its mirror image.
    pairs, midline : tuple of Pair, tuple of str
        Landmarks that it rests on; for a surface those that it started from.
    weights : ndarray (len(pairs) + len(midline),)
        Their weights in the fit, 1/mm^2; a landmark far from symmetry has a small one.
    covariance : ndarray (3, 3)
        Of the two tilts (radians) about `tilt_axes`, and of the shift along the normal at `point` (mm); NaN if unknown.
    tilt_axes : ndarray (2, 3)
        Unit directions in the plane towards which the normal tilts.
    """

    point: FloatArray
    normal: FloatArray
    method: str
    residual: float
    pairs: tuple[Pair, ...]
    midline: tuple[str, ...]
    weights: FloatArray
    covariance: FloatArray
    tilt_axes: FloatArray

    @property
    def landmarks(self) -> tuple[str, ...]:
        """Labels of the landmarks it rests on."""
        return (*(label for pair in self.pairs for label in (pair.right, pair.left)), *self.midline)

    @property
    def angle_sd(self) -> float:
        """Standard deviation of the direction of the normal, degrees: root of the summed variances of both tilts."""
        return float(np.degrees(np.sqrt(np.trace(self.covariance[:2, :2]))))

    @property
    def position_sd(self) -> float:
        """Standard deviation along the normal at `point`, millimetres."""
        return float(np.sqrt(self.covariance[2, 2]))

    def signed_distance(self, points: ArrayLike) -> FloatArray:
        """Distance (...) of points (..., 3) from the plane, positive on the subject's left."""
        distance: FloatArray = (np.asarray(points, dtype=np.float64) - self.point) @ self.normal
        return distance

    def mirrored(self, points: ArrayLike) -> FloatArray:
        """The mirror images of points (..., 3). Left and right change places: the caller exchanges the labels."""
        places = np.asarray(points, dtype=np.float64)
        image: FloatArray = places - 2.0 * self.signed_distance(places)[..., None] * self.normal
        return image


@dataclass(frozen=True, eq=False)
class _Layout:
    """Rows of the landmarks that a plane rests on."""

    pairs: tuple[Pair, ...]
    midline: tuple[str, ...]
    right: NDArray[np.int64]
    left: NDArray[np.int64]
    middle: NDArray[np.int64]


def plane_from_landmarks(
    labels: Sequence[str],
    positions: FloatArray,
    covariance: FloatArray | None = None,
    *,
    stable: Collection[str] | None = None,
    without: Collection[str] = (),
) -> MidsagittalPlane:
    """Fit the midsagittal plane to stable landmarks, robustly.

    Parameters
    ----------
    labels : sequence of str, L of them
    positions : ndarray (L, 3)
        Millimetres, in any frame; NaN where missing.
    covariance : ndarray (L, 3, 3), optional
        Of the positions, mm^2: weighs the landmarks, and gives the uncertainty of the plane.
    stable : collection of str, optional
        Landmarks to use, by default `STABLE` (or `STABLE_IBUG` where the case has no clinical landmarks). Of a pair
        both are needed.
    without : collection of str
        Landmarks to leave out: those of a region that was operated on or is swollen. Of a pair both leave.

    Raises
    ------
    LandmarkError
        Fewer than two pairs are left, or one pair with fewer than two midline landmarks.

    Notes
    -----
    Least squares over both halves: each left landmark against the mirror image of the right one, and the midline
    landmarks against the plane [1]_. With midpoints m and differences v = left - right of the pairs (weights w),
    midline landmarks x (weights u) and the weighted mean p of all m (weights 4w) and x, the normal is the eigenvector
    of

        sum 4w (m - p)(m - p)' + sum u (x - p)(x - p)' - sum w v v'

    for the smallest eigenvalue. Cauchy weights then lower the share of landmarks that are asymmetric themselves, and
    the fit is repeated. The plane moves with a rigid motion of the landmarks, and mirrored landmarks give the mirrored
    plane.

    References
    ----------
    .. [1] K. V. Mardia, F. L. Bookstein, I. J. Moreton, "Statistical assessment of bilateral symmetry of shapes",
       Biometrika 87(2), 2000.
    """
    layout = _layout(labels, positions, stable, without)
    scale = _deviations(layout, covariance)
    robust = np.ones(len(scale))
    for _ in range(_ROUNDS):
        weights = robust / scale**2
        normal, point = solve(layout.right, layout.left, layout.middle, positions, weights)
        off = np.abs(_residuals(layout, positions, normal, point)) / scale
        spread = max(1.0, float(np.median(off)))
        robust = 1.0 / (1.0 + (off / (_TUNING * spread)) ** 2)
    axes = tilt_axes(normal)
    residual = _residuals(layout, positions, normal, point)
    plane = MidsagittalPlane(
        point=point,
        normal=normal,
        method="landmarks",
        residual=float(np.sqrt(np.average(residual**2, weights=weights))),
        pairs=layout.pairs,
        midline=layout.midline,
        weights=weights,
        covariance=np.full((3, 3), np.nan),
        tilt_axes=axes,
    )
    return _with_uncertainty(plane, layout, positions, covariance)


def refit(plane: MidsagittalPlane, labels: Sequence[str], positions: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Normals (..., 3) and points (..., 3) of the plane for other positions (..., L, 3), with the weights it has.

    What carries the uncertainty of the landmarks into that of everything measured against their plane.
    """
    rows = {label: row for row, label in enumerate(labels)}
    right, left = (
        np.array([rows[getattr(pair, side)] for pair in plane.pairs], dtype=np.int64) for side in ("right", "left")
    )
    middle = np.array([rows[label] for label in plane.midline], dtype=np.int64)
    return solve(right, left, middle, positions, plane.weights)


def solve(
    right: NDArray[np.int64],
    left: NDArray[np.int64],
    middle: NDArray[np.int64],
    positions: FloatArray,
    weights: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Normals (..., 3), to the subject's left, and points (..., 3) of the least-squares plane; see above."""
    count = len(right)
    paired, single = weights[:count], weights[count:]
    across = positions[..., left, :] - positions[..., right, :]
    inside = np.concatenate(
        [(positions[..., left, :] + positions[..., right, :]) / 2, positions[..., middle, :]], axis=-2
    )
    share = np.concatenate([4.0 * paired, single])
    point = (share[:, None] * inside).sum(axis=-2) / share.sum()
    inside = inside - point[..., None, :]
    scatter = np.einsum("k,...ki,...kj->...ij", share, inside, inside)
    scatter -= np.einsum("k,...ki,...kj->...ij", paired, across, across)
    normal = np.linalg.eigh(scatter)[1][..., 0]
    towards_left = np.einsum("k,...ki,...i->...", paired, across, normal)
    return normal * np.where(towards_left < 0, -1.0, 1.0)[..., None], point


def tilt_axes(normal: FloatArray) -> FloatArray:
    """Two unit directions (2, 3) orthogonal to the normal and to each other."""
    start = np.eye(3)[np.argmin(np.abs(normal))]
    first = np.cross(normal, start)
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(normal, first)])


def _layout(
    labels: Sequence[str], positions: FloatArray, stable: Collection[str] | None, without: Collection[str]
) -> _Layout:
    present = [label for label, place in zip(labels, positions, strict=True) if np.isfinite(place).all()]
    wanted = stable
    if wanted is None:
        wanted = STABLE if "ex_r" in labels or "en_r" in labels else STABLE_IBUG
    usable = [label for label in present if label in wanted and label not in without]
    pairs, midline = pairs_of(usable), midline_of(usable)
    if 2 * len(pairs) + len(midline) < 4 or not pairs:
        raise LandmarkError(
            f"the midsagittal plane needs two pairs of landmarks, or one pair and two midline landmarks, of "
            f"{', '.join(wanted)}; there are {', '.join(usable) or 'none'}. Name other stable landmarks, or place them"
        )
    rows = {label: row for row, label in enumerate(labels)}
    return _Layout(
        pairs,
        midline,
        np.array([rows[pair.right] for pair in pairs], dtype=np.int64),
        np.array([rows[pair.left] for pair in pairs], dtype=np.int64),
        np.array([rows[label] for label in midline], dtype=np.int64),
    )


def _deviations(layout: _Layout, covariance: FloatArray | None) -> FloatArray:
    """Standard deviation per axis of each pair's difference and each midline landmark; unknown landmarks have 1 mm."""
    if covariance is None:
        return np.concatenate([np.full(len(layout.pairs), np.sqrt(2.0)), np.ones(len(layout.midline))])
    variance = np.trace(covariance, axis1=1, axis2=2) / 3.0
    used = np.concatenate([layout.right, layout.left, layout.middle])
    known = variance[used][np.isfinite(variance[used]) & (variance[used] > 0)]
    variance = np.where(np.isfinite(variance) & (variance > 0), variance, np.median(known) if len(known) else 1.0)
    deviations: FloatArray = np.sqrt(
        np.concatenate([variance[layout.right] + variance[layout.left], variance[layout.middle]])
    )
    return deviations


def _residuals(layout: _Layout, positions: FloatArray, normal: FloatArray, point: FloatArray) -> FloatArray:
    """Distance of left from mirrored right landmarks, and of midline landmarks from the plane."""
    right, left = positions[layout.right], positions[layout.left]
    image = right - 2.0 * ((right - point) @ normal)[:, None] * normal
    return np.concatenate([np.linalg.norm(left - image, axis=1), (positions[layout.middle] - point) @ normal])


def _with_uncertainty(
    plane: MidsagittalPlane, layout: _Layout, positions: FloatArray, covariance: FloatArray | None
) -> MidsagittalPlane:
    """The plane with the covariance that its landmarks' covariances give it, or, without them, its residuals."""
    used = np.concatenate([layout.right, layout.left, layout.middle])
    noise = None if covariance is None else covariance[used]
    if noise is None or not np.isfinite(noise).all():
        # Three residuals for each pair, one for each midline landmark, less the three unknowns of a plane.
        free = 3 * len(layout.pairs) + len(layout.midline) - 3
        squared = _residuals(layout, positions, plane.normal, plane.point) ** 2
        squared[: len(layout.pairs)] /= 2.0
        noise = np.tile(np.eye(3) * squared.sum() / free, (len(used), 1, 1))
    step = 1e-3
    moved = np.repeat(positions[None], 6 * len(used), axis=0).reshape(len(used), 3, 2, *positions.shape)
    for place, row in enumerate(used):
        for axis in range(3):
            moved[place, axis, 0, row, axis] += step
            moved[place, axis, 1, row, axis] -= step
    normals, points = solve(layout.right, layout.left, layout.middle, moved, plane.weights)
    state = np.concatenate([normals @ plane.tilt_axes.T, ((points - plane.point) @ plane.normal)[..., None]], axis=-1)
    jacobian = (state[:, :, 0] - state[:, :, 1]) / (2.0 * step)
    return replace(plane, covariance=np.einsum("kai,kab,kbj->ij", jacobian, noise, jacobian))
