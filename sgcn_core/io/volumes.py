"""Read volumes (NIfTI, NRRD, MetaImage, DICOM) with SimpleITK; the header is judged before the voxels are read."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sgcn_core.errors import FileFormatError, VolumeError
from sgcn_core.io.beside import check_regular
from sgcn_core.io.dicom_header import read_dicom_header
from sgcn_core.io.metaimage import read_metaimage_header
from sgcn_core.io.nifti_header import check_nifti_header
from sgcn_core.io.nrrd import read_nrrd_header
from sgcn_core.io.raw_voxels import Voxels, read_voxels
from sgcn_core.io.volume_header import Grid, check_grid
from sgcn_core.types.volume import Volume

DICOM_SUFFIXES = (".dcm", ".ima")
VOLUME_SUFFIXES: tuple[str, ...] = (".nii.gz", ".nii", ".nrrd", ".mha", ".nhdr", ".mhd", ".hdr", *DICOM_SUFFIXES)

_OWN = {
    ".nrrd": read_nrrd_header,
    ".nhdr": read_nrrd_header,
    ".mha": read_metaimage_header,
    ".mhd": read_metaimage_header,
}

MAX_VOXELS = 2 * 600**3
# How many bytes of voxels a byte of the file can hold: deflate cannot do better than 1032 : 1, and .nii has none. (ITK
# itself takes a .nii that is cut short for one that ends with zeros.)
_MOST_COMPRESSED = {".nii": 1, ".nii.gz": 1100}
_MOST_HEADER = 2**20  # bytes of a NIfTI header with its extensions


def volume_suffix(path: str | os.PathLike[str]) -> str | None:
    """The suffix by which a file is read as a volume; None if it is none."""
    name = Path(path).name.lower()
    return next((suffix for suffix in VOLUME_SUFFIXES if name.endswith(suffix) and len(name) > len(suffix)), None)


def is_volume(path: str | os.PathLike[str]) -> bool:
    """Whether a path is read as a volume: a file with a volume's suffix, or a folder with DICOM files."""
    from sgcn_core.io.dicom import is_dicom_folder

    return is_dicom_folder(Path(path)) if Path(path).is_dir() else volume_suffix(path) is not None


def read_volume(
    path: str | os.PathLike[str], *, series: str | None = None, max_voxels: int | None = MAX_VOXELS
) -> Volume:
    """Read a scalar 3D image.

    Parameters
    ----------
    path : path
        NIfTI (.nii, .nii.gz, .hdr), NRRD (.nrrd, .nhdr), MetaImage (.mha, .mhd), a DICOM file with all slices, or a
        folder of DICOM files.
    series : str, optional
        Series instance UID in a DICOM folder; the series with most voxels, with a warning, where there are several.
    max_voxels : int or None
        Larger images are refused before their voxels are read; None sets no limit.

    Returns
    -------
    Volume
        In LPS, mm. Values of more than four bytes come back as float32.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    FileFormatError
        Unknown suffix; damaged or cut short; 4D, vector or complex values; a header that cannot be true or asks for
        more than `max_voxels`; slices missing in a DICOM series.
    """
    file = Path(path)
    if not file.exists():
        raise FileNotFoundError(f"there is no file {file}; check the path")
    if file.is_dir():
        from sgcn_core.io.dicom import read_dicom_folder

        return read_dicom_folder(file, series=series, max_voxels=max_voxels)
    if volume_suffix(file) is None:
        raise FileFormatError(
            f"cannot read {file}: the suffix {file.suffix!r} is not known; convert it to one of "
            f"{', '.join(VOLUME_SUFFIXES)}"
        )
    check_regular(file, most=None)
    if file.stat().st_size == 0:
        raise FileFormatError(f"cannot read {file}: it is empty")
    return _read_file(file, max_voxels)


def _read_file(file: Path, max_voxels: int | None) -> Volume:
    suffix = volume_suffix(file)
    if suffix in _OWN:
        return _read_own(file, _OWN[suffix], max_voxels)
    return _read_with_itk(file, "GDCMImageIO" if suffix in DICOM_SUFFIXES else "NiftiImageIO", max_voxels)


def _read_own(file: Path, read_header: Callable[[Path], tuple[Grid, Voxels]], max_voxels: int | None) -> Volume:
    import numpy as np

    try:
        with np.errstate(all="ignore"):
            grid, voxels = read_header(file)
            wide, high, deep = check_grid(grid, file, max_voxels)
            array = read_voxels(voxels, (deep, high, wide))
        return Volume(array, grid.spacing, grid.origin, grid.direction, None, str(file))
    except (FileFormatError, VolumeError, ValueError, MemoryError) as error:
        reason = str(error) or "there is not enough memory"
        raise FileFormatError(reason if str(file) in reason else f"cannot read {file}: {reason}") from error


