"""Reading and writing surfaces in every format: what comes back, tags, what is not finite, wrong paths, real scans."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mesh_files import FACES, VERTICES, put
from scipy.spatial import cKDTree

from sgcn_core.errors import FileFormatError, SurfaceError
from sgcn_core.io.formats import WRITABLE_MESH_SUFFIXES
from sgcn_core.io.mesh_data import unit_hint
from sgcn_core.io.meshes import read_mesh_data, read_surface, write_surface
from sgcn_core.types.surface import Surface
from sgcn_core.types.units import UNITS_TO_MM


@pytest.mark.parametrize("suffix", sorted(set(WRITABLE_MESH_SUFFIXES) - {".stl"}))
def test_order_precision_frame_and_unit_come_back(tmp_path: Path, suffix: str) -> None:
    path = write_surface(Surface(VERTICES, FACES, unit="cm", frame="RAS"), tmp_path / f"a{suffix}")
    surface = read_surface(path)
    np.testing.assert_allclose(surface.vertices, VERTICES, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(surface.faces, FACES)
    assert (surface.unit, surface.frame, surface.source) == ("cm", "RAS", str(path))


@pytest.mark.parametrize("suffix", WRITABLE_MESH_SUFFIXES)
@pytest.mark.parametrize("unit", ["in", "7.3mm"])
def test_inches_and_any_other_unit_come_back(tmp_path: Path, suffix: str, unit: str) -> None:
    assert read_surface(write_surface(Surface(VERTICES, FACES, unit=unit), tmp_path / f"a{suffix}")).unit == unit


@pytest.mark.parametrize(
    ("stated", "unit"), [("inches", "in"), ("in", "in"), ("in millimeters", "mm"), ("in the box", None)]
)
def test_inches_in_a_header(stated: str, unit: str | None) -> None:
    assert unit_hint(f"Scan. Units: {stated}") == unit


@pytest.mark.parametrize("suffix", WRITABLE_MESH_SUFFIXES)
def test_a_surface_without_unit_stays_without(tmp_path: Path, suffix: str) -> None:
    surface = read_surface(write_surface(Surface(VERTICES, FACES), tmp_path / f"a{suffix}"))
    assert (surface.unit, surface.frame) == (None, "LPS")


@pytest.mark.parametrize("suffix", WRITABLE_MESH_SUFFIXES)
def test_keywords_override_the_tags(tmp_path: Path, suffix: str) -> None:
    path = write_surface(Surface(VERTICES, FACES, unit="cm", frame="RAS"), tmp_path / f"a{suffix}")
    surface = read_surface(path, unit="mm", frame="LPS")
    assert (surface.unit, surface.frame) == ("mm", "LPS")
    assert surface.vertices.max() == pytest.approx(101.123456789)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_surface(Surface(VERTICES, FACES), tmp_path / "a.ply")
    before = path.read_bytes()

    def full_disk(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.replace", full_disk)
    with pytest.raises(OSError, match="no space"):
        write_surface(Surface(VERTICES * 2, FACES), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


# --- vertices that are not finite --------------------------------------------------------------------------------


def test_triangles_with_a_vertex_that_is_not_finite_are_left_out(tmp_path: Path) -> None:
    grid = np.stack(np.meshgrid(range(8), range(8), [0.0]), axis=-1).reshape(-1, 3)
    faces = np.array([[i, i + 1, i + 9] for i in range(55) if i % 8 < 7])
    whole = Surface(grid, faces)
    path = write_surface(whole, tmp_path / "a.obj")
    lines = path.read_text().replace("v 3 2 0\n", "v nan 2 0\n")
    surface = read_surface(put(tmp_path, "b.obj", lines))
    left = faces[~(faces == 8 * 2 + 3).any(axis=1)]
    np.testing.assert_array_equal(surface.faces, left)
    np.testing.assert_array_equal(np.delete(surface.vertices, 19, axis=0), np.delete(grid, 19, axis=0))
    assert surface.notes == (
        f"1 of 64 vertices are not finite; {len(faces) - len(left)} triangles with them were left out",
    )
    many = path.read_text().replace(" 2 0\n", " inf 0\n")
    with pytest.raises(SurfaceError, match="8 of 64 vertices are NaN or infinite"):
        read_surface(put(tmp_path, "b.obj", many))


def test_points_of_a_cloud_that_are_not_finite_are_left_out(tmp_path: Path) -> None:
    text = "1 2 3 0 0 1\nnan nan nan nan nan nan\n4 5 6 0 1 0\n"
    data = read_mesh_data(put(tmp_path, "a.xyz", text))
    np.testing.assert_array_equal(data.vertices, [[1, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(data.normals, [[0, 0, 1], [0, 1, 0]])
    assert data.notes == ("1 of 3 points are not finite and were left out",)


# --- files that are not there, and real ones -----------------------------------------------------------------------


def test_wrong_paths_say_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="check the path"):
        read_surface(tmp_path / "a.ply")
    with pytest.raises(IsADirectoryError, match="folder"):
        read_surface(tmp_path)
    with pytest.raises(FileFormatError, match="empty"):
        read_surface(put(tmp_path, "a.ply", b""))
    with pytest.raises(FileFormatError, match=r"unknown suffix '\.blend'; convert it to one of.*\.obj, \.ply"):
        read_surface(put(tmp_path, "a.blend", b"x"))
    with pytest.raises(SurfaceError, match="furlong"):
        read_surface(write_surface(Surface(VERTICES, FACES), tmp_path / "b.ply"), unit="furlong")
    with pytest.raises(FileFormatError, match=r"use one of \.ply"):
        write_surface(Surface(VERTICES, FACES), tmp_path / "a.docx")
    with pytest.raises(FileNotFoundError, match="create it first"):
        write_surface(Surface(VERTICES, FACES), tmp_path / "nowhere" / "a.ply")


@pytest.mark.parametrize("suffix", [".obj", ".ply", ".stl", ".vtk", ".vtp", ".off", ".glb", ".gltf"])
def test_random_bytes_are_refused_in_every_format(tmp_path: Path, suffix: str) -> None:
    for seed in range(5):
        noise = np.random.default_rng(seed).bytes(700)
        with pytest.raises((FileFormatError, SurfaceError), match=rf"a\{suffix}"):
            read_surface(put(tmp_path, f"a{suffix}", noise))


@pytest.mark.parametrize(
    ("name", "count", "unit"),
    [
        ("james.obj", 6393, "mm"),
        ("liberty.ply", 66814, "mm"),
        ("raw_scan.ply", 38062, "mm"),
        ("template_male.ply", 29860, "mm"),
        ("template_female.ply", 30031, "mm"),
        ("humface.ply", 10381, "mm"),
        ("mannequin.ply", 5637, "mm"),
        ("bust_with_shirt.ply", 57049, "mm"),
        ("LeePerrySmith.obj", 8844, "m"),
        ("hrtf_head.ply", 32870, "mm"),
        ("smooth_head.ply", 8718, "mm"),
    ],
)
def test_real_scans_have_their_published_size(shared_data: Path, name: str, count: int, unit: str) -> None:
    surface = read_surface(shared_data / "scans" / name)
    assert len(surface.compacted().vertices) == count
    assert 120.0 < UNITS_TO_MM[unit] * surface.extent.max() < 600.0


def test_landmarks_of_a_real_scan_lie_on_it(shared_data: Path) -> None:
    surface = read_surface(shared_data / "scans" / "liberty.ply")
    text = (shared_data / "scans" / "liberty.csv").read_text().splitlines()[1:]
    points = np.array([[float(value) for value in line.split(",")[1:4]] for line in text])
    distance, _ = cKDTree(surface.vertices).query(points)
    assert distance.max() < 2.0
