"""The surface file that the worker reads. NumPy only."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike


def write_surface_file(path: str | os.PathLike[str], points: ArrayLike, triangles: ArrayLike) -> Path:
    """Write a surface for the worker; the file appears whole.

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
        with temporary.open("wb") as file:
            np.savez(file, points=arrays["points"], triangles=arrays["triangles"])
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    return target
