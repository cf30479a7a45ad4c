"""Files that another library wrote are read as that library reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sgcn_core.demo import demo_surface
from sgcn_core.io.meshes import read_surface

trimesh = pytest.importorskip("trimesh", reason="trimesh is the oracle: extra `dev`")


@pytest.mark.parametrize("suffix", ["obj", "ply", "off", "glb", "stl"])
def test_a_file_written_by_trimesh_is_the_same_surface(tmp_path: Path, suffix: str) -> None:
    face = demo_surface(subdivisions=0)
    path = tmp_path / f"face.{suffix}"
    trimesh.Trimesh(face.vertices, face.faces, process=False).export(path)
    ours, theirs = read_surface(path), trimesh.load(path, force="mesh", process=False)
    np.testing.assert_allclose(ours.vertices[ours.faces], theirs.vertices[theirs.faces], atol=1e-5)
    np.testing.assert_allclose(ours.vertices[ours.faces], face.vertices[face.faces], atol=1e-4)
    if suffix != "stl":  # STL has no shared vertices: ours are welded
        np.testing.assert_array_equal(ours.faces, face.faces)
