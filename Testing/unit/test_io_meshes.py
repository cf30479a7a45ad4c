"""Reading and writing surfaces: order, precision, tags, damage."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from mesh_files import put

from sgcn_core.errors import FileFormatError, SurfaceError
from sgcn_core.io.formats import WRITABLE_MESH_SUFFIXES
from sgcn_core.io.mesh_data import unit_hint
from sgcn_core.io.meshes import read_mesh_data, read_surface, write_surface
from sgcn_core.types.surface import Surface
from sgcn_core.types.units import UNITS_TO_MM

VERTICES = np.array([[0.0, 0, 0], [101.123456789, 0, 0], [0, -102.5, 0], [0, 0, 1 / 3]])
FACES = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]])
# A pentagon, a quadrilateral and a triangle over six vertices.
POLYGONS = ([0, 1, 2, 3, 4], [0, 4, 5, 1], [2, 3, 5])
FANS = [[0, 1, 2], [0, 2, 3], [0, 3, 4], [0, 4, 5], [0, 5, 1], [2, 3, 5]]
SIX = np.random.default_rng(1).normal(size=(6, 3)).round(4)


def rows(values: np.ndarray, prefix: str = "") -> str:
    return "".join(f"{prefix}{' '.join(map(repr, row))}\n" for row in values.tolist())


# Round trips


@pytest.mark.parametrize("suffix", sorted(set(WRITABLE_MESH_SUFFIXES) - {".stl"}))
def test_order_precision_frame_and_unit_come_back(tmp_path: Path, suffix: str) -> None:
    path = write_surface(Surface(VERTICES, FACES, unit="cm", frame="RAS"), tmp_path / f"a{suffix}")
    surface = read_surface(path)
    np.testing.assert_allclose(surface.vertices, VERTICES, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(surface.faces, FACES)
    assert (surface.unit, surface.frame, surface.source) == ("cm", "RAS", str(path))


def test_stl_gives_the_same_triangles_back(tmp_path: Path) -> None:
    surface = read_surface(write_surface(Surface(VERTICES, FACES, unit="m", frame="RAS"), tmp_path / "a.STL"))
    assert len(surface.vertices) == 4
    np.testing.assert_allclose(surface.vertices[surface.faces], VERTICES[FACES], rtol=1e-7, atol=0)
    assert (surface.unit, surface.frame) == ("m", "RAS")


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


# OBJ


def test_textured_obj_keeps_the_vertices_of_the_file(tmp_path: Path) -> None:
    """Seams (several texture coordinates per vertex), unused and repeated vertices change neither order nor number."""
    text = "mtllib a.mtl\n" + rows(SIX, "v ") + "v 9 9 9\n" + rows(SIX[:1], "v ")
    text += "vt 0 0\nvt 1 0\nvt 0 1\nvt 1 1\nvn 0 0 1\nusemtl skin\ng face\ns 1\n"
    text += "f 1/1/1 2/2/1 3/3/1\nf 1/4/1 3/1/1 4/2/1\nf 4//1 5//1 6//1\nf 6/3 8/2 1/1\n"
    surface = read_surface(put(tmp_path, "a.obj", text))
    np.testing.assert_array_equal(surface.vertices, np.vstack([SIX, [[9, 9, 9]], SIX[:1]]))
    np.testing.assert_array_equal(surface.faces, [[0, 1, 2], [0, 2, 3], [3, 4, 5], [5, 7, 0]])


def test_obj_polygons_become_fans(tmp_path: Path) -> None:
    text = rows(SIX, "v ") + "".join(f"f {' '.join(str(i + 1) for i in polygon)}\n" for polygon in POLYGONS)
    np.testing.assert_array_equal(read_surface(put(tmp_path, "a.obj", text)).faces, FANS)


def test_negative_obj_indices_count_from_their_own_line(tmp_path: Path) -> None:
    text = rows(SIX[:3], "v ") + "f -3 -2 -1\n" + rows(SIX[3:], "v ") + "f -3/-1 -2/-1 -1/-1\nf 1 -1 2\n"
    np.testing.assert_array_equal(read_surface(put(tmp_path, "a.obj", text)).faces, [[0, 1, 2], [3, 4, 5], [0, 5, 1]])


def test_obj_colours_tabs_continued_lines_and_windows_line_ends(tmp_path: Path) -> None:
    text = "".join(f"v\t{x} {y}  {z} 0.1 0.2 0.3\r\n" for x, y, z in SIX[:2].tolist())
    text += "".join(f"  v {x} {y} {z} 1.0\r\n" for x, y, z in SIX[2:4].tolist())
    surface = read_surface(put(tmp_path, "a.obj", text + "f 1 2 \\\r\n 3 4 # a quad\r\n"))
    np.testing.assert_array_equal(surface.vertices, SIX[:4])
    np.testing.assert_array_equal(surface.faces, [[0, 1, 2], [0, 2, 3]])


def test_the_scale_comment_is_followed_as_in_slicer_unless_the_unit_is_given(tmp_path: Path) -> None:
    path = put(tmp_path, "a.obj", "# 1 unit = 1000.000000 mm\n" + rows(SIX[:3], "v ") + "f 1 2 3\n")
    np.testing.assert_allclose(read_surface(path).vertices, SIX[:3] * 1000)
    assert read_surface(path).unit == "mm"
    np.testing.assert_array_equal(read_surface(path, unit="m").vertices, SIX[:3])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("f 1 2 3\n", "no 'v' lines"),
        (rows(SIX, "v ") + "f 1 2\n", "2 corners"),
        (rows(SIX, "v ") + "f 0 1 2\n", "vertex 0"),
        (rows(SIX, "v ") + "f -7 1 2\n", "counts back"),
        (rows(SIX, "v ") + "f 1 2 x\n", "expected a number"),
        ("v 1 2\nv 1 2 3 4\nf 1 2 1\n", "vertex 1 has 2 coordinates"),
        ("# Faces: 3\n" + rows(SIX, "v ") + "f 1 2 3\n", "declare 3 faces"),
    ],
)
def test_damaged_obj_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FileFormatError, match=message):
        read_surface(put(tmp_path, "a.obj", text))


def test_obj_indices_beyond_the_vertices_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SurfaceError, match="truncated"):
        read_surface(put(tmp_path, "a.obj", rows(SIX, "v ") + "f 1 2 7\n"))


# PLY


def ply(kind: str, *, ragged: bool = True) -> bytes:
    """Double coordinates, colours, an extra element before, lists and values beside the corners."""
    header = (
        f"ply\nformat {kind} 1.0\ncomment SPACE=RAS\nobj_info UNITS: millimeters\n"
        "element camera 2\nproperty float angle\nproperty list uchar short sizes\n"
        "element vertex 6\nproperty uchar red\nproperty double x\nproperty double y\nproperty float quality\n"
        "property double z\nelement face 3\nproperty int flag\nproperty list uchar int vertex_indices\n"
        "property list uchar float texcoord\nend_header\n"
    )
    polygons = POLYGONS if ragged else [[0, 1, 2], [2, 3, 4], [4, 5, 0]]
    order = ">" if "big" in kind else "<"
    if kind == "ascii":
        body = "0.5 2 7 8\n0.5 1 3\n" + "".join(f"200 {x!r} {y!r} 0.5 {z!r}\n" for x, y, z in SIX.tolist())
        body += "".join(f"-1 {len(p)} {' '.join(map(str, p))} 2 0.5 0.5\n" for p in polygons)
        return (header + body).encode()
    data = struct.pack(f"{order}fB2hfBh", 0.5, 2, 7, 8, 0.5, 1, 3)
    data += b"".join(struct.pack(f"{order}Bddfd", 200, x, y, 0.5, z) for x, y, z in SIX.tolist())
    data += b"".join(struct.pack(f"{order}iB{len(p)}iB2f", -1, len(p), *p, 2, 0.5, 0.5) for p in polygons)
    return header.encode() + data


KINDS = ("ascii", "binary_little_endian", "binary_big_endian")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ragged", [True, False])
def test_ply_of_every_kind_with_extra_properties(tmp_path: Path, kind: str, ragged: bool) -> None:
    surface = read_surface(put(tmp_path, "a.ply", ply(kind, ragged=ragged)))
    np.testing.assert_array_equal(surface.vertices, SIX)
    np.testing.assert_array_equal(surface.faces, FANS if ragged else [[0, 1, 2], [2, 3, 4], [4, 5, 0]])
    assert (surface.frame, surface.unit) == ("RAS", "mm")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ragged", [True, False])
def test_ply_cut_anywhere_is_refused(tmp_path: Path, kind: str, ragged: bool) -> None:
    whole = ply(kind, ragged=ragged)
    for end in range(4, len(whole) - 3, 5):
        with pytest.raises((FileFormatError, SurfaceError)):
            read_surface(put(tmp_path, "a.ply", whole[:end]))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"ply\n", b"plyx\n", "does not begin"),
        (b"binary_little_endian", b"binary_middle_endian", "binary_middle_endian"),
        (b"property double y", b"property doubble y", "not understood"),
        (b"property double y", b"property double w", "no x, y and z"),
        (b"vertex_indices", b"vertex_indizes", "vertex_indices"),
    ],
)
def test_a_strange_ply_header_is_refused(tmp_path: Path, old: bytes, new: bytes, message: str) -> None:
    content = ply("binary_little_endian").replace(old, new)
    with pytest.raises(FileFormatError, match=message):
        read_surface(put(tmp_path, "a.ply", content))


def test_ply_with_windows_line_ends(tmp_path: Path) -> None:
    surface = read_surface(put(tmp_path, "a.ply", ply("ascii").replace(b"\n", b"\r\n")))
    np.testing.assert_array_equal(surface.vertices, SIX)


def test_not_a_number_in_a_file_is_refused(tmp_path: Path) -> None:
    content = ply("ascii").replace(repr(float(SIX[2, 1])).encode(), b"nan")
    with pytest.raises(SurfaceError, match=r"a\.ply: 1 of 6 vertices"):
        read_surface(put(tmp_path, "a.ply", content))


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


# STL


def ascii_stl(triangles: np.ndarray) -> str:
    loops = "".join(
        "facet normal 0 0 0\n outer loop\n" + rows(corners, "  vertex ") + " endloop\nendfacet\n"
        for corners in triangles
    )
    return f"solid scan SPACE=RAS UNITS=cm\n{loops}endsolid scan\n"


def test_stl_corners_are_welded_in_order_of_appearance(tmp_path: Path) -> None:
    surface = read_surface(put(tmp_path, "a.stl", ascii_stl(SIX[FANS])))
    np.testing.assert_array_equal(surface.vertices, SIX)
    np.testing.assert_array_equal(surface.faces, FANS)
    assert (surface.frame, surface.unit) == ("RAS", "cm")


def test_welding_is_exact(tmp_path: Path) -> None:
    apart = np.array([[[0.0, 0, 0], [1, 0, 0], [0, 1, 0]], [[1e-9, 0, 0], [1, 0, 0], [0, 0, 1]]])
    assert len(read_surface(put(tmp_path, "a.stl", ascii_stl(apart))).vertices) == 5


def test_binary_stl_whose_header_begins_with_solid(tmp_path: Path) -> None:
    path = write_surface(Surface(VERTICES, FACES), tmp_path / "a.stl")
    surface = read_surface(put(tmp_path, "b.stl", b"solid" + path.read_bytes()[5:]))
    assert len(surface.vertices) == 4


def test_cut_stl_is_refused(tmp_path: Path) -> None:
    whole = write_surface(Surface(VERTICES, FACES), tmp_path / "a.stl").read_bytes()
    text = ascii_stl(SIX[FANS]).encode()
    for content in (
        *(whole[:end] for end in range(1, len(whole), 7)),
        *(text[:end] for end in range(1, len(text) - 20, 9)),
    ):
        with pytest.raises(FileFormatError, match="STL"):
            read_surface(put(tmp_path, "b.stl", content))


# VTK, VTP, OFF, glTF


def legacy(cells: str) -> str:
    return (
        "# vtk DataFile Version 3.0\nscan SPACE=RAS UNIT=m\nASCII\nDATASET POLYDATA\nPOINTS 6 double\n"
        + rows(SIX)
        + cells
    )


def test_vtk_polygons_and_strips(tmp_path: Path) -> None:
    polygons = f"POLYGONS 3 {sum(len(p) + 1 for p in POLYGONS)}\n"
    polygons += "".join(f"{len(p)} {' '.join(map(str, p))}\n" for p in POLYGONS)
    surface = read_surface(put(tmp_path, "a.vtk", legacy(polygons)))
    np.testing.assert_array_equal(surface.vertices, SIX)
    np.testing.assert_array_equal(surface.faces, FANS)
    assert (surface.frame, surface.unit) == ("RAS", "m")
    strip = read_surface(put(tmp_path, "b.vtk", legacy("TRIANGLE_STRIPS 1 5\n4 0 1 2 3\n")))
    np.testing.assert_array_equal(np.sort(strip.faces, axis=1), [[0, 1, 2], [1, 2, 3]])


def test_vtk_without_polydata_is_refused(tmp_path: Path) -> None:
    content = "# vtk DataFile Version 3.0\nt\nASCII\nDATASET STRUCTURED_POINTS\nDIMENSIONS 2 2 2\n"
    with pytest.raises(FileFormatError, match="not VTK polydata"):
        read_surface(put(tmp_path, "a.vtk", content))


@pytest.mark.parametrize("suffix", [".vtk", ".vtp"])
def test_cut_vtk_files_are_refused_quietly(tmp_path: Path, suffix: str, capfd: pytest.CaptureFixture[str]) -> None:
    whole = write_surface(Surface(VERTICES, FACES), tmp_path / f"a{suffix}").read_bytes()
    for end in range(10, len(whole) - 12, len(whole) // 15):
        with pytest.raises((FileFormatError, SurfaceError)):
            read_surface(put(tmp_path, f"b{suffix}", whole[:end]))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("header", ["OFF\n6 3 0\n", "OFF 6 3 0\n", "COFF\n# SPACE=RAS\n\n6 3 0  # counts\n"])
def test_off_polygons_with_colours(tmp_path: Path, header: str) -> None:
    text = header + "".join(f"{x} {y} {z} 255 0 0 255\n" for x, y, z in SIX.tolist())
    text += "".join(f"{len(p)} {' '.join(map(str, p))} 0.5 0.5 0.5\n" for p in POLYGONS)
    surface = read_surface(put(tmp_path, "a.off", text))
    np.testing.assert_array_equal(surface.vertices, SIX)
    np.testing.assert_array_equal(surface.faces, FANS)
    assert surface.frame == ("RAS" if "SPACE" in header else "LPS")


@pytest.mark.parametrize(
    "text", ["OFF\n", "OFF BINARY\n", "6 3 0\n", "OFF\n6 1 0\n1 2 3\n", "OFF\n3 1 0\n1 2 3\n1 2 3\n1 2 3\n3 0 1\n"]
)
def test_damaged_off_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(FileFormatError, match="OFF"):
        read_surface(put(tmp_path, "a.off", text))


def test_text_vtk_that_lacks_numbers_is_refused(tmp_path: Path) -> None:
    """VTK fills up what is missing."""
    polygons = "POLYGONS 2 8\n3 0 1 2\n3 1 2 3\n"
    assert len(read_surface(put(tmp_path, "a.vtk", legacy(polygons))).faces) == 2
    for damaged in (polygons[:-4], polygons.replace("2 8", "2 9"), polygons.replace("\n3 1", "\n4 1")):
        with pytest.raises(FileFormatError, match=r"a\.vtk as VTK: .*damaged"):
            read_surface(put(tmp_path, "a.vtk", legacy(damaged)))


# Files that are not there, and real ones


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
        read_surface(put(tmp_path, "a.ply", ply("ascii")), unit="furlong")
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
    from scipy.spatial import cKDTree

    surface = read_surface(shared_data / "scans" / "liberty.ply")
    text = (shared_data / "scans" / "liberty.csv").read_text().splitlines()[1:]
    points = np.array([[float(value) for value in line.split(",")[1:4]] for line in text])
    distance, _ = cKDTree(surface.vertices).query(points)
    assert distance.max() < 2.0
