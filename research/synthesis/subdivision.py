"""Catmull-Clark subdivision of quads as a sparse matrix: what is done to the vertices is done to their targets too."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Quads = NDArray[np.int64]


def catmull_clark(count: int, quads: Quads) -> tuple[sparse.csr_matrix, Quads]:
    """One step of subdivision (Catmull and Clark 1978, Computer-Aided Design 10; boundary edges as cubic B-splines).

    Parameters
    ----------
    count : int, V, number of vertices
    quads : (F, 4) vertex ids of a manifold surface, with or without boundary

    Returns
    -------
    matrix : (V', V); its rows sum to 1. The first V rows are the old vertices, smoothed; edge points, then face points
        follow.
    quads : (4 F, 4)
    """
    edges, of_quad = np.unique(np.sort(_sides(quads), axis=1), axis=0, return_inverse=True)
    of_quad = of_quad.reshape(4, -1).T
    uses = np.bincount(of_quad.ravel(), minlength=len(edges))
    face_points = _incidence(quads, count) / 4.0
    midpoints = _incidence(edges, count) / 2.0
    around_edge = _incidence(of_quad, len(edges)).T
    inner = sparse.diags((uses == 2).astype(float))
    edge_points = midpoints + inner @ (around_edge @ face_points / 2.0 - midpoints) / 2.0
    vertex_points = _vertex_points(count, quads, edges[uses == 1], face_points.tocsr())
    matrix = sparse.vstack([vertex_points, edge_points, face_points]).tocsr()
    return matrix, _children(quads, of_quad + count, count + len(edges))


def triangles(quads: Quads) -> NDArray[np.int64]:
    """Two triangles of each quad, same orientation: (2 F, 3)."""
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def _sides(quads: Quads) -> NDArray[np.int64]:
    """(4 F, 2): the first sides of all quads, then the second ones, and so on."""
    return np.concatenate([np.stack([quads[:, i], quads[:, (i + 1) % 4]], 1) for i in range(4)])


def _incidence(ids: NDArray[np.int64], count: int) -> sparse.csr_matrix:
    """(len(ids), count): row i has a one in every column that row i of ``ids`` names."""
    rows = np.repeat(np.arange(len(ids)), ids.shape[1])
    return sparse.csr_matrix((np.ones(ids.size), (rows, ids.ravel())), shape=(len(ids), count))


def _vertex_points(
    count: int, quads: Quads, boundary: NDArray[np.int64], face_points: sparse.csr_matrix
) -> sparse.csr_matrix:
    """Inside (Q + 2 R + (n - 3) S) / n of valence n; on the boundary (6 S + the two neighbours) / 8; alone, itself."""
    valence = np.bincount(quads.ravel(), minlength=count).astype(float)
    at_boundary = np.zeros(count, dtype=bool)
    at_boundary[boundary.ravel()] = True
    inverse = np.where(at_boundary | (valence == 0), 0.0, 1.0 / np.maximum(valence, 1.0))
    mean_faces = sparse.diags(inverse) @ (_incidence(quads, count).T @ face_points)
    first, second = _sides(quads).T
    # Around an inner vertex every neighbour follows it in one quad and precedes it in another: half of both.
    neighbours = sparse.csr_matrix((np.full(len(first), 0.5), (first, second)), shape=(count, count))
    mean_neighbours = sparse.diags(inverse) @ (neighbours + neighbours.T)
    # R, the mean of the edges' midpoints, is (S + mean neighbour) / 2; so Q/n + 2R/n + (n-3)S/n has (n-2)S/n.
    own = np.where(inverse > 0, 1.0 - 2.0 * inverse, np.where(at_boundary, 0.75, 1.0))
    border = sparse.csr_matrix(
        (np.full(boundary.size, 0.125), (boundary.ravel(), boundary[:, ::-1].ravel())), shape=(count, count)
    )
    return sparse.diags(inverse) @ (mean_faces + mean_neighbours) + sparse.diags(own) + border


def _children(quads: Quads, edges: NDArray[np.int64], first_face: int) -> Quads:
    """Four quads of each: corner, the edge after it, the face point, the edge before it."""
    centre = first_face + np.arange(len(quads))
    return np.concatenate([np.stack([quads[:, i], edges[:, i], centre, edges[:, i - 1]], 1) for i in range(4)])
