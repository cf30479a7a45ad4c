"""Landmarks stay at their place of the face when the skin is smoothed."""

from __future__ import annotations

from pathlib import Path

import torch
from tiny_face_model import tiny_face_model

from research.synthesis.effect_mask import EffectMask
from research.synthesis.face_model import CLINICAL_VERTICES, FaceModel
from research.synthesis.generator import FaceGenerator, GeneratorOptions
from research.synthesis.random_tensors import Draw
from research.synthesis.surface_effects import EffectOptions, SurfaceEffects
from research.synthesis.surface_projection import LandmarkProjection


def test_a_landmark_of_the_surface_stays_where_it_is() -> None:
    model = tiny_face_model()
    landmarks = model.neutral[model.landmarks][None]
    torch.testing.assert_close(
        LandmarkProjection(model)(landmarks, model.neutral[None]).on(model.neutral[None]), landmarks
    )


def test_projection_is_the_closest_point_of_the_surface() -> None:
    model = tiny_face_model()
    project, places = LandmarkProjection(model), model.neutral[model.landmarks]
    centre = torch.tensor([0.0, -5.0, 30.0])
    outwards = torch.nn.functional.normalize((places - centre) / torch.tensor([85.0, 110.0, 95.0]) ** 2, dim=1)
    projected = project((places + 3.0 * outwards)[None], model.neutral[None]).on(model.neutral[None])[0]
    assert float((projected - places).norm(dim=1).max()) < 0.5
    vertices = torch.stack([model.neutral, model.neutral + torch.tensor([0.0, 0.0, 5.0])])
    both = project(places.expand(2, -1, -1), vertices).on(vertices)
    torch.testing.assert_close(both[0], places)
    assert float((both[1] - places).norm(dim=1).max()) <= 5.0 + 1e-4


def test_anchors_go_with_their_triangles() -> None:
    model = tiny_face_model()
    project, places = LandmarkProjection(model), model.neutral[model.landmarks]
    off = places + torch.randn(places.shape, generator=torch.Generator().manual_seed(0))
    anchors = project(off[None], model.neutral[None])
    assert float(anchors.weights.min()) >= 0.0 and bool(((anchors.weights.sum(2) - 1.0).abs() < 1e-5).all())
    turn = torch.tensor([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    elsewhere = anchors.on((model.neutral @ turn * 1.5 + 7.0)[None])
    torch.testing.assert_close(elsewhere, anchors.on(model.neutral[None]) @ turn * 1.5 + 7.0, atol=1e-3, rtol=0.0)


def test_smeared_lids_move_no_landmark_along_the_skin(shared_data: Path) -> None:
    """The corner of the eye is a pit: the closest point of the surface that fills it lies further out or further in."""
    model = FaceModel.load(shared_data / "ict" / "ict_facekit.npz", CLINICAL_VERTICES)
    generator = FaceGenerator(model, neighbours=4, pools=1)

    def eye_corners(share: float) -> torch.Tensor:
        some = generator.with_options(GeneratorOptions.only("lids_smeared", share=share))
        draw = Draw.seeded(model.device, 0, 0, 0)
        _, landmarks, _, _ = some.people(draw, EffectMask(draw, 8, 0.0))
        return landmarks[:, [model.labels.index(f"{corner}_{side}") for corner in ("en", "ex") for side in "lr"]]

    moved = eye_corners(1.0) - eye_corners(0.0)
    outwards = torch.nn.functional.normalize(moved.mean(0), dim=1)
    assert float(outwards[:, 2].min()) > 0.85 and float(moved[..., 2].mean()) > 0.5
    along = (moved - (moved * outwards).sum(2, keepdim=True) * outwards).norm(dim=2)
    assert float(along.mean()) < 0.1


def test_smoothing_does_not_slide_the_corner_of_the_eye(shared_data: Path) -> None:
    model = FaceModel.load(shared_data / "ict" / "ict_facekit.npz")
    average = SurfaceEffects(model, EffectOptions()).average
    vertices = model.neutral.clone()
    for _ in range(12):
        vertices = 0.5 * (vertices + average @ vertices)
    row = model.labels.index("ex_l")
    vertex = int(model.landmarks[row])
    anchors = LandmarkProjection(model)(model.neutral[model.landmarks][None], vertices[None])
    projected = anchors.on(vertices[None])[0, row]
    slid = float((vertices[vertex] - model.neutral[vertex]).norm())
    moved = float((projected - model.neutral[vertex]).norm())
    assert slid > 1.5 and moved < 0.5
