"""One picture of a face from three sides, with its landmarks and their names."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import RenderError
from sgcn_core.io.atomic import FileState
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.surface import Surface
from sgcn_core.viz import software, subprocess_engine
from sgcn_core.viz.canvas import Canvas, text_mask
from sgcn_core.viz.labels import leaders, tag_places
from sgcn_core.viz.scene import Scene, build_scene
from sgcn_core.viz.system_libraries import RenderWarning
from sgcn_core.viz.views import BACKGROUND, FAINT_INK, INK, PAPER, ColouredMesh, DrawnView, View, views_of

_SUPERSAMPLING = 2
_HEADER, _FOOTER = 34, 34
_NAME_COLUMN = 62  # pixels kept for names on either side of a panel
_NAME_SIZE, _NAME_GAP = 12, 14.0
_NUMBER_SIZE = 11
_DOT = 3.4  # radius, pixels
# Of the face's height: a landmark this far under the surface is behind it. A profile is more tolerant, because the
# midline runs along its outline, where the near half bulges towards the viewer.
_HIDDEN_BELOW, _HIDDEN_BELOW_IN_PROFILE = 0.02, 0.05
_BEYOND_MIDLINE = 0.08  # of the face's height: a profile shows no landmark further on the other side
_NUMBERED = "ibug"  # labels of this scheme are numbers, written beside their points


def render_landmarks(
    surface: Surface,
    result: LandmarkResult,
    path: str | Path,
    *,
    size: tuple[int, int] = (2160, 820),
    labels: bool = True,
    engine: str = "auto",
    title: str | None = None,
    unless_changed_since: FileState | None = None,
) -> Path:
    """Draw the surface from the right, the front and the left, with its landmarks, into a PNG file.

    Parameters
    ----------
    surface : Surface
        In the input's frame and unit.
    result : LandmarkResult
        Same frame and unit; ``info["pose"]`` (4 x 4, input to head frame) sets the directions of view. Found landmarks
        take the colour of their group, uncertain ones are orange, missing ones are not drawn.
    path : str or Path
        Never left half-written.
    size : (int, int)
        Width and height, pixels.
    labels : bool
        Write the landmarks' names.
    engine : {"auto", "vtk", "software"}
        "auto" draws with VTK or, without OpenGL, with NumPy, warning with `RenderWarning`.
    title : str, optional
        Lower left corner; the name of the surface's file by default, empty for none.
    unless_changed_since : FileState, optional
        As of ``sgcn_core.io.atomic.replacing``. By default a file that exists is replaced.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    RenderError
        Nothing could be drawn, or the file could not be written; names a missing system library and its package.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise RenderError(f"pictures are PNG files, received the name '{path.name}'")
    if min(size) < 240:
        raise RenderError(f"a picture needs at least 240 x 240 pixels, received {size[0]} x {size[1]}")
    scene = build_scene(surface, result)
    panel = (size[0] // 3, size[1] - _HEADER - _FOOTER)
    margins = (_NAME_COLUMN + 14 if labels else 10, 8)
    views = views_of(scene.focus, width=panel[0], height=panel[1], margins=margins)
    drawn = drawn_views(scene.mesh, views, engine=engine)
    canvas = Canvas(*size, BACKGROUND)
    for number, (view, picture) in enumerate(zip(views, drawn, strict=True)):
        canvas.paste(reduced(picture.image), number * panel[0], _HEADER)
        _mark(canvas, scene, view, picture, left=number * panel[0], names=labels)
        canvas.text(view.direction.title, (number + 0.5) * panel[0], _HEADER / 2, size=15, colour=INK, align="centre")
    _write_legend(canvas, scene, result, Path(surface.source or "surface").name if title is None else title)
    try:
        canvas.save(path, unless_changed_since=unless_changed_since)
    except FileExistsError as error:
        raise RenderError(str(error)) from error
    except OSError as error:
        raise RenderError(f"cannot write '{path}': {error.strerror or error}") from error
    return path


def drawn_views(mesh: ColouredMesh, views: Sequence[View], *, engine: str = "auto") -> tuple[DrawnView, ...]:
    """Draw a mesh given in the head frame, each view with `_SUPERSAMPLING` times its pixels.

    Parameters
    ----------
    mesh : ColouredMesh
    views : sequence of View
    engine : {"auto", "vtk", "software"}
        "auto" draws with VTK or, without OpenGL, with NumPy, warning with `RenderWarning`.

    Raises
    ------
    RenderError
        An unknown engine, or VTK was asked for and cannot draw.
    """
    enlarged = [view.enlarged(_SUPERSAMPLING) for view in views]
    if engine not in ("auto", "vtk", "software"):
        raise RenderError(f"engine must be 'auto', 'vtk' or 'software', received '{engine}'")
    if engine != "software":
        try:
            return subprocess_engine.draw(mesh, enlarged)[0]
        except (RenderError, OSError) as error:
            if engine == "vtk":
                raise RenderError(str(error)) from error
            warnings.warn(f"{error}. Drawn without OpenGL instead.", RenderWarning, stacklevel=3)
    return tuple(software.draw(mesh, view) for view in enlarged)


def reduced(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Mean of every block of supersampled pixels."""
    height, width = (length // _SUPERSAMPLING for length in image.shape[:2])
    blocks = image.reshape(height, _SUPERSAMPLING, width, _SUPERSAMPLING, 3)
    return np.asarray(blocks.mean(axis=(1, 3)) + 0.5, dtype=np.uint8)


def depth_at(view: View, picture: DrawnView, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far towards the viewer the drawn surface lies at points (P, 3); inf where the view does not show the point,
    -inf where there is no surface."""
    depth = picture.depth
    pixels = view.to_pixels(points) * (depth.shape[0] / view.height)
    column, row = np.nan_to_num(pixels, nan=-1.0).astype(int).T
    inside = (column >= 0) & (column < depth.shape[1]) & (row >= 0) & (row < depth.shape[0])
    found = np.full(len(points), np.inf)
    found[inside] = depth[row[inside], column[inside]]
    return found


def visible_points(scene: Scene, view: View, picture: DrawnView) -> list[int]:
    """Landmarks that lie inside the view and that nothing hides."""
    towards = view.to_view(scene.points)[:, 2]
    height = float(scene.focus[1, 1] - scene.focus[0, 1])
    profile = view.direction.near_half
    furthest = -_BEYOND_MIDLINE * height if profile else -np.inf
    hidden_below = height * (_HIDDEN_BELOW_IN_PROFILE if profile else _HIDDEN_BELOW)
    hidden = depth_at(view, picture, scene.points) > towards + hidden_below
    seen: list[int] = np.flatnonzero((towards >= furthest) & ~hidden).tolist()
    return seen


def _mark(canvas: Canvas, scene: Scene, view: View, picture: DrawnView, *, left: int, names: bool) -> None:
    """Draw the landmarks of one panel, and their names."""
    seen = visible_points(scene, view, picture)
    points = view.to_pixels(scene.points) + np.array([left, _HEADER])
    named = [i for i in seen if names and not scene.labels[i].startswith(_NUMBERED)]
    placed = leaders(
        points[named],
        left=left + _NAME_COLUMN,
        right=left + view.width - _NAME_COLUMN,
        low=_HEADER + 12.0,
        high=_HEADER + view.height - 12.0,
        gap=_NAME_GAP,
    )
    for leader in placed:
        canvas.line((leader.column, leader.row), tuple(points[named[leader.index]]), colour=FAINT_INK, width=0.7)
    for i in seen:
        canvas.dot(*points[i], radius=_DOT + 1.2, colour=PAPER)
        canvas.dot(*points[i], radius=_DOT, colour=tuple(scene.colours[i]))
    if names:
        _write_numbers(canvas, scene, [i for i in seen if scene.labels[i].startswith(_NUMBERED)], points)
    for leader in placed:
        name, outward = scene.labels[named[leader.index]], -3 if leader.align == "right" else 3
        column = leader.column + outward
        canvas.text(name, column, leader.row, size=_NAME_SIZE, colour=INK, align=leader.align, halo=PAPER)


def _write_numbers(canvas: Canvas, scene: Scene, indices: Sequence[int], points: NDArray[np.float64]) -> None:
    """Tags beside the points; in a crowd, a number that no free place is left for is not written."""
    numbers = [scene.labels[i].removeprefix(_NUMBERED) for i in indices]
    sizes = np.array([(text_mask(number, _NUMBER_SIZE).shape[1], _NUMBER_SIZE * 0.8) for number in numbers])
    places = tag_places(points[list(indices)], sizes.reshape(-1, 2), distance=_DOT)
    for number, place in zip(numbers, places, strict=True):
        if place is not None:
            canvas.text(number, *place, size=_NUMBER_SIZE, colour=INK, halo=PAPER)


def _write_legend(canvas: Canvas, scene: Scene, result: LandmarkResult, title: str) -> None:
    height, width = canvas.pixels.shape[:2]
    row = height - _FOOTER / 2
    counts = [f"{result.status.count(state)} {state}" for state in ("found", "uncertain", "missing")]
    canvas.text("    ".join(filter(None, [title, *counts])), 14, row, size=14, colour=INK)
    column = width - 14.0
    for name, colour in reversed(scene.legend):
        column -= canvas.text(name, column, row, size=14, colour=INK, align="right") + 10
        canvas.dot(column, row, radius=5, colour=colour)
        column -= 22
