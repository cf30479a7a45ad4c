"""Isosurfaces of voxel grids, in physical millimetres."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sgcn_core.geometry.vtk_bridge import from_polydata, to_polydata
from sgcn_core.skin.voxel_grid import VoxelGrid
from sgcn_core.types.volume import Volume

Vertices = NDArray[np.float64]
Faces = NDArray[np.int64]


def contour(
    values: NDArray[np.float32], level: float, *, origin: ArrayLike = (0.0, 0.0, 0.0), spacing: float = 1.0
) -> tuple[Vertices, Faces]:
    """Flying edges (Schroeder, Maynard, Geveci 2015): triangles where the values (K, J, I) pass `level`.

    Returns
    -------
    vertices : ndarray (V, 3)
        Along I, J, K, from the origin on; by default the indices of voxels.
    faces : ndarray (F, 3)
        Normals towards lower values.
    """
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D

    values = np.ascontiguousarray(values)
    image = vtkImageData()
    image.SetOrigin(*np.asarray(origin, dtype=np.float64))
    image.SetSpacing(spacing, spacing, spacing)
    image.SetDimensions(*values.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(values.ravel()))
    edges = vtkFlyingEdges3D()
    edges.SetInputData(image)
    edges.SetValue(0, level)
    edges.ComputeNormalsOff()
    edges.ComputeGradientsOff()
    edges.ComputeScalarsOff()
    edges.Update()
    if edges.GetOutput().GetNumberOfPolys() == 0:
        return np.empty((0, 3)), np.empty((0, 3), dtype=np.int64)
    return from_polydata(edges.GetOutput())


def isosurface(
    grid: VoxelGrid, level: float, volume: Volume, *, open_beside: NDArray[np.bool_] | None = None
) -> tuple[Vertices, Faces]:
    """Triangles where the values pass `level`, normals towards lower values; open at the sides of the grid.

    Parameters
    ----------
    grid : VoxelGrid
        Of float32.
    level : float
    volume : Volume
        Gives the physical frame.
    open_beside : bool array, optional
        Voxels outside the field of view: triangles within two voxels of them are left out.

    Returns
    -------
    vertices : ndarray (V, 3)
        mm in LPS, in the frame of `volume`.
    faces : ndarray (F, 3)
    """
    indices, faces = contour(grid.values, level)
    if len(faces) == 0:
        return indices, faces
    if open_beside is not None and open_beside.any():
        faces = faces[~_beside(open_beside, indices[faces].mean(axis=1))]
    vertices = volume.physical(indices * grid.scale[::-1] + grid.shift[::-1])
    mirrored = np.linalg.det(volume.direction) < 0
    return vertices, np.ascontiguousarray(faces[:, ::-1]) if mirrored else faces


def _beside(mask: NDArray[np.bool_], points: Vertices) -> NDArray[np.bool_]:
    """Whether points (N, 3), in voxels along x, y, z, lie within two voxels of a mask."""
    from scipy.ndimage import maximum_filter

    x, y, z = np.round(points).astype(np.int64).T
    near: NDArray[np.bool_] = maximum_filter(mask, size=5)[z, y, x]
    return near


def smoothed(vertices: Vertices, faces: Faces, *, pass_band: float, iterations: int = 20) -> Vertices:
    """Positions after windowed-sinc smoothing (Taubin 1996), which keeps the size; open boundaries stay."""
    from vtkmodules.vtkFiltersCore import vtkWindowedSincPolyDataFilter

    smoother = vtkWindowedSincPolyDataFilter()
    smoother.SetInputData(to_polydata(vertices, faces))
    smoother.SetNumberOfIterations(iterations)
    smoother.SetPassBand(pass_band)
    smoother.BoundarySmoothingOff()
    smoother.FeatureEdgeSmoothingOff()
    smoother.NonManifoldSmoothingOn()
    smoother.NormalizeCoordinatesOn()
    smoother.Update()
    moved, _ = from_polydata(smoother.GetOutput())
    return moved
