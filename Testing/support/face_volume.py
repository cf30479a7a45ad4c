"""The demo face as a small CT-like volume: VTK and NumPy alone."""

from __future__ import annotations

import numpy as np
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy

from sgcn_core.geometry.vtk_bridge import to_polydata
from sgcn_core.types.surface import Surface

AIR, FLESH = -1000, 40
_MARGIN_MM = 8.0


def face_volume(surface: Surface, spacing: float = 1.5) -> tuple[NDArray[np.int16], NDArray[np.float64]]:
    """Grey values (Z, Y, X) of what a surface encloses, and the origin in the surface's own frame.

    The edge of the surface, such as at the neck, is closed with a flat lid first. Voxels of the boundary have the
    grey value of the share that is inside.
    """
    low, high = surface.bounds
    fine = spacing / 2
    size = 2 * np.ceil((high - low + 2 * _MARGIN_MM) / spacing).astype(int)
    origin = low - _MARGIN_MM + fine / 2
    inside = _inside(_closed(surface), size, origin, fine)
    blocks = inside.reshape(size[2] // 2, 2, size[1] // 2, 2, size[0] // 2, 2).mean(axis=(1, 3, 5))
    return np.round(AIR + (FLESH - AIR) * blocks).astype(np.int16), origin + fine / 2


def _closed(surface: Surface) -> vtk.vtkPolyData:
    fill = vtk.vtkFillHolesFilter()
    fill.SetInputData(to_polydata(surface.vertices, surface.faces))
    fill.SetHoleSize(1e6)
    normals = vtk.vtkPolyDataNormals()
    normals.SetInputConnection(fill.GetOutputPort())
    normals.ConsistencyOn()
    normals.SplittingOff()
    normals.Update()
    return normals.GetOutput()


def _inside(closed: vtk.vtkPolyData, size: np.ndarray, origin: np.ndarray, spacing: float) -> NDArray[np.float32]:
    stencil = vtk.vtkPolyDataToImageStencil()
    stencil.SetInputData(closed)
    stencil.SetOutputOrigin(origin)
    stencil.SetOutputSpacing([spacing] * 3)
    stencil.SetOutputWholeExtent([0, int(size[0]) - 1, 0, int(size[1]) - 1, 0, int(size[2]) - 1])
    image = vtk.vtkImageStencilToImage()
    image.SetInputConnection(stencil.GetOutputPort())
    image.SetInsideValue(1)
    image.SetOutsideValue(0)
    image.Update()
    values = vtk_to_numpy(image.GetOutput().GetPointData().GetScalars())
    return values.reshape(size[::-1]).astype(np.float32)
