"""Connected components of a surface, and pieces that float apart from the rest: specks, cloth, part of a wall."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sgcn_core.cleaning.topology import connected, welded_corners
from sgcn_core.cleaning.visibility import Samples
from sgcn_core.errors import SurfaceError
from sgcn_core.geometry.triangles import triangle_areas
from sgcn_core.types.surface import Surface

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_CELLS = 24  # of the longest side; pieces with an empty cell between them lie apart
_SPECK = 0.02  # of the largest piece's area
_SMALLER = 0.4  # of it, of a flat piece that can go
_FLAT = 0.2  # spread across a piece against its spread along it; faces alone have 0.3 and more
_ROUNDS = 3


def stray_triangles(
    vertices: FloatArray, faces: IntArray, areas: FloatArray, patch: IntArray, samples: Samples
) -> BoolArray:
    """Mask (F,) of what lies apart from the largest piece and is either tiny or, beside a thing that is not, flat.

    Everything else stays, also where it is smaller than what lies beside it: a head may be the smallest thing of a
    scene. How far apart is told by the size of the scan, so that no unit is needed; specks far away make the scan seem
    large, so what is nearer is looked at again without them.
    """
    stray = np.zeros(len(faces), dtype=bool)
    for _ in range(_ROUNDS):
        kept = np.flatnonzero(~stray)
        piece = _pieces(vertices, faces[kept], patch[kept], samples.points[~stray[samples.triangle]])
        if piece.max() == 0:
            break
        of_triangle = np.full(len(faces), -1)
        of_triangle[kept] = piece
        area = np.bincount(piece, weights=areas[kept]).astype(np.float64)
        gone = _can_go(area, of_triangle[samples.triangle], samples.points)
        if not gone.any():
            break
        stray[kept[gone[piece]]] = True
    return stray


def components(surface: Surface) -> IntArray:
    """Number of the connected component of each triangle, (F,); 0 has the largest area, and so on.

    Triangles are connected where they share a vertex or vertices at the very same position, so that a surface cut along
    texture seams stays in one piece.
    """
    corners = welded_corners(surface.vertices, surface.faces)
    _, part = connected(np.concatenate([corners[:, :2], corners[:, 1:]]), int(corners.max()) + 1)
    _, component = np.unique(part[corners[:, 0]], return_inverse=True)
    area = np.bincount(component, weights=triangle_areas(surface.vertices, surface.faces))
    rank = np.empty(len(area), dtype=np.int64)
    rank[np.argsort(-area, kind="stable")] = np.arange(len(area))
    return rank[component]


def largest_components(surface: Surface, *, min_area_fraction: float = 0.05) -> Surface:
    """Keep the components with at least this fraction of the area of the largest one.

    Vertices and their indices stay as they are; follow with ``Surface.compacted`` to drop the unused ones.

    Raises
    ------
    SurfaceError
        The fraction is not in [0, 1].
    """
    if not 0 <= min_area_fraction <= 1:
        raise SurfaceError(f"min_area_fraction must lie in [0, 1], received {min_area_fraction}")
    component = components(surface)
    area = np.bincount(component, weights=triangle_areas(surface.vertices, surface.faces))
    return surface.clipped((area >= min_area_fraction * area.max())[component])


def _pieces(vertices: FloatArray, faces: IntArray, patch: IntArray, points: FloatArray) -> IntArray:
    """Number of the piece of each triangle: patches in cells of a grid that touch."""
    from scipy.ndimage import label

    used = np.zeros(len(vertices), dtype=bool)
    used[faces] = True
    low, high = vertices[used].min(axis=0), vertices[used].max(axis=0)
    cell = max(float((high - low).max()), 1e-300) / _CELLS * (1 + 1e-9)
    grid = np.zeros((_CELLS + 1,) * 3, dtype=bool)
    places = np.clip((vertices - low) / cell, 0, _CELLS).astype(np.int64)
    grid[tuple(places[used].T)] = True
    grid[tuple(((points - low) / cell).astype(np.int64).T)] = True
    labels, count = label(grid, structure=np.ones((3, 3, 3)))
    if count == 1:
        return np.zeros(len(faces), dtype=np.int64)
    of_vertex = labels[tuple(places.T)].astype(np.int64)
    patches = int(patch.max()) + 1
    links = np.unique(patch[:, None] * (count + 1) + of_vertex[faces])
    joined = np.stack([links // (count + 1), patches + links % (count + 1)], axis=1)
    _, group = connected(joined, patches + count + 1)
    return np.unique(group[patch], return_inverse=True)[1].astype(np.int64)


def _can_go(area: FloatArray, of_sample: IntArray, points: FloatArray) -> BoolArray:
    largest = int(area.argmax())
    gone: BoolArray = area < _SPECK * area[largest]
    if not _is_flat(points[of_sample == largest]):
        for piece in np.flatnonzero(~gone & (area < _SMALLER * area[largest])):
            gone[piece] = _is_flat(points[of_sample == piece])
    return gone


def _is_flat(points: FloatArray) -> bool:
    """Whether points (N, 3) lie in a sheet or a strip; a face does not."""
    if len(points) < 20:
        return False
    smallest, middle, largest = np.sqrt(np.maximum(np.linalg.eigvalsh(np.cov(points.T)), 0.0))
    return bool(smallest < _FLAT * middle or middle < _FLAT * largest)
