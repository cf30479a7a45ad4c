"""Numbers in the text headers of volumes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import FileFormatError

_MOST = 2**40
_FARTHEST = 1e9  # mm, of places and lengths


def wholes(text: str, name: str, count: int, *, low: int, high: int = _MOST) -> list[int]:
    """Exactly `count` whole numbers of `low` to `high`."""
    words = text.split()
    digits = [word[1:] if word[:1] in "-+" else word for word in words]
    if len(words) != count or not all(w.isascii() and w.isdigit() and len(w) < 16 for w in digits):
        raise FileFormatError(f"{name} must be {count} whole number{'s' * (count != 1)}, received {text[:60]!r}")
    values = [int(word) for word in words]
    if min(values, default=low) < low or max(values, default=low) > high:
        raise FileFormatError(f"{name} must lie between {low} and {high}, received {text[:60]!r}")
    return values


def reals(text: str, name: str, count: int, *, nan: bool = False) -> NDArray[np.float64]:
    """Exactly `count` finite numbers that can be places or lengths; NaN where allowed."""
    words = text.split()
    try:
        values = np.array([float(word) for word in words[: count + 1]])
    except ValueError as error:
        raise FileFormatError(f"{name} must be {count} numbers, received {text[:60]!r}") from error
    if len(words) != count or not ((np.abs(values) < _FARTHEST) | (nan & np.isnan(values))).all():
        raise FileFormatError(f"{name} must be {count} finite numbers, received {text[:60]!r}")
    return values
