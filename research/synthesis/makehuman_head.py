"""The visible part of MakeHuman's head, subdivided, with the landmarks picked on it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from research.synthesis.makehuman_files import BaseMesh
from research.synthesis.subdivision import Quads, catmull_clark, triangles

PICKED = Path(__file__).parent / "resources" / "makehuman_head.json"

# Eyeballs are coarse: subdivided twice, and only this cap about +z can be seen between the lids, degrees.
_EYE_STEPS, _VISIBLE_EYE = 2, 65.0


@dataclass(frozen=True, eq=False)
class Head:
    """How the head is made of the base mesh.

    Attributes
    ----------
    matrix : sparse (V, base vertices), whose rows sum to 1; of the base mesh and of its targets alike
    faces : (F, 3) int64
    skin : number of skin vertices; those that follow are eyeballs
    labels : landmark names
    landmarks : (L,) int64 vertex ids, -1 where unknown
    """

    matrix: sparse.csr_matrix
    faces: NDArray[np.int64]
    skin: int
    labels: tuple[str, ...]
    landmarks: NDArray[np.int64]


def build_head(mesh: BaseMesh, picked: Path | None = None) -> Head:
    """Cut the head out of the base mesh, subdivide it, slide the landmarks' vertices into place, add the eyeballs.

    Raises
    ------
    ValueError
        The mesh is not the one that the landmarks were picked on.
    """
    choice = json.loads((picked or PICKED).read_text(encoding="utf-8"))
    matrix, quads = _subdivided(_head_quads(mesh, choice), len(mesh.vertices))
    if matrix.shape[0] != choice["vertices"]:
        raise ValueError(
            f"the subdivided head has {matrix.shape[0]} vertices, its landmarks were picked on {choice['vertices']}: "
            "give base mesh hm08"
        )
    landmarks, matrix = _with_landmarks(matrix, choice["landmarks"])
    blocks, faces, skin = [matrix], [triangles(quads)], matrix.shape[0]
    for side in ("l", "r"):
        eye, cap = _eyeball(mesh, mesh.quads[f"helper-{side}-eye"])
        faces.append(cap + sum(block.shape[0] for block in blocks))
        blocks.append(eye)
    return Head(sparse.vstack(blocks).tocsr(), np.concatenate(faces), skin, tuple(choice["landmarks"]), landmarks)


def _head_quads(mesh: BaseMesh, choice: dict[str, Any]) -> Quads:
    """Quads of the body above the neck, without what lies inside the mouth, the nose and the eye sockets."""
    height, breadth = mesh.vertices[:, 1], np.abs(mesh.vertices[:, 0])
    keep = (height > choice["lowest"]) & (breadth < choice["widest"])
    for first, last in choice["inside"]:
        keep[first : last + 1] = False
    quads = mesh.quads["body"]
    return np.asarray(quads[keep[quads].all(1)])


def _subdivided(quads: Quads, count: int) -> tuple[sparse.csr_matrix, Quads]:
    """One step of subdivision of the used vertices: matrix from all base vertices, and the new quads."""
    used, compact = np.unique(quads, return_inverse=True)
    select = sparse.csr_matrix((np.ones(len(used)), (np.arange(len(used)), used)), shape=(len(used), count))
    matrix, finer = catmull_clark(len(used), compact.reshape(-1, 4))
    return (matrix @ select).tocsr(), finer


def _with_landmarks(
    matrix: sparse.csr_matrix, points: dict[str, list[list[float]]]
) -> tuple[NDArray[np.int64], sparse.csr_matrix]:
    """Slide the vertex nearest to each landmark to it, within a triangle around it: a fraction of an edge."""
    rows = sparse.eye(matrix.shape[0], format="lil")
    landmarks = np.full(len(points), -1, dtype=np.int64)
    for number, corners in enumerate(points.values()):
        if not corners:
            continue
        ids = [int(corner) for corner, _ in corners]
        landmarks[number] = nearest = ids[0]
        rows[nearest] = 0
        rows[nearest, ids] = np.array([weight for _, weight in corners])
    return landmarks, (rows.tocsr() @ matrix).tocsr()


def _eyeball(mesh: BaseMesh, quads: Quads) -> tuple[sparse.csr_matrix, NDArray[np.int64]]:
    """Rows of the matrix and triangles of the front cap of one eyeball, as large as before subdivision."""
    count = len(mesh.vertices)
    used = np.unique(quads)
    matrix, finer = _subdivided(quads, count)
    for _ in range(_EYE_STEPS - 1):
        step, finer = catmull_clark(matrix.shape[0], finer)
        matrix = (step @ matrix).tocsr()
    centre = np.zeros(count)
    centre[used] = 1.0 / len(used)
    middle = centre @ mesh.vertices
    before = np.linalg.norm(mesh.vertices[used] - middle, axis=1).max()
    growth = before / np.linalg.norm(matrix @ mesh.vertices - middle, axis=1).max()
    shared = sparse.csr_matrix(np.ones((matrix.shape[0], 1))) @ sparse.csr_matrix(centre[None])
    matrix = (growth * matrix + (1.0 - growth) * shared).tocsr()
    return _cap(matrix, triangles(finer), mesh.vertices, middle)


def _cap(
    matrix: sparse.csr_matrix, faces: NDArray[np.int64], base: NDArray[np.float64], middle: NDArray[np.float64]
) -> tuple[sparse.csr_matrix, NDArray[np.int64]]:
    """The part that faces forward: its rows of the matrix, and its triangles."""
    towards = (matrix @ base)[faces].mean(1) - middle
    cosine = towards[:, 2] / np.linalg.norm(towards, axis=1)
    kept = faces[cosine > np.cos(np.deg2rad(_VISIBLE_EYE))]
    used, compact = np.unique(kept, return_inverse=True)
    return matrix[used], compact.reshape(-1, 3)
