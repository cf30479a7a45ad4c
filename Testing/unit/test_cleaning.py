"""Cleaning of meshes: what is outer skin stays as it is, everything else goes, and landmarks stay where they are."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from research.robustness.damaged_meshes import DAMAGES, added, with_airway
from sgcn_core.cleaning.clean import clean_surface
from sgcn_core.cleaning.topology import find_patches, useful_triangles, welded_corners
from sgcn_core.detector import LandmarkDetector
from sgcn_core.errors import SurfaceError
from sgcn_core.geometry.closest_point import closest_on_surface
from sgcn_core.geometry.surface_index import SurfaceIndex
from sgcn_core.geometry.triangles import triangle_areas, triangle_normals
from sgcn_core.io.meshes import read_surface
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.surface import Surface

SMALL_MM = 0.6


def areas_of(surface: Surface) -> np.ndarray:
    return triangle_areas(surface.vertices, surface.faces)


def sphere(radius: float = 100.0, *, centre: tuple[float, float, float] = (0.0, 0.0, 0.0), rows: int = 40) -> Surface:
    """A closed sphere, oriented outwards."""
    from vtkmodules.vtkFiltersSources import vtkSphereSource

    from sgcn_core.geometry.vtk_bridge import from_polydata

    source = vtkSphereSource()
    source.SetRadius(radius)
    source.SetCenter(*centre)
    source.SetThetaResolution(2 * rows)
    source.SetPhiResolution(rows)
    source.Update()
    return Surface(*from_polydata(source.GetOutput()))


def bowl() -> Surface:
    """The lower half of a sphere: open, and its inner side is seen from above."""
    whole = sphere()
    return whole.clipped(whole.vertices[whole.faces][:, :, 2].max(axis=1) < 0.0)


def joined(first: Surface, second: Surface) -> Surface:
    return added(first, second.vertices, second.faces)


def outward_share(surface: Surface) -> float:
    """Share of the triangles of a thing around the origin whose normals look away from it."""
    centroids = surface.vertices[surface.faces].mean(axis=1)
    return float((np.einsum("ij,ij->i", triangle_normals(surface.vertices, surface.faces), centroids) > 0).mean())


@pytest.fixture(scope="module")
def good(detector: LandmarkDetector, face: Surface) -> LandmarkResult:
    return detector.detect(face)


@pytest.mark.parametrize("make", [sphere, bowl])
def test_a_clean_surface_is_handed_back_itself(make) -> None:
    surface = make()
    cleaned = clean_surface(surface)
    assert cleaned.surface is surface
    assert cleaned.notes == ()


@pytest.mark.parametrize("make", [sphere, bowl])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_inward_orientation_is_flipped_in_any_unit(make, scale: float) -> None:
    surface = make().with_(vertices=make().vertices * scale)
    cleaned = clean_surface(surface.with_(faces=surface.faces[:, ::-1]))
    np.testing.assert_array_equal(cleaned.surface.faces, surface.faces)
    assert cleaned.notes == ("flipped all triangles, which faced inwards",)


@pytest.mark.parametrize("make", [sphere, bowl])
def test_triangles_oriented_at_random_are_brought_to_one_side(make) -> None:
    surface = make()
    reverse = np.random.default_rng(3).random(len(surface.faces)) < 0.5
    cleaned = clean_surface(surface.with_(faces=np.where(reverse[:, None], surface.faces[:, ::-1], surface.faces)))
    np.testing.assert_array_equal(cleaned.surface.faces, surface.faces)
    assert re.fullmatch(r"flipped inconsistently oriented triangles \((4|5)\d %\)", cleaned.notes[0])


@pytest.mark.parametrize(("share", "notes"), [(0.008, 0), (0.012, 1)])
def test_a_few_flipped_triangles_are_flipped_back_without_a_note(share: float, notes: int) -> None:
    surface = sphere()
    faces = surface.faces.copy()
    some = np.random.default_rng(1).choice(len(faces), size=round(share * len(faces)), replace=False)
    faces[some] = faces[some, ::-1]
    cleaned = clean_surface(surface.with_(faces=faces))
    np.testing.assert_array_equal(cleaned.surface.faces, surface.faces)
    assert len(cleaned.notes) == notes


def test_pieces_are_turned_one_by_one() -> None:
    other = sphere(90.0, centre=(250.0, 0.0, 0.0))
    both = joined(sphere(), other.with_(faces=other.faces[:, ::-1]))
    np.testing.assert_array_equal(clean_surface(both).surface.faces, joined(sphere(), other).faces)


def test_a_moebius_strip_is_left_alone() -> None:
    angle = np.linspace(0.0, 2.0 * np.pi, 60, endpoint=False)
    across = np.stack([np.cos(angle / 2) * np.cos(angle), np.cos(angle / 2) * np.sin(angle), np.sin(angle / 2)], axis=1)
    middle = 3.0 * np.stack([np.cos(angle), np.sin(angle), 0.0 * angle], axis=1)
    vertices = np.concatenate([middle + across, middle - across])
    here, there = np.arange(60), (np.arange(60) + 1) % 60
    low, low_next = here, np.where(there == 0, 60, there)
    high, high_next = here + 60, np.where(there == 0, 0, there + 60)
    faces = np.concatenate([np.stack([low, low_next, high_next], 1), np.stack([low, high_next, high], 1)])
    patches = find_patches(faces, np.ones(len(faces)))
    assert patches.count == 1
    assert not patches.flipped.any()
    assert len(clean_surface(Surface(vertices, faces)).surface.faces) == len(faces)


def test_useless_triangles_are_dropped_and_the_others_keep_their_order() -> None:
    surface = sphere()
    a, b, c = surface.faces[7]
    extra = np.array([[a, a, b], [a, b, c], [c, b, a], [b, c, a]])
    cleaned = clean_surface(surface.with_(faces=np.concatenate([extra[:1], surface.faces, extra[1:]])))
    np.testing.assert_array_equal(cleaned.surface.faces, surface.faces)
    assert cleaned.notes == ()
    many = np.concatenate([np.repeat(extra[:1], 90, axis=0), surface.faces, surface.faces[:95, ::-1]])
    cleaned = clean_surface(surface.with_(faces=many))
    np.testing.assert_array_equal(cleaned.surface.faces, surface.faces)
    assert cleaned.notes == ("removed 90 triangles without area", "removed 95 triangles that repeat others")


def test_corners_at_one_place_count_as_one_vertex() -> None:
    vertices = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-0.0, 0.0, 0.0], [2.0, 0.0, 0.0]])
    corners = welded_corners(vertices, np.array([[0, 1, 2], [3, 1, 2], [0, 1, 3], [0, 1, 4]]))
    assert corners[0].tolist() == corners[1].tolist()
    useful, repeated = useful_triangles(corners, np.array([0.5, 0.5, 0.0, 0.0]), 2.0)
    assert useful.tolist() == [True, True, False, False]
    assert repeated.tolist() == [False, True, False, False]


def test_a_surface_without_area_is_refused() -> None:
    with pytest.raises(SurfaceError, match="no area"):
        clean_surface(Surface(np.arange(9.0).reshape(3, 3), np.array([[0, 1, 2]])))


def test_what_lies_inside_is_dropped() -> None:
    outer = sphere()
    for inner in (sphere(95.0), sphere(30.0, centre=(20.0, 0.0, 0.0))):
        for faces in (inner.faces, inner.faces[:, ::-1]):
            cleaned = clean_surface(joined(outer, inner.with_(faces=faces)))
            np.testing.assert_array_equal(cleaned.surface.faces, outer.faces)


def test_the_inner_side_of_a_thick_bowl_is_dropped() -> None:
    outer = bowl()
    thick = DAMAGES["thick wall"](outer, np.random.default_rng(0))
    kept = clean_surface(thick).surface
    inner = (kept.faces >= len(outer.vertices)).all(axis=1)
    assert areas_of(kept)[inner].sum() < 0.02 * areas_of(outer).sum()
    assert outward_share(kept.clipped((kept.faces < len(outer.vertices)).all(axis=1))) == 1.0


def test_a_cavity_behind_a_small_hole_is_dropped_and_its_entrance_stays() -> None:
    outer = sphere(rows=80)
    hollow = with_airway(outer, np.array([0.0, 0.0, 100.0]), np.array([0.0, 0.0, -1.0]))
    kept = clean_surface(hollow).surface
    tube = (kept.faces >= len(outer.vertices)).any(axis=1)
    depth = 100.0 - kept.vertices[kept.faces[tube]][:, :, 2]
    assert 2.0 < depth.max() < 25.0  # of 70
    assert (~tube).sum() == (hollow.faces < len(outer.vertices)).all(axis=1).sum()


def test_specks_go_and_a_second_head_stays() -> None:
    head, other = sphere(rows=60), sphere(60.0, centre=(300.0, 0.0, 0.0))
    speck = sphere(3.0, centre=(0.0, 0.0, 150.0), rows=6)
    cleaned = clean_surface(joined(joined(head, speck), other))
    assert len(cleaned.surface.faces) == len(head.faces) + len(other.faces)
    assert "removed stray pieces" in cleaned.notes[0]


def test_a_wall_goes_beside_a_larger_head_but_a_head_stays_beside_a_larger_wall() -> None:
    grid = np.stack(np.meshgrid(np.arange(21.0), np.arange(21.0), [0.0], indexing="ij"), axis=-1).reshape(-1, 3)
    number = np.arange(441).reshape(21, 21)
    corners = [part.ravel() for part in (number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:])]
    faces = np.concatenate([np.stack([corners[0], corners[k], corners[k + 1]], axis=1) for k in (1, 2)])
    for step, kept in ((6.0, False), (60.0, True)):
        wall = Surface(grid * step + [180.0, 0.0, -180.0], faces)
        cleaned = clean_surface(joined(sphere(), wall)).surface
        assert len(cleaned.faces) == len(sphere().faces) + kept * len(wall.faces)


def test_pieces_close_to_the_face_stay(face: Surface) -> None:
    x, y, z = face.vertices[face.vertices[:, 2].argmax()]
    patch = sphere(4.0, centre=(x, y, z + 8.0), rows=6)
    kept = clean_surface(joined(face, patch)).surface
    assert len(kept.faces) == len(face.faces) + len(patch.faces)


def test_cleaning_keeps_vertices_and_is_settled_after_once(face: Surface) -> None:
    damaged = DAMAGES["specks"](DAMAGES["oriented at random"](face, np.random.default_rng(0)), np.random.default_rng(1))
    once = clean_surface(damaged).surface
    np.testing.assert_array_equal(once.vertices, damaged.vertices)
    assert clean_surface(once).surface is once


@pytest.mark.parametrize("damage", list(DAMAGES))
def test_landmarks_stay_on_a_damaged_face(
    damage: str, detector: LandmarkDetector, face: Surface, good: LandmarkResult
) -> None:
    damaged = DAMAGES[damage](face, np.random.default_rng(0))
    result = detector.detect(damaged)
    moved = np.linalg.norm(result.positions - good.positions, axis=1)
    assert np.nanmedian(moved) <= SMALL_MM
    assert np.nanmean(moved) <= 2.0 * SMALL_MM
    seen = np.isfinite(result.positions).all(axis=1)
    assert seen.mean() >= 0.95
    useful = clean_surface(damaged).surface.faces
    nearest = closest_on_surface(result.positions[seen], SurfaceIndex(damaged.vertices, useful))
    distance = np.linalg.norm(nearest - result.positions[seen], axis=1)
    assert distance.max() < 1e-6 * damaged.extent.max()


def test_real_scans_stay_as_they_are(shared_data: Path) -> None:
    whole = ("hrtf_head.ply", "james.obj", "liberty.ply", "mannequin.ply", "smooth_head.ply", "template_male.ply")
    for name in whole:
        surface = read_surface(shared_data / "scans" / name)
        assert clean_surface(surface).surface is surface, name


def test_of_real_scans_cloth_and_mouth_bags_go(shared_data: Path) -> None:
    scans = shared_data / "scans"
    for name, piece, low, high in (("raw_scan.ply", "stray", 0.20, 0.22), ("LeePerrySmith.obj", "inner", 0.03, 0.07)):
        surface = read_surface(scans / name)
        cleaned = clean_surface(surface)
        assert piece in cleaned.notes[0]
        assert low < 1.0 - areas_of(cleaned.surface).sum() / areas_of(surface).sum() < high
