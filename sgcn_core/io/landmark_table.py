"""Landmarks as plain text (.txt), as 3dMD's and Canfield's programs export them: a name and three numbers a line.

No description of those exports is public, so the reader takes what a table of named points can be and refuses the rest:

- cells between tabs, semicolons, commas or blanks; with the first two the numbers may have decimal commas
- lines of a heading before the first row, in which ``mm``, ``cm`` or ``m`` in brackets or after ``unit`` is the unit
- a running number before the name, which is left out
"""

from __future__ import annotations

import re

from sgcn_core.io.landmark_text import Rows
from sgcn_core.io.mesh_data import unit_hint
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.units import canonical_unit

_NUMBER = re.compile(r"[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?")
_BRACKETS = re.compile(r"[(\[]\s*(\w+)\s*[)\]]")
_MOST_HEADING = 20  # lines


def parse_table(text: str) -> LandmarkResult:
    """Read the rows; the unit is that of the heading, if one names it, and the frame is not stated."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(("#", "//"))]
    separator = next((mark for mark in "\t;" if any(mark in line for line in lines)), None)
    heading, rows = list[str](), Rows()
    first = True
    for line in lines:
        fields = _fields(line, separator)
        row = (
            _row(fields, line) if len(fields) >= 4 and all(_NUMBER.fullmatch(field) for field in fields[-3:]) else None
        )
        if row is None and first and len(heading) < _MOST_HEADING:
            heading.append(line)
            continue
        if row is None:
            raise ValueError(f"the line {line.strip()[:60]!r} is not the name of a landmark and three numbers")
        first = False
        rows.add(row[0], row[1], 1.0, "found")
    if first:
        shown = heading[0].strip()[:60] if heading else "nothing"
        raise ValueError(f"no line is the name of a landmark and three numbers; it holds {shown!r}")
    return rows.result(unit=_unit("\n".join(heading)))


def _fields(line: str, separator: str | None) -> list[str]:
    """The cells of a line; those between commas where these are no decimal commas."""
    mark = "," if separator is None and line.count(",") >= 3 else separator
    fields = [field.strip().strip('"') for field in line.split(mark)]
    while fields and not fields[-1]:
        fields.pop()
    return fields


def _row(fields: list[str], line: str) -> tuple[str, list[str]]:
    names = [field for field in fields[:-3] if field]
    if len(names) > 1 and names[0].isdecimal():
        names = names[1:]
    if not names:
        raise ValueError(f"the line {line.strip()[:60]!r} has no name of a landmark")
    if len(names) > 1 and _NUMBER.fullmatch(names[-1]):
        raise ValueError(f"the line {line.strip()[:60]!r} has more than three numbers; which are x, y and z is unclear")
    return " ".join(names), [value.replace(",", ".") for value in fields[-3:]]


def _unit(heading: str) -> str | None:
    stated = (canonical_unit(match.group(1)) for match in _BRACKETS.finditer(heading))
    return unit_hint(heading) or next((unit for unit in stated if unit), None)
