"""A face to try the package on, made from its own mean face."""

from __future__ import annotations

import numpy as np

from sgcn_core.mean_face import mean_face
from sgcn_core.surface import Surface


def demo_surface(*, subdivisions: int = 1, roughness: float = 0.05, seed: int = 0) -> Surface:
    """A face to try the package on: the mean face, subdivided smoothly, with a little sensor noise.

    Parameters
    ----------
    subdivisions : int
        Loop subdivisions; each makes four triangles of one (1: about 12,000 vertices).
    roughness : float
        Standard deviation of the noise along each axis, millimetres.
    seed : int
        Of the noise.
    """
    from vtkmodules.vtkFiltersModeling import vtkLoopSubdivisionFilter

    from sgcn_core.polydata import from_polydata, to_polydata

    face = mean_face()
    subdivision = vtkLoopSubdivisionFilter()
    subdivision.SetInputData(to_polydata(face.vertices, face.faces))
    subdivision.SetNumberOfSubdivisions(subdivisions)
    subdivision.Update()
    vertices, faces = from_polydata(subdivision.GetOutput())
    noise = np.random.default_rng(seed).normal(0.0, roughness, vertices.shape)
    return Surface(vertices=vertices + noise, faces=faces, unit="mm", frame="LPS", source="demo face")
