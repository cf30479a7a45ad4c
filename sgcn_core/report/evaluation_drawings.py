"""Drawings of an evaluation: the cumulative curve of all errors, and the errors of each landmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sgcn_core.evaluation.metrics import success_rates
from sgcn_core.report.svg import FAINT, INK, Drawing, number

if TYPE_CHECKING:
    from markupsafe import Markup

FloatArray = NDArray[np.float64]

_BLUE, _GRID = "#1f5f9e", "#d9dce1"
_LONGEST = 10.0  # millimetres on the axis; larger errors end there
_ROW = 4.0


def error_curve(errors: FloatArray) -> Markup:
    """Share of the landmarks within a distance, from 0 to 10 mm."""
    width, height, left, bottom = 170.0, 72.0, 14.0, 12.0
    drawing = Drawing(
        width, height, title="Cumulative errors", description="Share of the landmarks within a distance in millimetres"
    )
    across, up = width - left - 6.0, height - bottom - 4.0

    def place(distance: float, share: float) -> tuple[float, float]:
        return left + across * distance / _LONGEST, 4.0 + up * (1.0 - share)

    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        drawing.line([place(0.0, share), place(_LONGEST, share)], colour=_GRID, width=0.2)
        drawing.text(f"{100 * share:.0f} %", left - 1.5, place(0.0, share)[1], size=2.8, colour=FAINT, anchor="end")
    for distance in range(0, int(_LONGEST) + 1, 2):
        x, y = place(float(distance), 0.0)
        drawing.line([(x, y), (x, y + 1.2)], colour=FAINT, width=0.2)
        drawing.text(f"{distance} mm", x, y + 4.0, size=2.8, colour=FAINT, anchor="middle")
    distances = np.linspace(0.0, _LONGEST, 201)
    shares = success_rates(errors, distances.tolist())
    drawing.line([place(float(x), y) for x, y in zip(distances, shares, strict=True)], colour=_BLUE, width=0.6)
    return drawing.markup()


def landmark_errors(errors: Mapping[str, Sequence[float]]) -> Markup:
    """A row for each landmark, the largest mean first: a point at the mean, a line to the 95th percentile."""
    ordered = sorted(errors.items(), key=lambda item: -float(np.mean(item[1])))
    width, left, top = 170.0, 24.0, 7.0
    height = top + _ROW * len(ordered) + 3.0
    drawing = Drawing(
        width, height, title="Errors by landmark", description="Mean and 95th percentile of each landmark, millimetres"
    )
    across = width - left - 8.0

    def place(distance: float) -> float:
        return left + across * min(distance, _LONGEST) / _LONGEST

    for distance in range(0, int(_LONGEST) + 1, 2):
        x = place(float(distance))
        drawing.line([(x, top - 1.0), (x, height - 2.0)], colour=_GRID, width=0.2)
        drawing.text(f"{distance} mm", x, top - 3.5, size=2.8, colour=FAINT, anchor="middle")
    for row, (label, values) in enumerate(ordered):
        y = top + _ROW * (row + 0.5)
        mean, high = float(np.mean(values)), float(np.percentile(values, 95))
        drawing.text(label, left - 1.5, y, size=2.8, anchor="end")
        drawing.line([(left, y), (place(high), y)], colour=_BLUE, width=0.35)
        drawing.circle(place(mean), y, 1.1, fill=_BLUE)
        if high > _LONGEST:
            drawing.text(f"> {number(_LONGEST)}", width - 7.0, y, size=2.6, colour=INK)
    return drawing.markup()
