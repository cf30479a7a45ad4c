"""Tables of landmarks with a header row."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import Any

from sgcn_core.io.csv_cells import plain_cell, table_text
from sgcn_core.io.landmark_text import Errors, Rows, input_info, input_of
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.units import canonical_unit

COLUMNS = (
    *("label", "x", "y", "z", "confidence", "status", "unit", "frame"),
    *("expected_error_mm", "error_bound_mm", "to_check"),
)
_NAMES = ("label", "name", "landmark", "landmark name", "point")
# Those that hold no numbers.
_WORDS = (*_NAMES, "status", "unit", "frame", "input", "input_sha256")
# A coordinate with its unit, such as "X (mm)".
_WITH_UNIT = re.compile(r"([xyz])\s*[(\[]\s*([^)\]]+?)\s*[)\]]")
# The columns of the table that Slicer exports tell its frame.
_SLICER_AXES = {"LPS": ("l", "p", "s"), "RAS": ("r", "a", "s")}


def csv_text(result: LandmarkResult, *, dialect: str = "default") -> str:
    """The columns ``COLUMNS``, input and input_sha256; text that a spreadsheet would evaluate gets an apostrophe."""
    source = input_of(result.info)
    rows = [(*COLUMNS, "input", "input_sha256"), *((*row, *source) for row in landmark_cells(result))]
    return table_text(rows, dialect)


def landmark_cells(result: LandmarkResult) -> Iterator[tuple[Any, ...]]:
    """The values of ``COLUMNS`` of each landmark; empty: the position of a missing landmark, an unknown error.

    ``to_check`` is 1 for what is uncertain for a reason that lies in the scan, else 0.
    """
    for row in result.as_dict()["landmarks"]:
        errors = ("" if row[name] is None else row[name] for name in ("expected_error_mm", "error_bound_mm"))
        place = row["position"] or ("", "", "")
        about = (row["confidence"], row["status"], result.unit, result.frame)
        yield row["label"], *place, *about, *errors, int(row["to_check"])


def parse_csv(text: str) -> LandmarkResult:
    """Read a table with the columns label (or name, landmark, point), x, y, z; beyond, those of :func:`csv_text`.

    The heading may state the unit of the coordinates: ``X (mm)``.

    Slicer's own export (label, l, p, s or label, r, a, s, ..., defined, ...) is read too, and tables as spreadsheets of
    many countries save them, with semicolons between the cells and decimal commas.
    """
    semicolons = _has_semicolons(text)
    table = csv.DictReader(io.StringIO(text), skipinitialspace=True, delimiter=";" if semicolons else ",")
    columns, unit = _columns(table.fieldnames or ())
    table.fieldnames = columns
    name_column = next((name for name in _NAMES if name in columns), None)
    axes, frame = _axes(columns)
    if name_column is None or axes is None:
        raise ValueError(
            f"a header row with label, x, y, z is needed; the first row is {', '.join(columns) or 'empty'}"
        )
    rows, source = Rows(), ("", "")
    for record in table:
        if None in record.values() or None in record:
            raise ValueError(f"line {table.line_num} does not have the {len(columns)} columns of the header")
        if semicolons:
            record = {name: value if name in _WORDS else value.replace(",", ".") for name, value in record.items()}
        place = [record[axis].strip() for axis in axes]
        status = _status(record, place)
        confidence = float(record.get("confidence") or 1.0)
        label, doubtful = plain_cell(record[name_column].strip()), (record.get("to_check") or "1").strip() != "0"
        rows.add(label, place, confidence, status, _errors(record), to_check=doubtful)
        unit, frame = record.get("unit") or unit, record.get("frame") or frame
        source = (plain_cell(record.get("input") or source[0]), record.get("input_sha256") or source[1])
    return rows.result(unit=unit, frame=frame, info=input_info(*source))


def _columns(names: Sequence[str | None]) -> tuple[list[str], str | None]:
    """Names of the columns in lower case, those of coordinates without their unit, and that unit."""
    columns, units = list[str](), set[str]()
    for name in ((name or "").strip().lower() for name in names):
        found = _WITH_UNIT.fullmatch(name)
        unit = canonical_unit(found.group(2)) if found else None
        columns.append(found.group(1) if found and unit else name)
        units |= {unit} if unit else set()
    if len(units) > 1:
        raise ValueError(f"the coordinates are in different units: {', '.join(sorted(units))}")
    return columns, next(iter(units), None)


def _has_semicolons(text: str) -> bool:
    """Whether the cells of the header row are parted by semicolons."""
    header = text.lstrip("\r\n").partition("\n")[0]
    return header.count(";") > header.count(",")


def _axes(columns: list[str]) -> tuple[tuple[str, str, str] | None, str | None]:
    if {"x", "y", "z"} <= set(columns):
        return ("x", "y", "z"), None
    return next(((axes, frame) for frame, axes in _SLICER_AXES.items() if set(axes) <= set(columns)), (None, None))


def _errors(record: dict[str, str]) -> Errors:
    expected, bound = (record.get(name) for name in ("expected_error_mm", "error_bound_mm"))
    return float(expected) if expected else None, float(bound) if bound else None


def _status(record: dict[str, str], place: list[str]) -> str:
    if record.get("status"):
        return record["status"].strip()
    undefined = record.get("defined", "1").strip() == "0"
    return "missing" if undefined or not any(place) else "found"
