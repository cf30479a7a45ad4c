"""Small datasets in their published layouts: a bowl for every face, with known landmarks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

SUBJECTS, CONDITIONS = ("1", "2", "3", "4", "5"), ("1_neutral", "2_smile", "3_mouth_stretch")
TURN = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])  # a rotation that exchanges the axes


def grid(wide: float = 180.0) -> tuple[FloatArray, NDArray[np.int64]]:
    """A bowl of 11 x 11 vertices about the head frame's face, and a triangle far behind it."""
    x, y = (values.ravel() for values in np.meshgrid(np.linspace(-90, 90, 11), np.linspace(-100, 80, 11)))
    z = 110 - (x**2 + y**2) / wide
    vertices = np.concatenate([np.stack([x, y, z], 1), [[0, 0, -80], [9, 0, -80], [0, 9, -80]]])
    first = np.array([row * 11 + column for row in range(10) for column in range(10)])
    faces = np.concatenate([np.stack([first, first + 1, first + 12], 1), np.stack([first, first + 12, first + 11], 1)])
    return vertices, np.concatenate([faces, [[121, 122, 123]]])


def obj(path: Path, vertices: FloatArray, faces: NDArray[np.int64]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"v {x!r} {y!r} {z!r}" for x, y, z in np.asarray(vertices).tolist()]
    path.write_text("\n".join([*lines, *(f"f {a + 1} {b + 1} {c + 1}" for a, b, c in faces.tolist())]) + "\n")
    return path


NUMBERS = np.array([(7 * point) % 121 for point in range(68)])
"""Vertices of the 68 landmarks; all different."""


def facescape_tree(root: Path) -> Path:
    """FaceScape: five subjects with three expressions each."""
    np.savez(root / "landmark_indices.npz", v10=NUMBERS, v16=NUMBERS[::-1])
    for subject in SUBJECTS:
        for number, condition in enumerate(CONDITIONS):
            vertices, faces = grid(170.0 + 4 * int(subject) + 20 * number)
            obj(root / subject / "models_reg" / f"{condition}.obj", vertices, faces)
    (root / "1" / "models_reg" / "1_neutral.jpg").write_text("texture")
    return root


def dad3dheads_tree(root: Path) -> Path:
    """DAD-3DHeads: one head in its validation part."""
    vertices, faces = grid()
    np.save(root / "flame_faces.npy", faces)
    np.save(root / "head_vertices.npy", np.arange(121))
    (root / "landmark_vertices.json").write_text(json.dumps({f"p{n}": int(n) for n in NUMBERS[:5]}))
    view, projection = np.diag([2.0, 2, 2, 1]), np.eye(4)
    projection[3] = [0, 0, 0, 4.0]  # everything at the depth 4
    annotation = {"vertices": (vertices / 1000).tolist(), "model_view_matrix": view.tolist()}
    (root / "val" / "annotations").mkdir(parents=True)
    text = json.dumps({**annotation, "projection_matrix": projection.tolist()})
    (root / "val" / "annotations" / "ab.json").write_text(text)
    items = [{"item_id": "ab", "bbox": [1, 2, 9, 4], "attributes": {"pose": "atypical", "expression": True}}]
    (root / "val" / "val.json").write_text(json.dumps([*items, {"item_id": "no annotation", "bbox": [0, 0, 1, 1]}]))
    return root
