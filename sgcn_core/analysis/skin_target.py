"""A surface prepared for measuring distances to it: closest places, normals there, and its open border."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sgcn_core.geometry.closest_point import closest_places
from sgcn_core.geometry.surface_index import SurfaceIndex
from sgcn_core.geometry.triangles import vertex_normals
from sgcn_core.types.surface import Surface, coincident_vertices

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# The closest place is looked for on the triangles around so many closest vertices; more are slower and hardly closer.
_VERTICES = 4
_BLOCK = 40_000  # points looked up at once, for the sake of memory


@dataclass(frozen=True, eq=False)
class SkinTarget:
    """A surface to which distances are measured.

    Attributes
    ----------
    index : SurfaceIndex
    normals : ndarray (P, 3)
        Of its vertices, outwards.
    border : ndarray (P,) of bool
        Whether a vertex lies on the open border.
    """

    index: SurfaceIndex
    normals: FloatArray
    border: BoolArray

    @classmethod
    def of(cls, surface: Surface) -> SkinTarget:
        """Of a surface whose triangles face outwards."""
        index = SurfaceIndex(surface.vertices, surface.faces)
        return cls(index, vertex_normals(surface.vertices, surface.faces), border_vertices(surface))

    def closest_vertices(self, points: FloatArray, normals: FloatArray) -> tuple[FloatArray, FloatArray, BoolArray]:
        """As `closest`, but to the vertices alone: many times faster, and good enough for a tangent plane."""
        rows = self.index.vertex_tree.query(points)[1]
        facing = (self.normals[rows] * normals).sum(axis=1) > 0
        return self.index.vertices[rows], self.normals[rows], facing & ~self.border[rows]

    def closest(self, points: FloatArray, normals: FloatArray) -> tuple[FloatArray, FloatArray, BoolArray]:
        """Closest places (n, 3) and unit normals there (n, 3), and which of them are counterparts (n,).

        Parameters
        ----------
        points, normals : ndarray (n, 3)
            Points of another surface, and its normals there. A place on the open border is no counterpart, as the
            surface would go on there; nor is one that faces away from the point's own normal.
        """
        places, directions = np.empty_like(points), np.zeros_like(points)
        counterpart = np.zeros(len(points), dtype=bool)
        for start in range(0, len(points), _BLOCK):
            rows = slice(start, start + _BLOCK)
            found = closest_places(np.ascontiguousarray(points[rows]), self.index, vertices=_VERTICES)
            corners = self.index.faces[found.triangles]
            direction = (self.normals[corners] * found.barycentric[..., None]).sum(axis=1)
            length = np.linalg.norm(direction, axis=1)
            directions[rows] = direction / np.where(length > 0, length, 1.0)[:, None]
            places[rows] = found.points
            inside = (found.barycentric > 1e-6) & ~self.border[corners]
            facing = (directions[rows] * normals[rows]).sum(axis=1) > 0
            counterpart[rows] = (found.triangles >= 0) & inside.any(axis=1) & facing
        return places, directions, counterpart

    def signed_distance(self, points: FloatArray, normals: FloatArray) -> FloatArray:
        """Distance (n,) of points from the surface, positive outside it; NaN where there is no counterpart.

        To the closest place of its triangles, not only to its vertices.
        """
        places, directions, counterpart = self.closest(points, normals)
        away = points - places
        distance = np.linalg.norm(away, axis=1)
        signed: FloatArray = np.where((away * directions).sum(axis=1) < 0, -distance, distance)
        return np.where(counterpart, signed, np.nan)


def border_vertices(surface: Surface) -> BoolArray:
    """Which vertices (P,) lie on an edge of a single triangle; copies of one place on a seam count as one vertex."""
    first, group = coincident_vertices(surface.vertices)
    faces = group[surface.faces]
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    keys, counts = np.unique(edges[:, 0] * len(first) + edges[:, 1], return_counts=True)
    single = keys[counts == 1]
    on_border = np.zeros(len(first), dtype=bool)
    on_border[single // len(first)] = True
    on_border[single % len(first)] = True
    return on_border[group]
