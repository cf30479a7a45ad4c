"""DICOM folders: which series is read, and whether its slices lie where a regular grid has them.

Headers are read by pydicom, pixels by ITK (GDCM) in the child process.
"""

from __future__ import annotations

import hashlib
import io
import math
import warnings
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import FileFormatError

# How far a slice may lie from its place on the regular grid, mm: beyond the first a warning is given, beyond the second
# the series is refused.
_WARNED_MM, _REFUSED_MM = 0.1, 1.0
_SAME_PLACE_MM = 1e-3
_MOST_FILES = 20_000
# Bytes that one byte of compressed pixels may stand for; JPEG 2000 packs an empty slice by some thousands.
_RATIO = 20_000
_TAGS = (
    *("Modality", "SeriesDescription", "SeriesInstanceUID", "SeriesNumber", "InstanceNumber", "ImagePositionPatient"),
    *("ImageOrientationPatient", "SamplesPerPixel", "NumberOfFrames", "Rows", "Columns", "BitsAllocated"),
)


@dataclass(frozen=True)
class Slice:
    """Fields of a DICOM image's header.

    Attributes
    ----------
    file : Path
    series : str
        Series instance UID.
    grid : str
        Columns, rows and orientation as text: slices of one volume share it.
    description : str
    series_number : str
        Empty if not in the header.
    modality : str or None
    number : float
        Instance number, 0 where there is none.
    position, orientation : tuple of float or None
        Of the first pixel, mm in LPS, and of the rows and columns; None if not in the header.
    """

    file: Path
    series: str
    grid: str
    description: str
    series_number: str
    modality: str | None
    number: float
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None


def is_dicom_file(file: Path) -> bool:
    """Whether a file has the DICOM prefix."""
    with file.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"


def is_dicom_folder(folder: Path) -> bool:
    """Whether a folder holds DICOM files, or a DICOMDIR, by the first few of its files."""
    try:
        return any(is_dicom_file(file) for _, file in zip(range(8), _files(folder), strict=False))
    except PermissionError:
        return False


def check_dicom_file(file: Path) -> str | None:
    """The modality of a DICOM file, if it holds as many pixels as its header states; raises FileFormatError if not."""
    if not is_dicom_file(file):
        raise FileFormatError(f"cannot read {file} as DICOM: not a DICOM file")
    header = _read_header(file)
    if header is None:
        raise FileFormatError(f"cannot read {file} as DICOM: it holds no image")
    return header.modality


def sorted_series(folder: Path, wanted: str | None) -> list[Slice]:
    """Slices of the wanted series, else of the one with most slices, in the order of their positions.

    Raises
    ------
    FileFormatError
        The series does not exist; a file is damaged; the slices do not lie on a regular upright grid.
    """
    found = _series(_files(folder))
    if not found:
        found = _series(_files_below(folder))
    if not found:
        raise FileFormatError(f"cannot read {folder}: there is no DICOM image in it or in its folders")
    listing = "; ".join(f"{uid} ({_described(slices)})" for uid, slices in found.items())
    if wanted is not None:
        best = _wanted(folder, found, wanted, listing)
    else:
        best = max(found, key=lambda uid: len(found[uid]))
        if len(found) > 1:
            warnings.warn(
                f"{folder} holds {len(found)} DICOM series; the largest, {best}, is read (option `series` chooses "
                f"another one). All of them: {listing}",
                stacklevel=4,
            )
    slices = _without_copies(_in_order(found[best], folder))
    if len(slices) > 1:
        _check_places(folder, slices)
    return slices


def _files(folder: Path) -> list[Path]:
    return [entry for entry in sorted(folder.iterdir()) if entry.is_file() and not entry.name.startswith(".")]


def _files_below(folder: Path) -> list[Path]:
    """Files in the folders of a CD, as its DICOMDIR lists them."""
    below = sorted(entry for _, entry in zip(range(_MOST_FILES), folder.rglob("*"), strict=False) if entry.is_file())
    return [entry for entry in below if not entry.name.startswith(".")]


