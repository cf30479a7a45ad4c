"""Feature points of BU-3DFE (.bnd): a vertex number and three coordinates a line."""

from __future__ import annotations

from sgcn_core.io.landmark_text import Rows
from sgcn_core.types.landmarks import LandmarkResult

PREFIX = "bu"
"""The points have no names: they are ``bu1``, ``bu2``, ... in the order of the file."""


def parse_bnd(text: str) -> LandmarkResult:
    """Read the points; the first number of a line, that of the nearest vertex of the mesh, is not used.

    The format states neither unit nor frame: points lie in the coordinates of the .wrl file beside it.
    """
    rows = Rows()
    for number, line in enumerate((line for line in text.splitlines() if line.strip()), start=1):
        fields = line.split()
        if len(fields) != 4 or not fields[0].isdecimal():
            raise ValueError(f"the line {line.strip()[:60]!r} is not the number of a vertex and three coordinates")
        rows.add(f"{PREFIX}{number}", fields[1:], 1.0, "found")
    return rows.result()
