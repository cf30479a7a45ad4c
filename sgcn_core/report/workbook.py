"""Tables as a spreadsheet (XLSX): one sheet for each table, numbers as numbers, units in the headers."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from datetime import datetime

from sgcn_core.report.requirements import require
from sgcn_core.report.tables import Column, Table, plain_cell

_WIDEST = 60  # characters
# A spreadsheet and its archive carry times; a fixed one makes the same tables the same file.
_TIME = datetime(2000, 1, 1)


def workbook_bytes(tables: Sequence[Table]) -> bytes:
    """The content of an XLSX file; the same tables give the same bytes.

    Raises
    ------
    InstallationError
        openpyxl is not installed.
    """
    openpyxl = require("openpyxl")
    book = openpyxl.Workbook()
    book.remove(book.active)
    taken: set[str] = set()
    for table in tables:
        _write(book.create_sheet(_sheet_name(table.key, taken)), table)
    book.properties.creator = "sgcn_core"
    book.properties.created = book.properties.modified = _TIME
    stream = io.BytesIO()
    book.save(stream)
    return _without_times(stream.getvalue())


def _write(sheet, table: Table) -> None:  # type: ignore[no-untyped-def] # openpyxl has no types
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter

    grouped = (Column(name="group"),) if table.groups else ()
    columns = (*grouped, *table.columns)
    sheet.append([column.heading for column in columns])
    for cell in sheet[1]:
        cell.font = Font(bold=True)
        cell.alignment = Alignment(wrap_text=True, vertical="top")
    flagged = PatternFill("solid", fgColor="FFE8D6")
    for place, row in enumerate(table.rows):
        cells = (table.groups[place], *row) if table.groups else row
        sheet.append([plain_cell(cell) for cell in cells])
        for column, cell in zip(columns, sheet[sheet.max_row], strict=True):
            if isinstance(cell.value, str):
                cell.data_type = "s"  # never a formula
            elif column.decimals is not None:
                cell.number_format = "0." + "0" * column.decimals if column.decimals else "0"
            if table.flag(place):
                cell.fill = flagged
    sheet.freeze_panes = "A2"
    for number, column in enumerate(columns, start=1):
        lengths = [len(str(row[number - 1].value or "")) for row in sheet.iter_rows(min_row=2)]
        width = min(max([len(column.heading) // 2, 8, *(lengths if column.decimals is None else ())]), _WIDEST)
        sheet.column_dimensions[get_column_letter(number)].width = width + 2


def _sheet_name(key: str, taken: set[str]) -> str:
    """A name that spreadsheets take: 31 characters, none of ``[]:*?/\\``, unique."""
    name = re.sub(r"[\[\]:*?/\\]", " ", key)[:31].strip() or "table"
    number = 2
    while name.lower() in taken:
        name, number = f"{name[:28]} {number}", number + 1
    taken.add(name.lower())
    return name


def _without_times(content: bytes) -> bytes:
    """The archive with the time of making taken out of its entries and of its properties."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "docProps/core.xml":
                stamp = f"{_TIME:%Y-%m-%dT%H:%M:%S}Z".encode()
                data = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", stamp, data)
            new.writestr(zipfile.ZipInfo(name, _TIME.timetuple()[:6]), data, zipfile.ZIP_DEFLATED)
    return stream.getvalue()
