"""Scene of a picture: the surface in the head frame and the landmarks that have a position."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sgcn_core.errors import RenderError
from sgcn_core.geometry.triangles import vertex_normals
from sgcn_core.types.landmarks import LandmarkResult, LandmarkSet
from sgcn_core.types.surface import Surface
from sgcn_core.viz.views import GROUP_COLOURS, SKIN, UNCERTAIN, Array, ColouredMesh

Colour = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Scene:
    """Surface and landmarks in the head frame.

    Attributes
    ----------
    mesh : ColouredMesh
        The surface.
    focus : (2, 3) array
        Lowest and highest corner of the face.
    labels : tuple of str
        Landmarks that are drawn.
    points : (N, 3) array
    colours : (N, 3) array
    legend : tuple of (str, Colour)
        What each colour means, in the order of first use.
    """

    mesh: ColouredMesh
    focus: Array
    labels: tuple[str, ...]
    points: Array
    colours: Array
    legend: tuple[tuple[str, Colour], ...]


def build_scene(surface: Surface, result: LandmarkResult) -> Scene:
    """Bring surface and landmarks into the head frame and colour them.

    ``result.info["pose"]`` is the 4 x 4 matrix from the input to the head frame; without it the input is taken to
    stand in the head frame already.

    Raises
    ------
    RenderError
        The pose is not a 4 x 4 matrix of finite numbers.
    """
    pose = _pose(result)
    vertices = _moved(surface.vertices, pose)
    present = [bool(np.isfinite(position).all()) for position in result.positions]
    drawn = [i for i, status in enumerate(result.status) if status != "missing" and present[i]]
    points = _moved(result.positions[drawn], pose)
    labels = tuple(result.labels[i] for i in drawn)
    colours, legend = _colours(labels, tuple(result.status[i] for i in drawn))
    focus = _focus(vertices, points)
    faces = np.asarray(surface.faces, dtype=np.int64)
    skin = ColouredMesh(vertices, faces, vertex_normals(vertices, faces), np.tile(np.asarray(SKIN), (len(vertices), 1)))
    return Scene(skin, focus, labels, points, colours, legend)


def _pose(result: LandmarkResult) -> Array:
    pose = np.asarray(result.info.get("pose", np.eye(4)), dtype=np.float64)
    if pose.shape != (4, 4) or not np.isfinite(pose).all():
        raise RenderError(f"info['pose'] must be a finite 4 x 4 matrix, received shape {pose.shape}")
    return pose


def _moved(points: Array, pose: Array) -> Array:
    return np.asarray(points @ pose[:3, :3].T + pose[:3, 3])


def _focus(vertices: Array, points: Array) -> Array:
    """The box of the landmarks with some room, cut to the surface; the whole surface without landmarks."""
    whole = np.stack([vertices.min(axis=0), vertices.max(axis=0)])
    if len(points) < 3:
        return whole
    low, high = points.min(axis=0), points.max(axis=0)
    room = 0.18 * max(high[0] - low[0], high[1] - low[1])
    return np.stack([np.maximum(low - room, whole[0]), np.minimum(high + room, whole[1])])


def _colours(labels: tuple[str, ...], status: tuple[str, ...]) -> tuple[Array, tuple[tuple[str, Colour], ...]]:
    """A colour per landmark, (N, 3), and the legend."""
    groups = _groups()
    legend: dict[str, Colour] = {}
    colours = []
    for label, state in zip(labels, status, strict=True):
        group = groups.get(label, "landmarks")
        colour = legend.setdefault(group, GROUP_COLOURS[len(legend) % len(GROUP_COLOURS)])
        colours.append(UNCERTAIN if state == "uncertain" else colour)
    if "uncertain" in status:
        legend["uncertain"] = UNCERTAIN
    return np.array(colours, dtype=np.float64).reshape(-1, 3), tuple(legend.items())


def _groups() -> dict[str, str]:
    known = LandmarkSet.load("all")
    return dict(zip(known.labels, known.groups, strict=True))
