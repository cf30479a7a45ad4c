"""Surroundings of a point of the surface as an image over rings and angles, which a turn of the scan only shifts.

Around each centre the surface is written over its tangent plane in polar coordinates: height, normal and how much
surface there is. Moving or turning the scan changes nothing; where the angle begins is arbitrary, so the whole circle
is left to a network that is equivariant to shifts along it. Nothing here knows the axes of the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sgcn_core.types.arrays import ReadOnlyArrays

FloatArray = NDArray[np.float64]
FloatArray32 = NDArray[np.float32]

RINGS, ANGLES = 10, 32
RADIUS = 100.0
"""Of a patch, millimetres of the average head."""
DEPTH = 100.0
"""Above and below the tangent plane, likewise."""
CHANNELS = 5 * RINGS

_FACING = -0.2  # least cosine between a normal and the centre's: what looks the other way is another side
_NORMAL_REACH = 20.0  # millimetres over which the centre's normal is averaged
_BLUR = 7.0  # millimetres
_ENOUGH = 0.5  # blurred number of points in a cell that makes it half certain


@dataclass(frozen=True, eq=False)
class PolarPatches(ReadOnlyArrays):
    """P patches.

    Attributes
    ----------
    images : (P, CHANNELS, ANGLES); channels: for each of the five features the rings from the inside out
    frames : (P, 3, 3), columns: where the angle begins, a quarter turn further, the normal; determinant +1
    origins : (P, 3), the centres
    """

    images: FloatArray32
    frames: FloatArray
    origins: FloatArray


def polar_patches(points: FloatArray, normals: FloatArray, centres: NDArray[np.int64]) -> PolarPatches:
    """Patches around some of the points.

    Parameters
    ----------
    points, normals : (N, 3), evenly spread over the surface, some thousands; millimetres; outward unit normals
    centres : (P,) ids of points
    """
    middle = points.mean(0)
    places, directions = (points - middle).astype(np.float32), normals.astype(np.float32)
    frames = _frames(places, directions, centres)
    # Everything in every frame: one product of matrices is faster than looking for neighbours.
    columns = frames.transpose(1, 0, 2).reshape(3, -1)
    local = (places @ columns).reshape(len(points), len(centres), 3)
    local -= local[centres, np.arange(len(centres))]
    facing = (directions @ columns).reshape(local.shape)
    squared = local[..., 0] ** 2 + local[..., 1] ** 2
    kept = (squared < RADIUS**2) & (np.abs(local[..., 2]) < DEPTH) & (facing[..., 2] > _FACING)
    images = _images(np.nonzero(kept)[1], local[kept], facing[kept], len(centres))
    return PolarPatches(images, frames.astype(np.float64), points[centres])


def _frames(places: FloatArray32, directions: FloatArray32, centres: NDArray[np.int64]) -> FloatArray32:
    """A right-handed frame (P, 3, 3) at every centre, its third axis the mean normal around."""
    squared = (places**2).sum(1)
    apart = squared[centres, None] + squared - 2.0 * places[centres] @ places.T
    normal = (apart < _NORMAL_REACH**2).astype(np.float32) @ directions
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    normal = np.where(length > 1e-3, normal / np.maximum(length, 1e-3), directions[centres])
    helper = np.eye(3, dtype=np.float32)[np.abs(normal).argmin(1)]
    first = np.cross(helper, normal)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return np.stack([first, np.cross(normal, first), normal], axis=2)


def _images(patch: NDArray[np.int64], local: FloatArray32, facing: FloatArray32, count: int) -> FloatArray32:
    """Blurred means of the features over the cells, and how much surface there is."""
    radius = np.hypot(local[:, 0], local[:, 1])
    angle = np.arctan2(local[:, 1], local[:, 0])
    sector = np.floor(angle * (ANGLES / (2.0 * np.pi))).astype(np.int64) % ANGLES
    ring = np.minimum((radius * (RINGS / RADIUS)).astype(np.int64), RINGS - 1)
    cell = (patch * RINGS + ring) * ANGLES + sector
    outward = local[:, :2] / np.maximum(radius, 1e-6)[:, None]
    radial = facing[:, 0] * outward[:, 0] + facing[:, 1] * outward[:, 1]
    around = facing[:, 1] * outward[:, 0] - facing[:, 0] * outward[:, 1]
    features = (local[:, 2] / RADIUS, facing[:, 2], radial, around, None)
    sums = [np.bincount(cell, feature, count * RINGS * ANGLES) for feature in features]
    blurred = np.stack(sums).astype(np.float32).reshape(5, count, RINGS * ANGLES) @ _blur()
    weight = blurred[4:]
    stacked = np.concatenate([blurred[:4] / np.maximum(weight, 1e-3), weight / (weight + _ENOUGH)])
    images = stacked.reshape(5, count, RINGS, ANGLES).transpose(1, 0, 2, 3).reshape(count, CHANNELS, ANGLES)
    return np.ascontiguousarray(images)


@lru_cache(maxsize=1)
def _blur() -> FloatArray32:
    """Weights (cells, cells) of a Gaussian over the tangent plane, symmetric."""
    ring, sector = np.divmod(np.arange(RINGS * ANGLES), ANGLES)
    radius, angle = (ring + 0.5) * RADIUS / RINGS, (sector + 0.5) * 2.0 * np.pi / ANGLES
    places = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    squared = ((places[:, None] - places[None]) ** 2).sum(2)
    weights: FloatArray32 = np.exp(-squared / (2.0 * _BLUR**2)).astype(np.float32)
    return weights
