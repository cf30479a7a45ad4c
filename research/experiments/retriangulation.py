"""Another triangulation of the same surface, so that a landmark that was a vertex lies anywhere on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from research.synthesis.scan_meshes import Mesh, subdivided
from sgcn_core.sampling.poisson_disk import sample_poisson_disk

IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Retriangulation:
    """New vertices and triangles for every mesh with the triangles of one template.

    The mesh is divided twice. Some of its fine vertices, spread evenly and none of them an old vertex, become the new
    ones; two are joined where the parts of the surface nearest to them along the edges touch (a discrete Voronoi
    diagram and its dual, Valette and Chassery 2004). Decimating a divided mesh instead would keep the old vertices,
    because the new ones lie flat between them.

    Attributes
    ----------
    vertices : (P,) ids of fine vertices
    faces : (F, 3) ids of ``vertices``
    """

    vertices: IntArray
    faces: IntArray

    @classmethod
    def of(cls, template: Mesh, count: int, *, seed: int) -> Retriangulation:
        """With about ``count`` vertices, those along open edges not counted."""
        once = subdivided(template)
        fine = subdivided(once)
        seeds = _seeds(fine, len(template.vertices), len(once.vertices), count, seed)
        nearest = _nearest_along_edges(fine, seeds)
        return cls(seeds, _dual(nearest[fine.faces]))

    def apply(self, mesh: Mesh) -> Mesh:
        """``mesh``, which has the template's triangles, with the new vertices and triangles."""
        return Mesh(subdivided(subdivided(mesh)).vertices[self.vertices], self.faces)


def _seeds(fine: Mesh, old: int, once: int, count: int, seed: int) -> IntArray:
    """Ids of fine vertices: spread over the surface, and the middle of every open edge of the template."""
    from scipy.spatial import cKDTree

    samples = sample_poisson_disk(fine.vertices, fine.faces, count, seed=seed).points
    nearest = old + cKDTree(fine.vertices[old:]).query(samples)[1]
    boundary = _boundary_vertices(fine)
    middles = boundary[(boundary >= old) & (boundary < once)]
    inside = nearest[~np.isin(nearest, boundary)]
    chosen: IntArray = np.unique(np.concatenate([inside, middles]))
    return chosen


def _edges(faces: IntArray) -> IntArray:
    edges: IntArray = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    return edges


def _boundary_vertices(mesh: Mesh) -> IntArray:
    """Vertices of edges that belong to one triangle only."""
    edges, times = np.unique(_edges(mesh.faces), axis=0, return_counts=True)
    boundary: IntArray = np.unique(edges[times == 1])
    return boundary


def _nearest_along_edges(mesh: Mesh, seeds: IntArray) -> IntArray:
    """Row of the nearest seed for every vertex, -1 where none can be reached."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import dijkstra

    first, second = np.unique(_edges(mesh.faces), axis=0).T
    lengths = np.linalg.norm(mesh.vertices[first] - mesh.vertices[second], axis=1)
    count = len(mesh.vertices)
    graph = coo_matrix((np.maximum(lengths, 1e-9), (first, second)), shape=(count, count)).tocsr()
    _, _, sources = dijkstra(graph, directed=False, indices=seeds, min_only=True, return_predecessors=True)
    rows = np.full(count + 1, -1, dtype=np.int64)
    rows[seeds] = np.arange(len(seeds))
    return rows[np.where(sources < 0, count, sources)]


def _dual(labels: IntArray) -> IntArray:
    """Triangles between the seeds whose parts meet in a fine triangle, each once."""
    a, b, c = labels.T
    meeting = labels[(a != b) & (b != c) & (c != a) & (labels.min(axis=1) >= 0)]
    _, first = np.unique(np.sort(meeting, axis=1), axis=0, return_index=True)
    return meeting[np.sort(first)]
