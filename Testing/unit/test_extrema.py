"""Landmarks at an extremum: on the surface, at the extremum, between vertices, continuous and symmetric."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from population_checks import check_root_of_the_nose
from scipy.spatial import cKDTree
from tiny_face_model import CENTRE, SEMI_AXES, ellipsoid

from research.synthesis.closest_on_triangles import closest_on_triangles
from research.synthesis.extrema import EXTREMA, Extremum, LandmarkExtrema
from research.synthesis.face_model import FaceModel
from research.synthesis.random_tensors import Draw
from research.synthesis.shapes import ShapeOptions, draw_vertices

TOP = CENTRE + SEMI_AXES * [0, 0, 1]


@pytest.fixture(scope="module")
def ball() -> tuple[torch.Tensor, torch.Tensor]:
    vertices, faces = ellipsoid(120, 160)
    return torch.from_numpy(vertices).float(), torch.from_numpy(faces)


def nearest(vertices: torch.Tensor, place: object) -> int:
    return int((vertices - torch.as_tensor(np.asarray(place)).float()).norm(dim=1).argmin())


def turned(vertices: torch.Tensor, degrees: float) -> torch.Tensor:
    """Nodding: about the x axis through the ellipsoid's centre."""
    angle = torch.tensor(np.deg2rad(degrees)).float()
    c, s = torch.cos(angle), torch.sin(angle)
    rotation = torch.stack([torch.tensor([1.0, 0, 0]), torch.stack([c * 0, c, -s]), torch.stack([c * 0, s, c])])
    centre = torch.from_numpy(CENTRE).float()
    return (vertices - centre) @ rotation.T + centre


def test_closest_point_of_a_triangle_inside_on_an_edge_and_at_a_corner() -> None:
    triangle = torch.tensor([[0.0, 0, 0], [4, 0, 0], [0, 4, 0]])
    points = torch.tensor([[1.0, 1, 3], [2, -1, 0], [-1, -1, 1], [3, 3, 0]])
    weights, squared = closest_on_triangles(points, triangle.expand(4, 3, 3))
    torch.testing.assert_close(weights @ triangle, torch.tensor([[1.0, 1, 0], [2, 0, 0], [0, 0, 0], [2, 2, 0]]))
    torch.testing.assert_close(squared, torch.tensor([9.0, 1, 3, 2]))


def test_most_protruded_point_is_found_from_a_vertex_beside_it(ball: tuple[torch.Tensor, torch.Tensor]) -> None:
    vertices, faces = ball[0] * 0.3, ball[1]
    top = torch.tensor(TOP * 0.3).float()
    start = nearest(vertices, top + torch.tensor([0.0, 4.0, 0.0]))
    free = {"prn": Extremum(play=1e6, reach=9.0)}
    solver = LandmarkExtrema(vertices, faces, ("other", "prn"), torch.tensor([5, start]), table=free)
    found = solver.solve(vertices[None])[0]
    assert torch.equal(found[0], vertices[5])
    assert (vertices[start] - top)[1] > 3.0
    assert (found[1] - top).norm() < 0.8


def test_a_landmark_with_little_play_hardly_moves_on_a_flat_area(ball: tuple[torch.Tensor, torch.Tensor]) -> None:
    vertices, faces = ball
    start = nearest(vertices, TOP)
    moved = {}
    for play in (2.0, 30.0):
        table = {"zy": Extremum(play=play, reach=9.0)}
        solver = LandmarkExtrema(vertices, faces, ("zy_l",), torch.tensor([start]), table=table)
        face = turned(vertices, 6.0)
        moved[play] = float((solver.solve(face[None])[0, 0] - face[start]).norm())
    assert moved[2.0] < 0.8 < moved[30.0]


def test_positions_follow_a_turning_face_without_jumps(ball: tuple[torch.Tensor, torch.Tensor]) -> None:
    vertices, faces = ball
    table = {"prn": Extremum(play=60.0, reach=12.0)}
    solver = LandmarkExtrema(vertices, faces, ("prn",), torch.tensor([nearest(vertices, TOP)]), table=table)
    angles = torch.linspace(-4.0, 4.0, 81)
    faces_seen = torch.stack([turned(vertices, float(angle)) for angle in angles])
    sites = solver.locate(faces_seen)
    on_one_face = sites.on(vertices.expand(len(angles), -1, -1))[:, 0]
    steps = on_one_face.diff(dim=0).norm(dim=1)  # 0.1 degrees: 0.17 mm over the surface, 2.8 mm between vertices
    assert steps.max() < 0.5
    assert (on_one_face[-1] - on_one_face[0]).norm() > 5.0


