"""VoxelGrid: an array of voxels that remembers where it lies in the volume that it was cut and averaged from."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgcn_core.types.volume import Volume

Triple = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class VoxelGrid:
    """Voxels with their place; all triples in the array's order z, y, x.

    Attributes
    ----------
    values : ndarray (Z, Y, X)
    spacing : 3 floats
        Distance of voxels, mm.
    scale, shift : 3 floats each
        Voxel (k, j, i) of the grid lies at ``scale * (k, j, i) + shift`` in voxels of the volume.
    """

    values: NDArray[Any]
    spacing: Triple
    scale: Triple = (1.0, 1.0, 1.0)
    shift: Triple = (0.0, 0.0, 0.0)

    @classmethod
    def of(cls, volume: Volume) -> VoxelGrid:
        """The whole volume."""
        return cls(volume.array, _triple(volume.spacing[::-1]))

    def with_values(self, values: NDArray[Any]) -> VoxelGrid:
        """Other values at the same places."""
        return VoxelGrid(values, self.spacing, self.scale, self.shift)

    def cropped(self, low: NDArray[np.int64], high: NDArray[np.int64]) -> VoxelGrid:
        """The voxels from `low` up to but without `high`; a view."""
        box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
        shift = _triple(np.asarray(self.shift) + np.asarray(self.scale) * low)
        return VoxelGrid(self.values[box], self.spacing, self.scale, shift)

    def averaged(self, factors: tuple[int, int, int]) -> VoxelGrid:
        """Means of blocks of voxels, float32; incomplete blocks at the end are left out."""
        steps = np.asarray(factors)
        return VoxelGrid(
            block_means(self.values, factors),
            _triple(steps * self.spacing),
            _triple(steps * self.scale),
            _triple(np.asarray(self.shift) + (steps - 1) / 2 * self.scale),
        )

    def factors_to(self, size: float) -> tuple[int, int, int]:
        """How many voxels per axis make a block of about `size` mm."""
        z, y, x = (
            max(1, min(round(size / step), length // 8))
            for step, length in zip(self.spacing, self.values.shape, strict=True)
        )
        return z, y, x


def block_means(values: NDArray[Any], factors: tuple[int, int, int]) -> NDArray[np.float32]:
    """Mean of every complete block of `factors` voxels, (Z // fz, Y // fy, X // fx)."""
    shape = tuple(n // f for n, f in zip(values.shape, factors, strict=True))
    total = np.zeros(shape, dtype=np.float32)
    for offset in product(*(range(f) for f in factors)):
        total += values[tuple(slice(o, n * f, f) for o, n, f in zip(offset, shape, factors, strict=True))]
    if np.prod(factors) > 1:
        total /= np.float32(np.prod(factors))
    return total


def _triple(values: NDArray[Any] | Triple) -> Triple:
    z, y, x = (float(v) for v in values)
    return z, y, x
