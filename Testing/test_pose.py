"""The first pose estimate on the package's own face."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from sgcn_core.mean_face import mean_face
from sgcn_core.preprocessing.pose import estimate_pose
from sgcn_core.preprocessing.rotations import axis_rotations, spread_rotations
from sgcn_core.preprocessing.surface_probe import SurfaceProbe, probe_surface


def angle(first: np.ndarray, second: np.ndarray) -> float:
    """Degrees between two rotations."""
    return float(np.degrees(Rotation.from_matrix(first @ second.T).magnitude()))


@pytest.fixture(scope="module")
def probe() -> SurfaceProbe:
    face = mean_face()
    return probe_surface(face.vertices, face.faces)


def test_axis_rotations_are_the_24_proper_ones() -> None:
    rotations = axis_rotations()
    assert len({rotation.tobytes() for rotation in rotations}) == 24
    np.testing.assert_allclose(np.linalg.det(rotations), 1.0)
    np.testing.assert_array_equal(rotations[0], np.eye(3))


@pytest.mark.parametrize("seed", range(6))
def test_a_face_turned_anyhow_comes_back_to_the_head_frame(probe: SurfaceProbe, seed: int) -> None:
    rotation = Rotation.random(random_state=seed).as_matrix()
    shift = np.random.default_rng(seed).uniform(-500, 500, 3)
    best = estimate_pose(probe.points @ rotation.T + shift, probe.normals @ rotation.T)[0]
    assert np.linalg.det(best.to_head.rotation) == pytest.approx(1.0)
    assert angle(best.to_head.rotation, rotation.T) < 10.0
    assert best.to_head.scale == pytest.approx(1.0, abs=0.1)
    np.testing.assert_allclose(best.to_head.apply(probe.points @ rotation.T + shift), probe.points, atol=15.0)


def test_a_child_sized_head_is_brought_to_the_size_of_the_mean(probe: SurfaceProbe) -> None:
    best = estimate_pose(0.8 * probe.points, probe.normals)[0]
    assert best.to_head.scale == pytest.approx(1.25, abs=0.06)


def test_a_face_fits_better_than_a_ball(probe: SurfaceProbe) -> None:
    directions = np.random.default_rng(0).normal(size=(3000, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    assert (
        estimate_pose(90.0 * directions, directions)[0].misfit
        > 2.0 * estimate_pose(probe.points, probe.normals)[0].misfit
    )


def test_clutter_below_the_head_does_not_matter(probe: SurfaceProbe) -> None:
    rng = np.random.default_rng(1)
    shoulders = np.stack([rng.uniform(-220, 220, 3000), np.full(3000, -150.0), rng.uniform(-100, 100, 3000)], 1)
    up = np.tile([0.0, 1.0, 0.0], (3000, 1))
    best = estimate_pose(np.concatenate([probe.points, shoulders]), np.concatenate([probe.normals, up]))[0]
    assert angle(best.to_head.rotation, np.eye(3)) < 5.0


def test_probe_turns_normals_outwards_whatever_the_winding(probe: SurfaceProbe) -> None:
    face = mean_face()
    inside_out = probe_surface(face.vertices, face.faces[:, ::-1])
    assert inside_out.flipped and not probe.flipped
    nose = np.argmax(inside_out.points[:, 2])
    assert inside_out.normals[nose, 2] > 0.5


def test_no_rotation_is_far_from_a_spread_one() -> None:
    tried = Rotation.from_matrix(spread_rotations(96))
    farthest = max((tried * Rotation.random(random_state=seed).inv()).magnitude().min() for seed in range(300))
    assert np.degrees(farthest) < 50.0
