"""The file that carries a surface from Slicer to the worker: written by the panel, checked by the worker."""

from __future__ import annotations

import numpy as np
import pytest
from FacialLandmarks3DLib.scene.files import write_surface_file

from sgcn_core.errors import FileFormatError, SurfaceError
from sgcn_core.types.surface import Surface
from sgcn_core.worker import surface_file
from sgcn_core.worker.surface_file import read_surface_file


def test_a_surface_file_needs_no_pickle_and_its_name_may_be_anything(tmp_path):
    path = write_surface_file(tmp_path / "visage é 顔.npz", [[0, 0, 0], [1, 0, 0], [0, 1, 0.5]], [[0, 1, 2]])
    with np.load(path, allow_pickle=False) as archive:
        assert archive["points"].shape == (3, 3) and archive["triangles"].tolist() == [[0, 1, 2]]
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(("name", "points"), [("face.ply", np.zeros((3, 3))), ("face.npz", np.zeros((3, 2)))])
def test_a_surface_file_that_nobody_could_read_is_not_written(tmp_path, name, points):
    with pytest.raises(ValueError, match=r"npz|points"):
        write_surface_file(tmp_path / name, points, np.zeros((1, 3), int))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arrays", "error"),
    [
        ({"points": np.eye(3)}, FileFormatError),
        ({"points": np.eye(3), "triangles": np.array([[0, 1, 9]])}, SurfaceError),
        ({"points": np.full((3, 3), np.nan), "triangles": np.array([[0, 1, 2]])}, SurfaceError),
        ({"points": np.array([[None] * 3]), "triangles": np.array([[0, 1, 2]])}, FileFormatError),
    ],
)
def test_a_surface_file_is_checked(tmp_path, arrays, error):
    path = tmp_path / "x.npz"
    np.savez(path, **arrays)
    with pytest.raises(error, match=r"x\.npz"):
        read_surface_file(path)


@pytest.mark.parametrize(("frame", "to_world"), [("RAS", (10.0, 10.0, 10.0)), ("LPS", (-10.0, -10.0, 10.0))])
def test_the_worker_writes_a_surface_in_millimetres_in_slicers_world(tmp_path, frame, to_world):
    vertices = np.array([[1.0, 2.0, 3.0], [4.0, 6.0, 5.0], [-7.0, 8.0, 9.0]])
    surface_file.write_surface_file(tmp_path / "x.npz", Surface(vertices, [[0, 2, 1]], frame=frame), "cm")
    written = read_surface_file(tmp_path / "x.npz")
    np.testing.assert_allclose(written.vertices, vertices * to_world, rtol=1e-12)
    assert written.faces.tolist() == [[0, 2, 1]] and (written.frame, written.unit) == ("RAS", "mm")
