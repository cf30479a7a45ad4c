"""Spatial queries of stage 2: vertices in a ball, triangles around a vertex, large triangles."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import SurfaceError
from sgcn_core.types.arrays import read_only

if TYPE_CHECKING:
    from scipy.spatial import cKDTree


@dataclass(frozen=True, eq=False)
class SurfaceIndex:
    """A triangulated surface prepared for look-ups; build it once to refine several times on one surface.

    Parameters
    ----------
    vertices : (P, 3) array
        Vertex positions, in the frame of the nodes that will be refined.
    faces : (F, 3) array
        Vertex ids of the triangles.
    tree : scipy.spatial.cKDTree, optional
        KD-tree of exactly these vertices, if the caller has one. Built on first use otherwise.

    Raises
    ------
    SurfaceError
        If the shapes are wrong, a coordinate is not finite, an id is out of range, or the tree is of other points.
    """

    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]
    tree: cKDTree | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        points = np.ascontiguousarray(self.vertices, dtype=np.float64)
        triangles = np.ascontiguousarray(self.faces, dtype=np.int64)
        if points.ndim != 2 or points.shape[1] != 3 or not len(points):
            raise SurfaceError(f"vertices must have shape (P, 3) with P > 0; received {points.shape}")
        if triangles.ndim != 2 or triangles.shape[1] != 3 or not len(triangles):
            raise SurfaceError(f"faces must have shape (F, 3) with F > 0; received {triangles.shape}")
        if not np.isfinite(points).all():
            raise SurfaceError("vertices must be finite; remove the vertices with NaN or infinite coordinates")
        if triangles.min() < 0 or triangles.max() >= len(points):
            raise SurfaceError(
                f"faces refer to vertices {triangles.min()}..{triangles.max()}, but there are {len(points)} vertices"
            )
        if self.tree is not None and self.tree.n != len(points):
            raise SurfaceError(f"the KD-tree holds {self.tree.n} points, but there are {len(points)} vertices")
        object.__setattr__(self, "vertices", read_only(points))
        object.__setattr__(self, "faces", read_only(triangles))

    @cached_property
    def vertex_tree(self) -> cKDTree:
        """KD-tree of the vertices."""
        if self.tree is not None:
            return self.tree
        from scipy.spatial import cKDTree

        # Few, small queries: a quick sliding-midpoint build pays off more than a balanced tree.
        return cKDTree(self.vertices, balanced_tree=False, compact_nodes=False)

    @cached_property
    def _incidence(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Triangles around every vertex: those of vertex v are ``ids[start[v]:start[v + 1]]``."""
        from scipy.sparse import csr_matrix

        corners = self.faces.size
        by_face = csr_matrix(
            (np.ones(corners, dtype=np.int8), self.faces.ravel(), np.arange(0, corners + 1, 3)),
            shape=(len(self.faces), len(self.vertices)),
        )
        by_vertex = by_face.tocsc()
        return by_vertex.indptr.astype(np.int64), by_vertex.indices.astype(np.int64)

    @cached_property
    def used_vertices(self) -> NDArray[np.int64]:
        """Ids of the vertices that belong to a triangle, ascending."""
        return np.flatnonzero(np.diff(self._incidence[0]))

    @cached_property
    def longest_edges(self) -> NDArray[np.float64]:
        """Length of the longest edge of every triangle, (F,)."""
        squared = np.zeros((3, len(self.faces)))
        ids = np.ascontiguousarray(self.faces.T)
        for axis in range(3):
            corners = np.ascontiguousarray(self.vertices[:, axis])[ids]
            for k in range(3):
                squared[k] += (corners[k] - corners[k - 1]) ** 2
        longest: NDArray[np.float64] = np.sqrt(squared.max(axis=0))
        return longest

    def triangles_around(
        self, vertices: NDArray[np.int64], owners: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Triangles that touch the given vertices.

        Parameters
        ----------
        vertices : (n,) int64 array
            Vertex ids.
        owners : (n,) int64 array
            Query that each vertex belongs to.

        Returns
        -------
        owners, triangles : (m,) int64 arrays
            Every pair once, sorted.
        """
        start, ids = self._incidence
        counts = start[vertices + 1] - start[vertices]
        ends = np.cumsum(counts)
        within = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)
        triangles = ids[np.repeat(start[vertices], counts) + within]
        pairs = np.unique(np.repeat(owners, counts) * len(self.faces) + triangles)
        return np.divmod(pairs, len(self.faces))

    def large_triangles_near(
        self, points: NDArray[np.float64], radii: NDArray[np.float64], longest: float
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Triangles with an edge above `longest` that may reach into a ball although no vertex of theirs does.

        Parameters
        ----------
        points, radii : (L, 3) and (L,) arrays
            The balls.
        longest : float
            Triangles whose longest edge is shorter are not reported.

        Returns
        -------
        balls, triangles : (m,) int64 arrays
            Pairs whose bounding spheres meet the ball.
        """
        large = np.flatnonzero(self.longest_edges > longest)
        if not len(large):
            return large, large
        centroids = self.vertices[self.faces[large]].mean(axis=1)
        # Every point of a triangle lies within 2/3 of its longest edge of the centroid (medians are shorter than it).
        reach = self.longest_edges[large] * (2.0 / 3.0)
        pairs = [
            np.flatnonzero(((centroids - point) ** 2).sum(axis=1) <= (reach + radius) ** 2)
            for point, radius in zip(points, radii, strict=True)
        ]
        owners = np.repeat(np.arange(len(points)), [len(found) for found in pairs])
        return owners, large[np.concatenate(pairs)] if pairs else large[:0]
