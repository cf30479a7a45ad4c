"""The model that landmarks were placed on: which it is, whether it is still the same, its closest point."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import vtk
from vtk.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray, vtk_to_numpy

from ..messages import _
from .nodes import ReviewError
from .provenance import PREFIX
from .world_surface import read_world_surface

# A reference follows the model when its scene is merged into another one, where node IDs change.
_SURFACE = PREFIX + "surface"
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
        raise ReviewError(_("The model that these landmarks lie on is not in the scene any more; load it again."))
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
    """Closest points on a model's surface in the world; searching again is fast while neither model nor pose change."""

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
        key = _key_of(model_node)
        if key != self._key:
            self._locator = _locator(model_node)
            self._key = key
        found, cell = [0.0, 0.0, 0.0], vtk.vtkGenericCell()
        number, part, distance = vtk.reference(0), vtk.reference(0), vtk.reference(0.0)
        self._locator.FindClosestPoint(position, found, cell, number, part, distance)
        return found[0], found[1], found[2]


def _key_of(model_node: Any) -> tuple[Any, ...]:
    parent = model_node.GetParentTransformNode()
    transforms = None if parent is None else (parent.GetID(), parent.GetTransformToWorldMTime())
    return model_node.GetID(), model_node.GetPolyData().GetPoints().GetMTime(), model_node.GetPolyData(), transforms


def _locator(model_node: Any) -> vtk.vtkStaticCellLocator:
    surface = read_world_surface(model_node)
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
