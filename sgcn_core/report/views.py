"""Views of the face with its landmarks: front, both sides, 45 degrees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sgcn_core.report.colours import FOUND, UNCERTAIN
from sgcn_core.report.face import PIXELS_PER_MM, Face, Picture, draw, visible_landmarks
from sgcn_core.report.svg import FAINT, INK, Drawing, text_width
from sgcn_core.types.landmark_sets import LandmarkSet
from sgcn_core.viz.labels import leaders
from sgcn_core.viz.views import FRONT, LEFT_OBLIQUE, LEFT_SIDE, RIGHT_OBLIQUE, RIGHT_SIDE, Direction, View

if TYPE_CHECKING:
    from markupsafe import Markup

LARGE, SMALL = (178.0, 124.0), (88.0, 92.0)
"""Width and height of the front view and of the others, millimetres of the page."""
DIRECTIONS: tuple[tuple[Direction, tuple[float, float], str], ...] = (
    (FRONT, LARGE, "Front"),
    (RIGHT_SIDE, SMALL, "Right side"),
    (LEFT_SIDE, SMALL, "Left side"),
    (RIGHT_OBLIQUE, SMALL, "45° from the right"),
    (LEFT_OBLIQUE, SMALL, "45° from the left"),
)
_NUMBERED = "ibug"
# Whose names a view shows besides those of landmarks to check: the oblique ones would hide the face behind them.
_SIDES_NAMED = {
    FRONT.title: ("left", "right", "midline"),
    RIGHT_SIDE.title: ("right", "midline"),
    LEFT_SIDE.title: ("left", "midline"),
    RIGHT_OBLIQUE.title: (),
    LEFT_OBLIQUE.title: (),
}


def case_views(face: Face) -> tuple[View, ...]:
    """The five views, those of one size at one scale."""
    views = []
    for direction, (width, height), _ in DIRECTIONS:
        margin = 20.0 if (width, height) == LARGE else 11.0
        views.append(face.view(direction, width=width - 2 * margin, height=height - 4.0))
    small = min(view.scale for view in views[1:])
    return tuple(
        face.view(
            direction, width=size[0], height=size[1], scale=(views[0].scale if size == LARGE else small) / PIXELS_PER_MM
        )
        for direction, size, _ in DIRECTIONS
    )


def landmark_views(face: Face, *, engine: str = "auto") -> tuple[tuple[str, Markup], ...]:
    """Caption and drawing of each of the five views.

    Raises
    ------
    RenderError
        The surface could not be drawn.
    """
    mesh = None if face.surface is None else face.mesh()
    pictures = draw(mesh, case_views(face), engine=engine)
    named = zip((title for _, _, title in DIRECTIONS), pictures, strict=True)
    return tuple((title, marked(face, picture, title)) for title, picture in named)


def marked(face: Face, picture: Picture, title: str) -> Markup:
    """A picture with its landmarks: discs, and diamonds where a landmark is uncertain; those to check with names."""
    seen = visible_landmarks(face, picture)
    to_check = [face.labels[i] for i in seen if face.labels[i] in face.to_check]
    told = f"{len(seen)} landmarks are seen" + (f"; to check: {', '.join(to_check)}" if to_check else "")
    drawing = Drawing(*picture.size, title=f"{title} view of the face with landmarks", description=told)
    if picture.png:
        drawing.image(picture.png, 0, 0, *picture.size)
    large = picture.size[0] > SMALL[0]
    points = picture.on_page(np.where(np.isfinite(face.points), face.points, 0.0))
    sides = _SIDES_NAMED[picture.view.direction.title]
    named = [i for i in seen if face.labels[i] in face.to_check or _named(face.labels[i], sides)]
    _write_names(drawing, face, points, named, size=2.7 if large else 2.1)
    for i in sorted(seen, key=lambda i: face.status[i] == "uncertain"):
        mark(drawing, points[i], face.status[i], small=face.labels[i].startswith(_NUMBERED), large=large)
    return drawing.markup()


def mark(drawing: Drawing, point: Sequence[float], status: str, *, small: bool = False, large: bool = False) -> None:
    """One landmark."""
    x, y = point
    size = 1.0 if large else 0.75
    if status == "uncertain":
        drawing.diamond(x, y, 1.5 * size, fill=UNCERTAIN)
    elif small:
        drawing.circle(x, y, 0.45 * size, fill="#fff", stroke=FOUND, width=0.2)
    else:
        drawing.circle(x, y, 0.9 * size, fill=FOUND)


def _write_names(drawing: Drawing, face: Face, points: np.ndarray, named: list[int], *, size: float) -> None:
    """Names on both sides of the face, with a line to each point."""
    if not named:
        return
    widest = max(text_width(face.labels[i] + " ?", 1.15 * size) for i in named)
    left, right = widest + 1.5, drawing.width - widest - 1.5
    placed = leaders(points[named], left=left, right=right, low=3.0, high=drawing.height - 3.0, gap=1.35 * size)
    for leader in placed:
        i = named[leader.index]
        drawing.line([(leader.column, leader.row), tuple(points[i])], colour=FAINT, width=0.12)
    for leader in placed:
        i = named[leader.index]
        doubtful = face.labels[i] in face.to_check
        outward = -0.8 if leader.align == "right" else 0.8
        drawing.text(
            face.labels[i] + (" ?" if doubtful else ""),
            leader.column + outward,
            leader.row,
            size=size,
            colour="#9a3d00" if doubtful else INK,
            anchor="end" if leader.align == "right" else "start",
            bold=doubtful,
            halo=True,
        )


def _named(label: str, sides: Sequence[str]) -> bool:
    known = LandmarkSet.load("all")
    return not label.startswith(_NUMBERED) and (known[label].side if label in known else "midline") in sides
