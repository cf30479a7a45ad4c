"""A cheap look at a whole surface: points with outward normals, to estimate the pose from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import SurfaceError
from sgcn_core.geometry.area_sampling import sample_by_area
from sgcn_core.geometry.triangles import interpolate, triangle_areas, triangle_normals
from sgcn_core.types.arrays import ReadOnlyArrays

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SurfaceProbe(ReadOnlyArrays):
    """Sampled points.

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
    """Draw points on a surface oriented outwards (see ``clean_surface``), uniform by area, with their normals.

    Raises
    ------
    SurfaceError
        If the surface has no area.
    """
    cumulative = np.cumsum(triangle_areas(vertices, faces))
    if not cumulative[-1] > 0.0:
        raise SurfaceError("all triangles of the surface are degenerate: it has no area")
    triangles, barycentric = sample_by_area(cumulative, count, np.random.default_rng(seed), stratified=False)
    chosen = faces[triangles]
    points = interpolate(vertices, chosen, barycentric)
    return SurfaceProbe(points, triangle_normals(vertices, chosen), float(cumulative[-1]))


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
