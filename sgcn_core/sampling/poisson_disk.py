"""Poisson-disk sampling of a surface: a fixed number of points, evenly spaced, by weighted sample elimination.

C. Yuksel, "Sample Elimination for Generating Poisson Disk Sample Sets", Computer Graphics Forum 34(2), 2015: draw more
candidates than needed, then keep removing the one that is most crowded (`sampling.elimination`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sgcn_core.errors import SurfaceError
from sgcn_core.geometry.area_sampling import sample_by_area
from sgcn_core.geometry.triangles import interpolate, triangle_areas, triangle_normals
from sgcn_core.sampling.elimination import crowding, eliminate
from sgcn_core.types.arrays import ReadOnlyArrays

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SurfaceSamples(ReadOnlyArrays):
    """Points on the triangles of a surface.

    Attributes
    ----------
    points : (N, 3) float64
        In the frame and unit of the surface.
    triangles : (N,) int64
        The triangle that each point lies on.
    normals : (N, 3) float64
        Unit normal of that triangle, by the right-hand rule on its corners.
    barycentric : (N, 3) float64
        Weights of its three corners: ``(vertices[faces[triangles]] * barycentric[..., None]).sum(1)`` is `points`.
    """

    points: FloatArray
    triangles: IntArray
    normals: FloatArray
    barycentric: FloatArray

    def __len__(self) -> int:
        return len(self.points)

    def take(self, which: ArrayLike) -> SurfaceSamples:
        """Return the samples at these positions or under this mask, in that order (for example `spatial_order`)."""
        rows = np.asarray(which)
        return SurfaceSamples(self.points[rows], self.triangles[rows], self.normals[rows], self.barycentric[rows])


def sample_poisson_disk(
    vertices: ArrayLike,
    faces: ArrayLike,
    count: int,
    *,
    seed: int = 0,
    oversampling: float = 5.0,
    alpha: float = 8.0,
    beta: float = 0.65,
    gamma: float = 1.5,
) -> SurfaceSamples:
    """Sample exactly `count` evenly spaced points on a triangle mesh.

    The result depends on the arguments alone: not on the number of threads, and not on how fast anything ran.

    Parameters
    ----------
    vertices : (P, 3) array_like of float
        Any frame, any unit.
    faces : (F, 3) array_like of int
        Flat triangles are allowed; no point is put on them.
    count : int
        Number of points N, at least 1.
    seed : int
        Start of the pseudo-random numbers.
    oversampling : float
        Candidates per wanted point, M/N, at least 1. Time and memory grow with its square; 5 is the published choice.
    alpha, beta, gamma : float
        Constants of the weight function; the defaults are Yuksel's.

    Returns
    -------
    SurfaceSamples
        In the order of the triangles.

    Raises
    ------
    SurfaceError
        If there is no triangle with an area, or the arrays are not a triangle mesh.
    ValueError
        If `count` or `oversampling` is below 1.

    References
    ----------
    Yuksel 2015 (see the module); 2S-SGCN (CVIU 2025), section 3.2, with N = 8000.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, received {count}")
    if not oversampling >= 1:
        raise ValueError(f"oversampling must be at least 1, received {oversampling}")
    corner_points, corners = _checked_mesh(vertices, faces)
    areas = triangle_areas(corner_points, corners, zero_if_flat=True)
    if not areas.any():
        raise SurfaceError(f"all {len(corners)} triangles are flat: a surface without area cannot be sampled")
    cumulative = np.cumsum(areas)
    rng = np.random.default_rng((seed, 0))
    triangles, barycentric = sample_by_area(cumulative, math.ceil(count * oversampling), rng)
    points = interpolate(corner_points, corners[triangles], barycentric)
    crowded = crowding(points, float(cumulative[-1]), count, alpha=alpha, beta=beta, gamma=gamma, seed=seed)
    kept = eliminate(*crowded, count)
    triangles = triangles[kept]
    normals = triangle_normals(corner_points, corners[triangles])
    return SurfaceSamples(points[kept], triangles, normals, barycentric[kept])


def _checked_mesh(vertices: ArrayLike, faces: ArrayLike) -> tuple[FloatArray, IntArray]:
    points, corners = np.asarray(vertices, dtype=np.float64), np.asarray(faces, dtype=np.int64)
    if points.ndim != 2 or points.shape[1] != 3 or not np.isfinite(points).all():
        raise SurfaceError(f"vertices must be finite numbers of shape (P, 3), received shape {points.shape}")
    if corners.ndim != 2 or corners.shape[1] != 3 or len(corners) == 0:
        raise SurfaceError(f"faces must hold at least one triangle, shape (F, 3); received shape {corners.shape}")
    if corners.min() < 0 or corners.max() >= len(points):
        raise SurfaceError(
            f"faces must index the {len(points)} vertices, received indices {corners.min()} to {corners.max()}"
        )
    return points, corners
