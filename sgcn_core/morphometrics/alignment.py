"""Generalised Procrustes analysis: configurations brought together by rotation, translation and, if asked, size."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import LandmarkError
from sgcn_core.geometry.procrustes import procrustes
from sgcn_core.morphometrics.configurations import Configurations, check_enough
from sgcn_core.morphometrics.orientation import upright
from sgcn_core.types.arrays import ReadOnlyArrays

FloatArray = NDArray[np.float64]

_ROUNDS = 200
_STILL = 1e-13  # change of the mean shape between two rounds, over its size, that ends the search
_SAME = 1e-9  # distance of two shapes of unit size below which they are copies
_MIRRORED = 0.5  # a shape whose mirror image lies nearer to the mean than this share of its own distance
_SIZES = 2.5  # factor between two sizes of one cohort that only a wrong unit explains


@dataclass(frozen=True, eq=False, kw_only=True)
class Alignment(ReadOnlyArrays):
    """Aligned configurations.

    Attributes
    ----------
    names : tuple of str, n of them
    labels : tuple of str, p of them
    scaled : bool
        Whether all have been brought to centroid size 1; otherwise coordinates are millimetres.
    shapes : ndarray (n, p, 3)
        Centred, turned, and of centroid size 1 where `scaled`.
    mean : ndarray (p, 3)
        Their mean; of centroid size 1 where `scaled`.
    sizes : ndarray (n,)
        Centroid sizes of the cases, millimetres.
    axes : {"left, up, out", "principal"}
        What x, y and z are: directions of the head, or the principal axes of the mean where too few of the package's
        landmarks are among the labels.
    rounds : int
        Until the mean stood still.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    scaled: bool
    shapes: FloatArray
    mean: FloatArray
    sizes: FloatArray
    axes: str
    rounds: int

    @property
    def mm(self) -> float:
        """Millimetres of one unit of the shapes, at the mean centroid size."""
        return float(self.sizes.mean()) if self.scaled else 1.0

    @property
    def distances(self) -> FloatArray:
        """Procrustes distance (n,) of each case from the mean: root of the summed squares, in the unit of shapes."""
        return np.asarray(np.linalg.norm((self.shapes - self.mean).reshape(len(self.names), -1), axis=1))


def centroid_size(points: FloatArray) -> FloatArray:
    """Root of the summed squared distances of the landmarks (..., p, 3) from their centroid, in their unit."""
    centred = points - points.mean(axis=-2, keepdims=True)
    return np.asarray(np.sqrt((centred**2).sum(axis=(-2, -1))))


def align(found: Configurations, *, scaling: bool = True) -> Alignment:
    """Align configurations to their own mean (partial generalised Procrustes analysis).

    Every case is centred and, with `scaling`, divided by its centroid size; then all are rotated to their mean until
    that stands still. Rotations never mirror. The result depends neither on how a case lay in space nor on the order of
    the cases: x, y and z are directions of the head (the subject's left, up, out), or principal axes of the mean.

    Parameters
    ----------
    found : Configurations
        Without missing landmarks, at least three cases and four landmarks.
    scaling : bool
        Without it size stays in the coordinates.

    Returns
    -------
    Alignment

    Raises
    ------
    LandmarkError
        Too few cases or landmarks, landmarks in a plane, a case that is there twice, a case that fits only mirrored, or
        sizes that no unit of length has in common.

    References
    ----------
    J. C. Gower, "Generalized Procrustes analysis", Psychometrika 40(1), 1975. F. J. Rohlf, D. Slice, "Extensions of the
    Procrustes method for the optimal superimposition of landmarks", Systematic Zoology 39(1), 1990.
    """
    check_enough(found)
    sizes = centroid_size(found.points)
    check_sizes(found.names, sizes)
    shapes = found.points - found.points.mean(axis=1, keepdims=True)
    if scaling:
        shapes = shapes / sizes[:, None, None]
    shapes, mean, rounds = turned_together(shapes, scaling=scaling)
    rotation, axes = upright(mean, found.labels)
    aligned = Alignment(
        names=found.names,
        labels=found.labels,
        scaled=scaling,
        shapes=shapes @ rotation.T,
        mean=mean @ rotation.T,
        sizes=sizes,
        axes=axes,
        rounds=rounds,
    )
    _refuse_copies(aligned)
    for name, shape in zip(aligned.names, aligned.shapes, strict=True):
        others = (len(aligned.names) * aligned.mean - shape) / (len(aligned.names) - 1)
        check_not_mirrored(name, shape, others)
    return aligned


def aligned_to(mean: FloatArray, points: FloatArray, *, scaling: bool) -> FloatArray:
    """Points (p, 3), centred and with `scaling` of centroid size 1, rotated to a mean; never mirrored."""
    centred = points - points.mean(axis=0)
    if scaling:
        centred = centred / centroid_size(points)
    turned: FloatArray = centred @ procrustes(centred, mean, scaling=False).rotation.T
    return turned


def check_not_mirrored(name: str, shape: FloatArray, mean: FloatArray) -> None:
    """Refuse an aligned shape whose mirror image fits the mean far better; LandmarkError."""
    mirrored = aligned_to(mean, shape * (-1.0, 1.0, 1.0), scaling=False)
    own, other = float(np.linalg.norm(shape - mean)), float(np.linalg.norm(mirrored - mean))
    if other < _MIRRORED * own:
        raise LandmarkError(
            f"{name} fits the other cases only when it is mirrored: an axis is flipped, or right and left labels are "
            "exchanged. It is not mirrored for you; correct it or leave it out"
        )


def check_sizes(names: tuple[str, ...], sizes: FloatArray) -> None:
    """Refuse sizes (n,) in millimetres that cannot be those of one cohort; LandmarkError."""
    usual = float(np.median(sizes))
    factors = np.maximum(sizes / usual, usual / sizes)
    worst = int(np.argmax(factors))
    if factors[worst] > _SIZES:
        raise LandmarkError(
            f"{names[worst]} has a centroid size of {sizes[worst]:.3g} mm, the others {usual:.3g} mm: is its unit "
            "right? Correct the unit in its file, or give --unit"
        )


def turned_together(shapes: FloatArray, *, scaling: bool) -> tuple[FloatArray, FloatArray, int]:
    """Shapes rotated to their mean until it stands still, the mean, and the number of rounds."""
    mean, rounds = shapes[0], 0
    while rounds < _ROUNDS:
        rounds += 1
        shapes = np.stack([aligned_to(mean, shape, scaling=False) for shape in shapes])
        before, mean = mean, shapes.mean(axis=0)
        if scaling:
            mean = mean / np.linalg.norm(mean)
        if np.linalg.norm(mean - before) <= _STILL * np.linalg.norm(mean):
            break
    return shapes, mean, rounds


def _refuse_copies(found: Alignment) -> None:
    flat = found.shapes.reshape(len(found.names), -1) / np.where(found.scaled, 1.0, found.sizes)[:, None]
    order = np.argsort(found.sizes, kind="stable")
    for first, second in pairwise(order.tolist()):
        same_size = abs(found.sizes[first] - found.sizes[second]) <= _SAME * found.sizes[first]
        if same_size and np.linalg.norm(flat[first] - flat[second]) < _SAME:
            raise LandmarkError(
                f"{found.names[min(first, second)]} and {found.names[max(first, second)]} have the same landmarks: one "
                "case is there twice; leave one out"
            )
