"""Length units and anatomical frames: names, factors, conversion.

A unit is one of the names of ``UNITS_TO_MM``, or a length such as ``"7.3mm"`` for coordinates of any other scale.
"""

from __future__ import annotations

import math
import re

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import SurfaceError

UNITS_TO_MM: dict[str, float] = {"um": 1e-3, "mm": 1.0, "cm": 10.0, "m": 1000.0, "in": 25.4}
FRAMES: tuple[str, ...] = ("LPS", "RAS")

_UNIT_SPELLINGS = {
    "um": ("um", "µm", "μm", "micron", "microns", "micrometer", "micrometers", "micrometre", "micrometres"),
    "mm": ("mm", "millimeter", "millimeters", "millimetre", "millimetres"),
    "cm": ("cm", "centimeter", "centimeters", "centimetre", "centimetres"),
    "m": ("m", "meter", "meters", "metre", "metres"),
    "in": ("in", "inch", "inches", "[in_i]"),  # the last: UCUM
}
_LENGTH = re.compile(r"([0-9.]+(?:e[+-]?[0-9]+)?)\s*mm")


def canonical_unit(text: str) -> str | None:
    """Short name of a length unit as people and files spell it, None if unknown.

    ``"Millimeters"`` is ``"mm"``, ``"25.4 mm"`` is ``"in"``.
    """
    lowered = text.strip().lower()
    if length := _LENGTH.fullmatch(lowered):
        try:
            return unit_of(float(length.group(1)))
        except ValueError:
            return None
    return next((unit for unit, spellings in _UNIT_SPELLINGS.items() if lowered in spellings), None)


def unit_of(millimetres: float) -> str:
    """Name of the unit that is so many millimetres; ValueError unless these are positive and finite."""
    if not 0.0 < millimetres < math.inf:
        raise ValueError(f"a unit must be a positive number of millimetres; received {millimetres!r}")
    known = (unit for unit, factor in UNITS_TO_MM.items() if math.isclose(factor, millimetres, rel_tol=1e-9))
    return next(known, f"{millimetres:.12g}mm")


def in_mm(unit: str) -> float:
    """Millimetres in one unit; an unknown unit raises SurfaceError."""
    name = checked_unit(unit)
    return UNITS_TO_MM[name] if name in UNITS_TO_MM else float(name.removesuffix("mm"))


def checked_unit(text: str) -> str:
    """Like :func:`canonical_unit`, but an unknown unit raises SurfaceError listing the known ones."""
    unit = canonical_unit(text)
    if unit is None:
        raise SurfaceError(f"unknown unit {text!r}; use one of {', '.join(UNITS_TO_MM)}, or a length such as 7.3mm")
    return unit


def checked_frame(text: str) -> str:
    """``"LPS"`` or ``"RAS"`` in upper case; anything else raises SurfaceError."""
    frame = text.strip().upper()
    if frame not in FRAMES:
        raise SurfaceError(f"unknown frame {text!r}; use one of {', '.join(FRAMES)}")
    return frame


def flip_frame(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """LPS to RAS or back, shape (N, 3): x and y change sign."""
    flipped: NDArray[np.float64] = points * np.array([-1.0, -1.0, 1.0])
    return flipped