def _read_with_itk(file: Path, image_io: str, max_voxels: int | None) -> Volume:
    import SimpleITK as sitk

    if image_io == "NiftiImageIO":
        check_nifti_header(file)
    else:
        read_dicom_header(file)
    reader = sitk.ImageFileReader()
    reader.SetImageIO(image_io)  # else the content decides, and any of ITK's formats may be parsed
    reader.SetFileName(str(file))
    with itk_errors(file):
        reader.ReadImageInformation()
    size = check_header(reader, file, max_voxels)
    _check_file_size(reader, file, size)
    if len(reader.GetSize()) > 3:
        reader.SetExtractSize([*size, *[0] * (len(reader.GetSize()) - 3)])
    reader.SetOutputPixelType(stored_type(reader.GetPixelID()))
    with itk_errors(file):
        image = reader.Execute()
        modality = reader.GetMetaData("0008|0060") if reader.HasMetaDataKey("0008|0060") else None
    return volume_of(image, file, modality)


def check_header(
    reader: Any, file: Path, max_voxels: int | None, *, size: tuple[int, ...] | None = None
) -> tuple[int, int, int]:
    """The size (x, y, z) that a header states, if it can be that of a head's image; raises FileFormatError if not.

    `size` replaces that of the header, where that is one slice of many.
    """
    dimension, axes = reader.GetDimension(), reader.GetDirection()
    within = range(min(dimension, 3))
    direction = [[axes[dimension * row + column] for column in within] for row in within]
    grid = Grid(
        tuple(int(n) for n in size or reader.GetSize()),
        reader.GetNumberOfComponents(),
        reader.GetSpacing()[:3],
        reader.GetOrigin()[:3],
        direction,
    )
    return check_grid(grid, file, max_voxels)


def _check_file_size(reader: Any, file: Path, size: tuple[int, int, int]) -> None:
    """A file too small for what its header promises is refused before memory is taken for it."""
    compressed = _MOST_COMPRESSED.get(volume_suffix(file) or "")
    if compressed is None:  # the voxels lie in another file
        return
    needed = size[0] * size[1] * size[2] * _bytes_per_voxel(reader)
    stored = file.stat().st_size
    if needed > stored * compressed:
        raise FileFormatError(
            f"cannot read {file}: its header states {'x'.join(map(str, size))} voxels ({needed} bytes), but the file "
            f"has only {stored} bytes; it is damaged or cut short"
        )

    if volume_suffix(file) == ".nii.gz":
        _check_gzip(file, needed)


def _check_gzip(file: Path, needed: int) -> None:
    """ITK takes a .nii.gz that is cut short for one that ends with zeros; a whole one ends with its length."""
    with file.open("rb") as stream:
        stream.seek(-4, os.SEEK_END)
        stated = int.from_bytes(stream.read(), "little")
    if (stated - needed) % 2**32 <= _MOST_HEADER or not _is_gzip(file):
        return
    try:  # cut short, or compressed in several pieces
        with gzip.open(file) as unpacked:
            unpacked.seek(needed)
            complete = bool(unpacked.read(1))
    except (EOFError, OSError, zlib.error) as error:
        raise FileFormatError(f"cannot read {file}: it is damaged or cut short ({error})") from error
    if not complete:
        raise FileFormatError(f"cannot read {file}: it has fewer than the {needed} bytes of voxels its header states")


def _is_gzip(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(2) == b"\x1f\x8b"


def _bytes_per_voxel(reader: Any) -> int:
    """Of the file: NIfTI may store small numbers with a scale, which ITK reads as floats."""
    import SimpleITK as sitk

    if reader.HasMetaDataKey("bitpix") and reader.GetMetaData("bitpix").strip().isdigit():
        return int(reader.GetMetaData("bitpix")) // 8
    name = sitk.GetPixelIDValueAsString(reader.GetPixelID())
    return next((size for bits, size in (("64", 8), ("32", 4), ("16", 2)) if bits in name), 1)


def stored_type(pixel_id: int) -> int:
    """The type that voxels are kept in: their own where it is small, else float32."""
    import SimpleITK as sitk

    small = (sitk.sitkUInt8, sitk.sitkInt8, sitk.sitkUInt16, sitk.sitkInt16, sitk.sitkFloat32)
    return pixel_id if pixel_id in small else sitk.sitkFloat32


def volume_of(image: Any, file: Path, modality: str | None) -> Volume:
    """A SimpleITK image as Volume."""
    import numpy as np
    import SimpleITK as sitk

    try:
        return Volume(
            sitk.GetArrayFromImage(image),
            np.array(image.GetSpacing()),
            np.array(image.GetOrigin()),
            np.array(image.GetDirection()).reshape(3, 3),
            modality.strip() or None if modality else None,
            str(file),
        )
    except VolumeError as error:
        raise FileFormatError(f"cannot read {file}: {error}") from error


@contextmanager
def itk_errors(file: Path) -> Iterator[None]:
    """ITK's exceptions as ours, its warnings not on the user's terminal."""
    import SimpleITK as sitk

    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    except (RuntimeError, MemoryError, OverflowError, UnicodeError) as error:
        raise FileFormatError(
            f"cannot read {file} as a volume: {_reason(error)}. Export it again, or convert it to another format"
        ) from error
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)


def _reason(error: BaseException) -> str:
    """The last line of ITK's message, which says what happened; those before it say where in its code."""
    if isinstance(error, MemoryError):
        return "there is not enough memory"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else type(error).__name__
