"""Read and write surfaces in the formats that scanners, Slicer and 3D programs use."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from sgcn_core.errors import FileFormatError, SurfaceError
from sgcn_core.io.atomic import replacing
from sgcn_core.io.formats import MESH_SUFFIXES, WRITABLE_MESH_SUFFIXES
from sgcn_core.io.gltf import read_gltf
from sgcn_core.io.linked import check_regular
from sgcn_core.io.mesh_data import MeshData
from sgcn_core.io.obj import obj_bytes, read_obj
from sgcn_core.io.off import read_off
from sgcn_core.io.ply import ply_bytes, read_ply
from sgcn_core.io.stl import read_stl, stl_bytes
from sgcn_core.io.vrml import read_wrl
from sgcn_core.io.vtk_polydata import read_vtk, read_vtp, write_vtk, write_vtp
from sgcn_core.io.xyz import read_xyz
from sgcn_core.types.surface import Surface
from sgcn_core.types.units import checked_frame, checked_unit

_READERS: dict[str, Callable[[Path], MeshData]] = {
    ".obj": read_obj,
    ".ply": read_ply,
    ".stl": read_stl,
    ".vtk": read_vtk,
    ".vtp": read_vtp,
    ".off": read_off,
    ".glb": read_gltf,
    ".gltf": read_gltf,
    ".wrl": read_wrl,
    ".xyz": read_xyz,
}
_ENCODERS: dict[str, Callable[[Surface], bytes]] = {".ply": ply_bytes, ".obj": obj_bytes, ".stl": stl_bytes}
_WRITERS: dict[str, Callable[[Surface, Path], None]] = {".vtp": write_vtp, ".vtk": write_vtk}

_MOST_NOT_FINITE = 0.05  # share of a mesh's vertices; more of them, and the mesh is damaged


def read_surface(path: str | os.PathLike[str], *, unit: str | None = None, frame: str | None = None) -> Surface:
    """Read a surface; vertices keep the file's order, polygons become triangle fans.

    Parameters
    ----------
    path : path
        OBJ, PLY, STL, VTK legacy polydata, VTP, OFF, GLB, glTF or VRML 2.0, by the suffix.
    unit, frame : str, optional
        Override what the file declares. Without a declaration the unit is None
        (detection then finds it by the size of the head) and the frame "LPS", as in Slicer.

    Returns
    -------
    Surface
        In the file's own coordinates. Two formats state a scale: glTF is in metres by its specification, and an
        OBJ with Slicer's comment ``1 unit = 1000.0 mm`` comes back in millimetres, as Slicer 5.13 shows it (unless
        `unit` is given).

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        The file does not exist.
    FileFormatError
        The suffix is unknown, or the content is damaged, truncated or of another format.
    SurfaceError
        The content is readable but not a usable surface: NaN positions of more than 5 % of the vertices, indices out of
        range, no triangles (of point clouds, :func:`sgcn_core.skin.extract.read_scan` makes a surface).

    Notes
    -----
    Triangles with a vertex that is NaN or infinite are left out, as the surface's notes say; the vertices keep their
    numbers, and such a vertex lies where the middle of the others is.
    """
    return surface_of(read_mesh_data(path, unit=unit, frame=frame), path)


def surface_of(data: MeshData, path: str | os.PathLike[str]) -> Surface:
    """A parsed file as a checked surface."""
    return Surface(
        data.vertices,
        data.faces,
        data.unit,
        data.frame or "LPS",
        source=str(Path(path)),
        anatomical=data.frame is not None,
        notes=data.notes,
    )


def read_mesh_data(path: str | os.PathLike[str], *, unit: str | None = None, frame: str | None = None) -> MeshData:
    """The numbers of a file, of a mesh or of a point cloud; parameters and errors as of :func:`read_surface`."""
    file = _existing_file(path)
    reader = _READERS.get(file.suffix.lower())
    if reader is None:
        raise FileFormatError(
            f"cannot read {file}: unknown suffix {file.suffix!r}; convert it to one of {', '.join(MESH_SUFFIXES)}"
        )
    wanted_unit = None if unit is None else checked_unit(unit)
    wanted_frame = None if frame is None else checked_frame(frame)
    data = _parse(reader, file, keep_numbers=wanted_unit is not None)
    data = _finite(data) if not np.isfinite(data.vertices).all() else data
    return replace(data, unit=wanted_unit or data.unit, frame=wanted_frame or data.frame)


def _finite(data: MeshData) -> MeshData:
    """Without the points of a cloud, or the triangles of a mesh, whose positions are not finite."""
    finite = np.asarray(np.isfinite(data.vertices).all(axis=1))
    count = f"{np.count_nonzero(~finite)} of {len(finite)}"
    if not len(data.faces):
        note = f"{count} points are not finite and were left out"
        normals = None if data.normals is None else data.normals[finite]
        return replace(data, vertices=data.vertices[finite], normals=normals, notes=(*data.notes, note))
    within = (data.faces >= 0).all() and (data.faces < len(finite)).all()
    if not within or finite.mean() < 1.0 - _MOST_NOT_FINITE:
        return data  # refused when it becomes a surface
    kept = finite[data.faces].all(axis=1)
    vertices = np.where(finite[:, None], data.vertices, data.vertices[finite].mean(axis=0))
    note = f"{count} vertices are not finite; {np.count_nonzero(~kept)} triangles with them were left out"
    return replace(data, vertices=vertices, faces=data.faces[kept], notes=(*data.notes, note))


def write_surface(surface: Surface, path: str | os.PathLike[str]) -> Path:
    """Write a surface as binary PLY, OBJ, binary STL, VTP or VTK, with frame and unit tags; the file appears whole.

    Coordinates are written as they are; Slicer reads the frame from the tag ``SPACE=LPS`` or ``SPACE=RAS``.
    STL holds single precision and loses the vertices' order.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    FileFormatError
        Unknown suffix.
    """
    file = Path(path)
    suffix = file.suffix.lower()
    if suffix not in WRITABLE_MESH_SUFFIXES:
        raise FileFormatError(
            f"cannot write {file}: unknown suffix {suffix!r}; use one of {', '.join(WRITABLE_MESH_SUFFIXES)}"
        )
    with replacing(file) as temporary:
        if suffix in _ENCODERS:
            temporary.write_bytes(_ENCODERS[suffix](surface))
        else:
            _WRITERS[suffix](surface, temporary)
    return file


def _existing_file(path: str | os.PathLike[str]) -> Path:
    file = Path(path)
    if file.is_dir():
        raise IsADirectoryError(f"{file} is a folder; name one surface file in it")
    if not file.exists():
        raise FileNotFoundError(f"no such file: {file}; check the path")
    check_regular(file)
    if file.stat().st_size == 0:
        raise FileFormatError(f"cannot read {file}: it is empty")
    return file


def _parse(reader: Callable[[Path], MeshData], file: Path, *, keep_numbers: bool) -> MeshData:
    try:
        # Numbers that cannot be are found by the surface's own checks; NumPy need not tell of them on the terminal.
        with np.errstate(all="ignore"):
            return read_obj(file, apply_scale=False) if keep_numbers and reader is read_obj else reader(file)
    except SurfaceError:
        raise
    except (FileFormatError, ValueError, IndexError, KeyError, OverflowError, struct.error) as error:
        name = file.suffix.lower().lstrip(".").upper()
        raise FileFormatError(
            f"cannot read {file} as {name}: {error}. Export it again, or convert it to another format"
        ) from error
    except (MemoryError, RecursionError) as error:
        what = "not enough memory" if isinstance(error, MemoryError) else "nesting too deep"
        raise FileFormatError(f"cannot read {file}: {what}; the file is damaged, or too large") from error
