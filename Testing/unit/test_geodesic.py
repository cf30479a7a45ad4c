"""Lengths over a surface: against great circles, unfolded boxes and another library."""

from __future__ import annotations

import math

import numpy as np
import pytest
import trimesh

from sgcn_core.analysis import measure
from sgcn_core.analysis.geodesic import SurfaceWays
from sgcn_core.types.surface import Surface

RADIUS = 80.0


def surface_of(mesh: trimesh.Trimesh) -> Surface:
    return Surface(mesh.vertices, mesh.faces, unit="mm")


@pytest.fixture(scope="module")
def sphere() -> Surface:
    return surface_of(trimesh.creation.icosphere(subdivisions=4, radius=RADIUS))


def test_great_circles(sphere) -> None:
    rng = np.random.default_rng(3)
    ways = SurfaceWays(sphere)
    for _ in range(4):
        ends = rng.normal(size=(2, 3))
        ends *= RADIUS / np.linalg.norm(ends, axis=1, keepdims=True)
        arc = RADIUS * math.acos(np.clip(ends[0] @ ends[1] / RADIUS**2, -1, 1))
        assert ways.lengths(ends[:1], ends[1:])[0] == pytest.approx(arc, rel=0.004)


def test_over_the_edge_of_a_box_as_on_its_unfolded_faces() -> None:
    box = surface_of(trimesh.creation.box(extents=(10, 10, 10)))
    start, end = np.array([[-3.0, 1.0, 5.0]]), np.array([[5.0, 2.0, 1.0]])
    unfolded = math.hypot((5 - -3.0) + (5 - 1.0), 2.0 - 1.0)
    assert SurfaceWays(box).lengths(start, end)[0] == pytest.approx(unfolded, rel=1e-5)


def test_ends_that_move_change_the_length_to_first_order(sphere) -> None:
    ways = SurfaceWays(sphere)
    start, end = np.array([RADIUS, 0.0, 0.0]), np.array([0.0, RADIUS, 0.0])
    further = end + np.array([-0.5, 0.0, 0.0])  # along the way, away from the start
    both = ways.lengths(np.stack([start, start]), np.stack([end, further]))
    assert both[1] - both[0] == pytest.approx(0.5, abs=0.02)


def test_two_parts_have_no_way() -> None:
    parts = trimesh.util.concatenate(
        [trimesh.creation.icosphere(radius=5), trimesh.creation.icosphere(radius=5).apply_translation((30, 0, 0))]
    )
    assert np.isnan(SurfaceWays(surface_of(parts)).lengths(np.array([[5.0, 0, 0]]), np.array([[35.0, 0, 0]])))


def test_as_potpourri3d_says() -> None:
    potpourri3d = pytest.importorskip("potpourri3d")
    mesh = trimesh.creation.icosphere(subdivisions=3, radius=40)
    mesh.vertices[:, 1] *= 1.4 + 0.3 * np.sin(mesh.vertices[:, 0] / 12)
    ways = SurfaceWays(surface_of(mesh))
    solver = potpourri3d.EdgeFlipGeodesicSolver(np.asarray(mesh.vertices), np.asarray(mesh.faces))
    for start, end in ((0, 200), (17, 500), (300, 41)):
        path = solver.find_geodesic_path(start, end)
        reference = np.linalg.norm(np.diff(path, axis=0), axis=1).sum()
        ends = np.asarray(mesh.vertices)[[start, end]]
        ours = ways.lengths(ends[:1], ends[1:])[0]
        assert ours == pytest.approx(reference, rel=0.01)
        assert ours <= reference * 1.003  # theirs is the shortest nearby, ours is searched everywhere


def test_an_arc_is_measured_with_its_uncertainty(sphere) -> None:
    from constructed_face import case_of

    points = {"t_r": np.array([-RADIUS, 0, 0]), "sn": np.array([0, -RADIUS, 0]), "t_l": np.array([RADIUS, 0, 0])}
    value = measure(case_of(points, sd=0.5, surface=sphere), analyses=["maxillary_arc"])["maxillary_arc"]
    assert value.value == pytest.approx(math.pi * RADIUS, rel=0.004)
    assert value.sd == pytest.approx(0.5 * math.sqrt(2), rel=0.05)  # the middle point moves along a straight way
