"""Small patches of skin around landmarks, cut into pieces, as padded tensors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra
from torch import Tensor

from sgcn_core.geometry.triangles import triangle_areas

# Largest edge of the pieces that the triangles of a patch are cut into: millimetres within the midline's strip, else a
# share of the reach; and the most pieces along an edge.
_PIECE, _PIECE_OF_REACH, _MOST_PIECES = 1.2, 0.22, 6
# The strip that a midline landmark stays in, on either side of the average face's midline.
_STRIP = 1.0


@dataclass(frozen=True, eq=False)
class SurfacePatches:
    """Patches of skin around E landmarks: K triangles, S pieces of them; padded.

    triangles (E, K, 3) vertices; valid (E, K); owner (E, S) triangle of each piece within the patch, weights (E, S, 3)
    its centre, log_area (E, S), minus infinity where padded.
    """

    triangles: Tensor
    valid: Tensor
    owner: Tensor
    weights: Tensor
    log_area: Tensor

    @classmethod
    def around(cls, neutral: Tensor, faces: Tensor, areas: list[SearchArea]) -> SurfacePatches:
        """Patches of the average face (V, 3) with triangles (F, 3), on its device."""
        arrays = _make_patches(neutral.cpu().numpy(), faces.cpu().numpy(), areas)
        return cls(*(torch.from_numpy(array).to(neutral.device) for array in arrays))


@dataclass(frozen=True)
class SearchArea:
    """Where a landmark is looked for.

    Within ``reach`` (millimetres) of the vertex ``centre``, only in the midline's strip where ``strip`` is set, and not
    where the vertex ``apart`` is nearer.
    """

    centre: int
    reach: float
    strip: bool
    apart: int | None

    def holds(self, places: np.ndarray, vertices: np.ndarray) -> np.ndarray:
        """Which places (S, 3) on the average face lie in it."""
        centre = vertices[self.centre]
        distance = np.linalg.norm(places - centre, axis=1)
        keep = distance <= self.reach
        if self.strip:
            keep &= np.abs(places[:, 0] - centre[0]) <= _STRIP
        if self.apart is not None:
            keep &= distance <= np.linalg.norm(places - vertices[self.apart], axis=1)
        return np.asarray(keep)


def _make_patches(vertices: np.ndarray, faces: np.ndarray, areas: list[SearchArea]) -> list[np.ndarray]:
    """Arrays of ``SurfacePatches``."""
    patches = []
    along = _surface_distances(vertices, faces, [a.centre for a in areas], max(a.reach for a in areas))
    for area, distance in zip(areas, along, strict=True):
        patch = faces[(distance[faces] <= area.reach).any(1) & np.isfinite(distance[faces]).all(1)]
        owner, weights, size = _cut(vertices[patch], _PIECE if area.strip else _PIECE_OF_REACH * area.reach)
        keep = area.holds(np.einsum("si,six->sx", weights, vertices[patch][owner]), vertices)
        patches.append((patch, np.ones(len(patch), bool), owner[keep], weights[keep], np.log(size[keep])))
    fills = (0, False, 0, 0.0, -np.inf)
    return [_padded([patch[i] for patch in patches], fill) for i, fill in enumerate(fills)]


def _surface_distances(vertices: np.ndarray, faces: np.ndarray, centres: list[int], reach: float) -> np.ndarray:
    """Distances (E, V) along the edges; infinite beyond a little more than ``reach``."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = np.unique(np.sort(edges, 1), axis=0)
    lengths = np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1)
    graph = coo_matrix((lengths, edges.T), shape=(len(vertices), len(vertices))).tocsr()
    # Paths along edges are longer than the surface's own.
    return np.asarray(dijkstra(graph, directed=False, indices=centres, limit=1.5 * reach + 5.0))


def _cut(corners: np.ndarray, piece: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut triangles (K, 3, 3) until no edge exceeds ``piece``: owner (S,), barycentric centres (S, 3), area (S,)."""
    edges = np.linalg.norm(corners - np.roll(corners, 1, 1), axis=2).max(1)
    parts = np.clip(np.ceil(edges / piece), 1, _MOST_PIECES).astype(int)
    areas = triangle_areas(corners.reshape(-1, 3), np.arange(3 * len(corners)).reshape(-1, 3))
    centres = [_centres(n) for n in parts]
    owner = np.repeat(np.arange(len(corners)), parts**2)
    area = np.maximum(areas[owner] / parts[owner] ** 2, 1e-6)
    return owner, np.concatenate(centres).astype(np.float32), area.astype(np.float32)


def _centres(n: int) -> np.ndarray:
    """Barycentric centres (n * n, 3) of the pieces of a triangle whose edges are cut into n."""
    upright = [(i + 1 / 3, j + 1 / 3) for i in range(n) for j in range(n - i)]
    inverted = [(i + 2 / 3, j + 2 / 3) for i in range(n - 1) for j in range(n - 1 - i)]
    ab = np.array(upright + inverted) / n
    return np.column_stack([1.0 - ab.sum(1), ab])


def _padded(arrays: list[np.ndarray], fill: float) -> np.ndarray:
    """Stacked along a new first axis, the shorter ones filled up."""
    length = max(len(array) for array in arrays)
    stacked = np.full((len(arrays), length, *arrays[0].shape[1:]), fill, dtype=arrays[0].dtype)
    for row, array in zip(stacked, arrays, strict=True):
        row[: len(array)] = array
    return stacked
