"""Landmarks of a surface from pictures of it: rays back from several views, and what they agree on.

The idea of R. R. Paulsen et al., "Multi-view Consensus CNN for 3D Facial Landmark Placement", ACCV 2018 (MVLM): a
detector of landmarks in pictures looks at renderings of the scan from many sides; each landmark is where the lines of
sight meet, as far as they agree, brought onto the surface. Here the pictures are shaded views without texture and the
detector is given, as a function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from sgcn_core.geometry.closest_point import closest_on_surface
from sgcn_core.geometry.surface_index import SurfaceIndex
from sgcn_core.geometry.triangles import vertex_normals
from sgcn_core.viz.picture import drawn_views, reduced
from sgcn_core.viz.views import SKIN, ColouredMesh, Direction, View

FloatArray = NDArray[np.float64]
FindPixels = Callable[[NDArray[np.uint8]], FloatArray | None]

TURNS = ((0, 0), (-20, 0), (20, 0), (-40, 0), (40, 0), (0, 15), (0, -15))
"""Degrees about the vertical axis and the horizontal one; (0, 0) looks at the face from the front."""
_PIXELS, _FIELD = 640, 320.0  # of a side; millimetres that it shows
_CENTRE = (0.0, -5.0, 60.0)  # of the head frame, in the middle of every picture
_AGREE = 4.0  # mm between a line of sight and a point that it speaks for
_FEWEST = 3  # views of a face, lines of a landmark


def turned(about_vertical: float, about_horizontal: float) -> Direction:
    """Direction of view, turned from the front towards the subject's left and upwards, degrees."""
    yaw, pitch = np.radians([about_vertical, about_horizontal])
    towards = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
    right = np.array([np.cos(yaw), 0.0, -np.sin(yaw)])
    axes = (right, np.cross(towards, right), towards)
    first, second, third = (tuple(float(value) for value in axis) for axis in axes)
    return Direction(f"{about_vertical} {about_horizontal}", (first, second, third))  # type: ignore[arg-type]


def views() -> tuple[View, ...]:
    """The pictures that are drawn of a head in the head frame."""
    return tuple(View(turned(*turn), np.array(_CENTRE), _PIXELS / _FIELD, _PIXELS, _PIXELS) for turn in TURNS)


def lines_of_sight(view: View, pixels: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Origins and unit directions (n, 3), head frame, of the columns and rows (n, 2) of a picture."""
    right = (pixels[:, 0] - view.width / 2) / view.scale
    up = (view.height / 2 - pixels[:, 1]) / view.scale
    rotation = view.direction.rotation
    origins = view.centre + np.column_stack([right, up, np.full(len(pixels), 1000.0)]) @ rotation
    return origins, np.tile(-rotation[2], (len(pixels), 1))


def pictures(vertices: FloatArray, faces: NDArray[np.int64], of: Sequence[View]) -> list[NDArray[np.uint8]]:
    """Shaded pictures of a surface in the head frame."""
    colours = np.tile(np.asarray(SKIN), (len(vertices), 1))
    mesh = ColouredMesh(vertices, faces, vertex_normals(vertices, faces), colours)
    return [reduced(drawn.image) for drawn in drawn_views(mesh, of)]


def sightings(vertices: FloatArray, faces: NDArray[np.int64], find: FindPixels) -> tuple[FloatArray, FloatArray] | None:
    """Look at a surface in the head frame from all sides; None where too few views show a face.

    Returns
    -------
    origins, directions : (views, L, 3)
        Lines of sight in the head frame, unit vectors into the picture; NaN in views without a face.
    """
    chosen = views()
    seen = [find(picture) for picture in pictures(vertices, faces, chosen)]
    found = [pixels for pixels in seen if pixels is not None]
    if len(found) < _FEWEST:
        return None
    nowhere = np.full_like(found[0], np.nan)
    rays = [
        lines_of_sight(view, nowhere if pixels is None else pixels) for view, pixels in zip(chosen, seen, strict=True)
    ]
    return np.array([ray[0] for ray in rays]), np.array([ray[1] for ray in rays])


def meeting_point(origins: FloatArray, directions: FloatArray) -> FloatArray:
    """The point (3,) with the least sum of squared distances from lines (n, 3), unit directions."""
    across = np.eye(3) - directions[:, :, None] * directions[:, None, :]
    point: FloatArray = np.linalg.solve(across.sum(0), (across @ origins[:, :, None]).sum(0)[:, 0])
    return point


def distances(point: FloatArray, origins: FloatArray, directions: FloatArray) -> FloatArray:
    """Distance (n,) of a point from lines."""
    apart: FloatArray = np.linalg.norm(np.cross(point - origins, directions), axis=1)
    return apart


def consensus(origins: FloatArray, directions: FloatArray) -> FloatArray:
    """Where lines agree, (3,): the meeting point of the largest set around one of two; NaN if fewer than three agree.

    All pairs are tried (RANSAC with every sample). Of sets of one size that whose lines pass closest wins.
    """
    known = np.isfinite(origins).all(1)
    origins, directions = origins[known], directions[known]
    best: tuple[int, float, NDArray[np.bool_]] | None = None
    for first in range(len(origins)):
        for second in range(first):
            pair = [first, second]
            if abs(directions[first] @ directions[second]) > 0.99:
                continue
            near = distances(meeting_point(origins[pair], directions[pair]), origins, directions)
            agree = near < _AGREE
            score = (int(agree.sum()), -float(near[agree].sum()), agree)
            if best is None or score[:2] > best[:2]:
                best = score
    if best is None or best[0] < _FEWEST:
        return np.full(3, np.nan)
    return meeting_point(origins[best[2]], directions[best[2]])


def multi_view_landmarks(vertices: FloatArray, faces: NDArray[np.int64], find: FindPixels) -> FloatArray | None:
    """Points (L, 3) on a surface in the head frame, NaN where the views do not agree; None if they show no face.

    Parameters
    ----------
    find : picture -> column and row (L, 2) of the landmarks of its face, None if it shows none
    """
    seen = sightings(vertices, faces, find)
    if seen is None:
        return None
    origins, directions = seen
    rays = zip(origins.swapaxes(0, 1), directions.swapaxes(0, 1), strict=True)
    agreed = np.array([consensus(*pair) for pair in rays])
    known = np.isfinite(agreed).all(1)
    agreed[known] = closest_on_surface(agreed[known], SurfaceIndex(vertices, faces))
    return agreed
