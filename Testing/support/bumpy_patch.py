"""A generated surface to refine landmarks on, and points on it."""

from __future__ import annotations

import numpy as np


def bumpy_patch(side: int) -> tuple[np.ndarray, np.ndarray]:
    """A curved, bumpy patch with `side` squared vertices in a random order, and its triangles."""
    x, y = np.meshgrid(np.linspace(-0.5, 0.5, side), np.linspace(-0.5, 0.5, side))
    z = np.sqrt(1.5 - x**2 - y**2) + 0.02 * np.sin(11.0 * x) * np.cos(9.0 * y) - 0.8
    ids = np.arange(side * side).reshape(side, side)
    a, b, c, d = (part.ravel() for part in (ids[:-1, :-1], ids[:-1, 1:], ids[1:, :-1], ids[1:, 1:]))
    faces = np.concatenate([np.stack([a, b, c], axis=1), np.stack([b, d, c], axis=1)])
    order = np.random.default_rng(1).permutation(side * side)
    vertices = np.empty((side * side, 3))
    vertices[order] = np.stack([x, y, z], axis=2).reshape(-1, 3)
    return vertices, order[faces]


def points_on(vertices: np.ndarray, faces: np.ndarray, count: int, seed: int, inner: float = 1.0) -> np.ndarray:
    """Random points of the surface with |x|, |y| below `inner`."""
    rng = np.random.default_rng(seed)
    corners = vertices[faces]
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    areas *= (np.abs(corners[:, :, :2]) <= inner).all(axis=(1, 2))
    chosen = rng.choice(len(faces), size=count, p=areas / areas.sum())
    return np.einsum("nk,nkc->nc", rng.dirichlet(np.ones(3), size=count), corners[chosen])
