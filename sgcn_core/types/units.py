"""Length units and anatomical frames: names, factors, conversion."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import SurfaceError

UNITS_TO_MM: dict[str, float] = {"um": 1e-3, "mm": 1.0, "cm": 10.0, "m": 1000.0}
FRAMES: tuple[str, ...] = ("LPS", "RAS")

_UNIT_SPELLINGS = {
    "um": ("um", "µm", "μm", "micron", "microns", "micrometer", "micrometers", "micrometre", "micrometres"),
    "mm": ("mm", "millimeter", "millimeters", "millimetre", "millimetres"),
    "cm": ("cm", "centimeter", "centimeters", "centimetre", "centimetres"),
    "m": ("m", "meter", "meters", "metre", "metres"),
}


def canonical_unit(text: str) -> str | None:
    """Short name of a length unit as people and files spell it (``"Millimeters"`` -> ``"mm"``), None if unknown."""
    lowered = text.strip().lower()
    return next((unit for unit, spellings in _UNIT_SPELLINGS.items() if lowered in spellings), None)


def checked_unit(text: str) -> str:
    """Like :func:`canonical_unit`, but an unknown unit raises SurfaceError listing the known ones."""
    unit = canonical_unit(text)
    if unit is None:
        raise SurfaceError(f"unknown unit {text!r}; use one of {', '.join(UNITS_TO_MM)}")
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
