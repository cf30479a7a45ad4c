"""Landmarks stay at their place of the face when the skin is smoothed."""

from __future__ import annotations

from pathlib import Path

import torch
from tiny_face_model import tiny_face_model

from research.synthesis.face_model import FaceModel
from research.synthesis.surface_effects import EffectOptions, SurfaceEffects
from research.synthesis.surface_projection import LandmarkProjection


def test_a_landmark_of_the_surface_stays_where_it_is() -> None:
    model = tiny_face_model()
    landmarks = model.neutral[model.landmarks][None]
    torch.testing.assert_close(LandmarkProjection(model)(landmarks, model.neutral[None]), landmarks)


def test_projection_is_the_closest_point_of_the_surface() -> None:
    model = tiny_face_model()
    project, places = LandmarkProjection(model), model.neutral[model.landmarks]
    centre = torch.tensor([0.0, -5.0, 30.0])
    outwards = torch.nn.functional.normalize((places - centre) / torch.tensor([85.0, 110.0, 95.0]) ** 2, dim=1)
    projected = project((places + 3.0 * outwards)[None], model.neutral[None])[0]
    assert float((projected - places).norm(dim=1).max()) < 0.5
    vertices = torch.stack([model.neutral, model.neutral + torch.tensor([0.0, 0.0, 5.0])])
    both = project(places.expand(2, -1, -1), vertices)
    torch.testing.assert_close(both[0], places)
    assert float((both[1] - places).norm(dim=1).max()) <= 5.0 + 1e-4


def test_smoothing_does_not_slide_the_corner_of_the_eye(shared_data: Path) -> None:
    model = FaceModel.load(shared_data / "ict" / "ict_facekit.npz")
    average = SurfaceEffects(model, EffectOptions()).average
    vertices = model.neutral.clone()
    for _ in range(12):
        vertices = 0.5 * (vertices + average @ vertices)
    row = model.labels.index("ex_l")
    vertex = int(model.landmarks[row])
    projected = LandmarkProjection(model)(model.neutral[model.landmarks][None], vertices[None])[0, row]
    slid = float((vertices[vertex] - model.neutral[vertex]).norm())
    moved = float((projected - model.neutral[vertex]).norm())
    assert slid > 1.5 and moved < 0.5
