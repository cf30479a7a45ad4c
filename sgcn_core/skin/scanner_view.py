"""What of a volume was measured: padding around it, and a CT's round field of view, are not air."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sgcn_core.skin.cut_sides import CutSide, side_of
from sgcn_core.skin.voxel_grid import VoxelGrid
from sgcn_core.types.volume import Volume

FloatArray = NDArray[np.float64]

_NOISY = 0.5  # share of padding's value in the first slice that is none, from which the padding is plain background
_FIT = 0.7, 2.0  # voxels, median and 95 % of the distances to a fitted circle
_LEAST_RIM = 40  # voxels on the circle
_PLANES = 48  # around a circle: the polygon is at most 0.3 mm larger than a circle of 125 mm
_RIM = 2.0  # voxels within the circle that partial volume with padding spoils
_TOUCH_MM2 = 50.0


def measured_box(array: NDArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
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


def _padding_slices(slices: NDArray) -> int:
    value = slices.flat[0]
    for count, one in enumerate(slices):
        if not (one == value).all():
            return count if count and np.mean(one == value) < _NOISY else 0
    return 0


@dataclass(frozen=True)
class RoundView:
    """A cylinder along an axis of the array beyond which nothing was measured.

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
        return _RIM * max(grid.spacing[other] for other in self._others)

    def cuts(self, head: NDArray[np.bool_], grid: VoxelGrid, volume: Volume) -> list[CutSide]:
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

    def _plane(self, number: int, area: float, margin: float, volume: Volume) -> CutSide:
        turn = 2 * np.pi * number / _PLANES
        normal, index = np.zeros(3), np.zeros(3)
        for other, middle, share in zip(self._others, self.centre, (np.cos(turn), np.sin(turn)), strict=True):
            normal += share * volume.direction[:, 2 - other]
            index[2 - other] = middle
        point = volume.physical(index[None])[0] + (self.radius - margin) * normal
        x, y, z = (float(v) for v in point)
        a, b, c = (float(v) for v in normal)
        return CutSide(side_of(normal), float(area), (x, y, z), (a, b, c))


def find_round_view(volume: Volume) -> RoundView | None:
    """The cylinder, if what lies in the corners of the slices across one axis all has one value and a round edge."""
    for axis in range(3):
        slices = np.moveaxis(volume.array, axis, 0)
        rim = [_round_rim(slices[len(slices) * part // 4]) for part in (1, 2, 3)]
        if any(points is None for points in rim):
            continue
        steps = np.delete(volume.spacing[::-1], axis)
        points = np.concatenate([points for points in rim if points is not None]) * steps
        if len(points) < _LEAST_RIM:
            continue
        centre, radius = _fitted_circle(points)
        off = np.abs(np.hypot(*(points - centre).T) - radius) / steps.max()
        if np.median(off) < _FIT[0] and np.percentile(off, 95) < _FIT[1]:
            first, second = centre / steps
            return RoundView(axis, (float(first), float(second)), float(radius - steps.max() / 2))
    return None


def _round_rim(image: NDArray) -> FloatArray | None:
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
