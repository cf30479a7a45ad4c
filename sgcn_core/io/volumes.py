"""Read volumes (NIfTI, NRRD, MetaImage, DICOM): by ITK in a child process, from files that are checked before."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path

import numpy as np

from sgcn_core.errors import FileFormatError, VolumeError
from sgcn_core.io.dicom import check_dicom_file, is_dicom_folder, sorted_series
from sgcn_core.io.formats import DICOM_SUFFIXES, VOLUME_SUFFIXES, volume_suffix
from sgcn_core.io.isolated import Answer, read_isolated
from sgcn_core.io.linked import Stored, check_regular, metaimage_voxels, nifti_voxels, nrrd_voxels
from sgcn_core.io.nifti import check_nifti_header
from sgcn_core.types.volume import Volume

MAX_VOXELS = 2 * 600**3
_READER = "sgcn_core.io.itk_volumes"
_LARGEST_VOXEL = 16  # bytes that ITK may need of a voxel while it reads
_PACKED = 1100  # bytes that one byte of a packed file can stand for
_PIECE = 2**22
_MOST_HEADER = 2**20  # bytes of a NIfTI header with its extensions


def is_volume(path: str | os.PathLike[str]) -> bool:
    """Whether a path is read as a volume: a file with a volume's suffix, or a folder with DICOM files."""
    return is_dicom_folder(Path(path)) if Path(path).is_dir() else volume_suffix(path) is not None


def read_volume(
    path: str | os.PathLike[str], *, series: str | None = None, max_voxels: int | None = MAX_VOXELS
) -> Volume:
    """Read a scalar 3D image.

    Parameters
    ----------
    path : path
        NIfTI (.nii, .nii.gz, .hdr), NRRD (.nrrd, .nhdr), MetaImage (.mha, .mhd), a DICOM file with all slices, or a
        folder of DICOM files, also below it, as on a CD with a DICOMDIR.
    series : str, optional
        UID or number of a series in a DICOM folder; by default that with most slices, with a warning where there are
        several.
    max_voxels : int or None
        Larger images are refused before their voxels are read; None sets no limit.

    Returns
    -------
    Volume
        In LPS, mm. Values of more than four bytes come back as float32.

    Raises
    ------
    FileNotFoundError
        The file does not exist.
    FileFormatError
        Unknown suffix; damaged or truncated; 4D, vector or complex values; an invalid header or one that asks for
        more than `max_voxels`; slices missing in a DICOM series, or sheared by a tilted gantry; a header whose data
        lie elsewhere than beside it.
    """
    file = Path(path)
    if not file.exists():
        raise FileNotFoundError(f"no such file: {file}; check the path")
    suffix = volume_suffix(file)
    if file.is_dir():
        return _read_folder(file, series, max_voxels)
    if suffix is None:
        raise FileFormatError(
            f"cannot read {file}: unknown suffix {file.suffix!r}; convert it to one of {', '.join(VOLUME_SUFFIXES)}"
        )
    check_regular(file, most=None)
    if file.stat().st_size == 0:
        raise FileFormatError(f"cannot read {file}: it is empty")
    try:
        return _read_file(file, suffix, max_voxels)
    except (FileFormatError, VolumeError) as error:
        if str(error).startswith(f"cannot read {file}"):
            raise
        name = suffix.lstrip(".").upper()
        raise FileFormatError(
            f"cannot read {file} as {name}: {error}. Export it again, or convert it to another format"
        ) from error


def _read_file(file: Path, suffix: str, max_voxels: int | None) -> Volume:
    modality = None
    if suffix in DICOM_SUFFIXES:
        image_io, stored, modality = "GDCMImageIO", Stored([file], "other"), check_dicom_file(file)
    elif suffix in (".nrrd", ".nhdr"):
        image_io, stored = "NrrdImageIO", nrrd_voxels(file)
    elif suffix in (".mha", ".mhd"):
        image_io, stored = "MetaImageIO", metaimage_voxels(file)
    else:
        check_nifti_header(file)
        image_io, stored = "NiftiImageIO", nifti_voxels(file)
    size = stored.size
    options = {"image_io": image_io, "max_voxels": max_voxels, "stored": size, "packed": stored.encoding != "raw"}
    answer = read_isolated(f"{_READER}:read_image", file, options, memory=_memory(size, max_voxels), stored=size)
    if stored.encoding == "zlib":
        check = _check_gzip if image_io == "NiftiImageIO" else _check_packed
        check(stored, answer.values["stored_bytes"])
    return _volume(answer, modality, file)


def _read_folder(folder: Path, series: str | None, max_voxels: int | None) -> Volume:
    slices = sorted_series(folder, series)
    if len(slices) == 1:
        return read_volume(slices[0].file, max_voxels=max_voxels)
    names = [os.path.abspath(header.file) for header in slices]
    stored = sum(header.file.stat().st_size for header in slices)
    try:
        options = {"names": names, "max_voxels": max_voxels}
        memory = _memory(stored, max_voxels)
        answer = read_isolated(f"{_READER}:read_series", folder, options, memory=memory, stored=stored)
        return _volume(answer, slices[0].modality, folder)
    except (FileFormatError, VolumeError) as error:
        raise FileFormatError(f"cannot read {folder}: {error}. Export the series again") from error


def _volume(answer: Answer, modality: str | None, source: Path) -> Volume:
    spacing, origin, direction = (answer.values[name] for name in ("spacing", "origin", "direction"))
    axes = [direction[0:3], direction[3:6], direction[6:9]]
    return Volume(answer.arrays["voxels"], spacing, origin, np.array(axes), modality, str(source))


def _memory(stored: int, max_voxels: int | None) -> int:
    most = _PACKED * stored
    return _LARGEST_VOXEL * (most if max_voxels is None else min(most, max_voxels))


def _check_gzip(stored: Stored, needed: int) -> None:
    """ITK takes a .nii.gz that is truncated for one that ends with zeros; a whole one ends with its length."""
    file = stored.files[-1]
    with file.open("rb") as stream:
        mark = stream.read(2)
        stream.seek(-4, os.SEEK_END)
        stated = int.from_bytes(stream.read(), "little")
    if mark != b"\x1f\x8b" or (stated - needed) % 2**32 <= _MOST_HEADER:
        return
    try:  # truncated, or compressed in several pieces
        with gzip.open(file) as unpacked:
            unpacked.seek(needed)
            complete = bool(unpacked.read(1))
    except (EOFError, OSError, zlib.error) as error:
        raise FileFormatError(f"it is damaged or truncated ({error})") from error
    if not complete:
        raise FileFormatError(f"it has fewer than the {needed} bytes of voxels its header states")


def _check_packed(stored: Stored, needed: int) -> None:
    """ITK goes on after damage in the compressed voxels of MetaImage and NRRD; their checksum tells."""
    unpacker, found = zlib.decompressobj(47), 0
    with stored.files[0].open("rb") as stream:
        stream.seek(stored.start)
        try:
            waiting = b""
            while not unpacker.eof and found <= needed + _MOST_HEADER:
                waiting = waiting or stream.read(_PIECE)
                if not waiting:
                    break
                found += len(unpacker.decompress(waiting, _PIECE))
                waiting = unpacker.unconsumed_tail
        except zlib.error as error:
            raise FileFormatError(f"its compressed voxels are damaged ({error})") from error
    if not unpacker.eof or found < needed:
        raise FileFormatError(f"its compressed voxels are not the {needed} bytes that its header states; it is damaged")
