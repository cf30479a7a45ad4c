"""Text cells of CSV files, protected from evaluation as formulas by spreadsheets."""

from __future__ import annotations

from typing import TypeVar

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_T = TypeVar("_T")


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
