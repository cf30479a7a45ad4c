"""CSV files: their dialects, and text cells that spreadsheets must not evaluate as formulas."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

CSV_DIALECTS: tuple[str, ...] = ("default", "excel")
"""``"excel"``: semicolons between the cells, decimal commas and a byte order mark, as Excel in most of Europe reads."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_T = TypeVar("_T")


def table_text(rows: Iterable[Sequence[Any]], dialect: str = "default") -> str:
    """Rows as a CSV file; formulas are neutralised. An unknown dialect raises ValueError."""
    if dialect not in CSV_DIALECTS:
        raise ValueError(f"unknown CSV dialect {dialect!r}; use one of {', '.join(CSV_DIALECTS)}")
    excel = dialect == "excel"
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=";" if excel else ",", lineterminator="\n")
    for row in rows:
        writer.writerow(
            [_decimal_comma(cell) if excel and isinstance(cell, float) else safe_cell(cell) for cell in row]
        )
    return ("\ufeff" if excel else "") + stream.getvalue()


def _decimal_comma(number: float) -> str:
    return repr(float(number)).replace(".", ",")


def safe_cell(value: _T) -> _T | str:
    """The value; text that a spreadsheet would evaluate gets a leading apostrophe. Numbers are unchanged."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) and not _is_number(value) else value


def plain_cell(text: str) -> str:
    """The text of a cell that :func:`safe_cell` has made."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
