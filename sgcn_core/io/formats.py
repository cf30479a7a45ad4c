"""The one list of file suffixes: readable and writable formats, by the file name. Imports nothing heavy."""

from __future__ import annotations

import os
from pathlib import Path

WRITABLE_MESH_SUFFIXES: tuple[str, ...] = (".ply", ".obj", ".stl", ".vtp", ".vtk")
MESH_SUFFIXES: tuple[str, ...] = (".obj", ".ply", ".stl", ".vtk", ".vtp", ".off", ".glb", ".gltf", ".wrl", ".xyz")
DICOM_SUFFIXES: tuple[str, ...] = (".dcm", ".ima")
IMAGE_SUFFIXES: tuple[str, ...] = (".nii.gz", ".nii", ".nrrd", ".mha", ".nhdr", ".mhd", ".hdr")
VOLUME_SUFFIXES: tuple[str, ...] = (*IMAGE_SUFFIXES, *DICOM_SUFFIXES)
WRITABLE_LANDMARK_SUFFIXES: tuple[str, ...] = (".mrk.json", ".fcsv", ".csv", ".json")
LANDMARK_SUFFIXES: tuple[str, ...] = (
    *WRITABLE_LANDMARK_SUFFIXES,
    *(".pp", ".landmarkascii", ".pts", ".ljson", ".bnd", ".txt"),
)


def volume_suffix(path: str | os.PathLike[str]) -> str | None:
    """Suffix of a volume file; None for other files."""
    return _suffix(path, VOLUME_SUFFIXES)


def landmark_suffix(path: str | os.PathLike[str]) -> str | None:
    """Suffix of a landmark file; None for other files."""
    return _suffix(path, LANDMARK_SUFFIXES)


def without_suffix(path: str | os.PathLike[str], *, below: str | os.PathLike[str] | None = None) -> str:
    """Name of a landmark file or scan without its suffix, which may be two; that of a folder whole.

    With `below`, its folders from that folder on come first, with slashes.

    >>> without_suffix("before/FACE.MRK.JSON")
    'FACE'
    >>> without_suffix("cohort/before/head.1.nii.gz", below="cohort")
    'before/head.1'
    """
    file = Path(path)
    suffix = "" if file.is_dir() else landmark_suffix(file) or volume_suffix(file) or file.suffix
    name = file.name[: len(file.name) - len(suffix)]
    return name if below is None else (file.parent.relative_to(below) / name).as_posix()


def _suffix(path: str | os.PathLike[str], known: tuple[str, ...]) -> str | None:
    """The longest suffix comes first in each list; a name that is nothing but a suffix has none."""
    name = Path(path).name.lower()
    return next((suffix for suffix in known if name.endswith(suffix) and len(name) > len(suffix)), None)