def _wanted(folder: Path, found: dict[str, list[Slice]], wanted: str, listing: str) -> str:
    """Key of the series with this number or UID; details follow the UID where a series holds several geometries."""
    numbered = [uid for uid, slices in found.items() if slices[0].series_number == wanted]
    matches = numbered or [uid for uid in found if wanted in (uid, found[uid][0].series)]
    if not matches:
        raise FileFormatError(f"{folder} has no series {wanted!r}; give the number or the UID of one of: {listing}")
    if len({found[uid][0].series for uid in matches}) > 1:
        raise FileFormatError(f"{folder} has several series {wanted!r}; give the UID of one of: {listing}")
    return max(matches, key=lambda uid: len(found[uid]))


def _described(slices: list[Slice]) -> str:
    number, text = slices[0].series_number, slices[0].description
    return ", ".join([f"number {number}"] * bool(number) + [text] * bool(text) + [f"{len(slices)} files"])


def _series(files: list[Path]) -> dict[str, list[Slice]]:
    """Slices by series UID, and by size and orientation where these differ within a series."""
    by_grid: dict[str, dict[str, list[Slice]]] = defaultdict(lambda: defaultdict(list))
    for file in files:
        header = _read_header(file) if is_dicom_file(file) else None
        if header is not None:
            by_grid[header.series][header.grid].append(header)
    return {
        uid if len(grids) == 1 else f"{uid}.{grid}": slices
        for uid, grids in by_grid.items()
        for grid, slices in grids.items()
    }


def _read_header(file: Path) -> Slice | None:
    """Fields of the header; None for a report, a directory or contours, which hold no image."""
    import pydicom

    content = file.read_bytes()  # of a file, pydicom would read as much as a damaged length asks for
    try:
        with warnings.catch_warnings(), io.BytesIO(content) as stream:
            warnings.simplefilter("ignore")  # of values that do not keep to the standard
            data = pydicom.dcmread(stream, stop_before_pixels=True, specific_tags=list(_TAGS), defer_size=2**16)
            left = len(content) - stream.tell()
            _check_lengths(data, left)
            packed = bool(data.file_meta.TransferSyntaxUID.is_compressed)
            rows, columns = int(data.get("Rows", 0) or 0), int(data.get("Columns", 0) or 0)
            if left < 8 and not rows and not data.file_meta.MediaStorageSOPClassUID.name.endswith("Image Storage"):
                return None
            _check_pixels(data, left, packed=packed)
            return _slice(file, data, f"{columns}x{rows}")
    except FileFormatError as error:
        raise FileFormatError(f"cannot read {file} as DICOM: {error}") from error
    except Exception as error:  # pydicom raises errors of many kinds at damaged files
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise FileFormatError(f"cannot read {file} as DICOM: it is damaged ({reason}); export it again") from error


def _slice(file: Path, data: Any, size: str) -> Slice:
    orientation = _numbers(data.get("ImageOrientationPatient"), 6)
    number = data.get("InstanceNumber")
    return Slice(
        file,
        str(data.get("SeriesInstanceUID", "")),
        f"{size}.{'/'.join(f'{value:.4g}' for value in orientation or ())}",
        str(data.get("SeriesDescription", "")).strip(),
        str(data.get("SeriesNumber", "") or "").strip(),
        str(data.get("Modality", "")).strip() or None,
        float(number) if number is not None and math.isfinite(float(number)) else 0.0,
        _numbers(data.get("ImagePositionPatient"), 3),
        orientation,
    )


def _numbers(values: Any, count: int) -> tuple[float, ...] | None:
    if values is None or (isinstance(values, str) and not values):
        return None
    numbers = tuple(float(value) for value in values)
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        raise FileFormatError(f"position or orientation: expected {count} finite numbers, received {str(values)[:60]}")
    return numbers


def _check_lengths(data: Any, left: int) -> None:
    """Refuse a file that ends within an element: pydicom takes what there is."""
    items = [data.get_item(name) for name in _TAGS if name in data]
    lengths = [(len(item.value), item.length) for item in items if isinstance(getattr(item, "value", None), bytes)]
    if left < 0 or any(found < length < 2**32 - 1 for found, length in lengths):
        raise FileFormatError("an element is longer than the rest of the file; it is damaged or truncated")


