"""Table for R: a row for each case, columns ``en_r.X``, ``en_r.Y``, ``en_r.Z``, NA where a landmark is missing.

``arrayspecs(as.matrix(read.csv(FILE, row.names = 1)), p, 3, sep = ".")`` makes geomorph's array of it.
"""

from __future__ import annotations

import csv
import io
import math

import numpy as np

from sgcn_core.io.csv_cells import plain_cell, table_text
from sgcn_core.morphometrics.configurations import Configurations

_AXES = "XYZ"
_MISSING = "NA"


def geomorph_text(found: Configurations) -> str:
    """The table; numbers are not rounded."""
    header = ["case", *(f"{label}.{axis}" for label in found.labels for axis in _AXES)]
    rows = [
        [name, *(value if math.isfinite(value) else _MISSING for value in points.ravel().tolist())]
        for name, points in zip(found.names, found.points, strict=True)
    ]
    return table_text([header, *rows])


def parse_geomorph(text: str) -> Configurations:
    """Read the table of :func:`geomorph_text`.

    Raises
    ------
    ValueError
        It has not three columns for each landmark.
    """
    header, *rows = list(csv.reader(io.StringIO(text)))
    if len(header) < 4 or len(header) % 3 != 1 or any(len(row) != len(header) for row in rows):
        raise ValueError(f"a name and three columns for each landmark are needed; received {len(header)} columns")
    values = np.array([[np.nan if cell in (_MISSING, "") else float(cell) for cell in row[1:]] for row in rows])
    labels = tuple(plain_cell(column).rpartition(".")[0] for column in header[1::3])
    return Configurations(tuple(plain_cell(row[0]) for row in rows), labels, values.reshape(len(rows), -1, 3))
