"""The model that landmarks were placed on: which it is, whether it is still the same, its closest point."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import vtk
from numpy.typing import ArrayLike, NDArray
from vtk.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray, vtk_to_numpy

from ..messages import _
from .nodes import ReviewError
from .provenance import PREFIX
from .world_surface import WorldSurface, world_surface_steps

# A reference follows the model when its scene is merged into another one, where node IDs change.
_SURFACE = PREFIX + "surface"
# A ray begins so far from the surface, as a share of its size, that the surface around the point is not in its way.
_CLEARANCE = 0.005
_FINGERPRINT = PREFIX + "surface_sha256"


def remember_surface(node: Any, model_node: Any) -> None:
    """Keep which model the landmarks lie on, and its shape."""
    if not model_node.IsA("vtkMRMLModelNode"):
        return
    node.SetNodeReferenceID(_SURFACE, model_node.GetID())
    node.SetAttribute(_FINGERPRINT, fingerprint(model_node))


def surface_of(node: Any) -> Any | None:
    """The model node that the landmarks lie on, None where it is gone or none is known."""
    if node is None:
        return None
    model = node.GetNodeReference(_SURFACE)
    if model is None and node.GetScene() is not None and node.GetNumberOfControlPoints():
        model = node.GetScene().GetNodeByID(node.GetNthControlPointAssociatedNodeID(0))
    return model if model is not None and model.IsA("vtkMRMLModelNode") else None


def needed_surface(node: Any) -> Any:
    """:func:`surface_of`, or ReviewError."""
    model = surface_of(node)
    if model is None or model.GetPolyData() is None or model.GetPolyData().GetNumberOfPoints() == 0:
        raise ReviewError(_("The model of these landmarks is no longer in the scene; load it again."))
    return model


def has_changed(node: Any, model_node: Any) -> bool:
    """Whether the model's points are others than at the detection; its transforms may change."""
    before = node.GetAttribute(_FINGERPRINT)
    return before is not None and before != fingerprint(model_node)


def fingerprint(model_node: Any) -> str:
    """SHA-256 of the model's points in their order, in its own coordinates."""
    polydata = model_node.GetPolyData()
    if polydata is None or polydata.GetPoints() is None:
        return ""
    points = vtk_to_numpy(polydata.GetPoints().GetData())
    return hashlib.sha256(np.ascontiguousarray(points, dtype=np.float32).tobytes()).hexdigest()


class ClosestPoints:
    """Closest points, normals and sight on a model's surface in the world.

    Searching again is fast while neither model nor pose change.
    """

    def __init__(self) -> None:
        self._key: tuple[Any, ...] = ()
        self._locator = vtk.vtkStaticCellLocator()

    def closest(self, model_node: Any, position: tuple[float, float, float]) -> tuple[float, float, float]:
        """The point of the surface that is closest to a position, both in the world, RAS mm.

        Raises
        ------
        UnusableModelError
            The model has no surface.
        """
        found, _cell = self._find(model_node, position)
        return found[0], found[1], found[2]

    def normal(self, model_node: Any, position: ArrayLike) -> NDArray[np.float64]:
        """Outward unit normal (3,) of the surface at the point closest to a position, in the world."""
        _found, cell = self._find(model_node, position)
        corners = vtk_to_numpy(cell.GetPoints().GetData())
        normal = np.cross(corners[1] - corners[0], corners[2] - corners[0]).astype(np.float64)
        length = float(np.linalg.norm(normal))
        return normal / length if length > 0 else np.array([0.0, 1.0, 0.0])

    def sees(self, model_node: Any, position: ArrayLike, direction: ArrayLike) -> bool:
        """Whether a point of the surface is seen from far away in a direction, both in the world."""
        self._update(model_node)
        bounds = np.array(self._locator.GetDataSet().GetBounds()).reshape(3, 2)
        size = float(np.linalg.norm(np.ptp(bounds, axis=1)))
        start = np.asarray(position) + _CLEARANCE * size * np.asarray(direction)
        end = start + size * np.asarray(direction)
        hit, where, within = vtk.reference(0.0), [0.0] * 3, [0.0] * 3
        return not self._locator.IntersectWithLine(start, end, 0.0, hit, where, within, vtk.reference(0))

    def prepare(self, model_node: Any) -> Iterator[None]:
        """What the first search needs, in small steps, so that nobody has to wait for a large model."""
        key = _key_of(model_node)
        if key != self._key:
            surface = yield from world_surface_steps(model_node)
            yield
            if key == _key_of(model_node):
                self._locator, self._key = _locator(surface), key

    def _update(self, model_node: Any) -> None:
        for _step in self.prepare(model_node):
            pass

    def _find(self, model_node: Any, position: ArrayLike) -> tuple[list[float], vtk.vtkGenericCell]:
        self._update(model_node)
        found, cell = [0.0, 0.0, 0.0], vtk.vtkGenericCell()
        number, part, distance = vtk.reference(0), vtk.reference(0), vtk.reference(0.0)
        self._locator.FindClosestPoint(np.asarray(position, dtype=np.float64), found, cell, number, part, distance)
        return found, cell


def _key_of(model_node: Any) -> tuple[Any, ...]:
    parent = model_node.GetParentTransformNode()
    transforms = None if parent is None else (parent.GetID(), parent.GetTransformToWorldMTime())
    return model_node.GetID(), model_node.GetPolyData().GetPoints().GetMTime(), model_node.GetPolyData(), transforms


def _locator(surface: WorldSurface) -> vtk.vtkStaticCellLocator:
    points, cells, polydata = vtk.vtkPoints(), vtk.vtkCellArray(), vtk.vtkPolyData()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(surface.points), deep=True))
    connectivity = numpy_to_vtkIdTypeArray(np.ascontiguousarray(surface.triangles).ravel(), deep=True)
    cells.SetData(3, connectivity)
    polydata.SetPoints(points)
    polydata.SetPolys(cells)
    locator = vtk.vtkStaticCellLocator()
    locator.SetDataSet(polydata)
    locator.BuildLocator()
    return locator
