"""What a volume's header says, judged before a voxel is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sgcn_core.errors import FileFormatError, VolumeError
from sgcn_core.types.volume import checked_geometry


@dataclass(frozen=True)
class Grid:
    """Voxels and where they lie, as a header states it.

    Attributes
    ----------
    size : tuple of int
        Along x, y, z and further axes.
    components : int
        Values per voxel.
    spacing, origin : sequences of 3 floats, mm
    direction : 3 x 3, columns are the axes x, y, z in LPS
    """

    size: tuple[int, ...]
    components: int
    spacing: Any
    origin: Any
    direction: Any


def check_grid(grid: Grid, file: Path, max_voxels: int | None) -> tuple[int, int, int]:
    """The size (x, y, z) that a header states, if it can be that of a head's image; raises FileFormatError if not."""
    size = grid.size
    if len(size) < 3 or (len(size) == 3 and size[2] == 1):
        raise FileFormatError(f"cannot read {file}: it holds one slice; give the folder or the file with all slices")
    if any(n > 1 for n in size[3:]):
        raise FileFormatError(
            f"cannot read {file}: it is {len(size)}D ({'x'.join(map(str, size))}), a series of volumes; "
            "save one of them as a 3D image"
        )
    if grid.components != 1:
        raise FileFormatError(
            f"cannot read {file}: it has {grid.components} values per voxel (colour, vectors or complex "
            "numbers); save it as grey values"
        )
    wide, high, deep = size[:3]
    if max_voxels is not None and wide * high * deep > max_voxels:
        raise FileFormatError(
            f"cannot read {file}: its header states {wide}x{high}x{deep} voxels, more than the limit of {max_voxels}; "
            "crop or resample it, or raise max_voxels"
        )
    try:
        checked_geometry(size[:3], grid.spacing, grid.origin, grid.direction)
    except VolumeError as error:
        raise FileFormatError(f"cannot read {file}: {error}") from error
    return wide, high, deep
