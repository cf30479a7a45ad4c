"""Landmarks at the end of the scan are uncertain; holes and seams are no end."""

from __future__ import annotations

import numpy as np

from sgcn_core.uncertainty.boundary import doubt_at_rim, rim_points
from sgcn_core.uncertainty.recognition import Confidence


def grid(side: int = 21, hole: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """A flat square of 1 x 1, optionally with one cell missing in the middle."""
    x, y = np.meshgrid(np.linspace(0, 1, side), np.linspace(0, 1, side))
    ids = np.arange(side * side).reshape(side, side)
    corners = [part.ravel() for part in (ids[:-1, :-1], ids[:-1, 1:], ids[1:, :-1], ids[1:, 1:])]
    if hole:
        corners = [np.delete(part, (side - 1) * (side // 2) + side // 2) for part in corners]
    a, b, c, d = corners
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])
    return np.stack([x.ravel(), y.ravel(), np.zeros(side * side)], 1), faces


def test_rim_of_a_square_is_its_outline() -> None:
    rim = rim_points(*grid(), least_extent=0.5)
    on_outline = np.isclose(rim[:, :2], 0.0) | np.isclose(rim[:, :2], 1.0)
    assert on_outline.any(1).all()
    assert len(np.unique(rim.round(6), axis=0)) == 4 * 20 * 2


def test_small_holes_are_no_rim() -> None:
    whole, holed = rim_points(*grid(), least_extent=0.5), rim_points(*grid(hole=True), least_extent=0.5)
    np.testing.assert_array_equal(np.unique(whole, axis=0), np.unique(holed, axis=0))
    assert len(rim_points(*grid(hole=True), least_extent=0.01)) > len(whole)


def test_seams_between_split_vertices_are_no_rim() -> None:
    vertices, faces = grid()
    split, loose = vertices[faces].reshape(-1, 3), np.arange(3 * len(faces)).reshape(-1, 3)
    expected = np.unique(rim_points(vertices, faces, least_extent=0.5), axis=0)
    np.testing.assert_allclose(np.unique(rim_points(split, loose, least_extent=0.5), axis=0), expected)


def test_closed_surface_has_no_rim() -> None:
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    assert rim_points(vertices, faces, least_extent=0.0).shape == (0, 3)


def test_landmarks_at_the_rim_are_uncertain_at_best() -> None:
    verdict = Confidence(np.array([0.9, 0.9, 0.1]), ("found", "found", "missing"), np.zeros(3))
    positions = np.array([[0.01, 0.5, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 0.0]])
    doubted = doubt_at_rim(verdict, positions, rim_points(*grid(), least_extent=0.5), reach=0.03)
    assert doubted.status == ("uncertain", "found", "missing")
    np.testing.assert_allclose(doubted.confidence, [0.45, 0.9, 0.1])
    assert doubt_at_rim(verdict, positions, np.empty((0, 3)), reach=0.03) is verdict
