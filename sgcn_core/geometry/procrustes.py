"""Similarities between corresponding points: least squares, and a robust fit to the mean landmarks."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sgcn_core.geometry.similarity import Similarity

FloatArray = NDArray[np.float64]

_LINE = 1e-9  # second singular value over the first, below which points lie on a line and leave the rotation open


def procrustes(
    source: ArrayLike, target: ArrayLike, *, weights: ArrayLike | None = None, scaling: bool = True
) -> Similarity:
    """Return the similarity that brings `source` closest to `target` in the (weighted) least-squares sense.

    Parameters
    ----------
    source, target : (n, 3) array_like of float
        Corresponding points, at least three that are not on one line.
    weights : (n,) array_like of float, optional
        Not negative. Rows of weight zero are left out, whatever they hold.
    scaling : bool
        Whether the size may change (ordinary Procrustes); otherwise scale is 1 (Kabsch).

    Returns
    -------
    Similarity
        Its rotation always has determinant +1, even if a mirrored copy would fit better.

    Raises
    ------
    ValueError
        If the shapes differ, numbers are not finite, or the points leave the rotation open.

    References
    ----------
    S. Umeyama, "Least-squares estimation of transformation parameters between two point patterns", IEEE TPAMI 13(4),
    1991, Eqs. 40-43.
    """
    moving, fixed, share = _correspondences(source, target, weights)
    moving_centre, fixed_centre = share @ moving, share @ fixed
    moving, fixed = moving - moving_centre, fixed - fixed_centre
    _refuse_line(moving, share, "source")
    _refuse_line(fixed, share, "target")
    left, singular, right = np.linalg.svd(fixed.T @ (share[:, None] * moving))
    signs = np.array([1.0, 1.0, math.copysign(1.0, np.linalg.det(left) * np.linalg.det(right))])
    rotation = (left * signs) @ right
    spread = float(share @ (moving * moving).sum(axis=1))
    scale = float(singular @ signs) / spread if scaling else 1.0
    return Similarity(scale, rotation, fixed_centre - scale * (rotation @ moving_centre))


def align_to_prototype(
    positions: FloatArray, weights: FloatArray, prototype: FloatArray, deviation: FloatArray, *, rounds: int = 12
) -> Similarity:
    """Return the similarity from landmarks to the prototype that outliers do not pull (iteratively reweighted).

    Parameters
    ----------
    positions : (L, 3) float64
        Landmarks, finite where they have weight.
    weights : (L,) float64
        Confidence in each landmark, not negative.
    prototype : (L, 3) float64
        Mean landmarks.
    deviation : (L,) float64
        How far the population's landmarks lie from the prototype, root mean square, in its unit.
    rounds : int
        Procrustes fits; each lowers the weight of what the last one left far from the prototype (Cauchy weights).

    Raises
    ------
    ValueError
        If fewer than three landmarks have weight, or those that have it lie on one line.
    """
    share = weights / deviation
    for _ in range(rounds):
        similarity = procrustes(positions, prototype, weights=share)
        off = np.linalg.norm(similarity.apply(positions) - prototype, axis=1) / deviation
        share = weights / deviation / (1.0 + (off / 2.0) ** 2)
    return similarity


def _correspondences(
    source: ArrayLike, target: ArrayLike, weights: ArrayLike | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Both point sets without the rows of weight zero, and the weights summing to 1."""
    moving, fixed = np.asarray(source, dtype=np.float64), np.asarray(target, dtype=np.float64)
    if moving.ndim != 2 or moving.shape[1] != 3 or moving.shape != fixed.shape:
        raise ValueError(f"source and target must both be (n, 3), received {moving.shape} and {fixed.shape}")
    share = np.ones(len(moving)) if weights is None else np.asarray(weights, dtype=np.float64)
    if share.shape != (len(moving),) or not (np.isfinite(share).all() and (share >= 0).all()):
        raise ValueError(f"weights must be {len(moving)} finite numbers, none negative; received shape {share.shape}")
    used = share > 0
    moving, fixed, share = moving[used], fixed[used], share[used]
    if len(share) < 3:
        raise ValueError(f"at least three points of positive weight are needed, received {len(share)}")
    if not (np.isfinite(moving).all() and np.isfinite(fixed).all()):
        raise ValueError("source and target must be finite where the weight is positive; give missing points weight 0")
    return moving, fixed, share / share.sum()


def _refuse_line(centred: FloatArray, share: FloatArray, name: str) -> None:
    spreads = np.linalg.svd(np.sqrt(share)[:, None] * centred, compute_uv=False)
    if not spreads[1] > _LINE * spreads[0]:
        raise ValueError(f"{name} points lie on one line or in one place, which leaves the rotation undetermined")