def _check_pixels(data: Any, left: int, *, packed: bool) -> None:
    """Refuse a header that states more pixels than the rest of the file can hold."""
    frames = int(data.get("NumberOfFrames", 1) or 1)
    rows, columns = int(data.get("Rows", 0) or 0), int(data.get("Columns", 0) or 0)
    samples, bits = (
        max(int(data.get(name, 0) or 0), low) for name, low in (("SamplesPerPixel", 1), ("BitsAllocated", 8))
    )
    needed = frames * rows * columns * samples * bits // 8
    if not 0 < needed <= (left * _RATIO if packed else left):
        raise FileFormatError(
            f"it states {columns}x{rows}x{frames} pixels of {bits} bits, but {left} bytes are left for them; it is "
            "damaged or truncated"
        )


def _in_order(slices: list[Slice], folder: Path) -> list[Slice]:
    """Along the normal of the slices; by number, then by name, where they do not say where they lie."""
    if any(header.position is None or header.orientation is None for header in slices):
        if len(slices) > 1:
            warnings.warn(
                f"{folder}: the slices do not state their positions; their spacing may be wrong", stacklevel=5
            )
        return sorted(slices, key=lambda header: header.number)
    along = _places(slices)[:, 2]
    return [slices[place] for place in np.argsort(along, kind="stable")]


def _places(slices: list[Slice]) -> NDArray[np.float64]:
    """Positions (N, 3) of slices along their rows, their columns and their normal, mm."""
    rows, columns = np.array(slices[0].orientation).reshape(2, 3)
    axes = np.array([rows, columns, np.cross(rows, columns)])
    return np.asarray(np.array([header.position for header in slices]) @ axes.T)


def _without_copies(slices: list[Slice]) -> list[Slice]:
    """Without files that another one of the series repeats byte for byte at the same position."""
    if len(slices) < 2 or slices[0].position is None:
        return slices
    kept: list[Slice] = []
    met: set[bytes] = set()
    near = np.diff(_places(slices)[:, 2]) < _SAME_PLACE_MM if all(header.position for header in slices) else ()
    for place, header in enumerate(slices):
        if (place and near[place - 1]) or (place < len(near) and near[place]):
            digest = hashlib.sha256(header.file.read_bytes()).digest()
            if digest in met:
                continue
            met.add(digest)
        kept.append(header)
    return kept


def _check_places(folder: Path, slices: list[Slice]) -> None:
    """Refuse or warn of slices that lie off the regular upright grid on which ITK puts them."""
    if any(header.position is None or header.orientation is None for header in slices):
        return
    places = _places(slices)
    along, drift = places[:, 2], np.linalg.norm(np.ptp(places[:, :2], axis=0))
    length = float(np.ptp(along))
    if drift > _REFUSED_MM:
        angle = math.degrees(math.atan2(float(drift), length))
        raise FileFormatError(
            f"cannot read {folder}: its slices are sheared by {angle:.1f} degrees (they move {drift:.1f} mm sideways "
            f"over {length:.0f} mm), as of a tilted gantry, so that positions would be wrong; resample it on an "
            "upright grid (Slicer does so when it loads it with 'Acquisition geometry regularization'), and read that"
        )
    regular, gaps = np.linspace(along[0], along[-1], len(along)), np.diff(along)
    worst = float(np.abs(along - regular).max())
    if worst > _REFUSED_MM or gaps.min() < _SAME_PLACE_MM:
        raise FileFormatError(
            f"cannot read {folder}: its {len(along)} slices are not evenly spaced (gaps of {gaps.min():.3g} to "
            f"{gaps.max():.3g} mm), so that positions would be wrong by up to {worst:.1f} mm; slices are missing or "
            "doubled: export the series again, or resample it"
        )
    worst = max(worst, float(drift))
    if worst > _WARNED_MM:
        warnings.warn(
            f"{folder}: the slices are not quite evenly spaced; positions may be wrong by {worst:.2f} mm", stacklevel=5
        )
