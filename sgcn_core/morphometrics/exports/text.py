"""Rows of numbers in text files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def row(values: Sequence[float]) -> str:
    """Numbers with nine decimals, in no program's scientific notation, parted by blanks."""
    return " ".join(f"{value:.9f}" for value in values)


def numbered(count: int) -> tuple[str, ...]:
    """Names "1" to `count`, where a file has none."""
    return tuple(str(number) for number in range(1, count + 1))


def numbers(lines: Sequence[str], rows: int, columns: int) -> NDArray[np.float64]:
    """Numbers (rows, columns) of lines; ValueError if there are more or fewer."""
    found = [[float(value) for value in line.split()] for line in lines]
    if len(found) != rows or any(len(each) != columns for each in found):
        raise ValueError(f"{rows} rows of {columns} numbers are needed; received {len(found)} rows")
    return np.array(found, dtype=np.float64).reshape(rows, columns)
