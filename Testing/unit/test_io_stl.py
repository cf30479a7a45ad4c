"""Reading STL: corners that become vertices, damage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mesh_files import FACES, FANS, SIX, VERTICES, put, rows

from sgcn_core.errors import FileFormatError
from sgcn_core.io.meshes import read_surface, write_surface
from sgcn_core.types.surface import Surface


def ascii_stl(triangles: np.ndarray) -> str:
    loops = "".join(
        "facet normal 0 0 0\n outer loop\n" + rows(corners, "  vertex ") + " endloop\nendfacet\n"
        for corners in triangles
    )
    return f"solid scan SPACE=RAS UNITS=cm\n{loops}endsolid scan\n"


def test_stl_gives_the_same_triangles_back(tmp_path: Path) -> None:
    surface = read_surface(write_surface(Surface(VERTICES, FACES, unit="m", frame="RAS"), tmp_path / "a.STL"))
    assert len(surface.vertices) == 4
    np.testing.assert_allclose(surface.vertices[surface.faces], VERTICES[FACES], rtol=1e-7, atol=0)
    assert (surface.unit, surface.frame) == ("m", "RAS")


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
