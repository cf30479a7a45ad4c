"""Planes on which a volume's field of view cuts a head: what lies there is the image's end, not skin. NumPy only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class CutPlane:
    """A plane beyond which nothing was measured.

    Attributes
    ----------
    point, normal : 3 floats each
        A point of the plane in the surface's own frame and unit, and its unit normal, out of what was measured.
    """

    point: Triple
    normal: Triple

    def transformed(self, matrix: NDArray[np.float64]) -> CutPlane:
        """The plane after the affine 4x4 matrix that its surface is moved by (normals by the inverse transpose)."""
        point = matrix[:3, :3] @ np.asarray(self.point) + matrix[:3, 3]
        normal = np.linalg.solve(matrix[:3, :3].T, np.asarray(self.normal))
        return CutPlane(_triple(point), _triple(normal / np.linalg.norm(normal)))


def depth_below_cuts(planes: Sequence[CutPlane], points: ArrayLike) -> NDArray[np.float64]:
    """How far points (N, 3) lie inside all planes, (N,); negative beyond one of them, infinite without planes."""
    positions = np.asarray(points, dtype=np.float64)
    depth = np.full(len(positions), np.inf)
    for plane in planes:
        depth = np.minimum(depth, (np.asarray(plane.point) - positions) @ np.asarray(plane.normal))
    return depth


def _triple(values: NDArray[np.float64]) -> Triple:
    x, y, z = (float(v) for v in values)
    return x, y, z
