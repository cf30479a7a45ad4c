"""Points without triangles: read, a surface drawn through them, landmarks on it; or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sgcn_core.cleaning.clean import clean_surface
from sgcn_core.cleaning.point_cloud import estimate_normals, find_neighbourhoods, surface_of_points
from sgcn_core.demo import demo_surface
from sgcn_core.detector import LandmarkDetector
from sgcn_core.errors import SgcnError, SurfaceError
from sgcn_core.geometry.triangles import triangle_areas, triangle_normals
from sgcn_core.io.meshes import read_mesh_data, read_surface
from sgcn_core.skin.extract import read_scan


def ball(count: int = 4000, *, seed: int = 0) -> np.ndarray:
    directions = np.random.default_rng(seed).normal(size=(count, 3))
    return 100.0 * directions / np.linalg.norm(directions, axis=1, keepdims=True)


def test_a_sphere_is_drawn_through_its_points() -> None:
    surface = surface_of_points(ball())
    radius = np.linalg.norm(surface.vertices, axis=1)
    assert np.abs(radius - 100.0).mean() < 0.3  # the points lie 5.6 apart
    assert np.abs(radius - 100.0).max() < 2.0
    assert triangle_areas(surface.vertices, surface.faces).sum() == pytest.approx(4.0 * np.pi * 1e4, rel=0.02)
    assert surface.notes == ("surface reconstructed from 4000 points",)


def test_it_does_not_depend_on_unit_or_order() -> None:
    points = ball()
    surface = surface_of_points(points)
    small = surface_of_points(points[::-1] * 2.0**-10)
    np.testing.assert_allclose(small.vertices * 2.0**10, surface.vertices, atol=1e-3)
    np.testing.assert_array_equal(small.faces, surface.faces)


def test_nothing_is_drawn_where_there_are_no_points() -> None:
    points = ball(6000)
    open_points = points[points[:, 2] < 40.0]
    surface = surface_of_points(open_points)
    assert surface.vertices[:, 2].max() < 40.0 + 1.6 * 4.6
    middle = surface.vertices[surface.faces].mean(axis=1)
    assert np.linalg.norm(middle, axis=1).min() > 97.0


def test_points_far_away_do_no_harm() -> None:
    with_noise = np.concatenate([ball(), [[9e3, 0.0, 0.0], [0.0, -5e3, 100.0]]])
    surface = surface_of_points(with_noise)
    np.testing.assert_array_equal(surface.vertices, surface_of_points(ball()).vertices)


def test_of_very_many_points_some_are_taken() -> None:
    surface = surface_of_points(np.concatenate([ball(400_000), [[2e4, 0.0, 0.0]]]))
    assert 60_000 < len(surface.vertices) < 400_000
    assert np.abs(np.linalg.norm(surface.vertices, axis=1) - 100.0).mean() < 0.05
    assert triangle_areas(surface.vertices, surface.faces).sum() == pytest.approx(4.0 * np.pi * 1e4, rel=0.02)


def test_normals_are_brought_to_one_side() -> None:
    points = ball()
    normals = estimate_normals(points, find_neighbourhoods(points))
    outward = np.einsum("ij,ij->i", normals, points) / 100.0
    assert np.abs(outward).min() > 0.95
    assert len(np.unique(np.sign(outward))) == 1


def test_given_normals_are_used() -> None:
    points = ball()
    outwards, inwards = (surface_of_points(points, sign * points) for sign in (1.0, -1.0))
    for surface, sign in ((outwards, 1.0), (inwards, -1.0)):
        middle = surface.vertices[surface.faces].mean(axis=1)
        assert (
            sign * np.einsum("ij,ij->i", triangle_normals(surface.vertices, surface.faces), middle) > 0
        ).mean() > 0.99


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (ball(500), "500 different points but no triangles"),
        (np.repeat(ball(500), 10, axis=0), "500 different points"),
        (np.random.default_rng(0).random((5000, 3)), "do not lie on a surface"),
        (np.zeros((5000, 2)), "shape"),
        (np.full((5000, 3), np.nan), "finite"),
    ],
)
def test_what_is_no_surface_is_refused(points: np.ndarray, message: str) -> None:
    with pytest.raises(SurfaceError, match=message):
        surface_of_points(points)


def test_a_line_of_points_is_refused_or_draws_no_face(detector: LandmarkDetector) -> None:
    line = np.linspace(0.0, 200.0, 4000)[:, None] * [1.0, 0.5, 0.2]
    with pytest.raises(SgcnError):
        detector.detect(surface_of_points(line), unit="mm")


def write_cloud(file: Path, points: np.ndarray) -> None:
    rows = "\n".join("{:.9g} {:.9g} {:.9g}".format(*point) for point in points) + "\n"
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    both = np.concatenate([points, unit], axis=1)
    vertices = "".join(f"1 {number}\n" for number in range(len(points)))
    texts = {
        ".xyz": f"{len(points)}\n{rows}",
        ".obj": "".join(f"v {row}\n" for row in rows.splitlines()),
        ".vtk": "# vtk DataFile Version 3.0\ncloud\nASCII\nDATASET POLYDATA\n"
        f"POINTS {len(points)} double\n{rows}VERTICES {len(points)} {2 * len(points)}\n{vertices}",
        ".ply": f"ply\nformat ascii 1.0\ncomment SPACE=RAS UNIT=cm\nelement vertex {len(points)}\n"
        + "".join(f"property double {name}\n" for name in ("x", "y", "z", "nx", "ny", "nz"))
        + "end_header\n"
        + "\n".join(" ".join(f"{value:.9g}" for value in row) for row in both)
        + "\n",
    }
    file.write_text(texts[file.suffix], encoding="utf-8")


@pytest.mark.parametrize("suffix", [".xyz", ".obj", ".vtk", ".ply"])
def test_point_clouds_are_read(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"cloud{suffix}"
    write_cloud(file, ball())
    surface = read_scan(file)
    assert np.abs(np.linalg.norm(surface.vertices, axis=1) - 100.0).mean() < 0.3
    assert surface.notes == ("surface reconstructed from 4000 points",)
    assert surface.source == str(file)
    if suffix == ".ply":
        assert (surface.unit, surface.frame, surface.anatomical) == ("cm", "RAS", True)
        assert surface.origin == "point cloud"
    with pytest.raises(SurfaceError, match="no triangles"):
        read_surface(file)


@pytest.mark.parametrize(
    ("text", "rows", "normals"),
    [
        ("x,y,z\n1,2,3\n4,5,6\n", [[1, 2, 3], [4, 5, 6]], None),
        ("# made by a scanner\n1;2;3;0;0;1\n4;5;6;0;1;0\n", [[1, 2, 3], [4, 5, 6]], [[0, 0, 1], [0, 1, 0]]),
        ("2\r\n1 2 3 255 0 0\r\n4 5 6 9 9 9\r\n", [[1, 2, 3], [4, 5, 6]], None),
    ],
)
def test_xyz_as_programs_write_it(tmp_path: Path, text: str, rows: list, normals: list | None) -> None:
    file = tmp_path / "cloud.xyz"
    file.write_bytes(text.encode())
    data = read_mesh_data(file)
    np.testing.assert_array_equal(data.vertices, rows)
    assert data.faces.shape == (0, 3)
    if normals is None:
        assert data.normals is None
    else:
        np.testing.assert_array_equal(data.normals, normals)


@pytest.mark.parametrize("text", ["", "\n\n", "1 2\n3 4\n", "1 2 3\n4 5\n", "1 2 3\n4 x 6\n", "\x00\x01\x02"])
def test_damaged_xyz_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "cloud.xyz"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SgcnError, match=r"cloud\.xyz"):
        read_scan(file)


def test_landmarks_on_points_alone(detector: LandmarkDetector, tmp_path: Path) -> None:
    face = demo_surface()
    good = detector.detect(face)
    file = tmp_path / "face.xyz"
    np.savetxt(file, face.vertices)
    result = detector.detect(file, unit="mm")
    moved = np.linalg.norm(result.positions - good.positions, axis=1)
    assert "surface reconstructed from 12381 points" in result.info["notes"]
    assert np.isfinite(moved).mean() > 0.9
    assert np.nanmean(moved) < 1.5  # the points lie 2.3 mm apart
    assert np.nanmedian(moved) < 1.0


def test_landmarks_of_a_real_scan_on_its_points_alone(detector: LandmarkDetector, shared_data: Path) -> None:
    scan = read_surface(shared_data / "scans" / "template_male.ply").with_(unit="mm")
    good = detector.detect(scan)
    cloud = surface_of_points(scan.vertices, unit="mm", frame=scan.frame)
    moved = np.linalg.norm(detector.detect(cloud).positions - good.positions, axis=1)
    assert np.nanmean(moved) < 0.8


def test_cleaning_turns_a_reconstruction_outwards() -> None:
    points = ball()
    surface = clean_surface(surface_of_points(points, -points)).surface
    middle = surface.vertices[surface.faces].mean(axis=1)
    assert (np.einsum("ij,ij->i", triangle_normals(surface.vertices, surface.faces), middle) > 0).mean() > 0.99
