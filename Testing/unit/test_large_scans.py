"""Large scans: decimation, one crop around the head, and landmarks on the original surface."""

from __future__ import annotations

import numpy as np
import pytest

import sgcn_core.reduction as reduction
from research.benchmarks.scan import scan_of
from sgcn_core.cleaning.clean import clean_surface
from sgcn_core.demo import demo_surface
from sgcn_core.detector import LandmarkDetector
from sgcn_core.geometry.closest_point import closest_on_surface
from sgcn_core.geometry.decimation import decimate
from sgcn_core.geometry.similarity import Similarity
from sgcn_core.geometry.surface_index import SurfaceIndex
from sgcn_core.geometry.triangles import triangle_areas, triangle_normals
from sgcn_core.graph.face_graph import FaceGraph
from sgcn_core.reduction import MOST_VERTICES, reduced
from sgcn_core.settings import DetectionSettings
from sgcn_core.stages import CropOfHead, Heatmaps, PosedScan
from sgcn_core.types.surface import Surface


def sphere(rings: int = 150) -> tuple[np.ndarray, np.ndarray]:
    """Of radius 100, oriented outwards, closed."""
    angle = np.linspace(0.0, np.pi, rings + 1)[1:-1]
    turn = np.linspace(0.0, 2.0 * np.pi, 2 * rings, endpoint=False)
    polar, around = (grid.ravel() for grid in np.meshgrid(angle, turn, indexing="ij"))
    body = np.stack([np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar)], axis=1)
    points = 100.0 * np.concatenate([body, [[0, 0, 1], [0, 0, -1]]])
    n, last = 2 * rings, len(angle) - 1
    a = np.arange(len(angle) * n).reshape(-1, n)
    b = np.roll(a, -1, axis=1)
    quads = [np.stack([a[:-1], a[1:], b[1:]], 2).reshape(-1, 3), np.stack([a[:-1], b[1:], b[:-1]], 2).reshape(-1, 3)]
    top = np.stack([np.full(n, len(body)), a[0], b[0]], 1)
    bottom = np.stack([np.full(n, len(body) + 1), b[last], a[last]], 1)
    return points, np.concatenate([*quads, top, bottom])


def edge_uses(faces: np.ndarray) -> np.ndarray:
    edges = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    counts: np.ndarray = np.unique(edges, axis=0, return_counts=True)[1]
    return counts


def test_a_decimated_sphere_is_a_closed_sphere_oriented_as_before() -> None:
    vertices, faces = sphere()
    small = decimate(vertices, faces, 5000)
    assert 4000 < len(small.vertices) < 6000
    np.testing.assert_allclose(np.linalg.norm(small.vertices, axis=1), 100.0, atol=0.1)
    middle = small.vertices[small.faces].mean(axis=1)
    outwards = np.einsum("ij,ij->i", triangle_normals(small.vertices, small.faces), middle / 100.0)
    assert (outwards > 0.5).mean() > 0.99
    assert (edge_uses(small.faces) >= 2).all()
    assert triangle_areas(small.vertices, small.faces).sum() == pytest.approx(4e4 * np.pi, rel=0.02)
    assert (np.linalg.norm(small.vertices[small.cluster] - vertices, axis=1) < np.sqrt(3.0) * small.cell).all()
    assert len(np.unique(np.sort(small.faces, axis=1), axis=0)) == len(small.faces)


