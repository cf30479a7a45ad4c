"""Packing a small fake of ICT-FaceKit's published layout gives the model back that the files were written from."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from research.synthesis import pack_ict_facekit
from research.synthesis.face_model import FaceModel
from research.synthesis.pack_ict_facekit import BLOCKS, LANDMARKS, pack
from sgcn_core.errors import FileFormatError

EXPRESSIONS = ("jawOpen", "mouthClose")
IDENTITIES = 2
VERTICES = max(end for _, end in BLOCKS.values()) + 5  # more than what is kept, as published: eyelashes and the like
# A quad of skin, one with a corner in another block, which belongs to neither, a triangle of each eyeball.
POLYGONS = [
    [7, 8, 10, 9],
    [3, 4, 11250, 11251],
    [11248, 11249, 11251, 11250],
    [21451, 21452, 21453],
    [24588, 24589, 24590],
]


def write_obj(path: Path, vertices: np.ndarray, polygons: list[list[int]] | None = None) -> None:
    lines = ["mtllib ICTFaceModelMaterial.mtl", *(f"v {x:.15f} {y:.15f} {z:.15f}" for x, y, z in vertices)]
    lines += ["vt 0.5 0.5", *("f " + " ".join(f"{corner + 1}/1" for corner in each) for each in polygons or [])]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, np.ndarray]]:
    """The folder as a clone has it, and the shapes in it."""
    root = tmp_path_factory.mktemp("ICT-FaceKit")
    folder = root / "FaceXModel"
    folder.mkdir()
    rng = np.random.default_rng(0)
    neutral = rng.uniform(-10, 10, (VERTICES, 3))
    neutral[1] = neutral[0] * [-1, 1, 1]
    neutral[21451:24591, 2] = 0.0  # so that both eyeballs' triangles can face forwards
    for first, side in ((21451, 1.0), (24588, -1.0)):
        neutral[first : first + 3] = np.array([[0, 0, 5], [1, 0, 5], [0, 1, 5]]) + np.array([side * 4, 0, 0])
    neutral[21454:23021, 0] = np.abs(neutral[21454:23021, 0])
    neutral[23021:24588, 0] = -np.abs(neutral[23021:24588, 0])
    shapes = {f"identity{i:03d}": rng.normal(0, 0.1, (VERTICES, 3)) for i in range(IDENTITIES)}
    shapes |= {name: rng.normal(0, 0.1, (VERTICES, 3)) for name in EXPRESSIONS}
    write_obj(folder / "generic_neutral_mesh.obj", neutral, POLYGONS)
    for name, offset in shapes.items():
        write_obj(folder / f"{name}.obj", neutral + offset)
    names = {"expressions": EXPRESSIONS, "fitting_expressions": EXPRESSIONS, "idx_to_fitting_verts": [2, 3]}
    (folder / "vertex_indices.json").write_text(json.dumps(names))
    return root, {"neutral": neutral, **shapes}


@pytest.fixture(scope="module")
def packed(repository) -> dict[str, np.ndarray]:
    return pack(repository[0])


def test_shapes_come_out_as_they_were_written(repository, packed) -> None:
    shapes = repository[1]
    for prefix, (first, end) in BLOCKS.items():
        np.testing.assert_allclose(packed[f"{prefix}neutral"], shapes["neutral"][first:end], atol=1e-6)
        for i in range(IDENTITIES):
            np.testing.assert_allclose(packed[f"{prefix}id_modes"][i], shapes[f"identity{i:03d}"][first:end], atol=1e-6)
        for i, name in enumerate(EXPRESSIONS):
            np.testing.assert_allclose(packed[f"{prefix}ex_modes"][i], shapes[name][first:end], atol=1e-6)
    assert tuple(packed["expression_names"]) == EXPRESSIONS


def test_polygons_stay_in_their_block_and_become_triangles(packed) -> None:
    assert packed["polys"].tolist() == [[7, 8, 10, 9]]
    assert packed["faces"].tolist() == [[7, 8, 10], [7, 10, 9]]
    assert packed["sock_faces"].tolist() == [[0, 1, 3], [0, 3, 2]]
    assert packed["eye_polys"].tolist() == [[0, 1, 2, -1], [3137, 3138, 3139, -1]]
    assert packed["eye_faces"].tolist() == [[0, 1, 2], [3137, 3138, 3139]]


def test_landmarks_and_mirror_images(packed) -> None:
    assert len(packed["landmarks68"]) == len(packed["landmarks68_jawline"]) == 68
    assert packed["landmarks68_jawline"][:8].tolist() == [int(i) for i in LANDMARKS["jaw_right"].split()]
    assert (packed["landmarks68_jawline"][17:] == packed["landmarks68"][17:]).all()
    assert packed["mirror_idx"][:2].tolist() == [1, 0]


def test_the_command_writes_what_training_reads(repository, tmp_path: Path, monkeypatch, capsys) -> None:
    out = tmp_path / "ict_facekit.npz"
    monkeypatch.setattr(sys, "argv", ["pack", str(repository[0] / "FaceXModel"), "--out", str(out)])
    pack_ict_facekit.main()
    assert "2 identities, 2 expressions" in capsys.readouterr().out
    model = FaceModel.load(out)
    assert model.expression_names == EXPRESSIONS and len(model.landmarks) == len(model.labels) == 130
    np.testing.assert_allclose(model.neutral[: model.skin], 10 * repository[1]["neutral"][: model.skin], atol=1e-4)


@pytest.mark.parametrize("missing", ["generic_neutral_mesh.obj", "vertex_indices.json", "jawOpen.obj"])
def test_a_missing_file_is_named(repository, tmp_path: Path, missing: str) -> None:
    folder = tmp_path / "FaceXModel"
    folder.mkdir()
    for path in (repository[0] / "FaceXModel").iterdir():
        if path.name != missing:
            (folder / path.name).symlink_to(path)
    with pytest.raises(FileNotFoundError, match=missing):
        pack(tmp_path)


def test_a_shape_of_another_mesh_is_refused(repository, tmp_path: Path) -> None:
    folder = tmp_path / "FaceXModel"
    folder.mkdir()
    for path in (repository[0] / "FaceXModel").iterdir():
        (folder / path.name).symlink_to(path)
    (folder / "identity001.obj").unlink()
    write_obj(folder / "identity001.obj", np.zeros((4, 3)))
    with pytest.raises(FileFormatError, match=r"identity001\.obj: 4 vertices"):
        pack(tmp_path)
