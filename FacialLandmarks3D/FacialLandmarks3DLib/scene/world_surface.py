"""The surface of a model node as the worker takes it: points and triangles in Slicer's world."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from ..messages import _

# Half a step of the derivative that tells a mirror, as a share of the surface's size.
_STEP = 0.01
_POINTS_AT_ONCE = 100_000


class UnusableModelError(ValueError):
    """The node holds no surface that landmarks can be placed on; the message says what to do."""


@dataclass(frozen=True, eq=False)
class WorldSurface:
    """A triangle mesh in Slicer's world.

    Attributes
    ----------
    points : (P, 3) float64, RAS, millimetres, in the order of the node's points
    triangles : (F, 3) int64, oriented outwards where the node's polygons are
    mirrored : bool, whether the node's transforms turn left into right
    warnings : texts for the user
    """

    points: NDArray[np.float64]
    triangles: NDArray[np.int64]
    mirrored: bool = False
    warnings: tuple[str, ...] = ()


def read_world_surface(model_node: Any) -> WorldSurface:
    """Points and triangles of a model node with all its parent transforms applied, linear and warping ones.

    They are read from the node, never from its file, which may be older or in another frame. The node is not changed.

    Parameters
    ----------
    model_node : vtkMRMLModelNode

    Raises
    ------
    UnusableModelError
        No mesh, no polygons, or positions that are not finite.
    """
    steps = world_surface_steps(model_node)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def world_surface_steps(model_node: Any) -> Generator[None, None, WorldSurface]:
    """The same in small steps, so that nobody has to wait for a large surface."""
    check_model(model_node)
    name, polydata = model_node.GetName(), model_node.GetPolyData()
    triangles = _triangles(polydata)
    if len(triangles) == 0:
        raise _without_polygons(name)
    yield
    transform = transform_to_world(model_node)
    stored = vtk_to_numpy(polydata.GetPoints().GetData())
    points = np.empty(stored.shape, dtype=np.float64)
    for start in range(0, len(points), _POINTS_AT_ONCE):
        part = slice(start, start + _POINTS_AT_ONCE)
        points[part] = stored[part] if transform is None else _transformed(transform, stored[part].astype(np.float64))
        if not np.isfinite(points[part]).all():
            raise UnusableModelError(_("The model {name!r} has points that are not finite.").format(name=name))
        yield
    if transform is None or not _mirrors(transform, _corners(polydata)):
        return WorldSurface(points, triangles)
    return WorldSurface(points, triangles[:, ::-1].copy(), True, (_mirror_warning(model_node),))


def check_model(model_node: Any) -> None:
    """Raise UnusableModelError where a model node obviously holds no surface; takes no time."""
    name, polydata = model_node.GetName(), model_node.GetPolyData()
    if polydata is None or polydata.GetNumberOfPoints() == 0:
        raise UnusableModelError(
            _("The model {name!r} has no surface; load it again, or select another one.").format(name=name)
        )
    if polydata.GetNumberOfPolys() + polydata.GetNumberOfStrips() == 0:
        raise _without_polygons(name)


def transform_to_world(node: Any) -> vtk.vtkGeneralTransform | None:
    """The chain of a node's parent transforms as one, None where it has none."""
    parent = node.GetParentTransformNode()
    if parent is None:
        return None
    transform = vtk.vtkGeneralTransform()
    parent.GetTransformToWorld(transform)
    return transform


def _triangles(polydata: vtk.vtkPolyData) -> NDArray[np.int64]:
    """Polygons and strips cut into triangles (F, 3), indices of the polydata's own points."""
    polygons = polydata.GetPolys()
    if polydata.GetNumberOfStrips() == 0 and polygons.IsHomogeneous() == 3:
        return vtk_to_numpy(polygons.GetConnectivityArray()).astype(np.int64).reshape(-1, 3)
    cutter = vtk.vtkTriangleFilter()
    cutter.SetInputData(polydata)
    cutter.PassVertsOff()
    cutter.PassLinesOff()
    cutter.Update()
    connectivity = vtk_to_numpy(cutter.GetOutput().GetPolys().GetConnectivityArray())
    return connectivity.astype(np.int64).reshape(-1, 3)


def _transformed(transform: vtk.vtkGeneralTransform, points: NDArray[np.float64]) -> NDArray[np.float64]:
    given, moved = vtk.vtkPoints(), vtk.vtkPoints()
    given.SetData(numpy_to_vtk(np.ascontiguousarray(points)))
    moved.SetDataTypeToDouble()
    transform.TransformPoints(given, moved)
    return vtk_to_numpy(moved.GetData()).copy()


def _corners(polydata: vtk.vtkPolyData) -> NDArray[np.float64]:
    """Lowest and highest coordinates (2, 3)."""
    return np.array(polydata.GetPoints().GetBounds()).reshape(3, 2).T


def _mirrors(transform: vtk.vtkGeneralTransform, points: NDArray[np.float64]) -> bool:
    """Whether the transform has a negative determinant in the middle of two corners (2, 3).

    A derivative instead of a matrix: a mirror may also stand in a chain with a warp, which has no matrix.
    """
    low, high = points
    step = _STEP * float(np.linalg.norm(high - low))
    sides = (low + high) / 2 + step * np.concatenate([np.eye(3), -np.eye(3)])
    moved = _transformed(transform, sides)
    return bool(np.linalg.det(moved[:3] - moved[3:]) < 0)


def _without_polygons(name: str) -> UnusableModelError:
    text = _("The model {name!r} has points but no polygons; a surface mesh is needed.")
    return UnusableModelError(text.format(name=name))


def _mirror_warning(model_node: Any) -> str:
    return _(
        "The transform {transform!r} mirrors the model {name!r}: right and left are exchanged. Remove the "
        "mirroring unless it is intended."
    ).format(transform=model_node.GetParentTransformNode().GetName(), name=model_node.GetName())