def test_decimation_keeps_the_boundary_and_ignores_what_no_triangle_uses() -> None:
    vertices, faces = sphere()
    half = faces[vertices[faces].mean(axis=1)[:, 2] > 0.0]
    small = decimate(vertices, half, 3000)
    far = np.concatenate([vertices, [[1e6, 0.0, 0.0]]])
    again = decimate(far, half, 3000)
    np.testing.assert_array_equal(again.vertices, small.vertices)
    np.testing.assert_array_equal(again.faces, small.faces)
    assert again.cluster[-1] == -1 and (small.cluster[np.unique(half)] >= 0).all()
    edges = np.sort(small.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    unique, uses = np.unique(edges, axis=0, return_counts=True)
    np.testing.assert_allclose(small.vertices[np.unique(unique[uses == 1])][:, 2], 0.0, atol=3 * small.cell)


@pytest.mark.parametrize("outlier", [1e4, 1e7])
def test_decimation_resolves_a_surface_that_is_small_in_its_scene(outlier: float) -> None:
    vertices, faces = sphere()
    points = np.concatenate([vertices, outlier + np.eye(3)])
    small = decimate(points, np.concatenate([faces, [len(vertices) + np.arange(3)]]), 5000)
    assert 1000 < len(small.vertices) <= 20_000


def test_of_a_sheet_modelled_from_both_sides_one_side_stays() -> None:
    vertices, faces = sphere()
    half = faces[vertices[faces].mean(axis=1)[:, 2] > 0.0]
    one, both = (decimate(vertices, each, 3000) for each in (half, np.concatenate([half, half[:, ::-1]])))
    assert len(both.faces) > 0.95 * len(one.faces)


def test_scans_that_are_not_large_are_taken_as_they_are() -> None:
    scan = demo_surface()
    assert reduced(scan).surface is scan and reduced(scan).decimated is None
    exactly = scan_of(MOST_VERTICES)
    assert len(exactly.vertices) == MOST_VERTICES and reduced(exactly).surface is exactly


def beside(scan: Surface, apart: float) -> Surface:
    """With a sphere at the side, and vertices that nothing uses first."""
    vertices, faces = sphere(40)
    points = np.concatenate([[[0.0, 0.0, 0.0]], vertices + np.array([apart, 0.0, 0.0]), scan.vertices])
    return scan.with_(vertices=points, faces=np.concatenate([faces + 1, scan.faces + 1 + len(vertices)]))


def assert_same(first: FaceGraph, second: FaceGraph) -> None:
    for name in ("neighbours", "members", "faces"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    for name in ("nodes", "normals", "vertices"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_the_crop_makes_the_very_graph_of_the_whole_scan(detector: LandmarkDetector) -> None:
    scan, path = beside(demo_surface(), 600.0), detector.pipeline
    whole = PosedScan(scan.vertices, scan.faces)
    prototype = path.to_crop.inverse().apply(path.checkpoint.prototype)
    crop = CropOfHead(whole, prototype, 42.0)
    part = crop.posed(Similarity.identity())
    assert len(part.vertices) < len(scan.vertices) - 3000
    assert_same(path.graph(part, 500), path.graph(whole, 500))
    small_move = Similarity(1.02, np.eye(3), np.array([4.0, -3.0, 2.0]))
    assert crop.posed(small_move).faces is part.faces  # not cropped again
    assert_same(path.graph(crop.posed(small_move), 500), path.graph(whole.posed(small_move), 500))
    turned = Similarity(1.0, np.array([[0.8, 0.6, 0.0], [-0.6, 0.8, 0.0], [0.0, 0.0, 1.0]]), np.array([40.0, 9.0, 0.0]))
    assert crop.posed(turned).faces is not part.faces
    assert_same(path.graph(crop.posed(turned), 500), path.graph(whole.posed(turned), 500))


def test_the_steps_behind_the_pose_see_the_part_around_the_head_alone(detector: LandmarkDetector) -> None:
    scan, path = beside(demo_surface(), 600.0), detector.pipeline
    alone = demo_surface()
    clean = clean_surface(scan)
    posed = path.pose(clean, path.locate(clean, DetectionSettings(unit="mm")), seed=0)
    assert len(posed.vertices) <= len(alone.vertices)


@pytest.fixture(scope="module")
def large() -> Surface:
    return scan_of(400_000)


def test_a_large_scan_is_worked_on_decimated_and_placed_on_itself(detector: LandmarkDetector, large: Surface) -> None:
    """The same shape with 12,000 vertices has its landmarks where the large one has them, up to the random seed."""
    seen: list[Heatmaps] = []
    found = detector.detect(large, observe=seen.append)
    assert len(seen[0].graph.vertices) < 150_000
    small = detector.detect(demo_surface())
    others = [detector.detect(demo_surface(), seed=seed) for seed in (1, 2, 3)]
    larger = [found, *(detector.detect(large, seed=seed) for seed in (1, 2))]
    noise, apart = (
        np.array([np.linalg.norm(each.positions - small.positions, axis=1) for each in results])
        for results in (others, larger)
    )
    assert np.nanmedian(apart, axis=1).mean() < 1.5 * np.nanmedian(noise, axis=1).mean()
    assert np.nanmean(apart[0]) < 0.8
    assert found.info["notes"] == small.info["notes"]
    placed = found.positions[np.isfinite(found.positions).all(axis=1)]
    on_surface = closest_on_surface(placed, SurfaceIndex(large.vertices, large.faces))
    np.testing.assert_allclose(placed, on_surface, atol=1e-9)
    np.testing.assert_array_equal(found.positions, detector.detect(large).positions)


def test_the_published_method_still_chooses_a_vertex_of_the_original(
    detector: LandmarkDetector, large: Surface
) -> None:
    from scipy.spatial import cKDTree

    positions = detector.detect(large, preset="paper").positions
    distance = cKDTree(large.vertices).query(positions[np.isfinite(positions).all(axis=1)])[0]
    assert distance.max() < 1e-9


def test_of_a_scene_the_head_is_looked_at_more_finely(
    detector: LandmarkDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decimated scene has too few vertices on the face; the part around the head is decimated anew, or not at all."""
    monkeypatch.setattr(reduction, "MOST_VERTICES", 15_000)
    monkeypatch.setattr(reduction, "_COUNT", 9_000)
    seen: list[Heatmaps] = []
    scene = beside(demo_surface(), 600.0)
    found = detector.detect(scene, observe=seen.append)
    assert len(reduced(scene).surface.vertices) < 11_000 and len(seen[0].graph.vertices) > 8_000
    alone = detector.detect(demo_surface())
    assert np.nanmedian(np.linalg.norm(found.positions - alone.positions, axis=1)) < 0.8
