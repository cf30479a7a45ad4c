"""Fields of view of generated volumes: directions, crops, round ones and padding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from research.synthesis.scan_meshes import Mesh
from sgcn_core.types.field_of_view import CutPlane
from sgcn_core.types.volume import Volume

FloatArray = NDArray[np.float64]

CROPS = ("forehead", "chin", "nose", "side")
_ROUND_PLANES = 48
_NECK = (25.0, 50.0)  # mm below the chin that an uncropped image ends


@dataclass(frozen=True, kw_only=True)
class FieldOfView:
    """What of the head an image shows.

    Attributes
    ----------
    crop : str or None
        One of ``CROPS``: the image ends above the brows, between lips and chin, behind the tip of the nose, or at one
        eye.
    round : bool
        A cylinder around the head beyond which nothing is recorded; it cuts the nose, and nothing else.
    padding : float or None
        Grey value outside the field of view; with a crop the image goes on with it for some voxels.
    """

    crop: str | None = None
    round: bool = False
    padding: float | None = None

    def padded(self, array: NDArray, grid: Volume, cuts: list[CutPlane]) -> NDArray[np.int16]:
        """The array with padding beyond the planes that lie inside the grid."""
        values = np.round(array).astype(np.int16)
        if self.padding is None:
            return values
        matrix = grid.index_to_physical
        k, j, i = np.ogrid[: array.shape[0], : array.shape[1], : array.shape[2]]
        outside = np.zeros(array.shape, dtype=bool)
        for plane in cuts:
            slope = np.asarray(plane.normal) @ matrix[:3, :3]
            start = np.asarray(plane.normal) @ (matrix[:3, 3] - np.asarray(plane.point))
            outside |= (slope[0] * i + slope[1] * j + slope[2] * k + start) > 0
        values[outside] = round(self.padding)
        return values


def image_grid(
    skin: Mesh,
    landmarks: Mapping[str, FloatArray],
    spacing: tuple[float, float, float],
    directions: str,
    view: FieldOfView,
    rng: np.random.Generator,
) -> tuple[Volume, list[CutPlane]]:
    """An empty volume around the head, and the planes that cut the head (LPS, mm); the neck always is."""
    direction = _direction(directions, rng)
    places = np.stack(list(landmarks.values()))
    lowest = places[:, 2].min()
    shown = skin.vertices[skin.vertices[:, 2] > lowest - rng.uniform(*_NECK)] @ direction
    low, high = shown.min(axis=0) - rng.uniform(6.0, 20.0, 3), shown.max(axis=0) + rng.uniform(6.0, 20.0, 3)
    down, back = (_towards(direction, axis) for axis in ((0, 0, -1), (0, 1, 0)))
    _set(low, high, down, _end(shown, down))
    _set(low, high, back, _end(shown, back) + rng.uniform(30.0, 55.0))
    cuts = [(down, _end(shown, down))]
    if view.crop is not None:
        side, limit = _crop(view.crop, landmarks, direction, rng)
        cuts.append((side, limit))
        _set(low, high, side, limit + (0.0 if view.padding is None else rng.uniform(5.0, 15.0)))
    step = np.asarray(spacing, dtype=np.float64)
    size = np.ceil((high - low) / step).astype(np.int64)
    origin = direction @ (low + step / 2)
    grid = Volume(np.zeros(size[::-1], dtype=np.float32), step, origin, direction)
    high = low + size * step  # whole voxels: a plane at the end of the image lies there
    planes = [_plane(direction, side, _clamped(limit, side, low, high)) for side, limit in cuts]
    if view.round:
        planes += _round(skin, landmarks, direction, down, rng)
    return grid, planes


def _direction(kind: str, rng: np.random.Generator) -> FloatArray:
    """Columns are the image's axes in LPS."""
    if kind == "axial":
        return np.eye(3)
    axes = np.eye(3)[rng.permutation(3)].T * rng.choice([-1.0, 1.0], 3)
    if kind == "flipped":
        return axes
    turn = Rotation.from_rotvec(_unit(rng.normal(size=3)) * np.deg2rad(rng.uniform(8.0, 25.0)))
    return np.asarray(turn.as_matrix() @ axes)


