"""Lines on a surface: where a plane cuts it, and where a value of its vertices has a given height."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sgcn_core.geometry.vtk_bridge import to_polydata
from sgcn_core.types.surface import Surface

if TYPE_CHECKING:
    from vtkmodules.vtkCommonDataModel import vtkPolyData

FloatArray = NDArray[np.float64]


def plane_contour(surface: Surface, point: ArrayLike, normal: ArrayLike) -> tuple[FloatArray, ...]:
    """Lines (K, 3) along which a plane cuts a surface, in its frame and unit; the longest first, none if it misses."""
    distance = (surface.vertices - np.asarray(point)) @ np.asarray(normal)
    return isolines(surface.vertices, surface.faces, distance, (0.0,))[0]


def isolines(
    vertices: FloatArray, faces: NDArray[np.int64], values: ArrayLike, levels: Sequence[float]
) -> tuple[tuple[FloatArray, ...], ...]:
    """Lines (K, 3) on which values (P,) of the vertices reach each level; the longest first.

    Triangles with a corner whose value is not finite are left out.
    """
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkFiltersCore import vtkContourFilter

    numbers = np.ascontiguousarray(values, dtype=np.float64)
    usable = faces[np.isfinite(numbers)[faces].all(axis=1)]
    if not len(usable):
        return tuple(() for _ in levels)
    data = to_polydata(vertices, usable)
    data.GetPointData().SetScalars(numpy_to_vtk(np.nan_to_num(numbers), deep=True))
    found = []
    for level in levels:
        contour = vtkContourFilter()
        contour.SetInputData(data)
        contour.SetValue(0, level)
        contour.Update()
        found.append(_joined(contour.GetOutput()))
    return tuple(found)


def _joined(segments: vtkPolyData) -> tuple[FloatArray, ...]:
    """Segments put together to lines."""
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkFiltersCore import vtkStripper

    if segments.GetNumberOfLines() == 0:
        return ()
    stripper: Any = vtkStripper()
    stripper.SetInputData(segments)
    stripper.SetMaximumLength(100_000)
    stripper.JoinContiguousSegmentsOn()
    stripper.Update()
    joined = stripper.GetOutput()
    points = vtk_to_numpy(joined.GetPoints().GetData()).astype(np.float64)
    cells = joined.GetLines()
    ends, order = vtk_to_numpy(cells.GetOffsetsArray()), vtk_to_numpy(cells.GetConnectivityArray())
    lines = [points[order[start:stop]] for start, stop in pairwise(ends)]
    return tuple(sorted(lines, key=lambda line: -float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())))
