"""Normals of a point cloud, turned to one side of the surface that the points lie on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_NEIGHBOURS = 16


@dataclass(frozen=True, eq=False)
class Neighbourhoods:
    """What the nearest neighbours of each point say.

    Attributes
    ----------
    neighbours : (N, k) int64
    normals : (N, 3)
        Direction in which they spread least; its sign means nothing.
    thickness : (N,)
        Share of the spread (variance) in that direction: 0 on a plane, 1/3 in a volume.
    reach : (N,)
        Distance to the furthest neighbour.
    spacing : float
        Mean distance of neighbouring points, from the area that each has.
    """

    neighbours: IntArray
    normals: FloatArray
    thickness: FloatArray
    reach: FloatArray
    spacing: float


def neighbourhoods(points: FloatArray) -> Neighbourhoods:
    """Principal directions of each point's neighbours (N, 3)."""
    from scipy.spatial import cKDTree

    distance, near = map(np.asarray, cKDTree(points).query(points, k=_NEIGHBOURS))
    local = points[near] - points[near].mean(axis=1, keepdims=True)
    values, vectors = np.linalg.eigh(np.einsum("nki,nkj->nij", local, local))
    thickness = values[:, 0] / np.maximum(values.sum(axis=1), 1e-300)
    # k points share the disc that reaches to the last of them.
    spacing = float(np.median(distance[:, -1])) * np.sqrt(np.pi / _NEIGHBOURS)
    return Neighbourhoods(near.astype(np.int64), vectors[:, :, 0], thickness, distance[:, -1], spacing)


def estimate_normals(points: FloatArray, around: Neighbourhoods) -> FloatArray:
    """Unit normals (N, 3), on one side of each connected part of the surface.

    The sign is handed on from neighbour to neighbour along a minimal spanning tree, first where normals agree most
    (Hoppe et al. 1992). Which side it is remains open.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import breadth_first_order, connected_components, minimum_spanning_tree

    count, k = around.neighbours.shape
    start, end = np.repeat(np.arange(count), k - 1), around.neighbours[:, 1:].ravel()
    agreement = np.abs(np.einsum("ij,ij->i", around.normals[start], around.normals[end]))
    reach = np.linalg.norm(points[start] - points[end], axis=1) / around.spacing
    weight = 1e-3 + (1.0 - agreement) + 0.02 * reach
    graph = coo_matrix((weight, (start, end)), shape=(count, count)).tocsr()
    tree = minimum_spanning_tree(graph.maximum(graph.T))
    sign = np.ones(count)
    _, part = connected_components(tree, directed=False)
    for root in np.unique(part, return_index=True)[1]:
        order, before = breadth_first_order(tree, root, directed=False)
        _hand_on(sign, around.normals, order.astype(np.int64), before.astype(np.int64))
    return around.normals * sign[:, None]


def _hand_on(sign: FloatArray, normals: FloatArray, order: IntArray, before: IntArray) -> None:
    """Signs along a tree: of each node the product of all changes on its way from the root, by pointer doubling."""
    parent = np.arange(len(sign))
    parent[order[1:]] = before[order[1:]]
    change = np.ones(len(sign))
    change[order[1:]] = np.where(np.einsum("ij,ij->i", normals[order[1:]], normals[before[order[1:]]]) < 0, -1.0, 1.0)
    while True:
        further = parent[parent]
        if (further == parent).all():
            break
        change, parent = change * change[parent], further
    sign[order] = change[order]
