"""DICOM folders: which series is read, and whether its slices lie where a regular grid has them."""

from __future__ import annotations

import warnings
from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import FileFormatError
from sgcn_core.io.dicom_header import DicomHeader, is_dicom_file, read_dicom_header
from sgcn_core.io.volumes import check_header, itk_errors, stored_type, volume_of
from sgcn_core.types.volume import Volume

# How far a slice may lie from its place on the regular grid, mm: beyond the first it is told, beyond the second
# refused.
_TOLD_MM, _REFUSED_MM = 0.1, 1.0


def is_dicom_folder(folder: Path) -> bool:
    """Whether a folder holds DICOM files: the first few of its files are looked at."""
    try:
        return any(is_dicom_file(file) for _, file in zip(range(8), _files(folder), strict=False))
    except PermissionError:
        return False


def _files(folder: Path) -> list[Path]:
    return [entry for entry in sorted(folder.iterdir()) if entry.is_file() and not entry.name.startswith(".")]


def read_dicom_folder(folder: Path, *, series: str | None = None, max_voxels: int | None = None) -> Volume:
    """Read one series of a folder; see :func:`sgcn_core.io.volumes.read_volume`."""
    import SimpleITK as sitk

    slices = _slices_of_series(folder, series)
    names = [str(header.file) for header in slices]
    if len(names) == 1:
        from sgcn_core.io.volumes import read_volume

        return read_volume(names[0], max_voxels=max_voxels)
    first = _information(names[0])
    check_header(first, folder, max_voxels, size=(*first.GetSize()[:2], len(names)))
    _check_places(folder, slices)
    reader = sitk.ImageSeriesReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileNames(names)
    reader.SetOutputPixelType(stored_type(first.GetPixelID()))
    with itk_errors(folder):
        image = reader.Execute()
    return volume_of(image, folder, slices[0].texts.get("modality"))


def _slices_of_series(folder: Path, wanted: str | None) -> list[DicomHeader]:
    """Files of the wanted series, else of the one with most files, in the order of their positions."""
    found = _series(folder)
    if not found:
        raise FileFormatError(f"cannot read {folder}: there is no DICOM image in it")
    if wanted is not None:
        # Details are appended to the UID where one series holds images of several geometries.
        matches = [uid for uid in found if uid == wanted or uid.startswith(wanted)]
        if not matches:
            raise FileFormatError(f"{folder} has no series {wanted}; it has {', '.join(found)}")
        return max((found[uid] for uid in matches), key=len)
    best = max(found, key=lambda uid: len(found[uid]))
    if len(found) > 1:
        listing = "; ".join(f"{uid} ({_description(slices[0])}{len(slices)} files)" for uid, slices in found.items())
        warnings.warn(
            f"{folder} holds {len(found)} DICOM series; the largest, {best}, is read. All of them: {listing}",
            stacklevel=4,
        )
    return found[best]


def _series(folder: Path) -> dict[str, list[DicomHeader]]:
    """Slices by series UID, and by size and orientation where these differ within a series."""
    by_geometry: dict[str, dict[str, list[DicomHeader]]] = defaultdict(lambda: defaultdict(list))
    for file in _files(folder):
        if is_dicom_file(file):
            header = read_dicom_header(file)
            if header.pixel_bytes is not None:  # else a report, a directory, contours
                size = f"{header.numbers.get('columns')}x{header.numbers.get('rows')}"
                by_geometry[header.texts.get("series", "")][f"{size}.{header.texts.get('orientation', '')}"].append(
                    header
                )
    return {
        uid if len(geometries) == 1 else f"{uid}.{geometry}": _in_order(slices)
        for uid, geometries in by_geometry.items()
        for geometry, slices in geometries.items()
    }


def _in_order(slices: list[DicomHeader]) -> list[DicomHeader]:
    """Along the normal of the slices; by number, then by name, where they do not say where they lie."""
    try:
        along = _along(slices)
    except (KeyError, ValueError):
        numbers = [header.texts.get("instance", "") for header in slices]
        along = np.array([float(number) if number.lstrip("-").isdecimal() else 0.0 for number in numbers])
    return [slices[place] for place in np.argsort(along, kind="stable")]


def _along(slices: list[DicomHeader]) -> NDArray[np.float64]:
    """Places of slices along their normal, mm; KeyError where one does not say, ValueError where it is damaged."""
    positions = np.array([_numbers(header.texts["position"], 3) for header in slices])
    axes = np.array(_numbers(slices[0].texts["orientation"], 6)).reshape(2, 3)
    return np.asarray(positions @ np.cross(*axes))


def _description(header: DicomHeader) -> str:
    text = header.texts.get("description", "")
    return f"{text}, " if text else ""


def _information(file: str):  # type: ignore[no-untyped-def]
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(file)
    with itk_errors(Path(file)):
        reader.ReadImageInformation()
    return reader


def _check_places(folder: Path, slices: list[DicomHeader]) -> None:
    """Refuse or tell slices that lie off the regular grid on which ITK puts them (missing or doubled slices)."""
    try:
        along = np.sort(_along(slices))
    except KeyError:
        warnings.warn(f"{folder}: the slices do not say where they lie; their spacing may be wrong", stacklevel=5)
        return
    except ValueError as error:
        raise FileFormatError(f"cannot read {folder}: a slice's position is damaged ({error})") from error
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
