"""Reading OBJ: polygons, indices, comments, damage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mesh_files import FANS, POLYGONS, SIX, put, rows

from sgcn_core.errors import FileFormatError, SurfaceError
from sgcn_core.io.meshes import read_surface


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
