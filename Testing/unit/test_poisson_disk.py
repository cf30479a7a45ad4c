"""Poisson-disk sampling of surfaces: spacing, uniformity, invariances, awkward meshes, errors."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from sgcn_core.errors import SurfaceError
from sgcn_core.sampling.elimination import largest_radius
from sgcn_core.sampling.poisson_disk import SurfaceSamples, sample_poisson_disk

Mesh = tuple[np.ndarray, np.ndarray]


def sphere(rings: int = 40, radius: float = 80.0) -> Mesh:
    """Latitude-longitude sphere: tiny triangles at the poles, large ones at the equator."""
    polar, around = np.meshgrid(np.linspace(0, np.pi, rings + 1), np.linspace(0, 2 * np.pi, 2 * rings + 1))
    grid = np.stack([np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar)], axis=-1)
    number = np.arange(polar.size).reshape(polar.shape)
    a, b, c, d = (part.ravel() for part in (number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]))
    return radius * grid.reshape(-1, 3), np.concatenate([np.stack([a, c, b], 1), np.stack([a, d, c], 1)])


def cube() -> Mesh:
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=float)
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return corners, np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))])


def mesh_area(mesh: Mesh) -> float:
    a, b, c = np.moveaxis(mesh[0][mesh[1]], 1, 0)
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


def relative_spacing(points: np.ndarray, area: float) -> np.ndarray:
    """Distance to the nearest other point over that of a perfect hexagonal lattice."""
    nearest = cKDTree(points).query(points, k=2)[0][:, 1]
    return nearest / (2 * largest_radius(area, len(points)))


def fingerprint(samples: SurfaceSamples) -> str:
    return hashlib.sha256(samples.points.tobytes() + samples.triangles.tobytes()).hexdigest()


@pytest.mark.parametrize("count", [1, 2, 7, 500, 3000])
@pytest.mark.parametrize("oversampling", [1.0, 1.3, 5.0])
def test_gives_exactly_the_count_asked_for(count: int, oversampling: float) -> None:
    samples = sample_poisson_disk(*sphere(12), count, oversampling=oversampling)
    assert len(samples) == count
    assert samples.points.shape == samples.normals.shape == samples.barycentric.shape == (count, 3)


def test_few_large_triangles_carry_8000_points() -> None:
    vertices, faces = cube()
    samples = sample_poisson_disk(vertices, faces, 8000)
    assert len(np.unique(samples.points, axis=0)) == 8000
    assert relative_spacing(samples.points, 6.0).min() > 0.65
    assert np.bincount(samples.triangles, minlength=12) == pytest.approx(8000 / 12, rel=0.06)


def test_points_lie_where_their_barycentric_coordinates_say() -> None:
    vertices, faces = sphere()
    samples = sample_poisson_disk(vertices, faces, 800)
    assert samples.barycentric.min() >= 0
    assert samples.barycentric.sum(axis=1) == pytest.approx(1)
    rebuilt = (vertices[faces[samples.triangles]] * samples.barycentric[..., None]).sum(axis=1)
    assert np.allclose(rebuilt, samples.points, rtol=0, atol=1e-12 * 80)


def test_normals_are_those_of_the_triangle_and_point_outward() -> None:
    vertices, faces = sphere()
    samples = sample_poisson_disk(vertices, faces, 800)
    a, b, c = np.moveaxis(vertices[faces[samples.triangles]], 1, 0)
    assert np.linalg.norm(samples.normals, axis=1) == pytest.approx(1)
    assert np.abs(((b - a) * samples.normals).sum(1)).max() < 1e-9
    assert np.abs(((c - a) * samples.normals).sum(1)).max() < 1e-9
    outward = (samples.normals * samples.points).sum(1) / np.linalg.norm(samples.points, axis=1)
    assert outward.min() > 0.99


@pytest.mark.parametrize("mesh", [sphere(), sphere(150), cube()], ids=["coarse sphere", "fine sphere", "cube"])
def test_spacing_is_close_to_the_best_possible(mesh: Mesh) -> None:
    spacing = relative_spacing(sample_poisson_disk(*mesh, 2000).points, mesh_area(mesh))
    assert spacing.min() > 0.66
    assert spacing.mean() > 0.77
    assert spacing.std() / spacing.mean() < 0.09
    random = relative_spacing(sample_poisson_disk(*mesh, 2000, oversampling=1).points, mesh_area(mesh))
    assert random.mean() < 0.7 * spacing.mean()
    assert random.min() < 0.1 * spacing.min()


def test_no_holes_are_left() -> None:
    mesh = sphere(150)
    samples = sample_poisson_disk(*mesh, 2000)
    farthest = cKDTree(samples.points).query(mesh[0])[0].max()
    assert farthest < 1.15 * 2 * largest_radius(mesh_area(mesh), 2000)


def test_density_follows_area_and_not_the_triangulation() -> None:
    samples = sample_poisson_disk(*sphere(60, radius=1.0), 4000)
    bands, _ = np.histogram(samples.points[:, 2], bins=10, range=(-1, 1))  # equal areas (Archimedes)
    assert bands == pytest.approx(400, rel=0.06)


def test_larger_oversampling_spaces_better() -> None:
    mesh = sphere()
    samples = [sample_poisson_disk(*mesh, 1000, oversampling=oversampling) for oversampling in (2, 5)]
    few, many = (relative_spacing(drawn.points, mesh_area(mesh)) for drawn in samples)
    assert many.mean() > few.mean() + 0.03
    assert many.min() > few.min()


def test_same_seed_same_points_other_seed_other_points() -> None:
    mesh = sphere()
    again = [fingerprint(sample_poisson_disk(*mesh, 700, seed=seed)) for seed in (4, 4, 5)]
    assert again[0] == again[1] != again[2]


def test_result_does_not_depend_on_the_number_of_threads() -> None:
    vertices, faces = cube()
    program = (
        "from test_poisson_disk import cube, fingerprint, sample_poisson_disk\n"
        "print(fingerprint(sample_poisson_disk(*cube(), 900)))"
    )
    here = Path(__file__).resolve().parent
    for threads in ("1", "3"):
        environment = {**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        environment["PYTHONPATH"] = os.pathsep.join([str(here), str(here.parent)])
        output = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
        assert output.stdout.strip() == fingerprint(sample_poisson_disk(vertices, faces, 900)), output.stderr


def test_moving_and_scaling_the_mesh_moves_the_samples() -> None:
    vertices, faces = sphere()
    still = sample_poisson_disk(vertices, faces, 1000, seed=2)
    rotation = Rotation.from_euler("xyz", [20, -35, 70], degrees=True)
    moved = sample_poisson_disk(25 * rotation.apply(vertices) + (300, -20, 5), faces, 1000, seed=2)
    assert np.array_equal(moved.triangles, still.triangles)
    assert np.allclose(moved.barycentric, still.barycentric, rtol=0, atol=1e-6)
    assert np.allclose(moved.points, 25 * rotation.apply(np.array(still.points)) + (300, -20, 5), rtol=0, atol=1e-3)
    assert np.allclose(moved.normals, rotation.apply(np.array(still.normals)), rtol=0, atol=1e-6)


def test_flat_triangles_get_no_points() -> None:
    vertices, faces = cube()
    vertices = np.vstack([vertices, [[0.3, 0, 0], [0.3, 1e-17, 0]]])
    flat = np.array([[0, 0, 1], [0, 8, 4], [2, 2, 2], [0, 9, 8]])
    faces = np.concatenate([flat[:2], faces, flat[2:]])
    samples = sample_poisson_disk(vertices, faces, 2000)
    assert set(samples.triangles.tolist()) == set(range(2, 14))
    rebuilt = (vertices[faces[samples.triangles]] * samples.barycentric[..., None]).sum(axis=1)
    assert np.allclose(rebuilt, samples.points, rtol=0, atol=1e-12)


def test_strip_too_thin_for_neighbours_is_covered_from_end_to_end() -> None:
    vertices = np.array([[0, 0, 0], [1000, 0, 0], [1000, 1e-6, 0], [0, 1e-6, 0.0]])
    samples = sample_poisson_disk(vertices, [[0, 1, 2], [0, 2, 3]], 1000)
    parts, _ = np.histogram(samples.points[:, 0], bins=5, range=(0, 1000))
    assert parts == pytest.approx(200, rel=0.3)


@pytest.mark.parametrize("layers", [4, 12])
def test_coincident_layers_are_spaced_like_one(layers: int) -> None:
    vertices, faces = sphere(60)
    samples = sample_poisson_disk(vertices, np.tile(faces, (layers, 1)), 1500)
    assert len(samples) == 1500
    spacing = relative_spacing(samples.points, mesh_area((vertices, faces)))
    assert spacing.min() > 0.66
    assert spacing.mean() > 0.77


def test_take_reorders_all_arrays_alike() -> None:
    vertices, faces = sphere()
    samples = sample_poisson_disk(vertices, faces, 300)
    order = np.random.default_rng(0).permutation(300)[:100]
    taken = samples.take(order)
    assert len(taken) == 100
    rebuilt = (vertices[faces[taken.triangles]] * taken.barycentric[..., None]).sum(axis=1)
    assert np.allclose(rebuilt, samples.points[order], rtol=0, atol=1e-9)
    assert np.array_equal(taken.normals, samples.normals[order])


@pytest.mark.parametrize(
    ("vertices", "faces", "message"),
    [
        (np.zeros((3, 3)), [[0, 1, 2]], "without area"),
        (np.eye(3), np.zeros((0, 3), dtype=int), "at least one triangle"),
        (np.eye(3), [[0, 1, 2, 0]], "shape"),
        (np.eye(3), [[0, 1, 3]], "indices 0 to 3"),
        (np.eye(3), [[0, 1, -1]], "indices -1 to 1"),
        (np.eye(3)[:, :2], [[0, 1, 2]], r"shape \(3, 2\)"),
        (np.where(np.eye(3) > 0, np.nan, 0), [[0, 1, 2]], "finite"),
    ],
)
def test_unusable_meshes_are_refused_with_what_was_received(vertices, faces, message) -> None:
    with pytest.raises(SurfaceError, match=message):
        sample_poisson_disk(vertices, faces, 10)


@pytest.mark.parametrize("count", [0, -3])
def test_count_below_one_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"received {count}"):
        sample_poisson_disk(*cube(), count)


@pytest.mark.parametrize("oversampling", [0.5, float("nan")])
def test_oversampling_below_one_is_refused(oversampling: float) -> None:
    with pytest.raises(ValueError, match="oversampling"):
        sample_poisson_disk(*cube(), 10, oversampling=oversampling)
