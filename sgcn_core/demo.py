"""The package's own mean face, and a face to try the package on that is made from it."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np

from sgcn_core.types.surface import Surface


@lru_cache(maxsize=1)
def mean_face() -> Surface:
    """Mean of generated people: about 3,000 vertices, head frame, millimetres, lids open, lips closed."""
    with as_file(files("sgcn_core") / "resources" / "mean_face.npz") as path, np.load(Path(path)) as archive:
        return Surface(vertices=archive["vertices"], faces=archive["faces"], unit="mm", source="mean face")


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

    from sgcn_core.geometry.vtk_bridge import from_polydata, to_polydata

    face = mean_face()
    subdivision = vtkLoopSubdivisionFilter()
    subdivision.SetInputData(to_polydata(face.vertices, face.faces))
    subdivision.SetNumberOfSubdivisions(subdivisions)
    subdivision.Update()
    vertices, faces = from_polydata(subdivision.GetOutput())
    noise = np.random.default_rng(seed).normal(0.0, roughness, vertices.shape)
    return Surface(vertices=vertices + noise, faces=faces, unit="mm", frame="LPS", source="demo face")
