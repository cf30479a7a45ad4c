"""Volume: a scalar 3D image with its physical frame. NumPy only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sgcn_core.errors import VolumeError
from sgcn_core.types.arrays import read_only

_SMALLEST_SIDE = 8  # voxels; fewer hold no head
_SPACING_MM = (1e-3, 50.0)


@dataclass(frozen=True, eq=False)
class Volume:
    """A scalar image on a regular grid, in millimetres.

    Voxel (i, j, k), counted along x, y, z, is ``array[k, j, i]`` and lies at
    ``origin + direction @ (spacing * (i, j, k))``, as ITK has it.

    Parameters
    ----------
    array : ndarray (Z, Y, X)
        Grey values or labels, of any real type; not copied.
    spacing : array_like (3,)
        Distance of voxels along x, y, z, mm.
    origin : array_like (3,)
        Position of the centre of voxel (0, 0, 0), mm.
    direction : array_like (3, 3)
        Columns are the unit vectors of x, y, z.
    modality : str or None
        "CT" or "MR" where the file says so.
    source : str or None
        Where it came from, for messages.

    Attributes
    ----------
    frame : str
        Always "LPS": x to the patient's left, y to the back, z up.

    Raises
    ------
    VolumeError
        Not three axes, a side too short to hold a head, or impossible spacing, origin or direction.
    """

    array: NDArray[Any]
    spacing: NDArray[np.float64]
    origin: NDArray[np.float64]
    direction: NDArray[np.float64]
    modality: str | None = None
    source: str | None = None
    frame: str = "LPS"

    def __post_init__(self) -> None:
        prefix = f"{self.source}: " if self.source else ""
        array = np.asarray(self.array)
        if array.dtype.kind not in "biuf":
            raise VolumeError(f"{prefix}grey values must be real numbers, received {array.dtype}")
        if array.ndim != 3:
            raise VolumeError(f"{prefix}a volume has three axes (z, y, x), received shape {array.shape}")
        spacing, origin, direction = checked_geometry(
            array.shape[::-1], self.spacing, self.origin, self.direction, prefix=prefix
        )
        if self.frame != "LPS":
            raise VolumeError(f"{prefix}a volume's frame is LPS, received {self.frame!r}")
        for name, value in (("array", array), ("spacing", spacing), ("origin", origin), ("direction", direction)):
            object.__setattr__(self, name, read_only(value))

    def __repr__(self) -> str:
        size = "x".join(str(n) for n in self.array.shape[::-1])
        spacing = "x".join(f"{s:.4g}" for s in self.spacing)
        return f"Volume({size} voxels of {spacing} mm, {self.array.dtype}, {self.modality or 'modality not declared'})"

    @property
    def index_to_physical(self) -> NDArray[np.float64]:
        """4x4 matrix from the voxel index (i, j, k) along x, y, z to millimetres in LPS."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.direction * self.spacing
        matrix[:3, 3] = self.origin
        return matrix

    def physical(self, indices: ArrayLike) -> NDArray[np.float64]:
        """Positions (N, 3), mm in LPS, of voxel indices (N, 3) along x, y, z, which may be fractions."""
        matrix = self.index_to_physical
        placed: NDArray[np.float64] = np.asarray(indices, dtype=np.float64) @ matrix[:3, :3].T + matrix[:3, 3]
        return placed


def checked_geometry(
    size: tuple[int, ...], spacing: ArrayLike, origin: ArrayLike, direction: ArrayLike, *, prefix: str = ""
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Spacing, origin and direction as arrays; used on headers before their voxels are read.

    Raises
    ------
    VolumeError
        Invalid for an image of a head.
    """
    if min(size) < _SMALLEST_SIDE:
        raise VolumeError(
            f"{prefix}the volume is {'x'.join(map(str, size))} voxels; at least {_SMALLEST_SIDE} are needed along "
            "every axis"
        )
    step = np.asarray(spacing, dtype=np.float64)
    start = np.asarray(origin, dtype=np.float64)
    axes = np.asarray(direction, dtype=np.float64)
    low, high = _SPACING_MM
    if step.shape != (3,) or not np.isfinite(step).all() or step.min() < low or step.max() > high:
        raise VolumeError(f"{prefix}the spacing must be three lengths of {low} to {high} mm, received {step.tolist()}")
    if start.shape != (3,) or not np.isfinite(start).all():
        raise VolumeError(f"{prefix}the origin must be three finite numbers, received {start.tolist()}")
    if axes.shape != (3, 3) or not np.isfinite(axes).all() or not np.allclose(axes.T @ axes, np.eye(3), atol=1e-3):
        raise VolumeError(
            f"{prefix}the direction must be three perpendicular unit vectors, received {np.round(axes, 4).tolist()}; "
            "resample the image on a regular grid"
        )
    return step, start, axes
