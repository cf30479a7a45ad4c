"""Measured values as tables: on the screen, CSV, JSON and XLSX."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgcn_core.analysis.definitions import Measurement
from sgcn_core.errors import FileFormatError, InstallationError
from sgcn_core.io.atomic import FileState, replacing, write_text
from sgcn_core.io.csv_cells import table_text
from sgcn_core.types.arrays import ReadOnlyArrays
from sgcn_core.types.landmarks import plain

FloatArray = NDArray[np.float64]
Cell = str | float | None

VALUE_STATUSES: tuple[str, ...] = ("ok", "not reliable", "missing", "not available")
TABLE_SUFFIXES: tuple[str, ...] = (".csv", ".json", ".xlsx")
_DIGITS = {"mm": 2, "deg": 2, "%": 2, "ratio": 4}


@dataclass(frozen=True)
class MeasuredValue:
    """One measurement of one case.

    Attributes
    ----------
    measurement : Measurement
    value, sd, low, high : value, standard deviation and 95 % interval, in the measurement's unit; None where it could
        not be measured, and all but the value where the landmarks' errors are not known
    status : "ok"; "not reliable": the interval is wider than the measurement's limit; "missing": landmarks lack;
        "not available": for another reason
    reason : of any status but "ok"
    missing : landmarks that lack
    z, norm : standard deviations from the mean of a norm, and which one; None and empty where none was asked for
    """

    measurement: Measurement
    value: float | None = None
    sd: float | None = None
    low: float | None = None
    high: float | None = None
    status: str = "ok"
    reason: str = ""
    missing: tuple[str, ...] = ()
    z: float | None = None
    norm: str = ""

    @property
    def name(self) -> str:
        """Of the measurement."""
        return self.measurement.name

    @property
    def remark(self) -> str:
        """What a reader must know beside the number."""
        return self.reason or (f"without {', '.join(self.missing)}" if self.missing else "")

    def row(self) -> dict[str, Cell]:
        """Cells of a table, rounded; numbers that are not known are None."""
        digits = _DIGITS.get(self.measurement.unit, 3)
        numbers = {"value": self.value, "sd": self.sd, "low_95": self.low, "high_95": self.high}
        cells: dict[str, Cell] = {
            "measurement": self.name,
            "title": self.measurement.title,
            "group": self.measurement.group,
            **{key: None if number is None else round(number, digits) for key, number in numbers.items()},
            "unit": self.measurement.unit,
            "status": self.status,
            "remark": self.remark,
            "z": None if self.z is None else round(self.z, 2),
            "norm": self.norm,
            "formula": self.measurement.formula,
        }
        return cells


@dataclass(frozen=True, eq=False)
class AnalysisLine(ReadOnlyArrays):
    """A line that an analysis draws, from `start` (3,) to `end` (3,), millimetres, LPS."""

    name: str
    analysis: str
    start: FloatArray
    end: FloatArray


@dataclass(frozen=True, eq=False)
class MeasurementTable:
    """What was measured on one case.

    Attributes
    ----------
    name : of the case
    values : tuple of MeasuredValue
    lines : tuple of AnalysisLine
    info : head frame and provenance of the landmarks
    """

    name: str
    values: tuple[MeasuredValue, ...]
    lines: tuple[AnalysisLine, ...] = ()
    info: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, name: str) -> MeasuredValue:
        found = next((value for value in self.values if value.name == name), None)
        if found is None:
            raise KeyError(f"no measurement {name!r} in the table")
        return found

    def __repr__(self) -> str:
        counts = ", ".join(f"{self.count(status)} {status}" for status in VALUE_STATUSES)
        return f"MeasurementTable({self.name!r}: {counts})"

    def count(self, status: str) -> int:
        """Number of values of a status."""
        return sum(value.status == status for value in self.values)

    def rows(self) -> list[dict[str, Cell]]:
        """One row per measurement."""
        return [{"case": self.name, **value.row()} for value in self.values]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, with definitions, lines and provenance."""
        described = [
            {
                **value.row(),
                "missing": list(value.missing),
                "definition": value.measurement.definition,
                "view": value.measurement.view,
                "reference": value.measurement.reference,
                "landmarks": list(value.measurement.landmarks),
            }
            for value in self.values
        ]
        lines = [
            {"name": line.name, "analysis": line.analysis, "start": line.start.tolist(), "end": line.end.tolist()}
            for line in self.lines
        ]
        return {
            "case": self.name,
            "unit": "mm",
            "frame": "LPS",
            "measurements": described,
            "lines": lines,
            "info": plain(self.info),
        }

    def write(self, path: str | os.PathLike[str], *, unless_changed_since: FileState | None = None) -> Path:
        """Write it as :func:`write_tables` does."""
        return write_tables([self], path, unless_changed_since=unless_changed_since)


