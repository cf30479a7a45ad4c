"""Whole scans of generated people."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree
from tiny_face_model import LANDMARKS, ellipsoid, tiny_face_model

from research.synthesis.generated_scan import GeneratedScan, ScanMaker
from research.synthesis.generator import GeneratorOptions
from research.synthesis.partial_scan import PartMaker, part_of
from research.synthesis.scan_effects import ScanOptions
from research.synthesis.scan_meshes import Mesh, decimated, scrap, shoulders, subdivided
from research.synthesis.scan_store import stored_scan

MODEL = tiny_face_model()
CLEAN = GeneratorOptions.clean()


@cache
def maker(seed: int = 0, posed: bool = True, clean: bool = True) -> ScanMaker:
    return ScanMaker(MODEL, options=CLEAN if clean else None, seed=seed, posed=posed)


def distances(scan: GeneratedScan) -> np.ndarray:
    corners = scan.surface.vertices[scan.surface.faces]
    points = np.concatenate([corners.reshape(-1, 3), corners.mean(1)])
    return cKDTree(points).query(np.array(list(scan.landmarks.values())))[0]


def test_a_clean_scan_shows_every_landmark_on_its_surface() -> None:
    scan = maker().scan(0)
    assert tuple(scan.landmarks) == MODEL.labels and scan.absent == ()
    assert scan.surface.unit == "mm"
    assert np.median(distances(scan)) < 4.0  # the tiny model's triangles are 6 mm wide


def test_the_same_number_is_the_same_scan_and_another_is_not() -> None:
    first, again = maker(3, clean=False).scan(5), maker(3, clean=False).scan(5)
    np.testing.assert_array_equal(first.surface.vertices, again.surface.vertices)
    assert first.absent == again.absent
    for other in (maker(3, clean=False).scan(6), maker(4, clean=False).scan(5)):
        assert other.surface.vertices.shape != first.surface.vertices.shape


def test_posed_and_unposed_scans_show_the_same_person() -> None:
    posed = maker().scan(1)
    still = maker(posed=False).scan(1)
    np.testing.assert_allclose(
        posed.to_head.apply(posed.surface.vertices), still.to_head.apply(still.surface.vertices), atol=1e-6
    )
    assert np.linalg.norm(posed.surface.vertices.mean(0) - still.surface.vertices.mean(0)) > 10.0


def test_landmarks_stand_where_the_average_person_has_them_in_the_head_frame() -> None:
    scan = maker().scan(2)
    truth = scan.to_head.apply(np.array(list(scan.landmarks.values())))
    mean = MODEL.neutral[MODEL.landmarks].numpy()
    assert np.linalg.norm(truth - mean, axis=1).mean() < 15.0


def test_landmarks_that_are_cut_away_are_absent_and_the_others_are_not() -> None:
    nothing = {entry.name: 0.0 for entry in fields(ScanOptions) if isinstance(entry.default, float)}
    options = replace(CLEAN, scan=ScanOptions(**{**nothing, "no_flanks": 1.0}))
    cutter = ScanMaker(MODEL, options=options, posed=False, shoulders=0.0)
    for number in range(4):
        cut = cutter.scan(number)
        reach = np.abs(cut.to_head.apply(cut.surface.vertices)[:, 0]).max()
        whole = maker(posed=False).scan(number)
        for label, position in whole.landmarks.items():
            x = abs(cut.to_head.apply(position)[0])
            if abs(x - reach) > 8.0:
                assert label in (cut.absent if x > reach else cut.landmarks)


def test_every_landmark_is_present_absent_or_disputed() -> None:
    scan = maker(3, clean=False).scan(0)
    assert sorted((*scan.landmarks, *scan.absent, *scan.disputed)) == sorted(MODEL.labels)
    assert len(MODEL.labels) == LANDMARKS


def test_landmarks_under_something_are_covered_and_those_cut_away_are_not() -> None:
    scan = maker(3, clean=False).scan(1)
    assert set(scan.covered) <= set(scan.absent)
    flanks = ScanMaker(MODEL, options=GeneratorOptions.only("no_flanks"), shoulders=0.0).scan(0)
    assert flanks.covered == ()


def test_a_part_of_a_face_shows_the_landmarks_on_one_side_of_a_plane() -> None:
    whole = maker(clean=False).scan(1)
    corners = whole.surface.vertices[whole.surface.faces].mean(1)
    left = []
    for number in range(6):
        part = part_of(whole, np.random.default_rng(number))
        assert sorted((*part.landmarks, *part.absent, *part.disputed)) == sorted(MODEL.labels)
        assert set(whole.absent) <= set(part.absent) and set(part.covered) == set(whole.covered)
        surface = cKDTree(part.surface.vertices[part.surface.faces].mean(1))
        assert (distances(part) < 8.0).all()
        cut = [whole.landmarks[label] for label in set(part.absent) - set(whole.absent)]
        assert np.mean(surface.query(cut)[0] > 6.0) > 0.8
        assert 0 < len(surface.data) < len(corners)
        left.append(len(part.landmarks) / len(whole.landmarks))
    assert min(left) > 0.2 and max(left) < 0.85 and np.ptp(left) > 0.1


def test_a_part_is_a_function_of_the_seed_and_its_number() -> None:
    first, again, other = (PartMaker(maker(3, clean=False)).scan(number) for number in (5, 5, 6))
    np.testing.assert_array_equal(first.surface.vertices, again.surface.vertices)
    assert first.surface.vertices.shape != other.surface.vertices.shape


def test_scans_are_kept_and_read_again(tmp_path: Path) -> None:
    made = stored_scan(maker(3, clean=False), 1, tmp_path / "scans")
    (path,) = (tmp_path / "scans").iterdir()
    changed = path.stat().st_mtime_ns
    read = stored_scan(maker(3, clean=False), 1, tmp_path / "scans")
    assert path.stat().st_mtime_ns == changed
    fresh = stored_scan(maker(3, clean=False), 1, None)
    np.testing.assert_allclose(read.surface.vertices, fresh.surface.vertices, atol=1e-3)
    np.testing.assert_array_equal(read.surface.faces, made.surface.faces)
    assert (read.absent, read.covered, read.disputed) == (fresh.absent, fresh.covered, fresh.disputed)
    np.testing.assert_allclose(list(read.landmarks.values()), list(fresh.landmarks.values()))
    np.testing.assert_allclose(read.to_head.as_matrix(), fresh.to_head.as_matrix())


def test_subdivision_keeps_the_surface_and_the_order_of_the_triangles() -> None:
    mesh = Mesh(*ellipsoid())
    fine = subdivided(mesh)
    assert len(fine.faces) == 4 * len(mesh.faces)
    np.testing.assert_allclose(fine.centroids.reshape(-1, 4, 3).mean(1), mesh.centroids, atol=1e-9)
    np.testing.assert_allclose(fine.face_normals[::4], mesh.face_normals, atol=1e-6)


def test_decimation_comes_near_the_number_asked_for() -> None:
    mesh = decimated(Mesh(*ellipsoid(60, 90)), 3000)
    assert len(mesh.faces) == pytest.approx(3000, rel=0.05)


def test_stray_pieces_are_small_and_near_and_shoulders_wide_and_below() -> None:
    mesh, rng = Mesh(*ellipsoid()), np.random.default_rng(0)
    piece, body = scrap(mesh, rng), shoulders(mesh, rng)
    assert np.ptp(piece.vertices, axis=0).max() < 80.0
    assert cKDTree(mesh.vertices).query(piece.vertices)[0].min() < 60.0
    assert np.ptp(body.vertices[:, 0]) > 200.0
    assert body.vertices[:, 1].mean() < mesh.vertices[:, 1].mean() - 60.0
