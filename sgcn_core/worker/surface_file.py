"""The surface file that a caller reads and writes with NumPy alone: ``.npz`` with `points` and `triangles`."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np

from sgcn_core.errors import FileFormatError
from sgcn_core.io.atomic import replacing
from sgcn_core.types.surface import Surface
from sgcn_core.types.units import in_mm

SUFFIX = ".npz"


def read_surface_file(path: Path) -> Surface:
    """Read a surface in Slicer's world: millimetres, RAS.

    Parameters
    ----------
    path : Path
        As ``numpy.savez`` writes it, without pickles: ``points`` (P, 3) numbers, ``triangles`` (F, 3) integers.

    Raises
    ------
    FileNotFoundError
        The file does not exist.
    FileFormatError
        The file is damaged, or an array is missing.
    SurfaceError
        The arrays are not a usable surface.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no such file: {path}; was it removed before the worker read it?")
    try:
        with np.load(path, allow_pickle=False) as archive:
            points, triangles = archive["points"], archive["triangles"]
    except KeyError as error:
        raise FileFormatError(f"cannot read {path}: it must hold 'points' and 'triangles'; {error}") from error
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zipfile.LargeZipFile) as error:
        raise FileFormatError(f"cannot read {path} as a surface file: {error}; write it again") from error
    return Surface(points, triangles, unit="mm", frame="RAS", source=str(path))


def is_surface_file(path: Path) -> bool:
    """Whether a file is what :func:`write_surface_file` writes."""
    try:
        with zipfile.ZipFile(path) as archive:
            return set(archive.namelist()) == {"points.npy", "triangles.npy"}
    except (OSError, ValueError, zipfile.BadZipFile):
        return False


def write_surface_file(path: str | os.PathLike[str], surface: Surface, unit: str) -> None:
    """Write a surface in Slicer's world: millimetres, RAS; vertices and triangles in their order.

    Parameters
    ----------
    path : path
        The file appears whole or not at all.
    surface : Surface
    unit : str
        Of its coordinates, whatever the surface itself states.

    Raises
    ------
    ValueError
        The path does not end in ``.npz``.
    """
    if Path(path).suffix.lower() != SUFFIX:
        raise ValueError(f"a surface file must end in {SUFFIX}, received {Path(path).name!r}")
    points = surface.in_frame("RAS").vertices * in_mm(unit)
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, points=points, triangles=surface.faces)
