"""A result in one sentence."""

from __future__ import annotations

from typing import Any

from ..translation import _

_FOUND, _UNCERTAIN = 2.0, 1.0


def summary(node: Any) -> str:
    """How many landmarks were found, are uncertain and are missing."""
    measurement = node.GetMeasurement("status")
    values = None if measurement is None else measurement.GetControlPointValues()
    codes = [] if values is None else [values.GetValue(place) for place in range(values.GetNumberOfValues())]
    found, uncertain = codes.count(_FOUND), codes.count(_UNCERTAIN)
    text = _("{found} of {count} landmarks found").format(found=found, count=len(codes))
    if uncertain:
        text += _(", {count} uncertain: check those").format(count=uncertain)
    if missing := len(codes) - found - uncertain:
        text += _(", {count} missing").format(count=missing)
    return text + "."
