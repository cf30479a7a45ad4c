"""Coloured triangle meshes: what every drawing engine is given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ColouredMesh:
    """Triangles with a normal and a colour at every vertex.

    Attributes
    ----------
    vertices : (P, 3) float64
        Millimetres; the frame is the one of the scene or view that holds the mesh.
    faces : (F, 3) int64
    normals : (P, 3) float64
        Unit vectors.
    colours : (P, 3) float64
        Red, green, blue in [0, 1].
    """

    vertices: Array
    faces: NDArray[np.int64]
    normals: Array
    colours: Array
