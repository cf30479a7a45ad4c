"""Colours that people with any colour vision can tell apart, and that print in grey."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

# Diverging scheme "PuOr" of 11 classes, orange to purple: C. Brewer, M. Harrower, The Pennsylvania State University,
# ColorBrewer 2.0, which lists it as safe for colour-blind readers. Both ends print equally dark; the sign is told by
# solid and broken contour lines.
_PUOR = (
    *("#7f3b08", "#b35806", "#e08214", "#fdb863", "#fee0b6", "#f7f7f7"),
    *("#d8daeb", "#b2abd2", "#8073ac", "#542788", "#2d004b"),
)
_UNKNOWN = (0.74, 0.74, 0.74)

# M. Okabe, K. Ito, "Color universal design", 2008; without its yellow, which does not show on white.
LINE_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#8a3d78", "#000000", "#56708f")
DASHES = ("", "6 2", "1.2 1.6", "6 1.6 1.2 1.6", "3 1.4", "9 2 1.2 2 1.2 2")
"""Dash patterns, drawn with these colours in turn, so that lines can be told apart without colour."""

UNCERTAIN = "#d55e00"
FOUND = "#0b3d91"


def _numbers(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return red, green, blue


_TABLE = np.array([_numbers(colour) for colour in _PUOR])


def diverging(values: ArrayLike, limit: float) -> FloatArray:
    """Colours (N, 3) in [0, 1] of values (N,): orange below zero, white at zero, purple above; grey where not finite.

    Values beyond ``-limit`` or ``limit`` have the colour of the end.
    """
    numbers = np.asarray(values, dtype=np.float64)
    known = np.isfinite(numbers)
    place = (np.clip(np.where(known, numbers, 0.0) / limit, -1, 1) + 1) / 2 * (len(_TABLE) - 1)
    stops = np.arange(len(_TABLE))
    colours = np.stack([np.interp(place, stops, channel) for channel in _TABLE.T], axis=-1)
    return np.where(known[:, None], colours, np.asarray(_UNKNOWN))


def hex_colour(colour: ArrayLike) -> str:
    """``#rrggbb`` of red, green and blue in [0, 1]."""
    return "#" + "".join(f"{round(float(part) * 255):02x}" for part in np.asarray(colour))


def nice_limit(values: ArrayLike, *, least: float = 2.0) -> float:
    """A round limit of a colour bar that holds 98 % of the values; at least `least`, in their unit."""
    sizes = np.abs(np.asarray(values, dtype=np.float64))
    sizes = sizes[np.isfinite(sizes)]
    wanted = max(least, float(np.quantile(sizes, 0.98)) if len(sizes) else least)
    return next((limit for limit in (1.0, 2.0, 4.0, 6.0, 8.0, 12.0, 16.0, 20.0) if limit >= wanted), 40.0)
