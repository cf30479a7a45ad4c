"""Landmarks exported from IDAV Landmark Editor (.pts)."""

from __future__ import annotations

import re

from sgcn_core.io.landmark_text import Rows
from sgcn_core.types.landmarks import LandmarkResult

_VERSION = re.compile(r"version\s+\d+(\.\d+)?", re.IGNORECASE)
_IMAGE = re.compile(r"version\s*:", re.IGNORECASE)
# What stands for a landmark that was not placed; the function read.pts of the R package Morpho takes it so.
_MISSING = 9999.0


def parse_pts(text: str) -> LandmarkResult:
    """Read the lines ``Version 1.0``, number of landmarks, then ``name x y z`` of each.

    A position of 9999 9999 9999 stands for a landmark that was not placed. The format states neither unit nor frame:
    the landmarks lie in the coordinates of the surface that they were placed on.

    References
    ----------
    ``read.pts`` of the R package Morpho (https://search.r-project.org/CRAN/refmans/Morpho/html/read.pts.html).
    """
    lines = [line.split() for line in text.splitlines() if line.strip()]
    first = " ".join(lines[0]) if lines else ""
    if _IMAGE.match(first):
        raise ValueError("it is the .pts file of an image, with two coordinates a point, not that of Landmark Editor")
    if not _VERSION.fullmatch(first):
        raise ValueError(f"its first line is {first[:40]!r}, not 'Version 1.0'; it is no export of Landmark Editor")
    if len(lines) < 2 or len(lines[1]) != 1 or not lines[1][0].isdecimal():
        raise ValueError("its second line is not the number of landmarks")
    number, rows = int(lines[1][0]), Rows()
    if len(lines) - 2 != number:
        raise ValueError(f"it declares {number} landmarks but holds {len(lines) - 2}; it is damaged or truncated")
    for fields in lines[2:]:
        if len(fields) != 4:
            raise ValueError(f"the line {' '.join(fields)[:60]!r} is not a name and three numbers")
        missing = all(float(value) == _MISSING for value in fields[1:])
        rows.add(fields[0], fields[1:], 1.0, "missing" if missing else "found")
    return rows.result()
