"""Drawings of analyses, true to scale: the profile cut from the surface, and the front view, with lines on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sgcn_core.report.colours import DASHES, FOUND, LINE_COLOURS, UNCERTAIN
from sgcn_core.report.contours import plane_contour
from sgcn_core.report.face import PIXELS_PER_MM, Face, Picture
from sgcn_core.report.svg import FAINT, INK, Drawing, number, scale_bar, spread_labels, text_width
from sgcn_core.types.arrays import ReadOnlyArrays
from sgcn_core.viz.views import FRONT, View

if TYPE_CHECKING:
    from markupsafe import Markup

FloatArray = NDArray[np.float64]

_MARGIN = 12.0  # millimetres of the face around its landmarks
_BEHIND = 30.0  # that the profile reaches behind the midline landmarks
_LEGEND = 4.4  # height of a line of the legend, millimetres of the page
_WIDEST = 176.0  # mm of the face: two front views at 1 : 2 stand side by side
_NARROWEST = 84.0  # millimetres of the page
_SAMPLE = 8.0  # length of the sample of a line in the legend
_HIDDEN_INSIDE = 6.0  # contours that lie so far behind another at the same height are inside the head, mm


@dataclass(frozen=True, eq=False, kw_only=True)
class DrawnLine(ReadOnlyArrays):
    """A line of an analysis.

    Attributes
    ----------
    name : str
        Empty for a line without an entry in the legend.
    points : ndarray (K, 3)
        In the axes of the head, millimetres.
    value : str
        What the legend says beside the name; may be empty.
    doubtful : bool
        Whether it rests on an uncertain landmark.
    """

    name: str
    points: FloatArray
    value: str = ""
    doubtful: bool = False


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A value written under a drawing; one without a value says why, and `flag` is "check" or "none" as in tables."""

    name: str
    value: str
    flag: str = ""


def profile_contour(face: Face) -> tuple[FloatArray, ...]:
    """Lines (K, 2) of out and up where the midsagittal plane cuts the front of the surface; none without a surface.

    What lies behind the skin (the mouth's and the nose's inside in CT) and the back of the head is left out.
    """
    if face.surface is None:
        return ()
    point = np.array([_middle(face), 0.0, 0.0])
    lines = [line[:, [2, 1]] for line in plane_contour(face.surface, point, (1.0, 0.0, 0.0))]
    if not lines:
        return ()
    front = _front_of(np.concatenate(lines))
    kept = []
    for line in lines:
        visible = line[:, 0] >= front(line[:, 1]) - _HIDDEN_INSIDE - 0.6 * _BEHIND
        kept += [part for part in _runs(line, visible) if len(part) > 1]
    return tuple(kept)


def profile_drawing(
    face: Face,
    contour: Sequence[FloatArray],
    lines: Sequence[DrawnLine],
    *,
    title: str,
    key: str,
    scale: float,
    points: Sequence[str] = (),
    readings: Sequence[Reading] = (),
) -> Markup:
    """The profile, facing right, with the lines of an analysis.

    Parameters
    ----------
    face : Face
    contour : sequence of ndarray (K, 2)
        From :func:`profile_contour`.
    lines : sequence of DrawnLine
    title : str
    key : str
        Unique on the page.
    scale : float
        Millimetres of the page for one of the face.
    points : sequence of str
        Landmarks to name; those without a position are left out.
    readings : sequence of Reading
    """
    named = _placed(face, points)
    middle = face.points[[face.labels.index(label) for label in _midline(face)]][:, [2, 1]]
    ends = [line.points[:, [2, 1]] for line in lines] + [face.points[[i]][:, [2, 1]] for i in named]
    low, high = _box_around(np.concatenate([middle, *ends]))
    low = np.minimum(low, middle.min(axis=0) - (_BEHIND, _MARGIN))
    board = _Board(low, high, lines, readings, title=title, key=key, scale=scale)
    for line in contour:
        board.drawing.line(board.place(line), colour=INK, width=0.5)
    board.draw_lines(lines, columns=(2, 1))
    board.draw_points(face, named, columns=(2, 1), towards=1)
    return board.finish()


