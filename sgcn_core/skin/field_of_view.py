"""The scanner's field of view: padding around it, a CT's round one, and the planes on which it cuts the head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgcn_core.skin.voxel_grid import VoxelGrid
from sgcn_core.types.field_of_view import CutPlane, triple
from sgcn_core.types.volume import Volume

FloatArray = NDArray[np.float64]

_SIDES = (("left", "right"), ("back", "front"), ("top", "bottom"))  # +, - along L, P, S
_TOUCH_MM2 = 50.0  # of head on a side of the volume itself
# Inside the volume, two slices into a round end of radius R, the head has at most the area 2 pi R (2 slices), and at
# most two thirds of that one slice further. A cut has more of both; the tip of a nose (R below 15 mm) never does, and
# to take a blunt one for a cut would cost more than a nose cut by a little.
_ROUND_MM = 15.0
_WHOLE_SHARE = 0.5  # of the next slice's area from which the first slice is kept
_JUMP_SHARE = 0.75
# In front only: ears end with more than that of themselves, but no nose is flat over 20 mm.
_JUMP_MM2, _JUMP_FRONT_MM2 = 1000.0, 400.0
_NOISY = 0.5  # share of padding's value in the first slice that is none, from which the padding is plain background
_FIT = 0.7, 2.0  # voxels, median and 95 % of the distances to a fitted circle
_FEWEST = 40  # voxels on the circle
_PLANES = 48  # around a circle: the polygon is at most 0.3 mm larger than a circle of 125 mm
_SPOILED = 2.0  # voxels within the circle that partial volume with padding spoils


def field_of_view_box(array: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The box (low, high) of an array without the slices of one value that pad it.

    Slices of one value are padding where what comes next shows the noise of air. Where it does not, air itself has one
    value (it was masked, or these are labels), and nothing is left out.
    """
    low, high = np.zeros(3, dtype=np.int64), np.array(array.shape, dtype=np.int64)
    for axis in range(3):
        for backwards in (False, True):
            part = array[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
            slices = np.moveaxis(part, axis, 0)
            padding = _padding_slices(slices[::-1] if backwards else slices)
            if backwards:
                high[axis] -= padding
            else:
                low[axis] += padding
    return low, high


@dataclass(frozen=True)
class RoundFieldOfView:
    """A cylinder along an axis of the array beyond which the field of view ends.

    Attributes
    ----------
    axis : int
        0, 1 or 2: z, y or x.
    centre : 2 floats
        Where the cylinder's axis passes, along the array's other axes, in voxels.
    radius : float
        mm.
    """

    axis: int
    centre: tuple[float, float]
    radius: float

    def depth(self, grid: VoxelGrid, volume: Volume) -> NDArray[np.float32]:
        """How far inside the cylinder the voxels of a grid lie, mm, with size 1 along the cylinder."""
        across = self._across(grid, volume)
        distance: FloatArray = np.hypot(*across)
        return (self.radius - distance).astype(np.float32)

    def _across(self, grid: VoxelGrid, volume: Volume) -> list[FloatArray]:
        """Offsets from the cylinder's axis along the two others, mm, ready to be broadcast."""
        spacing = volume.spacing[::-1]
        offsets = []
        for other, middle in zip(self._others, self.centre, strict=True):
            shape = [1, 1, 1]
            shape[other] = grid.values.shape[other]
            places = np.arange(shape[other]) * grid.scale[other] + grid.shift[other]
            offsets.append(((places - middle) * spacing[other]).reshape(shape))
        return offsets

    @property
    def _others(self) -> tuple[int, int]:
        first, second = (axis for axis in range(3) if axis != self.axis)
        return first, second

    def margin(self, grid: VoxelGrid) -> float:
        """Depth up to which voxels are spoiled by the padding beside them, mm."""
        return _SPOILED * max(grid.spacing[other] for other in self._others)

    def cuts(self, head: NDArray[np.bool_], grid: VoxelGrid, volume: Volume) -> list[CutPlane]:
        """Planes around the cylinder where the head touches it; what they leave out lies beyond the cylinder."""
        margin = self.margin(grid)
        depth = self.depth(grid, volume)
        step = min(grid.spacing[other] for other in self._others)
        touching = head & (depth > margin - step) & (depth <= margin)
        first, second = self._across(grid, volume)
        turns = np.broadcast_to(np.arctan2(second, first), head.shape)[touching]
        count = np.bincount(np.round(turns / (2 * np.pi) * _PLANES).astype(np.int64) % _PLANES, minlength=_PLANES)
        area = count * (grid.spacing[self.axis] * step)
        if area.sum() < _TOUCH_MM2:
            return []
        return [self._plane(int(number), area[number], margin, volume) for number in np.flatnonzero(area)]

    def _plane(self, number: int, area: float, margin: float, volume: Volume) -> CutPlane:
        turn = 2 * np.pi * number / _PLANES
        normal, index = np.zeros(3), np.zeros(3)
        for other, middle, share in zip(self._others, self.centre, (np.cos(turn), np.sin(turn)), strict=True):
            normal += share * volume.direction[:, 2 - other]
            index[2 - other] = middle
        point = volume.physical(index[None])[0] + (self.radius - margin) * normal
        return CutPlane(triple(point), triple(normal), _side_of(normal), float(area))


def find_round_field_of_view(volume: Volume) -> RoundFieldOfView | None:
    """The cylinder, if what lies in the corners of the slices across one axis all has one value and a round edge."""
    for axis in range(3):
        slices = np.moveaxis(volume.array, axis, 0)
        boundary = [_round_boundary(slices[len(slices) * part // 4]) for part in (1, 2, 3)]
        if any(points is None for points in boundary):
            continue
        steps = np.delete(volume.spacing[::-1], axis)
        points = np.concatenate([points for points in boundary if points is not None]) * steps
        if len(points) < _FEWEST:
            continue
        centre, radius = _fitted_circle(points)
        off = np.abs(np.hypot(*(points - centre).T) - radius) / steps.max()
        if np.median(off) < _FIT[0] and np.percentile(off, 95) < _FIT[1]:
            first, second = centre / steps
            return RoundFieldOfView(axis, (float(first), float(second)), float(radius - steps.max() / 2))
    return None


def find_cut_planes(
    head: NDArray[np.bool_], grid: VoxelGrid, volume: Volume
) -> tuple[list[CutPlane], NDArray[np.int64], NDArray[np.int64]]:
    """The planes on which the field of view cuts the head, and the box (low, high) of voxels between them.

    A head that ends by itself does so with a small area that grows; one that is cut ends with a large one. A cut is
    looked for on the sides of the grid and, because images are padded, inside it.

    Parameters
    ----------
    head : bool array (Z, Y, X)
        Filled head on `grid`, where it ends by grey values, not by the sides.
    """
    cuts = []
    low, high = np.zeros(3, dtype=np.int64), np.array(head.shape, dtype=np.int64)
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        pixel = float(np.prod([grid.spacing[other] for other in others]))
        area = head.sum(axis=others) * pixel
        for end in (0, 1):
            is_front = _side_of(volume.direction[:, 2 - axis] * (1 if end else -1)) == "front"
            least = _JUMP_FRONT_MM2 if is_front else _JUMP_MM2
            depth = _cut_depth(area[::-1] if end else area, grid.spacing[axis], least)
            if depth is None:
                continue
            if end:
                high[axis] -= depth
            else:
                low[axis] = depth
            plane = high[axis] - 1 if end else low[axis]
            cuts.append(_cut_plane(axis, end, int(plane), float(area[plane]), grid, volume))
    return cuts, low, high


def _cut_depth(area: NDArray[np.float64], step: float, least: float) -> int | None:
    """Index of the first whole slice of a cut head, None if the head ends by itself."""
    present = np.flatnonzero(area >= _TOUCH_MM2)
    if len(present) == 0:
        return None
    first = int(present[0])
    if first == 0:
        return 0
    # The first slice may be half filled: the second is the first whole one.
    second, third = min(first + 1, len(area) - 1), min(first + 2, len(area) - 1)
    is_cut = area[second] >= max(least, 4 * np.pi * _ROUND_MM * step, _JUMP_SHARE * area[third])
    return (first if area[first] >= _WHOLE_SHARE * area[second] else second) if is_cut else None


def _cut_plane(axis: int, end: int, plane: int, area: float, grid: VoxelGrid, volume: Volume) -> CutPlane:
    middle = (np.array(grid.values.shape) - 1) / 2
    middle[axis] = plane
    point = volume.physical((middle * grid.scale + grid.shift)[None, ::-1])[0]
    normal = volume.direction[:, 2 - axis] * (1 if end else -1)
    return CutPlane(triple(point), triple(normal), _side_of(normal), area)


def _side_of(normal: NDArray[np.float64]) -> str:
    """The patient's side that a direction in LPS points to."""
    main = int(np.argmax(np.abs(normal)))
    return _SIDES[main][0 if normal[main] > 0 else 1]


def _padding_slices(slices: NDArray[Any]) -> int:
    value = slices.flat[0]
    for count, one in enumerate(slices):
        if not (one == value).all():
            return count if count and np.mean(one == value) < _NOISY else 0
    return 0


def _round_boundary(image: NDArray[Any]) -> FloatArray | None:
    """Where what has the value of all four corners ends, in voxels; None if the corners differ."""
    from scipy.ndimage import binary_dilation, binary_opening, label

    value = image[0, 0]
    if not (value == image[0, -1] == image[-1, 0] == image[-1, -1]):
        return None
    solid = np.pad(image == value, 2, mode="edge")
    solid = binary_opening(solid, np.ones((3, 3), dtype=bool))[2:-2, 2:-2]
    pieces, _ = label(solid)
    corners = [pieces[0, 0], pieces[0, -1], pieces[-1, 0], pieces[-1, -1]]
    if 0 in corners:
        return None
    solid = np.isin(pieces, corners)
    return np.argwhere(solid & binary_dilation(~solid)).astype(np.float64)


def _fitted_circle(points: FloatArray) -> tuple[FloatArray, float]:
    """Centre and radius of least squares (Kasa 1976)."""
    system = np.c_[2 * points, np.ones(len(points))]
    first, second, rest = np.linalg.lstsq(system, (points**2).sum(axis=1), rcond=None)[0]
    centre = np.array([first, second])
    return centre, float(np.sqrt(max(rest + centre @ centre, 0.0)))
