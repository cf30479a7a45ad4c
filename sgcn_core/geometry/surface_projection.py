"""The closest points of a surface."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from sgcn_core.geometry.closest_point import closest_on_triangles
from sgcn_core.geometry.surface_index import SurfaceIndex

FloatArray = NDArray[np.float64]

# The closest point is looked for on the triangles around so many of the closest vertices.
_VERTICES = 16


def closest_on_surface(points: FloatArray, index: SurfaceIndex) -> FloatArray:
    """The closest place (L, 3) of the surface to each of the points (L, 3).

    Exact where triangles are about as large as their neighbours; where a point's closest vertices have no triangle, it
    stays.
    """
    count = min(_VERTICES, len(index.vertices))
    vertices = np.asarray(index.vertex_tree.query(points, k=count)[1]).reshape(len(points), count)
    owners, triangles = index.triangles_around(vertices.ravel(), np.repeat(np.arange(len(points)), count))
    corners = torch.from_numpy(index.vertices[index.faces[triangles]])
    weights, squared = closest_on_triangles(torch.from_numpy(points[owners]), corners)
    order = np.lexsort((squared.numpy(), owners))
    first = order[np.unique(owners[order], return_index=True)[1]]
    found = points.copy()
    found[owners[first]] = torch.einsum("lk,lkc->lc", weights[first], corners[first]).numpy()
    return found
