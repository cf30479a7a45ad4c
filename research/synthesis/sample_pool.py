"""Blue-noise samples of the face model, drawn once, reused for every generated face.

Each set is ordered progressively (Yuksel 2015, section 5): every prefix is itself a Poisson-disk-like set. Whatever
part of the face a crop leaves, its first N survivors are then N well-spread nodes, at no cost a training step.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from sgcn_core.geometry.triangles import triangle_areas

_ALPHA = 8.0


def progressive_samples(
    vertices: np.ndarray, faces: np.ndarray, count: int, *, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Progressive Poisson-disk-like samples of a surface.

    Parameters
    ----------
    vertices (V, 3), faces (F, 3) : the surface
    count : length of the longest prefix

    Returns
    -------
    triangles (count,) int32, barycentric (count, 3) float32, coarse first
    """
    rng = np.random.default_rng(seed)
    corners = vertices[faces]
    areas = triangle_areas(vertices, faces)
    candidates = 3 * count
    cumulative = np.cumsum(areas)
    triangles = np.searchsorted(cumulative, rng.random(candidates) * cumulative[-1], side="right")
    root, split = np.sqrt(rng.random(candidates)), rng.random(candidates)
    barycentric = np.stack([1 - root, root * (1 - split), root * split], 1)
    points = np.einsum("nk,nkd->nd", barycentric, corners[triangles])

    alive = np.arange(candidates)
    levels: list[np.ndarray] = []
    remaining = count
    while len(alive) > 32:
        kept, removed = _eliminate(points[alive], cumulative[-1], min(remaining, len(alive) // 2))
        if len(alive) <= count:
            levels.append(alive[removed[::-1]])
        alive = alive[kept]
        remaining = len(alive) // 2
    order = np.concatenate([alive, *levels[::-1]])
    return triangles[order].astype(np.int32), barycentric[order].astype(np.float32)


def _eliminate(points: np.ndarray, area: float, target: int) -> tuple[np.ndarray, np.ndarray]:
    """Weighted sample elimination down to ``target``: ids kept, ids removed in the order of removal.

    A round takes the heaviest of the local maxima of the weight: they do not touch each other, and a light one may
    have to stay, so no round takes more than a fraction of what is left to remove.
    """
    radius = 2.0 * np.sqrt(area / (2.0 * np.sqrt(3.0) * target))
    pairs = cKDTree(points).query_pairs(radius, output_type="ndarray")
    first, second = np.concatenate([pairs, pairs[:, ::-1]]).T
    distance = np.linalg.norm(points[first] - points[second], axis=1)
    share = (1.0 - distance / radius) ** _ALPHA
    count = len(points)
    alive = np.ones(count, dtype=bool)
    removed: list[np.ndarray] = []
    left = count - target
    while left > 0:
        weight = np.bincount(first, share, minlength=count)
        weight[~alive] = -1.0
        dominated = np.zeros(count, dtype=bool)
        loses = (weight[first] < weight[second]) | ((weight[first] == weight[second]) & (first < second))
        dominated[first[loses]] = True
        peaks = np.flatnonzero(alive & ~dominated)
        peaks = peaks[np.argsort(-weight[peaks], kind="stable")][: max(left // 6, 16)][:left]
        alive[peaks] = False
        removed.append(peaks)
        left -= len(peaks)
        survive = alive[first] & alive[second]
        first, second, share = first[survive], second[survive], share[survive]
    return np.flatnonzero(alive), np.concatenate(removed)
