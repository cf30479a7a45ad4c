"""Sides on which the field of view cuts the head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sgcn_core.skin.voxel_grid import VoxelGrid
from sgcn_core.types.field_of_view import CutPlane
from sgcn_core.types.volume import Volume

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


@dataclass(frozen=True)
class CutSide:
    """A plane on which the head goes on beyond the image.

    Attributes
    ----------
    side : str
        "left", "right", "front", "back", "top" or "bottom" of the patient: where the plane's outside points to.
    area : float
        Of the head on the plane, mm2.
    point, normal : 3 floats each
        A point of the plane, mm in LPS, and its unit normal, out of the image.
    """

    side: str
    area: float
    point: tuple[float, float, float]
    normal: tuple[float, float, float]

    @property
    def plane(self) -> CutPlane:
        """The plane alone."""
        return CutPlane(self.point, self.normal)


def find_cuts(head: NDArray[np.bool_], grid: VoxelGrid, volume: Volume) -> tuple[list[CutSide], NDArray, NDArray]:
    """The cut sides, and the box (low, high) of voxels between them.

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
            is_front = side_of(volume.direction[:, 2 - axis] * (1 if end else -1)) == "front"
            least = _JUMP_FRONT_MM2 if is_front else _JUMP_MM2
            depth = _cut_depth(area[::-1] if end else area, grid.spacing[axis], least)
            if depth is None:
                continue
            if end:
                high[axis] -= depth
            else:
                low[axis] = depth
            plane = high[axis] - 1 if end else low[axis]
            cuts.append(_cut_side(axis, end, int(plane), float(area[plane]), grid, volume))
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


def _cut_side(axis: int, end: int, plane: int, area: float, grid: VoxelGrid, volume: Volume) -> CutSide:
    middle = (np.array(grid.values.shape) - 1) / 2
    middle[axis] = plane
    point = volume.physical((middle * grid.scale + grid.shift)[None, ::-1])[0]
    normal = volume.direction[:, 2 - axis] * (1 if end else -1)
    x, y, z = (float(v) for v in point)
    a, b, c = (float(v) for v in normal)
    return CutSide(side_of(normal), area, (x, y, z), (a, b, c))


def side_of(normal: NDArray[np.float64]) -> str:
    """The patient's side that a direction in LPS points to."""
    main = int(np.argmax(np.abs(normal)))
    return _SIDES[main][0 if normal[main] > 0 else 1]
