"""A picture of many generated samples: every point a small disc, shaded by its normal, every landmark a dot."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from research.synthesis.generator import FaceGenerator, FacePoints
from sgcn_core.graph.crop import CROP_CENTRE
from sgcn_core.viz.canvas import Canvas
from sgcn_core.viz.picture import depth_at, drawn_views, reduced
from sgcn_core.viz.views import GROUP_COLOURS, PAPER, SKIN, ColouredMesh, Direction, View

FloatArray = NDArray[np.float64]
_MILLIMETRES = 250.0  # shown along each side of a view
_AT_ONCE = 4  # faces generated in one go
_DOT = 1.9  # millimetres
_CORNERS = 6  # of a disc
# A landmark this far under the nearest points is behind them: a disc stands for the skin about it, millimetres.
_HIDDEN_BELOW = 6.0
# Of a disc seen from behind.
_DARK = 0.4


def _turned(title: str, degrees: float) -> Direction:
    """A look at the face, turned about the vertical axis to the subject's left."""
    sine, cosine = float(np.sin(np.deg2rad(degrees))), float(np.cos(np.deg2rad(degrees)))
    return Direction(title, ((cosine, 0.0, -sine), (0.0, 1.0, 0.0), (sine, 0.0, cosine)))


# Half from the subject's left and half from the right.
_DIRECTIONS = (_turned("left", 40.0), _turned("right", -40.0))


def contact_sheet(
    generator: FaceGenerator, *, count: int = 24, columns: int = 4, side: int = 300, start: int = 0
) -> Canvas:
    """Draw ``count`` samples, each from two sides.

    Parameters
    ----------
    generator : FaceGenerator
    count : int, number of samples
    columns : int, samples in a row
    side : int, pixels of each of the two views of a sample
    start : int, step of the generator that the first samples come from
    """
    views = [View(direction, np.array(CROP_CENTRE), side / _MILLIMETRES, side, side) for direction in _DIRECTIONS]
    sheet = Canvas(columns * side * len(views), -(-count // columns) * side, PAPER)
    for first in range(0, count, _AT_ONCE):
        faces = generator.faces_at(start + first // _AT_ONCE, _AT_ONCE)
        for member in range(min(_AT_ONCE, count - first)):
            row, column = divmod(first + member, columns)
            for number, view in enumerate(views):
                _draw(sheet, faces, member, view, left=(column * len(views) + number) * side, top=row * side)
    return sheet


def _draw(sheet: Canvas, faces: FacePoints, member: int, view: View, *, left: int, top: int) -> None:
    points, normals, landmarks = (
        tensor[member].cpu().double().numpy() for tensor in (faces.points, faces.normals, faces.landmarks)
    )
    away = normals @ view.direction.rotation[2] < 0.0
    colours = np.asarray(SKIN) * np.where(away, _DARK, 1.0)[:, None]
    mesh = discs(points, normals, colours, 1.2 * (68000.0 / len(points)) ** 0.5)
    drawn = drawn_views(mesh, [view], engine="software")[0]
    sheet.paste(reduced(drawn.image), left, top)
    seen = view.to_view(landmarks)[:, 2] + _HIDDEN_BELOW >= depth_at(view, drawn, landmarks)
    for number, (column, row) in enumerate(view.to_pixels(landmarks)):
        if seen[number]:
            colour = GROUP_COLOURS[number % len(GROUP_COLOURS)]
            sheet.dot(left + column, top + row, radius=_DOT * view.scale, colour=colour)


def discs(points: FloatArray, normals: FloatArray, colours: FloatArray, radius: float) -> ColouredMesh:
    """A hexagon of ``radius`` millimetres across every point (P, 3), at right angles to its unit normal (P, 3)."""
    # Any direction that is not along the normal: the axis of its smallest component.
    across = np.cross(normals, np.eye(3)[np.abs(normals).argmin(axis=1)])
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    along = np.cross(normals, across)
    angles = np.arange(_CORNERS) * (2.0 * np.pi / _CORNERS)
    rim = across[:, None] * np.cos(angles)[:, None] + along[:, None] * np.sin(angles)[:, None]
    vertices = (points[:, None] + radius * rim).reshape(-1, 3)
    fan = np.array([[0, i, i + 1] for i in range(1, _CORNERS - 1)])
    triangles = (np.arange(len(points))[:, None, None] * _CORNERS + fan).reshape(-1, 3)
    return ColouredMesh(vertices, triangles, np.repeat(normals, _CORNERS, 0), np.repeat(colours, _CORNERS, 0))