def frontal_drawing(
    face: Face,
    picture: Picture | None,
    lines: Sequence[DrawnLine],
    *,
    title: str,
    key: str,
    scale: float,
    points: Sequence[str] = (),
    readings: Sequence[Reading] = (),
) -> Markup:
    """The front view with the lines of an analysis; `picture` from :func:`frontal_view` at the same scale."""
    named = _placed(face, points)
    view = frontal_view(face, scale)
    half = np.array([view.width, view.height]) / (2 * view.scale)
    low, high = view.centre[:2] - half, view.centre[:2] + half
    board = _Board(low, high, lines, readings, title=title, key=key, scale=scale)
    if picture is not None and picture.png:
        board.drawing.image(picture.png, board.left, 0, view.width / PIXELS_PER_MM, view.height / PIXELS_PER_MM)
    board.draw_lines(lines, columns=(0, 1), halo=0.25)
    board.draw_points(face, named, columns=(0, 1), towards=0)
    return board.finish()


def frontal_view(face: Face, scale: float) -> View:
    """The view of the picture under a frontal drawing."""
    placed = face.points[np.isfinite(face.points).all(axis=1)]
    low, high = placed.min(axis=0), placed.max(axis=0)
    size = np.array([min(high[0] - low[0] + 4.0, _WIDEST), high[1] - low[1] + 2 * _MARGIN])
    pixels = np.ceil(size * scale * PIXELS_PER_MM).astype(int)
    return View(FRONT, (low + high) / 2, scale * PIXELS_PER_MM, int(pixels[0]), int(pixels[1]))


class _Board:
    """A drawing with a face area above a legend and readings."""

    def __init__(
        self,
        low: FloatArray,
        high: FloatArray,
        lines: Sequence[DrawnLine],
        readings: Sequence[Reading],
        *,
        title: str,
        key: str,
        scale: float,
    ) -> None:
        self.low, self.high, self.scale = low, high, scale
        self.area = (high - low) * scale
        self.readings = tuple(readings)
        self.named = [line for line in lines if line.name]
        told = [f"{line.name} {line.value}".strip() for line in self.named]
        told += [f"{reading.name} {reading.value}" for reading in readings]
        rows = len(self.named) + len(readings) + 1
        width = max(float(self.area[0]), _NARROWEST)
        self.left = (width - float(self.area[0])) / 2
        self.drawing = Drawing(
            width,
            float(self.area[1]) + 3 + _LEGEND * rows + 6,
            title=title,
            description=f"{'; '.join(told)}. Scale 1 : {number(1 / scale)}",
            fixed=True,
        )
        self.drawing.clip(f"clip-{key}", 0, 0, width, float(self.area[1]))

    def place(self, points: FloatArray) -> FloatArray:
        """Points (K, 2) of the face as millimetres of the page."""
        return np.stack([(points[:, 0] - self.low[0]) * self.scale, (self.high[1] - points[:, 1]) * self.scale], axis=1)

    def draw_lines(self, lines: Sequence[DrawnLine], *, columns: tuple[int, int], halo: float = 0.0) -> None:
        for count, line in enumerate(lines):
            colour, dash = style(count if line.name else 0)
            path = self.place(line.points[:, list(columns)])
            self.drawing.line(path, colour=colour, width=0.4, dash=dash, halo=halo)

    def draw_points(self, face: Face, named: Sequence[int], *, columns: tuple[int, int], towards: int) -> None:
        """Discs, and names to the right of the profile or beside their points."""
        if not named:
            return
        points = self.place(face.points[list(named)][:, list(columns)])
        size = 2.3
        rows = points[:, 1]
        if towards:
            rows = np.array(spread_labels(points[:, 1].tolist(), low=2.0, high=float(self.area[1]) - 2.0, gap=2.5))
        for place, (x, y), row in zip(named, points, rows, strict=True):
            doubtful = face.status[place] == "uncertain"
            if doubtful:
                self.drawing.diamond(x, y, 1.0, fill=UNCERTAIN)
            else:
                self.drawing.circle(x, y, 0.7, fill=FOUND)
            label = face.labels[place] + (" ?" if doubtful else "")
            if towards and abs(row - y) > 0.6:
                self.drawing.line([(x + 1.0, y), (x + 3.2, row)], colour=FAINT, width=0.12)
            start, anchor = float(x) + (3.6 if towards else 1.4), "start"
            if start + text_width(label, size) > self.drawing.width:
                start, anchor = float(x) - 1.4, "end"
            self.drawing.text(label, start, float(row), size=size, anchor=anchor, halo=True, bold=doubtful)

    def finish(self) -> Markup:
        """Legend, readings and scale bar."""
        drawing, row = self.drawing, float(self.area[1]) + 3.0
        drawing.unclip()
        for count, line in enumerate(self.named):
            colour, dash = style(count)
            drawing.line([(0.5, row), (0.5 + _SAMPLE, row)], colour=colour, width=0.5, dash=dash)
            name = f"{line.name} ?" if line.doubtful else line.name
            drawing.text(name, _SAMPLE + 2.0, row, size=2.6, bold=line.doubtful)
            drawing.text(line.value, max(_SAMPLE + 4.0 + text_width(name, 2.6), 44.0), row, size=2.6)
            row += _LEGEND
        for reading in self.readings:
            sign = {"check": "▲ ", "none": ""}.get(reading.flag, "")
            colour = {"check": "#9a3d00", "none": FAINT}.get(reading.flag, INK)
            drawing.text(sign + reading.name, 0.5, row, size=2.5, colour=colour)
            drawing.text(reading.value, drawing.width - 0.5, row, size=2.5, colour=colour, anchor="end")
            row += _LEGEND
        scale_bar(drawing, 0.5, row + 2.2, scale=self.scale)
        drawing.text(f"scale 1 : {number(1 / self.scale)}", drawing.width - 1.0, row + 1.6, size=2.6, anchor="end")
        return drawing.markup()


