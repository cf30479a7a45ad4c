"""Landmarks of Amira and Avizo as text (.landmarkAscii)."""

from __future__ import annotations

import re

from sgcn_core.io.landmark_text import Rows
from sgcn_core.types.landmarks import LandmarkResult

# "# AmiraMesh 3D ASCII 2.0", "# Avizo 3D ASCII 2.0", "# AmiraMesh ASCII 1.0", "# HyperMesh ASCII".
_FIRST = re.compile(r"#\s*(AmiraMesh|HyperMesh|Avizo)\b(.*)", re.IGNORECASE)
_COUNT = re.compile(r"^\s*define\s+Markers\s+(\d{1,7})\s*$", re.MULTILINE)
_SETS = re.compile(r"\bNumSets\s+(\d{1,4})")
_SECTION = re.compile(
    r"^\s*Markers\s*\{\s*(?:float|double)\[3\]\s+Coordinates\s*\}\s*=?\s*(@\d{1,4})\s*$", re.MULTILINE
)


def parse_landmark_ascii(text: str) -> LandmarkResult:
    """Read one set of landmarks.

    The format has no names: the landmarks are called "1", "2", ... in their order. It states neither unit nor frame:
    they lie in the coordinates of the surface that they were placed on.
    """
    first = _FIRST.match(text.lstrip())
    if first is None:
        raise ValueError("it does not begin with '# AmiraMesh', '# Avizo' or '# HyperMesh'")
    if "ASCII" not in first.group(2).upper():
        raise ValueError("it is the binary variant; save it as LandmarkSet ASCII")
    count, section = _COUNT.search(text), _SECTION.search(text)
    if count is None or section is None:
        raise ValueError(
            "it has no 'define Markers N' and 'Markers { float[3] Coordinates } @1'; it is no landmark set"
        )
    sets = _SETS.search(text)
    if sets is not None and int(sets.group(1)) != 1:
        raise ValueError(f"it holds {sets.group(1)} sets of landmarks; save one set in a file")
    number = int(count.group(1))
    lines = iter(text[section.end() :].splitlines())
    if not any(line.strip() == section.group(1) for line in lines):
        raise ValueError(f"the data section {section.group(1)} is lacking; the file is truncated")
    rows, places = Rows(), [line.split() for line in lines if line.strip()][:number]
    for place, fields in enumerate(places, start=1):
        if len(fields) != 3:
            raise ValueError(f"landmark {place} has {len(fields)} coordinates, not 3; the file is damaged or truncated")
        rows.add(str(place), fields, 1.0, "found")
    if len(places) != number:
        raise ValueError(f"it declares {number} landmarks but holds {len(places)}; it is truncated")
    return rows.result()
