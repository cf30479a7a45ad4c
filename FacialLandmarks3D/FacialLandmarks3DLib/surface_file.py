"""The surface file that the worker reads. NumPy only."""

from __future__ import annotations

import os
import secrets
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import ArrayLike

_BYTES_AT_ONCE = 8 << 20


def write_surface_file(path: str | os.PathLike[str], points: ArrayLike, triangles: ArrayLike) -> Path:
    """Write a surface for the worker at once, see :func:`surface_file_steps`."""
    for _step in surface_file_steps(path, points, triangles):
        pass
    return Path(path)


def surface_file_steps(path: str | os.PathLike[str], points: ArrayLike, triangles: ArrayLike) -> Iterator[None]:
    """Write a surface for the worker in small steps; the file appears whole with the last one.

    Parameters
    ----------
    path : path
        Its suffix must be ``.npz``.
    points : array_like (P, 3)
        Positions in Slicer's world: RAS, millimetres, with all transforms of the node applied.
    triangles : array_like (F, 3) of integers
        Indices of points.

    Raises
    ------
    ValueError
        Another suffix, or arrays of other shapes.
    """
    target = Path(path)
    if target.suffix.lower() != ".npz":
        raise ValueError(f"a surface file must end in .npz, received {target.name!r}")
    arrays = {"points": np.asarray(points), "triangles": np.asarray(triangles)}
    for name, values in arrays.items():
        if values.ndim != 2 or values.shape[1] != 3:
            raise ValueError(f"{name} must have shape (n, 3), received {values.shape}")
    temporary = target.with_name(f".{secrets.token_hex(6)}.tmp")
    try:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
            for name, values in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                    yield from _write_array(entry, np.ascontiguousarray(values))
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _write_array(entry: IO[bytes], values: np.ndarray) -> Iterator[None]:
    np.lib.format.write_array_header_1_0(entry, np.lib.format.header_data_from_array_1_0(values))
    content = values.reshape(-1).view(np.uint8)
    for start in range(0, len(content), _BYTES_AT_ONCE):
        yield
        entry.write(content[start : start + _BYTES_AT_ONCE].data)
