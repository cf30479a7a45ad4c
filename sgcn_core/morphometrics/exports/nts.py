"""NTS (NTSYSpc, geomorph, MorphoJ): one rectangular matrix, a row for each case, with labels of rows and columns."""

from __future__ import annotations

import re

import numpy as np

from sgcn_core.morphometrics.configurations import Configurations
from sgcn_core.morphometrics.exports.text import numbered, row

_AXES = "xyz"
_COMMENT = '"'


def nts_text(found: Configurations) -> str:
    """Header ``1 nL pL 0 DIM=3``; where landmarks are missing ``1 nL pL 1 CODE DIM=3``, CODE in place of coordinates.

    CODE is 999, or 9999 ... where a coordinate holds these digits: geomorph looks for them within whole numbers.
    """
    missing = found.lacking
    header = f"1 {len(found.names)}L {3 * len(found.labels)}L"
    code = _code(found) if missing.any() else 0
    header += f" 1 {code} DIM=3" if code else " 0 DIM=3"
    columns = [f"{label}_{axis}" for label in found.labels for axis in _AXES]
    lines = [f"{_COMMENT}Landmarks, millimetres, LPS", header, *found.names, " ".join(columns)]
    for points, lost in zip(found.points, missing, strict=True):
        lines += [f"{code} {code} {code}" if gone else row(p) for p, gone in zip(points.tolist(), lost, strict=True)]
    return "\n".join(lines) + "\n"


def parse_nts(text: str) -> Configurations:
    """Read a matrix of three-dimensional landmarks of one or more cases.

    Raises
    ------
    ValueError
        The text is no such matrix.
    """
    lines = [line for line in text.splitlines() if line.strip() and line.lstrip()[0] not in "\"'"]
    header = re.fullmatch(
        r"\s*1\s+(\d+)(L?)\s+(\d+)(L?)\s+(?:0|1\s+(\S+))\s+DIM=(\d)\s*", lines[0] if lines else "", re.IGNORECASE
    )
    if header is None or header.group(6) != "3":
        raise ValueError(f"its first line is not '1 nL pL 0 DIM=3'; received {lines[0][:60] if lines else ''!r}")
    cases, variables = int(header.group(1)), int(header.group(3))
    words = " ".join(lines[1:]).split()
    names = [words.pop(0) for _ in range(cases)] if header.group(2) else numbered(cases)
    columns = [words.pop(0) for _ in range(variables)] if header.group(4) else []
    if variables % 3 or len(words) != cases * variables:
        raise ValueError(f"{cases} cases of {variables} variables are announced, but there are {len(words)} numbers")
    values = np.array([float(word) for word in words])
    if header.group(5) is not None:
        values[values == float(header.group(5))] = np.nan
    labels = tuple(column.rpartition("_")[0] for column in columns[::3]) or numbered(variables // 3)
    return Configurations(tuple(names), labels, values.reshape(cases, -1, 3))


def _code(found: Configurations) -> int:
    whole = {str(abs(int(value))) for value in found.points[found.placed].ravel().tolist()}
    codes = (int("9" * digits) for digits in range(3, 20))
    return next(code for code in codes if not any(str(code) in number for number in whole))
