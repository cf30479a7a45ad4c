"""Landmark files: Slicer markups (.mrk.json, .fcsv), tables (.csv) and plain JSON (.json); read only, those of others.

==============  ==========================  =====================================  =========================
format          unit and frame              confidence, status, errors             info
==============  ==========================  =====================================  =========================
.mrk.json       coordinateUnits (UCUM),     measurements "confidence", "status",   key "sgcn_core" (Slicer
                coordinateSystem            "expected_error_mm" and                drops it when it saves)
                                            "error_bound_mm"; positionStatus
.fcsv           comment "# Unit",           end of the description,                comments "# input" and
                "# CoordinateSystem"        position status column                 "# input_sha256"
.csv            columns unit, frame         columns confidence, status,            columns input and
                                            expected_error_mm, error_bound_mm      input_sha256
.json           keys unit, frame            keys of the same names                 key info
.pp             none (MeshLab)              active="0": not placed                 -
.landmarkAscii  none (Amira, Avizo)         -                                      -
.pts            none (Landmark Editor)      9999 9999 9999: not placed             -
.ljson          none (menpo)                null: not placed                       -
.bnd            none (BU-3DFE)              -                                      -
.txt            unit in a heading (3dMD,    -                                      -
                Vectra and others)
==============  ==========================  =====================================  =========================

Confidence is the probability that the landmark lies within 4 mm of its true position. The expected error is a mean, the
bound what 9 of 10 errors stay below, both in millimetres whatever the unit of the file; files of older versions, and
weights without calibration, have neither, which reads as NaN.

Positions stay in the unit of the surface's file, so that they overlay it. A missing landmark keeps its label and
has no position in the file, never NaN or (0, 0, 0).

Where a file states no unit, or no frame, millimetres and LPS are assumed, and the entry "assumed" of the result's info
says so; beside a mesh such landmarks lie in the coordinates of the mesh file
(:func:`sgcn_core.evaluation.truth.read_truth`).
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from sgcn_core.errors import FileFormatError
from sgcn_core.io.amira_landmarks import parse_landmark_ascii
from sgcn_core.io.atomic import FileState, write_text
from sgcn_core.io.bu3dfe_landmarks import parse_bnd
from sgcn_core.io.fcsv import fcsv_text, parse_fcsv
from sgcn_core.io.formats import LANDMARK_SUFFIXES, WRITABLE_LANDMARK_SUFFIXES, landmark_suffix
from sgcn_core.io.landmark_csv import csv_text, parse_csv
from sgcn_core.io.landmark_editor import parse_pts
from sgcn_core.io.landmark_json import json_text, parse_json
from sgcn_core.io.landmark_table import parse_table
from sgcn_core.io.landmark_text import ASSUMED
from sgcn_core.io.linked import check_regular
from sgcn_core.io.ljson import parse_ljson
from sgcn_core.io.meshlab_points import parse_pp
from sgcn_core.io.mrk_json import mrk_json_text, parse_mrk_json
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.units import checked_frame, checked_unit

_PARSERS: dict[str, Callable[[str], LandmarkResult]] = {
    ".mrk.json": parse_mrk_json,
    ".fcsv": parse_fcsv,
    ".csv": parse_csv,
    ".json": parse_json,
    ".pp": parse_pp,
    ".landmarkascii": parse_landmark_ascii,
    ".pts": parse_pts,
    ".ljson": parse_ljson,
    ".bnd": parse_bnd,
    ".txt": parse_table,
}
_FORMATTERS: dict[str, Callable[[LandmarkResult], str]] = {
    ".mrk.json": mrk_json_text,
    ".fcsv": fcsv_text,
    ".json": json_text,
}

_LARGEST = 2**26  # bytes; thousands of landmarks take less than a megabyte
# What parsing damaged text can raise.
_DAMAGE = (
    *(ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError),
    *(RecursionError, MemoryError, csv.Error),
)


def write_landmarks(
    result: LandmarkResult,
    path: str | os.PathLike[str],
    *,
    coordinate_system: str | None = None,
    csv_dialect: str = "default",
    unless_changed_since: FileState | None = None,
) -> Path:
    """Write landmarks in the format of the suffix; the file appears whole.

    Parameters
    ----------
    coordinate_system : {"LPS", "RAS"}, optional
        Frame of the coordinates in the file. By default "LPS" in .mrk.json and .fcsv, as Slicer writes them, and the
        result's own frame in .csv and .json.
    csv_dialect : {"default", "excel"}
        Of a .csv file; "excel" has semicolons between the cells and decimal commas. Both are read.
    unless_changed_since : FileState, optional
        As of ``sgcn_core.io.atomic.replacing``: does not overwrite a file changed in the meantime. By default an
        existing file is replaced.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    FileFormatError
        Unknown suffix.
    OSError
        The file cannot be written; names it.
    """
    file = Path(path)
    suffix = _suffix(file, "write", WRITABLE_LANDMARK_SUFFIXES)
    default = "LPS" if suffix in (".mrk.json", ".fcsv") else result.frame
    placed = result.in_frame(coordinate_system or default)
    placed = _with(placed, {"unit": placed.unit, "frame": placed.frame})  # the file that is written states both
    text = csv_text(placed, dialect=csv_dialect) if suffix == ".csv" else _FORMATTERS[suffix](placed)
    write_text(file, text, unless_changed_since=unless_changed_since)
    return file


def read_landmarks(
    path: str | os.PathLike[str], *, unit: str | None = None, frame: str | None = None
) -> LandmarkResult:
    """Read landmarks written by this package, by Slicer, MeshLab, Amira, Landmark Editor, menpo, or as a table.

    Parameters
    ----------
    unit, frame : str, optional
        Override what the file declares; without a declaration "mm" and "LPS". Numbers are not converted.

    Returns
    -------
    LandmarkResult
        In the frame and unit of the file. Confidence is 1 where the file has none; what of unit and frame neither the
        file nor the caller states is listed in ``info["assumed"]``.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        The file does not exist.
    FileFormatError
        Unknown suffix, or the content is damaged, truncated or of another format.
    """
    file = Path(path)
    if file.is_dir():
        raise IsADirectoryError(f"{file} is a folder; name one landmark file in it")
    if not file.exists():
        raise FileNotFoundError(f"no such file: {file}; check the path")
    check_regular(file, most=_LARGEST)
    changes: dict[str, Any] = {}
    if unit is not None:
        changes["unit"] = checked_unit(unit)
    if frame is not None:
        changes["frame"] = checked_frame(frame)
    parser = _PARSERS[_suffix(file, "read", LANDMARK_SUFFIXES)]
    try:
        result = parser(file.read_text(encoding="utf-8-sig"))
    except _DAMAGE as error:
        raise FileFormatError(f"cannot read the landmarks in {file}: {_reason(error)}") from error
    return _with(result, changes) if changes else result


def _with(result: LandmarkResult, changes: dict[str, Any]) -> LandmarkResult:
    """With these units and frames stated, which are not assumed any more."""
    assumed = [name for name in result.info.get(ASSUMED, ()) if name not in changes]
    info = {key: value for key, value in result.info.items() if key != ASSUMED}
    return replace(result, **changes, info=info | ({ASSUMED: assumed} if assumed else {}))


def _suffix(file: Path, verb: str, known: tuple[str, ...]) -> str:
    suffix = landmark_suffix(file)
    if suffix in known:
        return suffix
    if file.suffix.lower() == ".land":
        raise FileFormatError(
            f"cannot {verb} {file}: it is a project of Landmark Editor; export its landmarks there as .pts"
        )
    raise FileFormatError(f"cannot {verb} {file}: unknown suffix {file.suffix!r}; use one of {', '.join(known)}")


def _reason(error: Exception) -> str:
    if isinstance(error, (ValueError, csv.Error)):
        return str(error)
    return f"it does not have the expected structure ({type(error).__name__}: {error})"
