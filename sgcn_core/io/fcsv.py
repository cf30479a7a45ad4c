"""Slicer's older .fcsv format. Slicer 5 still reads it but warns; .mrk.json keeps more."""

from __future__ import annotations

import csv
import io
import re

from sgcn_core.io.landmark_text import BY_DEFINITION, Rows, description, input_info, input_of
from sgcn_core.types.landmarks import LandmarkResult

_HEADER = (
    "# Markups fiducial file version = 4.13\n"
    "# CoordinateSystem = {frame}\n"
    "# Unit = {unit}\n"
    "# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID\n"
)
# A row of a missing landmark stands behind this mark: Slicer takes it as a comment. As a row it would need a
# position, and versions before 5 would show it.
_MISSING = "# missing = "
_FRAMES = {"LPS": "LPS", "RAS": "RAS", "0": "RAS", "1": "LPS"}
_DETAILS = re.compile(r"\s*\[confidence=([0-9.eE+-]+) status=(\w+)(?: error=([0-9.]+)mm bound=([0-9.]+)mm)?\]$")
_INPUT = ("input", "input_sha256")
_X, _LABEL, _DESCRIPTION, _POSITION_STATUS = 1, 11, 12, 14
_NO_POSITION = ("0", "1", "3")  # Slicer's numbers for undefined, preview, missing; 2 is defined


def fcsv_text(result: LandmarkResult) -> str:
    """Confidence, status and errors close the description; the 15th column is Slicer's position status."""
    stream = io.StringIO()
    stream.write(_HEADER.format(frame=result.frame, unit=result.unit))
    for key, value in zip(_INPUT, input_of(result.info), strict=True):
        if value:
            stream.write(f"# {key} = {value}\n")
    writer = csv.writer(stream, lineterminator="\n")
    to_check = frozenset(result.to_check)
    values = (result.positions.tolist(), result.confidence.tolist(), result.errors_mm.tolist(), result.status)
    for number, (label, position, confidence, (expected, bound), status) in enumerate(
        zip(result.labels, *values, strict=True), start=1
    ):
        errors = f" error={expected:.6f}mm bound={bound:.6f}mm" if expected == expected and bound == bound else ""
        told = description(label, status, to_check=label in to_check)
        text = f"{told} [confidence={confidence:.6f} status={status}{errors}]"
        missing = status == "missing"
        if missing:
            stream.write(_MISSING)
        place = ("", "", "") if missing else position
        shown, selected = int(not missing), int(status == "found")
        position_status = 0 if missing else 2
        writer.writerow((number, *place, 0, 0, 0, 1, shown, selected, 0, label, text, "", position_status, 0))
    return stream.getvalue()


def parse_fcsv(text: str) -> LandmarkResult:
    """Read a file of this package or of Slicer 4 and 5."""
    unit, frame, versioned = "mm", "LPS", False
    rows = Rows()
    source: dict[str, str] = {}
    for record in _records(text):
        if record.startswith(_MISSING):
            _add_row(rows, record[len(_MISSING) :], missing=True)
        elif record.startswith("#"):
            key, _, value = (part.strip() for part in record[1:].partition("="))
            versioned = versioned or key == "Markups fiducial file version"
            unit = value if key == "Unit" else unit
            frame = _frame(value) if key == "CoordinateSystem" else frame
            source |= {key: value} if key in _INPUT else {}
        else:
            _add_row(rows, record, missing=False)
    if not versioned:
        raise ValueError("it does not begin with '# Markups fiducial file version'")
    return rows.result(unit=unit, frame=frame, info=input_info(*(source.get(key, "") for key in _INPUT)))


def _records(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def _frame(value: str) -> str:
    # Slicer takes any other spelling, such as "lps", silently as RAS; refusing is safer than turning the face.
    if value not in _FRAMES:
        raise ValueError(f"the CoordinateSystem {value!r} is not one of {', '.join(_FRAMES)}")
    return _FRAMES[value]


def _add_row(rows: Rows, record: str, *, missing: bool) -> None:
    fields = next(csv.reader([record]))
    if len(fields) <= _DESCRIPTION:
        raise ValueError(f"the row {record!r} has {len(fields)} columns, at least {_DESCRIPTION + 1} are needed")
    found = _DETAILS.search(fields[_DESCRIPTION])
    confidence, status = (float(found.group(1)), found.group(2)) if found else (1.0, "found")
    expected, bound = (found.group(3), found.group(4)) if found else (None, None)
    errors = (None if expected is None else float(expected), None if bound is None else float(bound))
    if missing or (len(fields) > _POSITION_STATUS and fields[_POSITION_STATUS] in _NO_POSITION):
        status = "missing"
    elif status == "missing":
        status = "found"  # placed by hand since
    doubtful = BY_DEFINITION not in fields[_DESCRIPTION]
    rows.add(fields[_LABEL], fields[_X : _X + 3], confidence, status, errors, to_check=doubtful)