def style(count: int) -> tuple[str, str]:
    """Colour and dash pattern of the line with this number."""
    return LINE_COLOURS[count % len(LINE_COLOURS)], DASHES[count % len(DASHES)]


def _midline(face: Face) -> list[str]:
    usual = ("g", "n", "se", "prn", "sn", "ls", "li", "sl", "pg", "gn", "me", "ibug27", "ibug30", "ibug33", "ibug8")
    return [label for label in usual if label in face.labels and face.status[face.labels.index(label)] != "missing"]


def _middle(face: Face) -> float:
    """Where the midline lies, left of the origin."""
    places = [face.labels.index(label) for label in _midline(face)]
    return float(np.median(face.points[places, 0])) if places else 0.0


def _placed(face: Face, points: Sequence[str]) -> list[int]:
    known = [face.labels.index(label) for label in dict.fromkeys(points) if label in face.labels]
    return [place for place in known if face.status[place] != "missing"]


def _box_around(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    room = np.array([_MARGIN, _MARGIN])
    return points.min(axis=0) - room, points.max(axis=0) + room


def _front_of(points: FloatArray):  # type: ignore[no-untyped-def]
    """A function of the height that gives the foremost of points (K, 2) of out and up near it."""
    step = 2.0
    rows = np.round(points[:, 1] / step).astype(int)
    first = rows.min()
    front = np.full(rows.max() - first + 1, -np.inf)
    np.maximum.at(front, rows - first, points[:, 0])

    def at(heights: FloatArray) -> FloatArray:
        place = np.clip(np.round(heights / step).astype(int) - first, 0, len(front) - 1)
        return np.asarray(front[place])

    return at


def _runs(line: FloatArray, kept: NDArray[np.bool_]) -> list[FloatArray]:
    """The parts of a line whose points are all kept."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], kept, [False]]).astype(int)))
    return [line[start:stop] for start, stop in zip(edges[::2], edges[1::2], strict=True)]