def _unit(vector: FloatArray) -> FloatArray:
    return np.asarray(vector / np.linalg.norm(vector))


def _towards(direction: FloatArray, axis: tuple[int, int, int]) -> tuple[int, int]:
    """Image axis and sign that look most in a direction of LPS."""
    along = np.asarray(axis, dtype=np.float64) @ direction
    best = int(np.argmax(np.abs(along)))
    return best, 1 if along[best] > 0 else -1


def _end(points: FloatArray, side: tuple[int, int]) -> float:
    """The coordinate along the image's axis at which points end on a side."""
    axis, sign = side
    return float((sign * points[:, axis]).max())


def _set(low: FloatArray, high: FloatArray, side: tuple[int, int], limit: float) -> None:
    axis, sign = side
    if sign > 0:
        high[axis] = limit
    else:
        low[axis] = -limit


def _clamped(limit: float, side: tuple[int, int], low: FloatArray, high: FloatArray) -> float:
    """A limit within one voxel of the image's end is that end."""
    axis, sign = side
    end = high[axis] if sign > 0 else -low[axis]
    return float(end) if limit > end - 3.0 else limit


def _plane(direction: FloatArray, side: tuple[int, int], limit: float) -> CutPlane:
    axis, sign = side
    normal = sign * direction[:, axis]
    return _cut_plane(limit * normal, normal)


def _cut_plane(point: FloatArray, normal: FloatArray) -> CutPlane:
    x, y, z = (float(v) for v in point)
    a, b, c = (float(v) for v in normal)
    return CutPlane((x, y, z), (a, b, c))


def _crop(
    crop: str, landmarks: Mapping[str, FloatArray], direction: FloatArray, rng: np.random.Generator
) -> tuple[tuple[int, int], float]:
    """Side and coordinate along it at which the image ends."""

    def at(label: str, side: tuple[int, int]) -> float:
        axis, sign = side
        return float(sign * landmarks[label] @ direction[:, axis])

    if crop == "forehead":
        side = _towards(direction, (0, 0, 1))
        return side, at("n", side) + rng.uniform(4.0, 18.0)
    if crop == "chin":
        side = _towards(direction, (0, 0, -1))
        return side, at("sts", side) + rng.uniform(-6.0, 16.0)
    if crop == "nose":
        side = _towards(direction, (0, -1, 0))
        return side, at("prn", side) - rng.uniform(4.0, 12.0)
    if crop == "side":
        left = bool(rng.integers(2))
        side = _towards(direction, (1 if left else -1, 0, 0))
        return side, at("ex_l" if left else "ex_r", side) + rng.uniform(-12.0, 12.0)
    raise ValueError(f"unknown crop {crop!r}; choose one of {', '.join(CROPS)}")


def _round(
    skin: Mesh,
    landmarks: Mapping[str, FloatArray],
    direction: FloatArray,
    down: tuple[int, int],
    rng: np.random.Generator,
) -> list[CutPlane]:
    """Planes around a cylinder along the neck's axis that ends 4 to 15 mm behind the tip of the nose."""
    axis = direction[:, down[0]]
    middle = np.mean(list(landmarks.values()), axis=0)
    tip = landmarks["prn"] - middle
    tip = tip - (tip @ axis) * axis
    radius = 125.0
    centre = landmarks["prn"] - (radius + rng.uniform(3.0, 10.0)) * _unit(tip)
    across = np.cross(axis, _unit(tip))
    planes = []
    for turn in np.linspace(0.0, 2.0 * np.pi, _ROUND_PLANES, endpoint=False):
        normal = np.cos(turn) * _unit(tip) + np.sin(turn) * across
        planes.append(_cut_plane(centre + radius * normal, normal))
    return planes
