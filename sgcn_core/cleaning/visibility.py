"""From where outside the points of a surface can be seen: a depth buffer of points, from all around."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sgcn_core.geometry.area_sampling import sample_by_area
from sgcn_core.geometry.triangles import interpolate, triangle_normals

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_AXES = 16  # looked along from both ends
PIXEL = 2.3  # mean distances between occluding points; about five of them fall into a pixel
_BEHIND = 0.6  # pixels behind what is seen from which a point counts as hidden
_STEEP = 0.3  # cosine under which a direction says nothing
_LARGEST = 1024  # pixels along a side of the buffer
_NOTHING = np.int64(2**63 - 1)


@dataclass(frozen=True, eq=False)
class Samples:
    """Points spread evenly over a surface: points, unit normals (N, 3), their triangles (N,), mean distance apart."""

    points: FloatArray
    normals: FloatArray
    triangle: IntArray
    spacing: float

    def take(self, which: NDArray[np.int64] | NDArray[np.bool_]) -> Samples:
        return Samples(self.points[which], self.normals[which], self.triangle[which], self.spacing)


def draw_samples(vertices: FloatArray, faces: IntArray, areas: FloatArray, count: int, *, seed: int = 0) -> Samples:
    """Stratified sampling by area; at least some area is needed."""
    cumulative = np.cumsum(areas)
    triangle, barycentric = sample_by_area(cumulative, count, np.random.default_rng(seed))
    # The corners in ascending order: the points do not depend on the orientation.
    points = interpolate(vertices, np.sort(faces[triangle], axis=1), barycentric)
    normals = triangle_normals(vertices, faces[triangle])
    return Samples(points, normals, triangle, float(np.sqrt(cumulative[-1] / count)))


@dataclass(frozen=True, eq=False)
class Exposure:
    """From how many of 32 directions each point is seen: front, back (Q,) int64, by the side that it turns there."""

    front: IntArray
    back: IntArray


def exposure(points: FloatArray, normals: FloatArray, occluders: Samples) -> Exposure:
    """Look at points (Q, 3) with normals from all around, past occluders.

    Along each direction the foremost occluder of each pixel is kept. A point is hidden where it lies clearly behind the
    plane of that occluder: the plane, not the occluder's own depth, so that slanting surfaces do not hide themselves.
    """
    centre = occluders.points.mean(axis=0)
    scale = 1.0 / max(float(np.ptp(occluders.points, axis=0).max()), 1e-300)
    surface = ((occluders.points - centre) * scale).astype(np.float32)
    facing = occluders.normals.astype(np.float32)
    pixel = max(PIXEL * occluders.spacing * scale, 1.8 / _LARGEST)
    asked, sides = ((points - centre) * scale).astype(np.float32), normals.astype(np.float32)
    front, back = np.zeros(len(points), dtype=np.int64), np.zeros(len(points), dtype=np.int64)
    for axis in _spread_axes(_AXES):
        view = _view_frame(axis)
        seen_near, seen_far = _look(surface, facing, asked, view, pixel)
        cosine = sides @ view[:, 2]
        towards, away = cosine > _STEEP, cosine < -_STEEP
        front += (seen_near & towards).astype(np.int64) + (seen_far & away)
        back += (seen_near & away).astype(np.int64) + (seen_far & towards)
    return Exposure(front, back)


def _look(
    surface: NDArray[np.float32],
    facing: NDArray[np.float32],
    asked: NDArray[np.float32],
    view: NDArray[np.float32],
    pixel: float,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which points (Q,) are seen from the far end of the view's third axis, and from its other end."""
    turned, looked_at = surface @ view, asked @ view
    low = turned.min(axis=0)
    turned -= low
    rows = int(turned[:, 1].max() / pixel) + 1
    columns = int(turned[:, 0].max() / pixel) + 1
    cells = (turned[:, 0] / pixel).astype(np.int64) * rows + (turned[:, 1] / pixel).astype(np.int64)
    place = np.clip(((looked_at - low)[:, :2] / pixel).astype(np.int64), 0, (columns - 1, rows - 1))
    wanted = place[:, 0] * rows + place[:, 1]
    # Depth and number of a point in one integer: the smallest of each pixel tells both.
    depth = (turned[:, 2] / max(float(turned[:, 2].max()), 1e-30) * 2**30).astype(np.int64)
    number = np.arange(len(surface))
    seen = []
    for sign, levels in ((1.0, 2**30 - depth), (-1.0, depth)):
        buffer = np.full(rows * columns, _NOTHING)
        np.minimum.at(buffer, cells, (levels << 32) | number)
        foremost = buffer[wanted]
        empty = foremost == _NOTHING
        before = np.where(empty, 0, foremost & 0xFFFFFFFF)
        seen.append(empty | (_depth_behind(asked, surface[before], facing[before], view, sign) < _BEHIND * pixel))
    return seen[0], seen[1]


def _depth_behind(
    asked: NDArray[np.float32],
    before: NDArray[np.float32],
    facing: NDArray[np.float32],
    view: NDArray[np.float32],
    sign: float,
) -> NDArray[np.float32]:
    """How far the points lie behind the planes of what is seen before them, along the view."""
    apart = asked - before
    slope = facing @ view[:, 2] * sign
    flat = np.abs(slope) > 0.35
    behind = -np.einsum("ij,ij->i", apart, facing) / np.where(flat, slope, 1.0)
    depth: NDArray[np.float32] = np.where(flat, behind, -sign * (apart @ view[:, 2]))
    return depth


def _spread_axes(count: int) -> FloatArray:
    """Directions over half a sphere (Fibonacci's spiral)."""
    step = np.arange(count)
    z = 1.0 - (step + 0.5) / count
    angle, radius = step * np.pi * (3.0 - np.sqrt(5.0)), np.sqrt(1.0 - z * z)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=1)


def _view_frame(axis: FloatArray) -> NDArray[np.float32]:
    """Orthonormal columns; the third is the axis."""
    right = np.cross(axis, np.eye(3)[np.argmin(np.abs(axis))])
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(axis, right), axis], axis=1).astype(np.float32)
