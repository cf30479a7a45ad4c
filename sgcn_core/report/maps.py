"""Colour maps of signed distances on the face, with contour lines that tell the sign without colour."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sgcn_core.report.colours import diverging, hex_colour, nice_limit
from sgcn_core.report.contours import isolines
from sgcn_core.report.face import PIXELS_PER_MM, Face, Picture, draw
from sgcn_core.report.page import Figure
from sgcn_core.report.svg import FAINT, INK, Drawing, number
from sgcn_core.viz.views import FRONT, LEFT_OBLIQUE, RIGHT_OBLIQUE, Direction

FloatArray = NDArray[np.float64]

VIEWS: tuple[tuple[Direction, str], ...] = (
    (RIGHT_OBLIQUE, "45° from the right"),
    (FRONT, "front"),
    (LEFT_OBLIQUE, "45° from the left"),
)
_SIZE = (58.6, 66.0)
_SHADING = 0.35
_LEAST_LINE = 8.0  # mm; shorter contour lines are noise
_LINES_EACH_SIDE = 3
_DASH = "1.3 0.9"


def map_figure(
    face: Face, distance: FloatArray, *, title: str, low: str, high: str, engine: str = "auto", limit: float = 0.0
) -> Figure:
    """Three views of signed distances, with a colour bar.

    Parameters
    ----------
    face : Face
        With a surface.
    distance : ndarray (P,)
        Of its vertices, millimetres; NaN where not known.
    title : str
    low, high : str
        What a negative and a positive distance mean.
    limit : float
        Distance at the ends of the colour bar; by default a round one that holds 98 % of the values on the face.

    Raises
    ------
    RenderError
        Nothing could be drawn.
    """
    assert face.surface is not None
    views = [face.view(direction, width=_SIZE[0] - 2, height=_SIZE[1] - 2) for direction, _ in VIEWS]
    scale = min(view.scale for view in views)
    inside = _near_landmarks(face)
    limit = limit or nice_limit(distance[inside])
    mesh = face.mesh(diverging(distance, limit), shading=_SHADING)
    views = [
        face.view(direction, width=_SIZE[0], height=_SIZE[1], scale=scale / PIXELS_PER_MM) for direction, _ in VIEWS
    ]
    pictures = draw(mesh, views, engine=engine)
    levels = contour_levels(limit)
    lines = isolines(face.surface.vertices, face.surface.faces, distance, levels)
    known = distance[inside & np.isfinite(distance)]
    told = f"{low} negative, {high} positive"
    if len(known):
        root = float(np.sqrt(np.mean(known**2)))
        told += f"; root mean square {root:.1f} mm over the face, from {known.min():.1f} to {known.max():.1f} mm"
    drawing = Drawing(len(VIEWS) * (_SIZE[0] + 1) - 1, _SIZE[1] + 19, title=title, description=told)
    for place, (picture, (_, name)) in enumerate(zip(pictures, VIEWS, strict=True)):
        left = place * (_SIZE[0] + 1)
        drawing.image(picture.png, left, 0, *picture.size)
        _draw_lines(drawing, picture, levels, lines, left)
        drawing.text(name, left + 2, 3.2, size=2.6, colour=FAINT, halo=True)
    _colour_bar(drawing, _SIZE[1] + 4.0, limit, low, high)
    return Figure(caption=f"{title}: {told}.", svg=drawing.markup())


def contour_levels(limit: float) -> tuple[float, ...]:
    """Levels of the contour lines: as many on both sides of zero, none at zero."""
    steps = np.arange(1, _LINES_EACH_SIDE + 1) * limit / (_LINES_EACH_SIDE + 1)
    return tuple(float(level) for level in (*-steps[::-1], *steps))


def _near_landmarks(face: Face) -> NDArray[np.bool_]:
    """Vertices (P,) within the box of the landmarks: the face without what the scan shows beside it."""
    assert face.surface is not None
    low, high = face.focus
    return np.asarray(((face.surface.vertices >= low) & (face.surface.vertices <= high)).all(axis=1))


def _draw_lines(
    drawing: Drawing,
    picture: Picture,
    levels: Sequence[float],
    lines: Sequence[Sequence[FloatArray]],
    left: float,
) -> None:
    """The visible parts of the contour lines: solid above zero, broken below."""
    for level, found in zip(levels, lines, strict=True):
        for line in found:
            if np.linalg.norm(np.diff(line, axis=0), axis=1).sum() < _LEAST_LINE:
                continue
            seen = picture.shows(line)
            edges = np.flatnonzero(np.diff(np.concatenate([[False], seen, [False]]).astype(int)))
            page = picture.on_page(line) + np.array([left, 0.0])
            for start, stop in zip(edges[::2], edges[1::2], strict=True):
                if stop - start > 1:
                    drawing.line(page[start:stop], colour=INK, width=0.16, dash=_DASH if level < 0 else "")


def _colour_bar(drawing: Drawing, top: float, limit: float, low: str, high: str) -> None:
    width, height = 110.0, 4.0
    left = (drawing.width - width) / 2
    steps = 44
    values = (np.arange(steps) + 0.5) / steps * 2 * limit - limit
    for place, colour in enumerate(diverging(values, limit)):
        x = left + place * width / steps
        drawing.rect(x, top, width / steps + 0.05, height, fill=hex_colour(colour))
    for level in (-limit, *contour_levels(limit), 0.0, limit):
        x = left + (level + limit) / (2 * limit) * width
        if abs(level) not in (0.0, limit):
            drawing.line([(x, top), (x, top + height)], width=0.25, dash=_DASH if level < 0 else "")
        drawing.line([(x, top + height), (x, top + height + 1)], width=0.25)
        sign = "+" if level > 0 else "−" if level < 0 else ""
        drawing.text(f"{sign}{number(abs(level))}", x, top + height + 2.8, size=2.6, anchor="middle")
    drawing.text("mm", left + width + 5, top + height + 2.8, size=2.6)
    drawing.text(f"− {low} (broken lines)", left - 14, top + height + 7.2, size=2.6)
    drawing.text(f"+ {high} (solid lines)", left + width + 14, top + height + 7.2, size=2.6, anchor="end")
