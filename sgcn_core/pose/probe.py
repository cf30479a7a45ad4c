"""A cheap look at a whole surface: points with outward normals, to estimate the pose from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import SurfaceError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SurfaceProbe:
    """What was drawn.

    Attributes
    ----------
    points, normals : (N, 3) float64, in random order; outward unit normals
    area : of the whole surface
    """

    points: FloatArray
    normals: FloatArray
    area: float

    def scaled(self, factor: float) -> SurfaceProbe:
        """The same in another unit."""
        return replace(self, points=factor * self.points, area=factor**2 * self.area)


def probe_surface(
    vertices: FloatArray, faces: NDArray[np.int64], *, count: int = 12_000, seed: int = 0
) -> SurfaceProbe:
    """Draw points on a surface wound outwards (see ``clean_surface``), uniform by area, with their normals.

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
    rng = np.random.default_rng(seed)
    chosen = np.searchsorted(cumulative, rng.random(count) * cumulative[-1], side="right")
    chosen = np.minimum(chosen, np.flatnonzero(doubled > 0.0)[-1])
    root, split = np.sqrt(rng.random((count, 1))), rng.random((count, 1))
    a, b, c = corners[chosen].transpose(1, 0, 2)
    points = (1.0 - root) * a + root * (1.0 - split) * b + root * split * c
    normals = cross[chosen] / doubled[chosen, None]
    return SurfaceProbe(points, normals, float(cumulative[-1]) / 2.0)


def farthest_points(points: FloatArray, count: int) -> NDArray[np.int64]:
    """Ids of at most ``count`` well-spread points (farthest-point sampling), beginning with the first."""
    if len(points) <= count:
        return np.arange(len(points))
    chosen = np.zeros(count, dtype=np.int64)
    x, y, z = (points - points[0]).astype(np.float32).T.copy()
    nearest = np.full(len(points), np.inf, dtype=np.float32)
    for i in range(1, count):
        last = chosen[i - 1]
        squared = (x - x[last]) ** 2
        squared += (y - y[last]) ** 2
        squared += (z - z[last]) ** 2
        np.minimum(nearest, squared, out=nearest)
        chosen[i] = nearest.argmax()
    return chosen
