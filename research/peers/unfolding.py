"""Local surface unfolding and registration: from a heatmap to a landmark, as 3DFA-GCN does it.

Wang et al. 2022, AAAI: the points where a heatmap is highest are laid into the plane by multidimensional scaling of
their distances, the landmark is their mean there, weighted by the heatmap, and it is carried back by registering the
points around it with their places on the surface. The published code has 10 and 6 of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sgcn_core.geometry.procrustes import procrustes

FloatArray = NDArray[np.float64]

HIGHEST, AROUND = 10, 6


def unfolded(points: FloatArray) -> FloatArray:
    """Points (n, 3) laid into the plane, (n, 2), by classical scaling of their distances (Torgerson 1952).

    Points of one plane keep all their distances.
    """
    squared = ((points[:, None] - points[None]) ** 2).sum(2)
    centred = squared - squared.mean(0) - squared.mean(1)[:, None] + squared.mean()
    values, vectors = np.linalg.eigh(-0.5 * centred)
    flat: FloatArray = vectors[:, -2:] * np.sqrt(np.clip(values[-2:], 0.0, None))
    return flat


def unfolded_landmark(points: FloatArray, heatmap: FloatArray) -> FloatArray:
    """The landmark (3,) of a heatmap (N,) on points (N, 3)."""
    highest = np.argsort(-heatmap, kind="stable")[:HIGHEST]
    chosen = points[highest]
    weights = np.clip(heatmap[highest], 0.0, None) + 1e-9
    flat = unfolded(chosen)
    place = weights @ flat / weights.sum()
    near = np.argsort(np.linalg.norm(flat - place, axis=1), kind="stable")[:AROUND]
    level = np.column_stack([flat - place, np.zeros(len(flat))])[near]
    back = procrustes(level, chosen[near])
    return back.apply(np.zeros((1, 3)))[0]


def unfolded_landmarks(points: FloatArray, heatmaps: FloatArray) -> FloatArray:
    """Landmarks (L, 3) of heatmaps (N, L) on points (N, 3)."""
    return np.array([unfolded_landmark(points, heatmap) for heatmap in heatmaps.T])
