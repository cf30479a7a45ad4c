"""A cheap look at a whole surface: points with outward normals, to estimate the pose from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import SurfaceError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SurfaceProbe:
    """points, normals : (N, 3) float64; flipped : True where the file's triangles are wound inwards."""

    points: FloatArray
    normals: FloatArray
    flipped: bool


def probe_surface(vertices: FloatArray, faces: NDArray[np.int64], *, count: int = 6000, seed: int = 0) -> SurfaceProbe:
    """Draw points on the surface, uniform by area, with outward normals.

    Which side is out follows from the direction of the normals against the centre of the surface, on the average of
    the whole surface; single pieces that are wound the other way stay so.

    Raises
    ------
    SurfaceError
        If the surface has no area.
    """
    corners = vertices[faces]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    doubled = np.linalg.norm(cross, axis=1)
    cumulative = np.cumsum(doubled)
    if not cumulative[-1] > 0.0:
        raise SurfaceError("all triangles of the surface are degenerate: it has no area")
    centroids = corners.mean(1)
    centre = (centroids * doubled[:, None]).sum(0) / cumulative[-1]
    flipped = bool((cross * (centroids - centre)).sum() < 0.0)
    rng = np.random.default_rng(seed)
    chosen = np.searchsorted(cumulative, rng.random(count) * cumulative[-1], side="right")
    chosen = np.minimum(chosen, np.flatnonzero(doubled > 0.0)[-1])
    root, split = np.sqrt(rng.random((count, 1))), rng.random((count, 1))
    a, b, c = corners[chosen].transpose(1, 0, 2)
    points = (1.0 - root) * a + root * (1.0 - split) * b + root * split * c
    normals = cross[chosen] / doubled[chosen, None]
    return SurfaceProbe(points, -normals if flipped else normals, flipped)
