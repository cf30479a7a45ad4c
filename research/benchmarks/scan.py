"""A generated scan with a given number of vertices."""

from __future__ import annotations

import numpy as np

from sgcn_core.demo import demo_surface
from sgcn_core.geometry.triangles import triangle_areas
from sgcn_core.types.surface import Surface


def scan_of(vertices: int) -> Surface:
    """The demo face, refined to this many vertices without changing its shape.

    Triangles are divided in four as long as that stays below the number; then the largest get a vertex in their middle.
    """
    surface = demo_surface()
    points, faces = surface.vertices, surface.faces
    while len(points) + len(_edges(faces)[0]) <= vertices:
        points, faces = _in_four(points, faces)
    while len(points) < vertices:
        points, faces = _with_centres(points, faces, vertices - len(points))
    return surface.with_(vertices=points, faces=faces)


def _edges(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every edge once, (E, 2), and the edge of each corner, (3 F,)."""
    unique, index = np.unique(
        np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1), axis=0, return_inverse=True
    )
    return unique, index.ravel()


def _in_four(points: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    edges, index = _edges(faces)
    ab, bc, ca = (index.reshape(-1, 3) + len(points)).T
    a, b, c = faces.T
    divided = [np.stack(triangle, axis=1) for triangle in ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))]
    return np.concatenate([points, points[edges].mean(axis=1)]), np.concatenate(divided)


def _with_centres(points: np.ndarray, faces: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    corners = points[faces]
    area = triangle_areas(points, faces)
    chosen = np.sort(np.argsort(-area, kind="stable")[:most])
    centre = np.arange(len(chosen)) + len(points)
    a, b, c = faces[chosen].T
    divided = [np.stack(triangle, axis=1) for triangle in ((a, b, centre), (b, c, centre), (c, a, centre))]
    kept = np.delete(faces, chosen, axis=0)
    return np.concatenate([points, corners[chosen].mean(axis=1)]), np.concatenate([kept, *divided])
