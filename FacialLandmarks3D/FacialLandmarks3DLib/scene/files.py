"""The files that the worker reads: a surface (.npz) or a volume (.nrrd), and where they lie in Slicer's world."""

from __future__ import annotations

import os
import secrets
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import vtk
from numpy.typing import ArrayLike, NDArray
from vtk.util.numpy_support import vtk_to_numpy

from ..messages import _

_BYTES_AT_ONCE = 8 << 20
# The NRRD names of NumPy's types, http://teem.sourceforge.net/nrrd/format.html#type
_TYPES = {
    "int8": "int8", "uint8": "uint8", "int16": "int16", "uint16": "uint16", "int32": "int32", "uint32": "uint32",
    "int64": "int64", "uint64": "uint64", "float32": "float", "float64": "double",
}  # fmt: skip
_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_PERPENDICULAR = 1e-3


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


class UnusableVolumeError(ValueError):
    """The node holds no volume that landmarks can be placed on; the message says what to do."""


def check_volume(node: Any) -> None:
    """Raise UnusableVolumeError where a volume node cannot be written for the worker."""
    name, image = node.GetName(), node.GetImageData()
    if image is None or image.GetPointData().GetScalars() is None or 0 in image.GetDimensions():
        raise UnusableVolumeError(
            _("The volume {name!r} has no voxels; load it again, or select another one.").format(name=name)
        )
    if image.GetNumberOfScalarComponents() != 1:
        raise UnusableVolumeError(
            _("The volume {name!r} has {count} values per voxel; a scalar or label volume is needed.").format(
                name=name, count=image.GetNumberOfScalarComponents()
            )
        )
    world_geometry(node)


def world_geometry(node: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The parent transforms, and the way from voxel indices into the world (RAS, mm), as 4x4 matrices.

    Raises
    ------
    UnusableVolumeError
        The transforms warp the volume, or shear it.
    """
    to_ras, to_world = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(to_ras)
    parent = node.GetParentTransformNode()
    if parent is not None:
        if not parent.IsTransformToWorldLinear():
            raise UnusableVolumeError(
                _(
                    "The transform {transform!r} warps the volume {name!r}; harden it (Transforms module, Harden) and "
                    "place the landmarks then."
                ).format(transform=parent.GetName(), name=node.GetName())
            )
        parent.GetMatrixTransformToWorld(to_world)
    transforms = _array(to_world)
    matrix = transforms @ _array(to_ras)
    _check_perpendicular(node, matrix)
    return transforms, matrix


def volume_file_steps(path: Path, node: Any) -> Iterator[None]:
    """Write a volume in small steps, so that nobody has to wait for a large one.

    The frame is LPS with the voxels in their own order, raw: quick to write and to read.

    Parameters
    ----------
    path : Path
        Its suffix should be ``.nrrd``.
    node : vtkMRMLScalarVolumeNode
    """
    image = node.GetImageData()
    voxels = np.ascontiguousarray(vtk_to_numpy(image.GetPointData().GetScalars()))
    header = _header(image.GetDimensions(), voxels.dtype, _LPS @ world_geometry(node)[1])
    content = voxels.reshape(-1).view(np.uint8)
    with path.open("wb") as file:
        file.write(header.encode("ascii"))
        for start in range(0, len(content), _BYTES_AT_ONCE):
            yield
            content[start : start + _BYTES_AT_ONCE].tofile(file)


def _header(size: tuple[int, int, int], kind: np.dtype, matrix: NDArray[np.float64]) -> str:
    """NRRD0004, http://teem.sourceforge.net/nrrd/format.html; VTK's voxels lie in it as they do in memory."""
    columns = " ".join(_vector(matrix[:3, axis]) for axis in range(3))
    return "\n".join(
        [
            "NRRD0004",
            f"type: {_TYPES[kind.name]}",
            "dimension: 3",
            "space: left-posterior-superior",
            f"sizes: {' '.join(map(str, size))}",
            f"space directions: {columns}",
            "kinds: domain domain domain",
            f"endian: {'little' if kind.newbyteorder('<') == kind else 'big'}",
            "encoding: raw",
            f"space origin: {_vector(matrix[:3, 3])}",
            "",
            "",
        ]
    )


def _vector(values: NDArray[np.float64]) -> str:
    return f"({','.join(repr(float(value)) for value in values)})"


def _array(matrix: vtk.vtkMatrix4x4) -> NDArray[np.float64]:
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def _check_perpendicular(node: Any, matrix: NDArray[np.float64]) -> None:
    axes = matrix[:3, :3]
    lengths = np.linalg.norm(axes, axis=0)
    if not np.isfinite(matrix).all() or lengths.min() <= 0:
        raise UnusableVolumeError(_("The volume {name!r} has zero size.").format(name=node.GetName()))
    unit = axes / lengths
    if not np.allclose(unit.T @ unit, np.eye(3), atol=_PERPENDICULAR):
        raise UnusableVolumeError(
            _(
                "The axes of the volume {name!r} are not perpendicular in the world; resample it (module Resample "
                "Scalar/Vector/DWI Volume) and place the landmarks then."
            ).format(name=node.GetName())
        )
