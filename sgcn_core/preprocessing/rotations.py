"""Sets of rotations to try a pose with."""

from __future__ import annotations

from functools import lru_cache
from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@lru_cache(maxsize=1)
def axis_rotations() -> FloatArray:
    """The 24 rotations (24, 3, 3) that permute and flip the axes; the identity first."""
    found = []
    for order in permutations(range(3)):
        for signs in product((1.0, -1.0), repeat=3):
            matrix = np.zeros((3, 3))
            matrix[range(3), order] = signs
            if np.linalg.det(matrix) > 0:
                found.append(matrix)
    found.sort(key=lambda matrix: -np.trace(matrix))
    return np.array(found)


def principal_axes(points: FloatArray) -> FloatArray:
    """Principal axes of points (N, 3) as the columns of a rotation (3, 3), the longest first."""
    _, vectors = np.linalg.eigh(np.cov(points.T))
    axes: FloatArray = vectors[:, ::-1].copy()
    axes[:, 2] = np.cross(axes[:, 0], axes[:, 1])
    return axes


@lru_cache(maxsize=4)
def spread_rotations(count: int) -> FloatArray:
    """Evenly spread rotations (count, 3, 3): the super-Fibonacci spiral (Alexa, CVPR 2022)."""
    from scipy.spatial.transform import Rotation

    s = np.arange(count) + 0.5
    first, second = 2.0 * np.pi * s / np.sqrt(2.0), 2.0 * np.pi * s / 1.533751168755204288118041
    inner, outer = np.sqrt(s / count), np.sqrt(1.0 - s / count)
    parts = [inner * np.sin(first), inner * np.cos(first), outer * np.sin(second), outer * np.cos(second)]
    matrices: FloatArray = Rotation.from_quat(np.stack(parts, 1)).as_matrix()
    return matrices
