"""Principal components of aligned shapes, in the tangent space at their mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import LandmarkError
from sgcn_core.morphometrics.alignment import Alignment
from sgcn_core.types.arrays import ReadOnlyArrays

FloatArray = NDArray[np.float64]

_NOTHING = 1e-12  # share of the variance below which a component is rounding


@dataclass(frozen=True, eq=False, kw_only=True)
class Components(ReadOnlyArrays):
    """Principal components, those of most variance first.

    Attributes
    ----------
    vectors : ndarray (k, p, 3)
        Of length 1. Of the coordinates that matter most the first is positive, so that signs are always the same.
    variances : ndarray (k,)
        Eigenvalues of the covariance matrix (n - 1 in the denominator), squared unit of the shapes.
    scores : ndarray (n, k)
        Unit of the shapes; their mean is zero.
    """

    vectors: FloatArray
    variances: FloatArray
    scores: FloatArray

    @property
    def shares(self) -> FloatArray:
        """Shares (k,) of the whole variance."""
        return np.asarray(self.variances / self.variances.sum())

    def shape_at(self, mean: FloatArray, component: int, deviations: float) -> FloatArray:
        """The shape (p, 3) so many standard deviations from the mean along a component, counted from 0."""
        moved: FloatArray = mean + deviations * np.sqrt(self.variances[component]) * self.vectors[component]
        return moved


def components(found: Alignment) -> Components:
    """Principal components of aligned shapes.

    Scaled shapes lie on a sphere; they are projected at a right angle into the space tangent to it at the mean. Without
    scaling the coordinates are used as they are, so that size is part of the variation.

    Parameters
    ----------
    found : Alignment

    Returns
    -------
    Components
        At most n - 1; those of no variance are left out.

    Raises
    ------
    LandmarkError
        All shapes are the same.

    References
    ----------
    F. J. Rohlf, "Shape statistics: Procrustes superimpositions and tangent spaces", Journal of Classification 16(2),
    1999. I. L. Dryden, K. V. Mardia, "Statistical Shape Analysis", Wiley, 1998, chapters 4 and 5.
    """
    flat = tangent(found.shapes, found.mean, scaled=found.scaled)
    centred = flat - flat.mean(axis=0)
    left, singular, right = np.linalg.svd(centred, full_matrices=False)
    variances = singular**2 / (len(flat) - 1)
    if not variances.sum() > _NOTHING**2 * float((found.mean**2).sum()):
        raise LandmarkError(f"all {len(flat)} cases have the same shape; there is no variation to describe")
    kept = variances > _NOTHING * variances.sum()
    signs = np.array([_sign(vector) for vector in right[kept]])
    scores = left[:, kept] * singular[kept] * signs
    vectors = right[kept] * signs[:, None]
    return Components(
        vectors=vectors.reshape(-1, *found.mean.shape), variances=variances[kept], scores=np.ascontiguousarray(scores)
    )


def tangent(shapes: FloatArray, mean: FloatArray, *, scaled: bool) -> FloatArray:
    """Deviations (n, 3p) of shapes (n, p, 3) from the mean; of scaled shapes only what is at a right angle to it."""
    deviations = (shapes - mean).reshape(len(shapes), -1)
    if not scaled:
        return deviations
    direction = mean.ravel() / np.linalg.norm(mean)
    projected: FloatArray = deviations - (deviations @ direction)[:, None] * direction
    return projected


def _sign(vector: FloatArray) -> float:
    """+1 or -1: the first of the coordinates as large as any, within 0.1 %, becomes positive."""
    sizes = np.abs(vector)
    return float(np.sign(vector[np.argmax(sizes > 0.999 * sizes.max())]))
