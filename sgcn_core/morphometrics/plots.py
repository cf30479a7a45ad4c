"""Plots of a cohort's shapes: scores of its cases, variance of its components, shapes along a component."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sgcn_core.morphometrics.orientation import HEAD
from sgcn_core.report.colours import LINE_COLOURS
from sgcn_core.report.svg import FAINT, INK, Drawing, scale_bar, text_width

if TYPE_CHECKING:
    from markupsafe import Markup

FloatArray = NDArray[np.float64]

_WIDTH = 88.0  # page mm of half a page
_MARGIN = (15.0, 4.0, 4.0, 11.0)  # left, top, right, bottom
_GRID = "#dfe3e8"
_MOST_BARS = 12
_MOST_NAMED = 4  # landmarks
_HIGH, _LOW = LINE_COLOURS[0], LINE_COLOURS[1]
# The iBUG scheme's outlines: jaw, brows, nose, eyes, lips.
_OUTLINES = (
    *((*range(17),), (*range(17, 22),), (*range(22, 27),), (*range(27, 31),), (*range(31, 36),)),
    *((*range(36, 42), 36), (*range(42, 48), 42), (*range(48, 60), 48), (*range(60, 68), 60)),
)


def scores_plot(
    first: FloatArray, second: FloatArray, names: Sequence[str], *, axes: tuple[str, str], unit: str
) -> Markup:
    """Scores of n cases along two components, equal scales on both axes; the outermost cases are named."""
    points = np.stack([first, second], axis=1)
    board = _Board(points, f"Scores of {len(names)} cases: {axes[0]} and {axes[1]}", axes=axes, unit=unit)
    shown = board.place(points)
    for x, y in shown.tolist():
        board.drawing.circle(x, y, 0.9, fill=LINE_COLOURS[0])
    _name_outermost(board.drawing, shown, points, names)
    return board.drawing.markup()


def variances_plot(shares: FloatArray) -> Markup:
    """Bars of the share of variance of each component, with their sum so far as a line."""
    shown, left, top, height = shares[:_MOST_BARS], 15.0, 4.0, 50.0
    width = _WIDTH - left - 4.0
    total = np.cumsum(shares)[:_MOST_BARS]
    told = f"The first {len(shown)} of {len(shares)} components have {100 * total[-1]:.0f} % of the variance"
    drawing = Drawing(_WIDTH, top + height + 11.0, title="Variance of the components", description=told)
    for percent in range(0, 101, 20):
        y = top + height * (1 - percent / 100)
        drawing.line([(left, y), (left + width, y)], colour=_GRID, width=0.2)
        drawing.text(f"{percent}", left - 1.5, y, size=2.6, anchor="end", colour=FAINT)
    step = width / len(shown)
    for place, share in enumerate(shown.tolist()):
        x = left + step * place
        drawing.rect(x + 0.15 * step, top + height * (1 - share), 0.7 * step, height * share, fill=LINE_COLOURS[0])
        drawing.text(str(place + 1), x + step / 2, top + height + 3.0, size=2.6, anchor="middle")
    middles = left + step * (np.arange(len(shown)) + 0.5)
    drawing.line(np.stack([middles, top + height * (1 - total)], axis=1), colour=LINE_COLOURS[1], width=0.4, dash="2 1")
    for x, y in zip(middles.tolist(), (top + height * (1 - total)).tolist(), strict=True):
        drawing.circle(x, y, 0.7, fill=LINE_COLOURS[1])
    drawing.text("component", left + width / 2, top + height + 8.0, size=2.8, anchor="middle")
    drawing.text("% of variance", 4.0, top + height / 2, size=2.8, anchor="middle", turned=-90)
    return drawing.markup()


def shapes_plot(
    mean: FloatArray,
    low: FloatArray | None,
    high: FloatArray,
    labels: Sequence[str],
    *,
    title: str,
    axes: str,
    ends: tuple[str, str],
) -> Markup:
    """Mean shape with lines to one or two other shapes, from the front and the side; those that move most are named.

    Parameters
    ----------
    mean, high : (p, 3) float64
        Millimetres.
    low : (p, 3) float64 or None
    labels : sequence of str, p of them
    title : str
    axes : str
        As of ``Alignment``.
    ends : (str, str)
        What `low` and `high` are.
    """
    shapes = [mean, high] + ([] if low is None else [low])
    together = np.concatenate(shapes)
    views = (([0, 1], "front", "axes 1 and 2"), ([2, 1], "from the subject's right", "axes 3 and 2"))
    extents = [np.ptp(together[:, columns], axis=0).tolist() for columns, *_ in views]
    broad, tall = sum(across for across, _ in extents), max(up for _, up in extents)
    gap, top = 8.0, 4.0
    scale = min((180.0 - gap - 8.0 * len(views)) / broad, 90.0 / tall)
    height = scale * tall + 2 * top
    width = scale * broad + gap + 8.0 * len(views)
    moved = np.linalg.norm(high - mean, axis=1)
    named = np.argsort(-moved, kind="stable")[:_MOST_NAMED]
    told = f"Largest: {', '.join(f'{labels[place]} {moved[place]:.1f} mm' for place in named)}"
    drawing = Drawing(max(width, 100.0), height + 13.0, title=title, description=told)
    left = 4.0
    for (columns, head, other), (across, _) in zip(views, extents, strict=True):
        flat = together[:, columns]
        x = left + scale * (flat[:, 0] - flat[:, 0].min())
        y = top + scale * (flat[:, 1].max() - flat[:, 1])
        placed = np.split(np.stack([x, y], axis=1), len(shapes))
        _one_view(drawing, placed[0], placed[2] if low is not None else None, placed[1], labels, named)
        drawing.text(head if axes == HEAD else other, left, height + 1.0, size=2.6, colour=FAINT)
        left += scale * across + gap + 8.0
    _legend(drawing, height + 6.0, ends, low is not None)
    scale_bar(drawing, 4.0, height + 11.5, scale=scale, length=20.0)
    return drawing.markup()


def _one_view(
    drawing: Drawing,
    mean: FloatArray,
    low: FloatArray | None,
    high: FloatArray,
    labels: Sequence[str],
    named: NDArray[np.intp],
) -> None:
    there = {label: point for label, point in zip(labels, mean, strict=True)}
    for outline in _OUTLINES:
        if all(f"ibug{point}" in there for point in outline):
            drawing.line([there[f"ibug{point}"] for point in outline], colour="#b9bfc8", width=0.25)
    for point in range(len(mean)):
        if low is not None:
            drawing.line([mean[point], low[point]], colour=_LOW, width=0.3)
        drawing.line([mean[point], high[point]], colour=_HIGH, width=0.4)
    for (x, y), (x1, y1) in zip(mean.tolist(), high.tolist(), strict=True):
        drawing.circle(x, y, 0.35, fill=FAINT, stroke="none")
        drawing.circle(x1, y1, 0.75, fill=_HIGH)
    for x, y in [] if low is None else low.tolist():
        drawing.circle(x, y, 0.6, fill="#fff", stroke=_LOW, width=0.3)
    for place in named.tolist():
        x, y = high[place].tolist()
        anchor = "end" if x + 1.2 + text_width(labels[place], 2.3) > drawing.width else "start"
        drawing.text(
            labels[place], x + (1.2 if anchor == "start" else -1.2), y - 1.2, size=2.3, anchor=anchor, halo=True
        )


def _legend(drawing: Drawing, y: float, ends: tuple[str, str], both: bool) -> None:
    x = 4.0
    entries = [(FAINT, "mean"), *([(_LOW, ends[0])] if both else []), (_HIGH, ends[1])]
    for colour, words in entries:
        fill, stroke = ("#fff", _LOW) if colour == _LOW else (colour, "#fff")
        drawing.circle(x + 1.0, y, 0.8, fill=fill, stroke=stroke, width=0.3)
        drawing.text(words, x + 3.0, y, size=2.6)
        x += 8.0 + text_width(words, 2.6)


class _Board:
    """Axes with equal scales and round ticks."""

    def __init__(self, points: FloatArray, title: str, *, axes: tuple[str, str], unit: str) -> None:
        left, top, right, bottom = _MARGIN
        span = max(float(np.abs(points).max()) * 1.08, 1e-12)
        size = _WIDTH - left - right
        self.scale, self.centre = size / (2 * span), np.array([left + size / 2, top + size / 2])
        described = f"Horizontal {axes[0]}, vertical {axes[1]}, {unit}"
        self.drawing = Drawing(_WIDTH, top + size + bottom, title=title, description=described)
        step = _round_step(span)
        for tick in np.arange(-np.floor(span / step), np.floor(span / step) + 1) * step:
            x, y = self.place(np.array([[tick, tick]]))[0].tolist()
            colour = "#8a919c" if tick == 0 else _GRID
            self.drawing.line([(x, top), (x, top + size)], colour=colour, width=0.2)
            self.drawing.line([(left, y), (left + size, y)], colour=colour, width=0.2)
            self.drawing.text(
                f"{round(float(tick), 9):g}", x, top + size + 2.6, size=2.5, anchor="middle", colour=FAINT
            )
            self.drawing.text(f"{round(float(tick), 9):g}", left - 1.2, y, size=2.5, anchor="end", colour=FAINT)
        self.drawing.text(f"{axes[0]} [{unit}]", left + size / 2, top + size + 7.5, size=2.8, anchor="middle")
        self.drawing.text(f"{axes[1]} [{unit}]", 3.5, top + size / 2, size=2.8, anchor="middle", turned=-90)

    def place(self, points: FloatArray) -> FloatArray:
        """Points (n, 2) as millimetres of the page."""
        return self.centre + self.scale * points * (1.0, -1.0)


def _round_step(span: float) -> float:
    rough = span / 3
    power = 10.0 ** np.floor(np.log10(rough))
    return float(next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= rough * 0.999))


def _name_outermost(drawing: Drawing, shown: FloatArray, points: FloatArray, names: Sequence[str]) -> None:
    """Names of the cases furthest out, as far as they do not cover each other."""
    spread = points.std(axis=0)
    out = np.linalg.norm(points / np.where(spread > 0, spread, 1.0), axis=1)
    rows: list[tuple[float, float]] = []
    for place in np.argsort(-out, kind="stable")[:5].tolist():
        x, y = shown[place].tolist()
        if any(abs(y - b) < 2.6 and abs(x - a) < 25.0 for a, b in rows):
            continue
        rows.append((x, y))
        name = names[place] if len(names[place]) <= 24 else f"…{names[place][-23:]}"
        fits = x + 1.5 + text_width(name, 2.3) < drawing.width
        drawing.text(
            name, x + (1.5 if fits else -1.5), y, size=2.3, anchor="start" if fits else "end", colour=INK, halo=True
        )
