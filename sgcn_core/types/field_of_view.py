"""Planes on which a volume's field of view cuts a head: what lies there is the image's end, not skin. NumPy only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class CutPlane:
    """A plane of the field of view beyond which the head goes on.

    Attributes
    ----------
    point, normal : 3 floats each
        A point of the plane in the surface's own frame and unit, and its unit normal, out of the field of view.
    side : str or None
        "left", "right", "front", "back", "top" or "bottom" of the patient: where the normal points to, if known.
    area : float or None
        Of the head on the plane in the volume, mm2, if known.
    """

    point: Triple
    normal: Triple
    side: str | None = None
    area: float | None = None

    def transformed(self, matrix: NDArray[np.float64]) -> CutPlane:
        """The plane after the affine 4x4 matrix that its surface is moved by (normals by the inverse transpose)."""
        point = matrix[:3, :3] @ np.asarray(self.point) + matrix[:3, 3]
        normal = np.linalg.solve(matrix[:3, :3].T, np.asarray(self.normal))
        return replace(self, point=triple(point), normal=triple(normal / np.linalg.norm(normal)))


def depth_below_cuts(planes: Sequence[CutPlane], points: ArrayLike) -> NDArray[np.float64]:
    """How far points (N, 3) lie inside all planes, (N,); negative beyond one of them, infinite without planes."""
    positions = np.asarray(points, dtype=np.float64)
    depth = np.full(len(positions), np.inf)
    for plane in planes:
        depth = np.minimum(depth, (np.asarray(plane.point) - positions) @ np.asarray(plane.normal))
    return depth


def triple(values: ArrayLike) -> Triple:
    """Three numbers as floats of Python."""
    x, y, z = (float(v) for v in np.asarray(values))
    return x, y, z