def write_tables(
    tables: Sequence[MeasurementTable],
    path: str | os.PathLike[str],
    *,
    unless_changed_since: FileState | None = None,
) -> Path:
    """Write the measurements of one or more cases, one row each, in the format of the suffix.

    Parameters
    ----------
    path : .csv, .json or .xlsx; the last needs the extra ``report``
    unless_changed_since : as of ``sgcn_core.io.atomic.replacing``

    Raises
    ------
    FileFormatError
        Unknown suffix.
    InstallationError
        openpyxl is lacking.
    OSError
        The file cannot be written.
    """
    file = Path(path)
    suffix = checked_suffix(file)
    if suffix == ".xlsx":
        with replacing(file, unless_changed_since=unless_changed_since) as temporary:
            _write_xlsx(tables, temporary)
        return file
    text = _csv(tables) if suffix == ".csv" else _json(tables)
    write_text(file, text, unless_changed_since=unless_changed_since)
    return file


def checked_suffix(file: Path) -> str:
    """Suffix of a table file, small; FileFormatError if it is none, InstallationError if it needs a missing extra."""
    suffix = file.suffix.lower()
    if suffix not in TABLE_SUFFIXES:
        raise FileFormatError(f"cannot write {file}: use one of {', '.join(TABLE_SUFFIXES)}")
    if suffix == ".xlsx":
        _openpyxl()
    return suffix


def _openpyxl() -> Any:
    try:
        import openpyxl
    except ImportError as error:
        raise InstallationError(
            "XLSX tables need openpyxl: python -m pip install 'sgcn-core[report]'; or write .csv"
        ) from error
    return openpyxl


def _rows(tables: Sequence[MeasurementTable]) -> list[dict[str, Cell]]:
    return [row for table in tables for row in table.rows()]


def _columns() -> list[str]:
    empty = Measurement("", "", "", "mm", "", "")
    return ["case", *MeasuredValue(empty).row()]


def _csv(tables: Sequence[MeasurementTable]) -> str:
    return table_text([_columns(), *(list(row.values()) for row in _rows(tables))])


def _json(tables: Sequence[MeasurementTable]) -> str:
    content = {"format": "sgcn_core measurements 1", "cases": [table.as_dict() for table in tables]}
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _write_xlsx(tables: Sequence[MeasurementTable], path: Path) -> None:
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    book = _openpyxl().Workbook()
    sheet = book.active
    sheet.title = "measurements"
    columns = _columns()
    widths = {"title": 34, "remark": 30, "formula": 40}
    for number, column in enumerate(columns, start=1):
        sheet.cell(row=1, column=number, value=column).font = Font(bold=True)
        sheet.column_dimensions[get_column_letter(number)].width = widths.get(column, 14)
        for line, row in enumerate(_rows(tables), start=2):
            if row[column] not in (None, ""):
                cell = sheet.cell(row=line, column=number, value=row[column])
                cell.data_type = "s" if isinstance(row[column], str) else "n"  # text is never a formula
    sheet.freeze_panes = "C2"
    with path.open("wb") as stream:
        book.save(stream)
