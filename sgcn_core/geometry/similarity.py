"""Similarity transforms, and those that bring a head into the network's coordinates, [-1, 1] along each axis."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

_ORTHONORMAL = 1e-6  # largest |R R^T - I| accepted; matrices read from text files have six digits or more


@dataclass(frozen=True, eq=False)
class Similarity:
    """The map p -> scale * rotation @ p + translation, which never mirrors.

    Attributes
    ----------
    scale : float
        Positive.
    rotation : (3, 3) float64
        Orthonormal with determinant +1.
    translation : (3,) float64
        In the unit of the target.

    Raises
    ------
    ValueError
        If the scale is not positive, or the matrix is not a rotation. A matrix with determinant -1 would exchange left
        and right, and is always refused.
    """

    scale: float
    rotation: FloatArray
    translation: FloatArray

    def __post_init__(self) -> None:
        rotation = np.array(self.rotation, dtype=np.float64)
        translation = np.array(self.translation, dtype=np.float64)
        scale = float(self.scale)
        if not 0 < scale < math.inf:
            raise ValueError(f"scale must be positive and finite, received {self.scale}")
        if translation.shape != (3,) or not np.isfinite(translation).all():
            raise ValueError(f"translation must be three finite numbers, received {self.translation}")
        if rotation.shape != (3, 3) or not np.abs(rotation @ rotation.T - np.eye(3)).max() <= _ORTHONORMAL:
            raise ValueError(f"rotation must be an orthonormal (3, 3) matrix, received {rotation.tolist()}")
        if np.linalg.det(rotation) < 0:
            raise ValueError("rotation has determinant -1: it mirrors, and would exchange left and right")
        rotation.setflags(write=False)
        translation.setflags(write=False)
        object.__setattr__(self, "scale", scale)
        object.__setattr__(self, "rotation", rotation)
        object.__setattr__(self, "translation", translation)

    @classmethod
    def identity(cls) -> Similarity:
        """Return the map that leaves every point where it is."""
        return cls(1.0, np.eye(3), np.zeros(3))

    @classmethod
    def from_matrix(cls, matrix: ArrayLike) -> Similarity:
        """Return the similarity of a homogeneous (4, 4) matrix.

        Raises
        ------
        ValueError
            If the matrix shears, mirrors, scales the axes differently, or its last row is not (0, 0, 0, 1).
        """
        values = np.asarray(matrix, dtype=np.float64)
        if values.shape != (4, 4) or not np.allclose(values[3], (0, 0, 0, 1), rtol=0, atol=1e-12):
            raise ValueError(f"matrix must be (4, 4) with last row (0, 0, 0, 1), received {values.tolist()}")
        determinant = float(np.linalg.det(values[:3, :3]))
        if not determinant > 0:
            raise ValueError(f"matrix has determinant {determinant:g}: it flattens or mirrors and is not a similarity")
        scale = determinant ** (1 / 3)
        return cls(scale, values[:3, :3] / scale, values[:3, 3])

    def as_matrix(self) -> FloatArray:
        """Return the homogeneous (4, 4) matrix."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.scale * self.rotation
        matrix[:3, 3] = self.translation
        return matrix

    def apply(self, points: ArrayLike) -> FloatArray:
        """Map points (..., 3). NaN rows, which stand for missing landmarks, stay NaN."""
        mapped: FloatArray = self.scale * (np.asarray(points, dtype=np.float64) @ self.rotation.T) + self.translation
        return mapped

    def apply_to_normals(self, normals: ArrayLike) -> FloatArray:
        """Rotate directions (..., 3); their lengths are kept."""
        turned: FloatArray = np.asarray(normals, dtype=np.float64) @ self.rotation.T
        return turned

    def inverse(self) -> Similarity:
        """Return the map back, in closed form."""
        scale, rotation = 1 / self.scale, self.rotation.T
        return Similarity(scale, rotation, -scale * (rotation @ self.translation))

    def compose(self, first: Similarity) -> Similarity:
        """Return the map that does `first`, then this one. Also written ``self @ first``."""
        return Similarity(self.scale * first.scale, self.rotation @ first.rotation, self.apply(first.translation))

    def __matmul__(self, first: Similarity) -> Similarity:
        if not isinstance(first, Similarity):
            return NotImplemented
        return self.compose(first)


def scaling(factor: float) -> Similarity:
    """Return the map that multiplies by ``factor``, such as a change of unit."""
    return Similarity(factor, np.eye(3), np.zeros(3))


def standardise_paper(points: ArrayLike) -> Similarity:
    """Return the paper's standardisation: centre by the mean of the points, divide by the largest |coordinate|.

    Parameters
    ----------
    points : (N, 3) array_like of float
        The resampled points, already in the pose in which the network shall see them.

    Returns
    -------
    Similarity
        Into [-1, 1] along each axis (up to rounding), one coordinate of one point reaching an end.

    Raises
    ------
    ValueError
        If the points are not finite numbers of shape (N, 3), or are all the same.

    References
    ----------
    2S-SGCN (CVIU 2025), section 3.2. What is in the crop decides centre and scale; see `from_crop`.
    """
    cloud = np.asarray(points, dtype=np.float64)
    if cloud.ndim != 2 or cloud.shape[1] != 3 or len(cloud) == 0 or not np.isfinite(cloud).all():
        raise ValueError(f"points must be finite numbers of shape (N, 3), received shape {cloud.shape}")
    centre = cloud.mean(axis=0)
    half_extent = float(np.abs(cloud - centre).max())
    if half_extent == 0:
        raise ValueError(f"all {len(cloud)} points are the same: there is no size to standardise")
    return from_crop(centre, half_extent)


def from_crop(centre: ArrayLike, radius: float) -> Similarity:
    """Return the standardisation of a fixed crop: `centre` goes to the origin, `radius` becomes 1.

    Unlike `standardise_paper` it does not depend on hair, neck or holes in a scan, so that millimetres mean the same in
    every head. Points inside the crop (a sphere or cube of that radius) end up in [-1, 1].

    Parameters
    ----------
    centre : (3,) array_like of float
        In the head frame.
    radius : float
        In the unit of the head frame, positive.

    Returns
    -------
    Similarity
    """
    if not 0 < radius < math.inf:
        raise ValueError(f"radius must be positive and finite, received {radius}")
    return Similarity(1 / radius, np.eye(3), -np.asarray(centre, dtype=np.float64) / radius)
