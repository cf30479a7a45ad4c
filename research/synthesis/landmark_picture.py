"""The average person of a population with all of its landmarks, named, from four sides."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from research.synthesis.close_up import BELOW, grey_mesh
from research.synthesis.generator import extremum_solver
from research.synthesis.population import Population
from sgcn_core.types.landmarks import LandmarkSet
from sgcn_core.viz.canvas import Canvas, Colour
from sgcn_core.viz.labels import leaders
from sgcn_core.viz.picture import depth_at, drawn_views, reduced
from sgcn_core.viz.views import (
    FAINT_INK,
    FRONT,
    GROUP_COLOURS,
    INK,
    LEFT_SIDE,
    PAPER,
    RIGHT_SIDE,
    Direction,
    View,
)

FloatArray = NDArray[np.float64]

_DIRECTIONS = (FRONT, BELOW, RIGHT_SIDE, LEFT_SIDE)
_NAME_COLUMN, _NAME_SIZE, _NAME_GAP, _TITLE = 58, 13, 15.0, 30  # pixels
_ROOM = 12.0  # around the landmarks, millimetres
_DOT = 2.6  # pixels
# A landmark so many millimetres under the surface that is seen is behind it. A profile is more tolerant, because the
# midline runs along its outline, where the near half bulges towards the viewer; it shows none far beyond the midline.
_HIDDEN_BELOW, _HIDDEN_BELOW_IN_PROFILE, _BEYOND_MIDLINE = 4.0, 9.0, 4.0


def neutral_landmarks(population: Population) -> dict[str, FloatArray]:
    """Landmarks that the population knows, on its average person: label -> (3,), head frame, millimetres."""
    places = extremum_solver(population).solve(population.neutral[None])[0].cpu().double().numpy()
    known = population.known.tolist()
    return {label: place for label, place, here in zip(population.labels, places, known, strict=True) if here}


def landmark_picture(
    population: Population,
    *,
    landmark_set: str = "all",
    region: str | None = None,
    side: int = 1000,
    engine: str = "auto",
) -> Canvas:
    """Draw them from the front, from below, from the right and from the left.

    Parameters
    ----------
    population : Population
    landmark_set : str, of the package
    region : str, optional, a group of landmarks such as ``eyes``: a close-up with these alone
    side : int, pixels along each side of one of the four views
    engine : str, of ``sgcn_core.viz.picture.drawn_views``

    Raises
    ------
    ValueError
        The population has none of these landmarks.
    """
    wanted = LandmarkSet.load(landmark_set)
    groups = dict(zip(wanted.labels, wanted.groups, strict=True))
    places = {
        label: place
        for label, place in neutral_landmarks(population).items()
        if label in groups and region in (None, groups[label])
    }
    if not places:
        raise ValueError(f"the population has no landmark of {landmark_set}, {region or 'any region'}")
    points = np.stack(list(places.values()))
    colours = dict(zip(dict.fromkeys(wanted.groups), GROUP_COLOURS, strict=False))
    mesh = grey_mesh(population.neutral.cpu().double().numpy(), population.faces.cpu().numpy())
    sheet = Canvas(2 * side, 2 * (side + _TITLE), PAPER)
    views = [_view(direction, points, side) for direction in _DIRECTIONS]
    for number, (view, drawn) in enumerate(zip(views, drawn_views(mesh, views, engine=engine), strict=True)):
        left, top = number % 2 * side, number // 2 * (side + _TITLE) + _TITLE
        sheet.paste(reduced(drawn.image), left, top)
        sheet.text(view.direction.title, left + side / 2, top - _TITLE / 2, size=16, colour=INK, align="centre")
        profile = view.direction.near_half
        below = _HIDDEN_BELOW_IN_PROFILE if profile else _HIDDEN_BELOW
        seen = view.to_view(points)[:, 2] + below >= depth_at(view, drawn, points)
        if profile:
            seen &= points @ view.direction.rotation[2] >= -_BEYOND_MIDLINE
        shown = {label: points[i] for i, label in enumerate(places) if seen[i]}
        _mark(sheet, view, shown, {label: colours[groups[label]] for label in shown}, (left, top))
    return sheet


def _view(direction: Direction, points: FloatArray, side: int) -> View:
    """A square look at all of the points, with some room, and the names on either side."""
    across = points @ direction.rotation[:2].T
    extent = np.ptp(across, axis=0) + 2.0 * _ROOM
    scale = min((side - 2 * _NAME_COLUMN) / extent[0], side / extent[1])
    middle = (across.max(axis=0) + across.min(axis=0)) / 2.0 @ direction.rotation[:2]
    return View(direction, middle, scale, side, side)


def _mark(
    sheet: Canvas, view: View, shown: dict[str, FloatArray], colours: dict[str, Colour], corner: tuple[int, int]
) -> None:
    """Dots, and names in two columns with a line to each."""
    labels = list(shown)
    pixels = view.to_pixels(np.array(list(shown.values())).reshape(-1, 3)) + np.array(corner)
    left, top = corner
    placed = leaders(
        pixels,
        left=left + _NAME_COLUMN,
        right=left + view.width - _NAME_COLUMN,
        low=top + 10.0,
        high=top + view.height - 10.0,
        gap=_NAME_GAP,
    )
    for leader in placed:
        sheet.line((leader.column, leader.row), tuple(pixels[leader.index]), colour=FAINT_INK, width=0.6)
    for label, (column, row) in zip(labels, pixels, strict=True):
        sheet.dot(column, row, radius=_DOT, colour=colours[label])
    for leader in placed:
        label, outward = labels[leader.index], -3 if leader.align == "right" else 3
        column = leader.column + outward
        sheet.text(label, column, leader.row, size=_NAME_SIZE, colour=INK, align=leader.align, halo=PAPER)
