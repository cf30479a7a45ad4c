"""Landmarks at the end of the scan are uncertain; holes and seams are no end."""

from __future__ import annotations

import numpy as np

from sgcn_core.uncertainty.assess import Assessment, uncertain_at_best
from sgcn_core.uncertainty.boundary import boundary_points, near_boundary
from sgcn_core.uncertainty.thresholds import Thresholds


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


def test_boundary_of_a_square_is_its_outline() -> None:
    boundary = boundary_points(*grid(), least_extent=0.5)
    on_outline = np.isclose(boundary[:, :2], 0.0) | np.isclose(boundary[:, :2], 1.0)
    assert on_outline.any(1).all()
    assert len(np.unique(boundary.round(6), axis=0)) == 4 * 20 * 2


def test_small_holes_are_no_boundary() -> None:
    whole, holed = boundary_points(*grid(), least_extent=0.5), boundary_points(*grid(hole=True), least_extent=0.5)
    np.testing.assert_array_equal(np.unique(whole, axis=0), np.unique(holed, axis=0))
    assert len(boundary_points(*grid(hole=True), least_extent=0.01)) > len(whole)


def test_seams_between_split_vertices_are_no_boundary() -> None:
    vertices, faces = grid()
    split, loose = vertices[faces].reshape(-1, 3), np.arange(3 * len(faces)).reshape(-1, 3)
    expected = np.unique(boundary_points(vertices, faces, least_extent=0.5), axis=0)
    np.testing.assert_allclose(np.unique(boundary_points(split, loose, least_extent=0.5), axis=0), expected)


def test_closed_surface_has_no_boundary() -> None:
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    assert boundary_points(vertices, faces, least_extent=0.0).shape == (0, 3)


def test_landmarks_at_the_boundary_are_uncertain_at_best() -> None:
    unknown = np.full(3, np.nan)
    assessment = Assessment(np.array([0.9, 0.9, 0.1]), ("found", "found", "missing"), unknown, unknown)
    positions = np.array([[0.01, 0.5, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 0.0]])
    near = near_boundary(positions, boundary_points(*grid(), least_extent=0.5), reach=0.03)
    limited = uncertain_at_best(assessment, near, Thresholds())
    assert limited.status == ("uncertain", "found", "missing")
    np.testing.assert_allclose(limited.confidence, [0.45, 0.9, 0.1])
    nowhere = near_boundary(positions, np.empty((0, 3)), reach=0.03)
    assert uncertain_at_best(assessment, nowhere, Thresholds()) is assessment