def test_midline_landmarks_stay_in_the_midline(ball: tuple[torch.Tensor, torch.Tensor]) -> None:
    vertices, faces = ball
    places = [[0, -50, 130], [0, -80, 100]]
    labels = ("pg", "me")
    solver = LandmarkExtrema(vertices, faces, labels, torch.tensor([nearest(vertices, place) for place in places]))
    assert set(solver.labels) == set(labels)
    assert float(solver.solve(vertices[None])[0, :, 0].abs().max()) < 0.2


def test_landmarks_that_a_model_lacks_are_left_out(ball: tuple[torch.Tensor, torch.Tensor]) -> None:
    vertices, faces = ball
    solver = LandmarkExtrema(vertices, faces, ("prn", "sl", "li"), torch.tensor([-1, 7, 8]))
    assert solver.labels == ()
    assert torch.equal(solver.solve(vertices[None])[0, 1:], vertices[[7, 8]])


@pytest.fixture(scope="module")
def people(shared_data: Path) -> tuple[FaceModel, LandmarkExtrema, torch.Tensor]:
    model = FaceModel.load(shared_data / "ict" / "ict_facekit.npz")
    solver = LandmarkExtrema(model.neutral, model.faces, model.labels, model.landmarks, skin=model.skin)
    draw = Draw(torch.Generator().manual_seed(3))
    return model, solver, draw_vertices(model, ShapeOptions(), draw, 8)


def test_every_definition_is_solved_on_both_sides(people: tuple[FaceModel, LandmarkExtrema, torch.Tensor]) -> None:
    model, solver, _ = people
    assert {label.removesuffix("_r").removesuffix("_l") for label in solver.labels} == set(EXTREMA)
    assert not any(label.startswith("ibug") for label in solver.labels)
    still = [i for i, label in enumerate(model.labels) if label not in solver.labels]
    solved = solver.solve(model.neutral[None])[0]
    assert torch.equal(solved[still], model.neutral[model.landmarks[still]])
    moved = (solved - model.neutral[model.landmarks]).norm(dim=1)
    assert moved.max() < 4.0


def test_the_tip_of_the_nose_is_the_tip(people: tuple[FaceModel, LandmarkExtrema, torch.Tensor]) -> None:
    model, solver, vertices = people
    found = solver.solve(vertices)[:, model.labels.index("prn")]
    fixed = vertices[:, model.landmarks[model.labels.index("prn")]]
    forward = torch.tensor(EXTREMA["prn"].direction)
    assert ((found - fixed) @ forward >= -0.1).all()
    assert (found - fixed).norm(dim=1).max() < 6.0


def test_alare_is_where_the_wing_is_roundest_not_beside_the_crease(
    people: tuple[FaceModel, LandmarkExtrema, torch.Tensor],
) -> None:
    model, solver, vertices = people
    sideways = {"al": replace(EXTREMA["al"], direction=(1.0, 0.0, 0.0))}
    beside = LandmarkExtrema(
        model.neutral, model.faces, model.labels, model.landmarks, skin=model.skin, table=sideways
    ).solve(vertices)
    moved = solver.solve(vertices) - beside
    for side, sign in (("r", -1.0), ("l", 1.0)):
        lateral, _, forward = moved[:, model.labels.index(f"al_{side}")].mean(0).tolist()
        assert 1.0 < forward < 3.0
        assert -1.0 < sign * lateral < 0.0


def test_a_mirrored_face_has_mirrored_landmarks(people: tuple[FaceModel, LandmarkExtrema, torch.Tensor]) -> None:
    model, solver, vertices = people
    flip = torch.tensor([-1.0, 1.0, 1.0])
    twin = torch.from_numpy(cKDTree(model.neutral.numpy()).query((model.neutral * flip).numpy())[1])
    swapped = [label[:-2] + {"_r": "_l", "_l": "_r"}.get(label[-2:], label[-2:]) for label in model.labels]
    columns = [model.labels.index(swapped[model.labels.index(label)]) for label in solver.labels]
    own = [model.labels.index(label) for label in solver.labels]
    mirrored = solver.solve(vertices[:, twin] * flip)[:, columns] * flip
    torch.testing.assert_close(mirrored, solver.solve(vertices)[:, own], atol=0.6, rtol=0.0)


def test_the_base_of_the_nasal_root_is_level_with_the_eye_corner(
    people: tuple[FaceModel, LandmarkExtrema, torch.Tensor],
) -> None:
    check_root_of_the_nose(people[0])
