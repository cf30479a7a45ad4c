"""DICOM folders: which series is read, and whether its slices lie where a regular grid has them."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from sgcn_core.errors import FileFormatError
from sgcn_core.io.volumes import check_header, itk_errors, stored_type, volume_of
from sgcn_core.volume import Volume

_POSITION, _ORIENTATION, _MODALITY, _DESCRIPTION = "0020|0032", "0020|0037", "0008|0060", "0008|103e"
# How far a slice may lie from its place on the regular grid, mm: beyond the first it is told, beyond the second
# refused.
_TOLD_MM, _REFUSED_MM = 0.1, 1.0


def is_dicom_folder(folder: Path) -> bool:
    """Whether a folder holds DICOM files: the first few of its files are looked at."""
    files = (entry for entry in sorted(folder.iterdir()) if entry.is_file() and not entry.name.startswith("."))
    return any(_is_dicom(file) for _, file in zip(range(8), files, strict=False))


def _is_dicom(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"


def read_dicom_folder(folder: Path, *, series: str | None = None, max_voxels: int | None = None) -> Volume:
    """Read one series of a folder; see :func:`sgcn_core.io.volumes.read_volume`."""
    import SimpleITK as sitk

    names = _files_of_series(folder, series)
    if len(names) == 1:
        from sgcn_core.io.volumes import read_volume

        return read_volume(names[0], max_voxels=max_voxels)
    first = _information(names[0])
    check_header(first, folder, max_voxels, size=(*first.GetSize()[:2], len(names)))
    _check_places(folder, names)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(names)
    reader.SetOutputPixelType(stored_type(first.GetPixelID()))
    with itk_errors(folder):
        image = reader.Execute()
    return volume_of(image, folder, first.GetMetaData(_MODALITY) if first.HasMetaDataKey(_MODALITY) else None)


def _files_of_series(folder: Path, wanted: str | None) -> list[str]:
    """Files of the wanted series, else of the one with most files, in the order of their positions."""
    import SimpleITK as sitk

    with itk_errors(folder):
        found = {
            uid: list(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), uid))
            for uid in sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
        }
    if not found:
        raise FileFormatError(f"cannot read {folder}: there is no DICOM image in it")
    if wanted is not None:
        # GDCM appends details to the UID where one series holds images of several geometries.
        matches = [uid for uid in found if uid == wanted or uid.startswith(wanted)]
        if not matches:
            raise FileFormatError(f"{folder} has no series {wanted}; it has {', '.join(found)}")
        return max((found[uid] for uid in matches), key=len)
    best = max(found, key=lambda uid: len(found[uid]))
    if len(found) > 1:
        listing = "; ".join(f"{uid} ({_description(files[0])}{len(files)} files)" for uid, files in found.items())
        warnings.warn(
            f"{folder} holds {len(found)} DICOM series; the largest, {best}, is read. All of them: {listing}",
            stacklevel=4,
        )
    return found[best]


def _description(file: str) -> str:
    reader = _information(file)
    text = reader.GetMetaData(_DESCRIPTION).strip() if reader.HasMetaDataKey(_DESCRIPTION) else ""
    return f"{text}, " if text else ""


def _information(file: str):  # type: ignore[no-untyped-def]
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetFileName(file)
    with itk_errors(Path(file)):
        reader.ReadImageInformation()
    return reader


def _check_places(folder: Path, names: list[str]) -> None:
    """Refuse or tell slices that lie off the regular grid on which ITK puts them (missing or doubled slices)."""
    readers = [_information(name) for name in names]
    if not all(reader.HasMetaDataKey(_POSITION) and reader.HasMetaDataKey(_ORIENTATION) for reader in readers):
        warnings.warn(f"{folder}: the slices do not say where they lie; their spacing may be wrong", stacklevel=5)
        return
    try:
        positions = np.array([_numbers(reader.GetMetaData(_POSITION), 3) for reader in readers])
        axes = np.array(_numbers(readers[0].GetMetaData(_ORIENTATION), 6)).reshape(2, 3)
    except ValueError as error:
        raise FileFormatError(f"cannot read {folder}: a slice's position is damaged ({error})") from error
    along = np.sort(positions @ np.cross(*axes))
    regular = np.linspace(along[0], along[-1], len(along))
    worst = float(np.abs(along - regular).max())
    if worst > _REFUSED_MM:
        gaps = np.diff(along)
        raise FileFormatError(
            f"cannot read {folder}: its {len(along)} slices are not evenly spaced (gaps of {gaps.min():.3g} to "
            f"{gaps.max():.3g} mm), so that positions would be wrong by up to {worst:.1f} mm; slices are missing or "
            "doubled: export the series again, or resample it"
        )
    if worst > _TOLD_MM:
        warnings.warn(
            f"{folder}: the slices are not quite evenly spaced; positions may be wrong by {worst:.2f} mm", stacklevel=5
        )


def _numbers(text: str, count: int) -> list[float]:
    numbers = [float(part) for part in text.split("\\")]
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise ValueError(f"{count} numbers are needed, received {text!r}")
    return numbers
