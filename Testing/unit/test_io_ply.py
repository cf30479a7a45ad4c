"""Reading PLY: text and both binary kinds, extra properties, damage."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from mesh_files import FANS, POLYGONS, SIX, put

from sgcn_core.errors import FileFormatError, SurfaceError
from sgcn_core.io.meshes import read_surface


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
