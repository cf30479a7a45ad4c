"""A face model made of nothing but an ellipsoid: what the generator and the training need, without any data."""

from __future__ import annotations

import numpy as np
import torch

from research.synthesis.face_model import FaceModel

EXPRESSIONS = ("jawOpen", "mouthClose", "jawLeft", "jawRight", "mouthLeft", "mouthRight", "eyeBlink_L", "eyeBlink_R")
SEMI_AXES, CENTRE = np.array([85.0, 110.0, 95.0]), np.array([0.0, -5.0, 30.0])
LANDMARKS = 30


def ellipsoid(rows: int = 40, columns: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and outward triangles of a head-sized ellipsoid, head frame, millimetres."""
    polar = np.linspace(0.02, np.pi - 0.02, rows)
    around = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    t, p = (grid.ravel() for grid in np.meshgrid(polar, around, indexing="ij"))
    vertices = np.stack([np.sin(t) * np.sin(p), np.cos(t), np.sin(t) * np.cos(p)], 1) * SEMI_AXES + CENTRE
    ids = np.arange(rows * columns).reshape(rows, columns)
    a, b = ids[:-1], np.roll(ids, -1, 1)[:-1]
    c, d = ids[1:], np.roll(ids, -1, 1)[1:]
    faces = np.concatenate([np.stack([a, c, b], -1).reshape(-1, 3), np.stack([b, c, d], -1).reshape(-1, 3)])
    return vertices, faces


def tiny_face_model() -> FaceModel:
    """Thirty landmarks on the front of the ellipsoid, four identity modes, eight expressions, a small eyeball cap."""
    vertices, faces = ellipsoid()
    rng = np.random.default_rng(0)
    skin = len(vertices) - 120  # the last two rings stand in for eyeballs
    phases = rng.uniform(0, 2 * np.pi, (4, 1, 3))
    identity = 3.0 * np.sin(vertices[None] / 40.0 + phases)
    expression = 2.0 * np.cos(vertices[None] / 30.0 + rng.uniform(0, 2 * np.pi, (len(EXPRESSIONS), 1, 3)))
    front = np.flatnonzero((vertices[:, 2] > 70) & (np.arange(len(vertices)) < skin))
    return FaceModel(
        neutral=torch.from_numpy(vertices).float(),
        identity=torch.from_numpy(identity).float(),
        expression=torch.from_numpy(expression).float(),
        faces=torch.from_numpy(faces),
        skin=skin,
        expression_names=EXPRESSIONS,
        labels=tuple(f"point{i}" for i in range(LANDMARKS)),
        landmarks=torch.from_numpy(rng.choice(front, LANDMARKS, replace=False)),
    )
