"""The ICT-FaceKit linear face model (USC ICT, MIT) as tensors on the training device."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from research.synthesis.random_tensors import Draw
from research.synthesis.shapes import ShapeOptions, draw_vertices

# Vertices of the clinical landmarks, the package's own.
CLINICAL_VERTICES = Path(__file__).parent / "resources" / "ict_clinical_vertices.json"
# Only this cap of each eyeball can be seen between the lids: half opening angle about +z, in degrees.
_VISIBLE_EYE = 65.0


@dataclass(frozen=True, eq=False)
class FaceModel:
    """Identity and expression basis of the skin and of the visible part of the eyeballs, in millimetres.

    Head frame: +x the subject's left, +y up, +z out of the face.

    Attributes
    ----------
    neutral : Tensor, shape (V, 3)
    identity : Tensor, shape (100, V, 3); weights are N(0, 1)
    expression : Tensor, shape (53, V, 3); weights in [0, 1]
    faces : Tensor of int64, shape (F, 3)
    skin : number of skin vertices; those that follow are eyeballs
    expression_names : ARKit names
    labels : landmark names, L of them
    landmarks : Tensor of int64, shape (L,), the vertex of each landmark; the contour ``ibug0`` to ``ibug16`` on the
        anatomical edge of the jaw
    published : Tensor of int64, shape (68,), optional, the iBUG points as the model's makers list them, whose contour
        runs across the cheeks, up to 18 mm in front of the edge
    """

    neutral: Tensor
    identity: Tensor
    expression: Tensor
    faces: Tensor
    skin: int
    expression_names: tuple[str, ...]
    labels: tuple[str, ...]
    landmarks: Tensor
    published: Tensor | None = None

    @property
    def device(self) -> torch.device:
        return self.neutral.device

    @property
    def known(self) -> Tensor:
        """Every landmark has its vertex: (L,), all True."""
        return torch.ones(len(self.landmarks), dtype=torch.bool, device=self.device)

    def draw(self, options: ShapeOptions, draw: Draw, count: int) -> Tensor:
        """Vertices (count, V, 3) of ``count`` people, head frame, millimetres."""
        return draw_vertices(self, options, draw, count)

    @classmethod
    def load(cls, model: Path, clinical: Path = CLINICAL_VERTICES, *, device: str | torch.device = "cpu") -> FaceModel:
        """Read ``ict_facekit.npz`` and the clinical landmarks' vertices (a JSON object label -> vertex)."""
        with np.load(model, allow_pickle=False) as archive:
            data = {key: archive[key] for key in archive.files}
        scale = float(data["units_to_mm"])
        skin = len(data["neutral"])
        eye_vertices, eye_faces = _visible_eyes(data["eye_neutral"], data["eye_faces"])

        def block(key: str) -> Tensor:
            parts = [data[key], data["eye_" + key][..., eye_vertices, :]]
            return torch.from_numpy(np.concatenate(parts, axis=-2) * np.float32(scale)).to(device)

        vertices = json.loads(Path(clinical).read_text(encoding="utf-8"))
        published = {f"ibug{i}": int(vertex) for i, vertex in enumerate(data["landmarks68_jawline"])}
        places = published | vertices  # which may name iBUG points, too
        faces = np.concatenate([data["faces"], eye_faces + skin]).astype(np.int64)
        return cls(
            neutral=block("neutral"),
            identity=block("id_modes"),
            expression=block("ex_modes"),
            faces=torch.from_numpy(faces).to(device),
            skin=skin,
            expression_names=tuple(str(name) for name in data["expression_names"]),
            labels=tuple(places),
            landmarks=torch.tensor(list(places.values()), dtype=torch.int64, device=device),
            published=torch.from_numpy(data["landmarks68"].astype(np.int64)).to(device),
        )


def _visible_eyes(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices of both eyeballs' front caps, and their triangles re-indexed."""
    keep = np.zeros(len(faces), dtype=bool)
    centroids = vertices[faces].mean(1)
    for side in (-1, 1):
        on_side = side * centroids[:, 0] > 0
        ball = vertices[side * vertices[:, 0] > 0]
        centre = (ball.min(0) + ball.max(0)) / 2
        direction = centroids - centre
        cosine = direction[:, 2] / np.linalg.norm(direction, axis=1)
        keep |= on_side & (cosine > np.cos(np.deg2rad(_VISIBLE_EYE)))
    used, compact = np.unique(faces[keep], return_inverse=True)
    return used, compact.reshape(-1, 3)
