"""Volumes read by ITK: these functions run in the child process; the file's name decides which ITK class reads it."""

from __future__ import annotations

from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from sgcn_core.errors import FileFormatError, VolumeError
from sgcn_core.types.volume import checked_geometry

sitk: Any = SimpleITK  # without types
Read = tuple[dict[str, Any], dict[str, NDArray[Any]]]
_KEPT = (sitk.sitkUInt8, sitk.sitkInt8, sitk.sitkUInt16, sitk.sitkInt16, sitk.sitkFloat32)
_PACKED = 1100  # bytes of voxels that a byte can stand for: deflate cannot do better than 1032
# Of real numbers, by the code of the data type.
_NIFTI_BYTES = {"4": 2, "8": 4, "16": 4, "64": 8, "512": 2, "768": 4, "1024": 8, "1280": 8}

sitk.ProcessObject.SetGlobalWarningDisplay(False)


def read_image(path: str, image_io: str, max_voxels: int | None, stored: int, packed: bool) -> Read:
    """One file, and those it links to.

    Parameters
    ----------
    path : str
    image_io : str
        ITK's class; else the content decides, and any of ITK's formats may be parsed.
    max_voxels : int or None
    stored : int
        Bytes of all files: refused unread where the header promises more voxels than they can hold.
    packed : bool
        Whether the voxels may be compressed.
    """
    reader = _information(path, image_io)
    size = _checked_size(reader, tuple(reader.GetSize()), max_voxels)
    needed = int(np.prod(size, dtype=object)) * _bytes_per_voxel(reader) + _offset(reader)
    if needed > stored * (_PACKED if packed else 1):
        raise FileFormatError(
            f"its header states {'x'.join(map(str, size))} voxels ({needed} bytes), but it has only {stored} bytes; it "
            "is damaged or truncated"
        )
    if len(reader.GetSize()) > 3:
        reader.SetExtractSize([*size, *[0] * (len(reader.GetSize()) - 3)])
    reader.SetOutputPixelType(_kept_type(reader.GetPixelID()))
    values, arrays = _content(reader.Execute())
    return {**values, "stored_bytes": int(needed)}, arrays


def read_series(path: str, names: list[str], max_voxels: int | None) -> Read:
    """DICOM slices in the order of their positions; `path` is their folder."""
    first = _information(names[0], "GDCMImageIO")
    _checked_size(first, (*first.GetSize()[:2], len(names)), max_voxels)
    reader = sitk.ImageSeriesReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileNames(names)
    reader.SetOutputPixelType(_kept_type(first.GetPixelID()))
    return _content(reader.Execute())


def _information(path: str, image_io: str) -> Any:
    reader = sitk.ImageFileReader()
    reader.SetImageIO(image_io)
    reader.SetFileName(path)
    reader.ReadImageInformation()
    return reader


def _checked_size(reader: Any, size: tuple[int, ...], max_voxels: int | None) -> tuple[int, int, int]:
    """The size (x, y, z) that a header states, if it can be that of a head's image."""
    if len(size) < 3 or (len(size) == 3 and size[2] == 1):
        raise FileFormatError("it holds one slice; give the folder or the file with all slices")
    if any(n > 1 for n in size[3:]):
        shown = "x".join(map(str, size))
        raise FileFormatError(f"it is {len(size)}D ({shown}), a series of volumes; save one of them as a 3D image")
    if reader.GetNumberOfComponents() != 1:
        raise FileFormatError(
            f"it has {reader.GetNumberOfComponents()} values per voxel (colour, vectors or complex numbers); save it "
            "as grey values"
        )
    wide, high, deep = size[:3]
    if max_voxels is not None and wide * high * deep > max_voxels:
        raise FileFormatError(
            f"its header states {wide}x{high}x{deep} voxels, more than the limit of {max_voxels}; crop or resample it, "
            "or raise max_voxels"
        )
    dimension = reader.GetDimension()
    direction = np.reshape(reader.GetDirection(), (dimension, dimension))[:3, :3]
    try:
        checked_geometry(size[:3], reader.GetSpacing()[:3], reader.GetOrigin()[:3], direction)
    except VolumeError as error:
        raise FileFormatError(str(error)) from error
    return wide, high, deep


def _bytes_per_voxel(reader: Any) -> int:
    """Of the file: NIfTI may store small numbers with a scale, which ITK reads as floats."""
    if reader.HasMetaDataKey("datatype"):
        return _NIFTI_BYTES.get(reader.GetMetaData("datatype").strip(), 1)
    name = sitk.GetPixelIDValueAsString(reader.GetPixelID())
    return next((size for bits, size in (("64", 8), ("32", 4), ("16", 2)) if bits in name), 1)


def _offset(reader: Any) -> int:
    """Bytes before the voxels of a NIfTI file: ITK fills what an offset leads beyond the file with zeros."""
    try:
        offset = float(reader.GetMetaData("vox_offset")) if reader.HasMetaDataKey("vox_offset") else 0.0
        return int(max(offset, 0.0))
    except (ValueError, OverflowError) as error:
        raise FileFormatError("its header states no number of bytes before the voxels; it is damaged") from error


def _kept_type(pixel_id: int) -> int:
    """The type that voxels are kept in: their own where it is small, else float32."""
    return pixel_id if pixel_id in _KEPT else sitk.sitkFloat32


def _content(image: Any) -> Read:
    values = {name: list(getattr(image, f"Get{name.title()}")()) for name in ("spacing", "origin", "direction")}
    return values, {"voxels": sitk.GetArrayFromImage(image)}
