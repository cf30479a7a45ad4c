"""Vague landmarks are guided by the others, sharp ones are not; what comes out lies on the surface."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tiny_face_model import ellipsoid

from sgcn_core.geometry.closest_point import closest_on_surface
from sgcn_core.geometry.surface_index import SurfaceIndex
from sgcn_core.refinement.guidance import guided_positions
from sgcn_core.refinement.landmark_estimation import Refined
from sgcn_core.refinement.shape_model import LandmarkShape

LANDMARKS, MODES = 20, 4
RNG = np.random.default_rng(7)
MEAN = RNG.uniform(-0.7, 0.7, (LANDMARKS, 3))
DIRECTIONS = RNG.normal(0.0, 0.06, (MODES, LANDMARKS, 3))
FINDING = np.full(LANDMARKS, 0.004)
FINDING[0] = 0.05  # hard to find
DEVIATION = np.full(LANDMARKS, 0.15)


def person(rng: np.random.Generator) -> np.ndarray:
    return MEAN + np.tensordot(rng.normal(size=MODES), DIRECTIONS, 1)


SHAPE = LandmarkShape.fit(
    np.stack([person(np.random.default_rng(i)) for i in range(400)]), modes=MODES, finding=FINDING
)


def seen(positions: np.ndarray, peak: np.ndarray | float = 1.0) -> Refined:
    count = len(positions)
    zeros, ids = np.zeros(count), np.zeros(count, dtype=np.int64)
    peaks = np.broadcast_to(np.asarray(peak, dtype=np.float64), (count,)).copy()
    return Refined(positions, positions, zeros, peaks, peaks, zeros, ids, ids, np.zeros((count, 3)))


def test_what_is_hard_to_find_is_guided_and_what_is_sharp_stays() -> None:
    before, after, sharp = [], [], []
    for number in range(40):
        rng = np.random.default_rng(1000 + number)
        truth = person(rng)
        found = truth + rng.normal(size=truth.shape) * FINDING[:, None]
        guided = guided_positions(seen(found), SHAPE, DEVIATION)
        before.append(np.linalg.norm(found - truth, axis=1))
        after.append(np.linalg.norm(guided - truth, axis=1))
        sharp.append(np.linalg.norm(guided - found, axis=1)[1:])
    assert np.mean(after, axis=0)[0] < 0.35 * np.mean(before, axis=0)[0]
    assert np.mean(after) < np.mean(before)
    assert np.mean(sharp) < 3.0 * FINDING[1]


def test_a_low_peak_is_believed_less() -> None:
    truth = person(np.random.default_rng(5))
    found = truth.copy()
    found[3] += (0.02, 0.0, 0.0)
    peak = np.ones(LANDMARKS)
    moved = []
    for height in (1.0, 0.5, 0.25):
        peak[3] = height
        moved.append(np.linalg.norm(guided_positions(seen(found, peak), SHAPE, DEVIATION)[3] - found[3]))
    assert moved[0] < moved[1] < moved[2]


def test_a_face_unlike_the_population_keeps_what_the_scan_shows() -> None:
    truth = person(np.random.default_rng(6))
    odd = truth.copy()
    odd[3] += (0.2, 0.0, 0.0)  # fifty times the precision of finding it: no accident
    guided = guided_positions(seen(odd), SHAPE, DEVIATION)
    assert np.linalg.norm(guided[3] - odd[3]) < 0.2 * 0.2
    others = np.arange(LANDMARKS) != 3
    assert np.linalg.norm(guided - truth, axis=1)[others].mean() < 0.015


def test_guidance_turns_with_the_face() -> None:
    truth = person(np.random.default_rng(8))
    found = truth + np.random.default_rng(9).normal(size=truth.shape) * FINDING[:, None]
    angle = np.deg2rad(6.0)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1.0]])
    straight = guided_positions(seen(found), SHAPE, DEVIATION)
    turned = guided_positions(seen(found @ turn.T + (0.02, -0.01, 0.03)), SHAPE, DEVIATION)
    np.testing.assert_allclose(turned, straight @ turn.T + (0.02, -0.01, 0.03), atol=2e-4)


def test_nothing_seen_moves_nothing_to_infinity() -> None:
    guided = guided_positions(seen(MEAN.copy(), 0.0), SHAPE, DEVIATION)
    assert np.isfinite(guided).all()


def test_closest_points_lie_on_the_surface_and_are_closest() -> None:
    vertices, faces = ellipsoid(30, 40)
    index = SurfaceIndex(vertices, faces)
    centroids = vertices[faces].mean(1)
    normals = np.cross(vertices[faces[:, 1]] - vertices[faces[:, 0]], vertices[faces[:, 2]] - vertices[faces[:, 0]])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    rows = np.arange(100, len(faces) - 100, 37)
    lifted = centroids[rows] + 2.0 * normals[rows]
    np.testing.assert_allclose(closest_on_surface(lifted, index), centroids[rows], atol=1e-9)
    np.testing.assert_allclose(closest_on_surface(vertices[50:60], index), vertices[50:60], atol=1e-9)


def test_closest_point_without_a_triangle_nearby_stays() -> None:
    lonely = np.concatenate(
        [np.zeros((20, 3)) + np.linspace(0, 1e-3, 20)[:, None], [[9.0, 0, 0], [9, 1, 0], [9, 0, 1]]]
    )
    index = SurfaceIndex(lonely, np.array([[20, 21, 22]]))
    assert np.allclose(closest_on_surface(np.zeros((1, 3)), index), 0.0)


def test_statistics_keep_the_precision_of_finding() -> None:
    assert SHAPE.finding == pytest.approx(FINDING)
    assert (SHAPE.noise >= SHAPE.finding).all()
    assert not np.allclose(replace(SHAPE, finding=FINDING * 2).finding, SHAPE.finding)
