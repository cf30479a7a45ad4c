"""Arrays to VTK and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from vtkmodules.vtkCommonDataModel import vtkPolyData


def to_polydata(vertices: np.ndarray, faces: np.ndarray) -> vtkPolyData:
    """A vtkPolyData with copies of vertices (V, 3) and triangles (F, 3)."""
    from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData

    points = vtkPoints()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(vertices, dtype=np.float64), deep=True))
    cells = vtkCellArray()
    offsets = np.arange(0, 3 * len(faces) + 1, 3, dtype=np.int64)
    connectivity = np.ascontiguousarray(faces, dtype=np.int64).ravel()
    cells.SetData(numpy_to_vtkIdTypeArray(offsets, deep=True), numpy_to_vtkIdTypeArray(connectivity, deep=True))
    polydata = vtkPolyData()
    polydata.SetPoints(points)
    polydata.SetPolys(cells)
    return polydata


def from_polydata(polydata: vtkPolyData) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) float64 and triangles (F, 3) int64; polygons of another size must be triangulated before."""
    from vtkmodules.util.numpy_support import vtk_to_numpy

    vertices = vtk_to_numpy(polydata.GetPoints().GetData()).astype(np.float64)
    cells = polydata.GetPolys()
    faces = vtk_to_numpy(cells.GetConnectivityArray()).astype(np.int64)
    if len(faces) != 3 * cells.GetNumberOfCells():
        raise ValueError("the polygons are not all triangles; run vtkTriangleFilter first")
    return vertices, faces.reshape(-1, 3)
