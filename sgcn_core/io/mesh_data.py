"""Result of the mesh parsers, and helpers shared by them."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import FileFormatError
from sgcn_core.types.units import canonical_unit

_SPACE = re.compile(r"SPACE\s*=\s*(LPS|RAS)")
# "units: in millimeters" states no inches.
_UNIT = re.compile(r"\bUNITS?\s*[=:]\s*(?:in[ \t]+(?=\w))?([^\s,;]+)", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class MeshData:
    """Vertices (P, 3) and triangles (F, 3) in file order, with the frame and unit the file declares (or None).

    Point clouds have no triangles, and normals (P, 3) where the file holds them. `notes` say what was left out.
    """

    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]
    frame: str | None = None
    unit: str | None = None
    normals: NDArray[np.float64] | None = None
    notes: tuple[str, ...] = ()


def frame_hint(text: str) -> str | None:
    """Frame in a header or comment, as Slicer tags it: ``SPACE=LPS`` or ``SPACE=RAS``."""
    match = _SPACE.search(text)
    return match.group(1) if match else None


def unit_hint(text: str) -> str | None:
    """Length unit in a header or comment such as ``UNIT=mm``, ``UNITS=mm`` or ``units: millimeters``."""
    found = (canonical_unit(match.group(1)) for match in _UNIT.finditer(text))
    return next((unit for unit in found if unit is not None), None)


def tag_text(frame: str, unit: str | None) -> str:
    """The tags as the writers put them into headers and comments."""
    return f"SPACE={frame}" + (f" UNIT={unit}" if unit else "")


def numbers(text: bytes, what: str) -> NDArray[np.float64]:
    """All numbers of a white-space separated text; FileFormatError where one is not."""
    with warnings.catch_warnings():
        # NumPy stops at the first thing that is not a number and only warns.
        warnings.filterwarnings("error", message="string or file could not be read", category=DeprecationWarning)
        try:
            return np.fromstring(text, dtype=np.float64, sep=" ")
        except (DeprecationWarning, ValueError) as error:
            raise FileFormatError(f"{what}: expected a number") from error


def integers(values: NDArray[Any]) -> NDArray[np.int64]:
    """Numbers read as text or of any type, as integers; FileFormatError where they are not."""
    if values.dtype.kind in "iu":
        return values.astype(np.int64, copy=False)
    if not (np.abs(values) < 2.0**40).all() or (values != np.round(values)).any():
        raise FileFormatError("expected an integer")
    return values.astype(np.int64)


def fan_triangles(counts: NDArray[np.int64], corners: NDArray[np.int64]) -> NDArray[np.int64]:
    """Cut polygons into triangles that share the polygon's first corner.

    Parameters
    ----------
    counts : ndarray (N,)
        Number of corners of each polygon.
    corners : ndarray (sum of counts,)
        Vertex indices of all polygons, one after the other.

    Returns
    -------
    ndarray (T, 3) of int64, in the order of the polygons.
    """
    if len(counts) == 0:
        return np.empty((0, 3), dtype=np.int64)
    if counts.min() < 3:
        raise FileFormatError(f"polygon {np.argmin(counts)} has {counts.min()} corners, at least 3 are needed")
    if counts.max() == 3:
        return corners.reshape(-1, 3)
    triangles_each = counts - 2
    polygon = np.repeat(np.arange(len(counts)), triangles_each)
    within = np.arange(len(polygon)) - np.repeat(np.cumsum(triangles_each) - triangles_each, triangles_each)
    first = (np.cumsum(counts) - counts)[polygon]
    return np.stack([corners[first], corners[first + within + 1], corners[first + within + 2]], axis=1)


def strip_triangles(counts: NDArray[np.int64], corners: NDArray[np.int64]) -> NDArray[np.int64]:
    """Triangles (T, 3) of strips, given as for :func:`fan_triangles`; every second one is turned."""
    if len(counts) and counts.min() < 3:
        raise FileFormatError(f"triangle strip {np.argmin(counts)} has {counts.min()} corners, at least 3 are needed")
    starts = np.repeat(np.cumsum(counts) - counts, counts - 2)
    within = np.arange(len(starts)) - np.repeat(np.cumsum(counts - 2) - (counts - 2), counts - 2)
    first, odd = starts + within, within % 2
    return np.stack([corners[first], corners[first + 1 + odd], corners[first + 2 - odd]], axis=1)
