"""Solids by their signed distance, and their surfaces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Solid:
    """A body.

    Attributes
    ----------
    distance : (N, 3) -> (N,), to the surface, negative inside
    low, high : (3,), corners of a box around it
    """

    distance: Callable[[FloatArray], FloatArray]
    low: FloatArray
    high: FloatArray


def ball(centre: ArrayLike, radius: float) -> Solid:
    """All points within ``radius`` of ``centre``."""
    return capsule(centre, centre, radius)


def capsule(start: ArrayLike, end: ArrayLike, radius: float) -> Solid:
    """All points within ``radius`` of the line from ``start`` to ``end``."""
    first, last = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    along = last - first
    length = max(float(along @ along), 1e-12)

    def distance(points: FloatArray) -> FloatArray:
        share = np.clip((points - first) @ along / length, 0.0, 1.0)
        apart: FloatArray = np.linalg.norm(points - first - share[:, None] * along, axis=1) - radius
        return apart

    return Solid(distance, np.minimum(first, last) - radius, np.maximum(first, last) + radius)


def box(centre: ArrayLike, half: ArrayLike, *, rounding: float = 0.0) -> Solid:
    """A box with half the lengths ``half``, its edges rounded within them."""
    middle, reach = np.asarray(centre, dtype=np.float64), np.asarray(half, dtype=np.float64)
    inner = np.maximum(reach - rounding, 0.0)

    def distance(points: FloatArray) -> FloatArray:
        beyond = np.abs(points - middle) - inner
        outside = np.linalg.norm(np.maximum(beyond, 0.0), axis=1)
        apart: FloatArray = outside + np.minimum(beyond.max(1), 0.0) - rounding
        return apart

    return Solid(distance, middle - reach, middle + reach)


def joined_smoothly(solids: Sequence[Solid], blend: float) -> Solid:
    """The union, rounded over about ``blend`` where two meet (log-sum-exp of the distances)."""

    def distance(points: FloatArray) -> FloatArray:
        every = np.stack([solid.distance(points) for solid in solids])
        nearest = every.min(0)
        joint: FloatArray = nearest - blend / 4.0 * np.log(np.exp((nearest - every) * 4.0 / blend).sum(0))
        return joint

    low = np.min([solid.low for solid in solids], axis=0) - blend
    return Solid(distance, low, np.max([solid.high for solid in solids], axis=0) + blend)


def surface_of(solid: Solid, *, voxel: float) -> tuple[FloatArray, NDArray[np.int64]]:
    """Vertices (V, 3) and outward triangles (F, 3) of the surface, sampled on a grid of this voxel size."""
    from sgcn_core.skin.isosurface import contour

    low = solid.low - 2.0 * voxel
    shape = np.ceil((solid.high + 2.0 * voxel - low) / voxel).astype(int) + 1
    axes = [low[axis] + voxel * np.arange(shape[axis]) for axis in range(3)]
    z, y, x = np.meshgrid(*axes[::-1], indexing="ij")
    values = -solid.distance(np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1)).astype(np.float32)
    return contour(values.reshape(z.shape), 0.0, origin=low, spacing=voxel)
