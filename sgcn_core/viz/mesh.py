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


def vertex_normals(vertices: Array, faces: NDArray[np.int64]) -> Array:
    """Area-weighted normals, (P, 3); (0, 0, 1) at a vertex that no triangle uses."""
    corners = vertices[faces]
    weighted = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(vertices)
    for axis in range(3):
        for corner in range(3):
            normals[:, axis] += np.bincount(faces[:, corner], weighted[:, axis], len(vertices))
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    normals = np.divide(normals, length, out=np.zeros_like(normals), where=length > 0)
    normals[length[:, 0] == 0] = (0.0, 0.0, 1.0)
    return normals
