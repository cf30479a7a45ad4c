"""Distances as colours of a model: where one half of a face, or one date, lies before or behind the other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import vtk
from numpy.typing import ArrayLike, NDArray

from ..messages import _
from ..scene.overlay import MAP, ScalarOverlay, recover_look, shown_on
from ..scene.world_surface import WorldSurface, world_surface_steps
from .computed import ComputedNodes, remove_node, settings_of, source_of

if TYPE_CHECKING:
    from sgcn_core.types.surface import Surface

ROLE = "map"
SHOWN_ON = "surface"
"""Source of a map: the model that it colours."""
ARRAY_PREFIX = "FacialLandmarks3D "
# Blue and orange are told apart by people who do not see red or green; dark and light by those who print in grey.
_STOPS = ((0.08, 0.19, 0.50), (0.55, 0.68, 0.88), (0.96, 0.96, 0.96), (0.99, 0.72, 0.42), (0.86, 0.40, 0.02))
# Where there is no distance, as beyond the end of a scan.
_NOTHING = (0.45, 0.45, 0.45)
_STEPS = 255
# Half ranges of the colours, millimetres; most of the values are to lie within.
_LIMITS = (1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0)
_SHARE_WITHIN = 99.5
# Share of the time that goes into preparing both surfaces, and how many distances are one step.
_PREPARED, _POINTS_AT_ONCE = 0.1, 500
_WAIT_SECONDS = 0.02
# A place whose weight of a corner is less lies on the opposite edge.
_ON_EDGE = 1e-6


class MapOverlay:
    """Shows one map at a time for the landmarks of one node.

    Parameters
    ----------
    nodes : ComputedNodes
    """

    def __init__(self, nodes: ComputedNodes) -> None:
        self._nodes, self._overlay = nodes, ScalarOverlay(MAP)

    @property
    def model(self) -> Any | None:
        """The model that shows a map, None where none does; also one of a scene that was opened."""
        colors = self._nodes.find(ROLE)
        model = None if colors is None else source_of(colors, SHOWN_ON)
        return model if model is not None and shown_on(model) == MAP else None

    @property
    def title(self) -> str:
        """What is shown, empty where nothing is."""
        return "" if self.model is None else str(settings_of(self._nodes.find(ROLE))["title"])

    def show(
        self,
        model: Any,
        values: ArrayLike,
        title: str,
        sources: dict[str, Any] | None = None,
        as_of: dict[str, str] | None = None,
    ) -> float:
        """Colour a model by signed distances; the map that was shown before goes.

        Parameters
        ----------
        model : vtkMRMLModelNode
        values : array_like (P,), millimetres, NaN where there is no distance
        title : of the map
        sources : mapping, optional
            Name to node, of what it is computed from beside landmarks and model.
        as_of : dict, optional
            The states of all sources when the work began, see :meth:`ComputedNodes.states`.

        Returns
        -------
        float
            Millimetres at the last colour; the first one is at minus as many.

        Raises
        ------
        ReviewError
            The model has another number of points.
        """
        distances = np.asarray(values, dtype=np.float64)
        limit = limit_of(distances)
        self.hide()
        settings = {"title": title, "limit_mm": limit, "array": ARRAY_PREFIX + title}
        given = {**(sources or {}), SHOWN_ON: model}
        colors = self._nodes.take("vtkMRMLColorTableNode", ROLE, title, given, settings, hidden=True, as_of=as_of)
        fill_colors(colors)
        try:
            self._overlay.show(
                model,
                ARRAY_PREFIX + title,
                distances,
                colors=colors,
                low=-limit,
                high=limit,
                changed=_("The model has changed; compute the map again."),
                legend="mm",  # a longer title would be drawn over the face
            )
        except ValueError:
            remove_node(colors)
            raise
        return limit

    def hide(self) -> None:
        """Give the model back its own look; nothing happens where no map is shown."""
        model = self.model
        self._overlay.hide()
        if model is not None:
            recover_look(model, MAP)
        self._nodes.remove(ROLE)


def limit_of(distances: NDArray[np.float64]) -> float:
    """Half the range of the colours, millimetres: a round number that most distances lie within."""
    known = np.abs(distances[np.isfinite(distances)])
    most = float(np.percentile(known, _SHARE_WITHIN)) if len(known) else 0.0
    return next((limit for limit in _LIMITS if limit >= most), _LIMITS[-1])


def fill_colors(node: Any) -> None:
    """The diverging colours of the maps: blue behind, nearly white where both agree, orange in front."""
    before = node.StartModify()
    node.SetTypeToUser()
    node.SetNumberOfColors(_STEPS)
    at = np.linspace(0, len(_STOPS) - 1, _STEPS)
    channels = [np.interp(at, np.arange(len(_STOPS)), [stop[channel] for stop in _STOPS]) for channel in range(3)]
    for entry, (red, green, blue) in enumerate(np.column_stack(channels)):
        node.SetColor(entry, float(red), float(green), float(blue), 1.0)
    node.GetLookupTable().SetNanColor(*_NOTHING, 1.0)
    node.EndModify(before)


def distance_steps(surface: Surface, other: Surface) -> Generator[float, None, NDArray[np.float64]]:
    """Signed distances of the vertices of a surface to another one, in small steps; yields the share done.

    As ``sgcn_core.analysis.distance_maps.distance_map`` gives them at once: millimetres, positive where the surface
    lies outside the other one, NaN where the other one has no counterpart. VTK's search is many times faster than one
    in NumPy.

    Parameters
    ----------
    surface, other : Surface, both in millimetres and LPS
    """
    from sgcn_core.geometry.triangles import vertex_normals

    normals = yield from in_thread(lambda: vertex_normals(surface.vertices, surface.faces))
    target = yield from _target_steps(other)
    count, distances = len(surface.vertices), np.empty(len(surface.vertices))
    for start in range(0, count, _POINTS_AT_ONCE):
        yield _PREPARED + (1.0 - _PREPARED) * start / count
        part = slice(start, start + _POINTS_AT_ONCE)
        distances[part] = target.signed_distance(surface.vertices[part], normals[part])
    return distances


@dataclass(frozen=True, eq=False)
class _Target:
    """A surface to which distances are measured; as ``sgcn_core.analysis.skin_target.SkinTarget``."""

    surface: Surface
    locator: vtk.vtkStaticCellLocator
    normals: NDArray[np.float64]
    border: NDArray[np.bool_]

    def signed_distance(self, points: NDArray[np.float64], normals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distance (n,) of points (n, 3), positive outside; NaN at an open border, and where normals (n, 3) oppose."""
        from sgcn_core.geometry.closest_point import closest_on_triangles

        places, triangles = self._closest(points)
        corners = self.surface.faces[triangles]
        weights = closest_on_triangles(places, self.surface.vertices[corners])[0]
        directions = (self.normals[corners] * weights[..., None]).sum(axis=1)
        away = points - places
        distance = np.copysign(np.linalg.norm(away, axis=1), (away * directions).sum(axis=1))
        counterpart = ((weights > _ON_EDGE) & ~self.border[corners]).any(axis=1)
        counterpart &= (directions * normals).sum(axis=1) > 0
        return np.where(counterpart, distance, np.nan)

    def _closest(self, points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Closest places (n, 3) and their triangles (n,)."""
        places, triangles = np.empty_like(points), np.empty(len(points), dtype=np.int64)
        place, cell = [0.0, 0.0, 0.0], vtk.vtkGenericCell()
        number, part, squared = vtk.reference(0), vtk.reference(0), vtk.reference(0.0)
        for row, point in enumerate(points):
            self.locator.FindClosestPoint(point, place, cell, number, part, squared)
            places[row], triangles[row] = place, int(number)
        return places, triangles


def _target_steps(surface: Surface) -> Generator[float, None, _Target]:
    from sgcn_core.analysis.skin_target import border_vertices
    from sgcn_core.geometry.triangles import vertex_normals
    from sgcn_core.geometry.vtk_bridge import to_polydata

    normals = yield from in_thread(lambda: vertex_normals(surface.vertices, surface.faces))
    border = yield from in_thread(lambda: border_vertices(surface))
    locator = vtk.vtkStaticCellLocator()
    locator.SetDataSet(to_polydata(surface.vertices, surface.faces))
    yield 0.0
    locator.BuildLocator()
    return _Target(surface, locator, normals, border)


def in_thread(work: Callable[[], Any]) -> Generator[float, None, Any]:
    """Do a work that touches no node in a thread, so that the window lives meanwhile; gives its result.

    Slicer's window keeps Python to itself while it waits for events: the thread runs while this one sleeps.
    """
    ended: list[Any] = []

    def run() -> None:
        try:
            ended.append((work(), None))
        except Exception as error:  # raised again where it is waited for
            ended.append((None, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(_WAIT_SECONDS)
        yield 0.0
    result, error = ended[0]
    if error is not None:
        raise error
    return result


def read_steps(model: Any) -> Generator[float, None, WorldSurface]:
    """The surface of a model in the world, in small steps."""
    steps = world_surface_steps(model)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
        yield 0.0


def finished(steps: Generator[float, None, Any]) -> Any:
    """What a work gives that is done in small steps, at once: for scripts."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
