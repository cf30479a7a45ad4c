"""Datasets in their published layouts: tiny trees made here, read and split."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from dataset_trees import NUMBERS, SUBJECTS, TURN, grid, obj
from typer.testing import CliRunner

from sgcn_core.cli.app import app
from sgcn_core.datasets import DATASETS, open_dataset, split_subjects
from sgcn_core.errors import FileFormatError, SettingsError
from sgcn_core.types.surface import Surface

# FaceScape


def test_facescape_landmarks_are_vertices_of_the_model(facescape: Path) -> None:
    dataset = open_dataset("facescape", facescape)
    assert len(dataset.samples) == 15 and {each.subject for each in dataset.samples} == set(SUBJECTS)
    sample = next(each for each in dataset.samples if each.key == "2-3_mouth_stretch")
    assert sample.condition == "mouth_stretch"
    face = dataset.read(sample)
    vertices, _ = grid(170.0 + 8 + 40)
    np.testing.assert_allclose(face.landmarks, vertices[NUMBERS])
    assert face.surface.unit == "mm" and dataset.labels[30] == "ibug30"
    cropped = dataset.read(sample, cropped=True)
    assert len(cropped.surface.vertices) == 121 and (cropped.surface.vertices[:, 2] > -75).all()
    np.testing.assert_array_equal(cropped.landmarks, face.landmarks)


def test_sizes_of_the_papers_splits_and_sets() -> None:
    neutral, emotions = DATASETS["facescape"].experiments
    assert len(emotions.train) == 4 and len(neutral.tests["FS Expressions"]) == 16
    for everybody, train, test in ((847, 678, 169), (1223, 978, 245), (42152, 33722, 8430)):
        split = split_subjects(map(str, range(everybody)))
        assert (len(split.train), len(split.test)) == (train, test)
        assert not set(split.train) & set(split.test)
    assert split_subjects("abcdefghij") == split_subjects("jihgfedcba")
    assert split_subjects("abcdefghij") != split_subjects("abcdefghij", seed=1)


def test_what_facescape_lacks_or_has_wrong_is_named(facescape: Path, tmp_path: Path) -> None:
    with pytest.raises(
        FileFormatError, match=r"Expected: landmark_indices.npz and ID/models_reg.*Found there: nothing"
    ):
        _ = open_dataset("facescape", tmp_path).samples
    with pytest.raises(SettingsError, match="choose from facescape"):
        open_dataset("bosphorus", tmp_path)
    small = obj(tmp_path / "7" / "1_neutral.obj", grid()[0][:100], grid()[1][:80])
    dataset = open_dataset("facescape", tmp_path)
    with pytest.raises(FileFormatError, match=r"has no landmark_indices\.npz"):
        dataset.read(dataset.samples[0])
    (tmp_path / "landmark_indices.npz").write_bytes((facescape / "landmark_indices.npz").read_bytes())
    with pytest.raises(FileFormatError, match="has 100; it is of another topology"):
        dataset.read(dataset.samples[0])
    small.rename(small.with_name("1_smile.obj"))
    with pytest.raises(FileFormatError, match="number 1 of FaceScape is 'neutral'"):
        _ = open_dataset("facescape", tmp_path).samples


def test_multi_view_scans_carry_the_landmarks_of_their_models(facescape: Path, tmp_path: Path) -> None:
    vertices, faces = grid()
    shift, scale = np.array([5.0, 6, 7]), 40.0
    obj(tmp_path / "tu" / "3" / "models_reg" / "2_smile.obj", vertices, faces)
    scan = Surface((vertices - shift) @ TURN / scale, faces)  # p = R (scale q) + t, so q = R^T (p - t) / scale
    from sgcn_core.io.meshes import write_surface

    (tmp_path / "mview" / "3").mkdir(parents=True)
    write_surface(scan, tmp_path / "mview" / "3" / "2_smile.ply")
    (tmp_path / "landmark_indices.npz").write_bytes((facescape / "landmark_indices.npz").read_bytes())
    pose = {"3": {"2": [scale, np.column_stack([TURN, shift]).tolist()]}}
    (tmp_path / "Rt_scale_dict.json").write_text(json.dumps(pose))
    dataset = open_dataset("facescape-multiview", tmp_path)
    face = dataset.read(dataset.samples[0], cropped=True)
    assert face.surface.unit == "40mm" and len(face.surface.vertices) == 121
    np.testing.assert_allclose(face.landmarks, scan.vertices[NUMBERS], atol=1e-9)
    pose["3"]["2"][1] = np.column_stack([TURN * [-1, 1, 1], shift]).tolist()
    (tmp_path / "Rt_scale_dict.json").write_text(json.dumps(pose))
    with pytest.raises(FileFormatError, match="determinant -1"):
        open_dataset("facescape-multiview", tmp_path).read(dataset.samples[0])


# The others


def test_headspace_counts_vertices_from_one(tmp_path: Path) -> None:
    vertices, faces = grid()
    folder = tmp_path / "subjects" / "00017"
    obj(folder / "130410084252.obj", vertices, faces)
    table = folder / "ldmks130410084252.txt"
    table.write_text("\n".join(str(number + 1) for number in NUMBERS) + "\n\n")
    (folder / "person_00017.txt").write_text("id:17\nexpression:smile\n")
    (tmp_path / "subjects" / "00018").mkdir()
    dataset = open_dataset("headspace", tmp_path)
    (sample,) = dataset.samples
    assert (sample.subject, sample.condition) == ("00017", "smile")
    np.testing.assert_allclose(dataset.read(sample).landmarks, vertices[NUMBERS])
    table.write_text("\n".join(str(number) for number in NUMBERS))
    with pytest.raises(FileFormatError, match="counted from 1"):
        dataset.read(sample)
    table.rename(folder / "ldmks999.txt")
    with pytest.raises(FileFormatError, match=r"has no scan 999\.obj"):
        _ = open_dataset("headspace", tmp_path).samples


def test_bu3dfe_pairs_models_and_points(tmp_path: Path) -> None:
    folder = tmp_path / "F0001"
    folder.mkdir()
    wrl = "#VRML V2.0 utf8\nShape { geometry IndexedFaceSet { coord Coordinate { point [ 0 0 0, 1 0 0, 0 1 0 ] } "
    (folder / "F0001_AN01WH_F3D.wrl").write_text(wrl + "coordIndex [ 0, 1, 2, -1 ] } }")
    (folder / "F0001_AN01WH_RAW.wrl").write_text(wrl)
    (folder / "F0001_NE00WH_F3D.wrl").write_text(wrl)
    (folder / "F0001_AN01WH_F3D.bnd").write_text("".join(f"{n} \t\t{n} {-n} {n / 2}\n" for n in range(83)))
    dataset = open_dataset("bu3dfe", tmp_path)
    (sample,) = dataset.samples
    face = dataset.read(sample)
    assert (sample.subject, sample.condition, dataset.labels[82]) == ("F0001", "AN01", "bu83")
    assert face.landmarks[82].tolist() == [82, -82, 41] and len(face.surface.faces) == 1


def test_dad3dheads_meshes_and_their_projection(dad: Path) -> None:
    dataset = open_dataset("dad3dheads", dad)
    (sample,) = dataset.samples
    face = dataset.read(sample, cropped=True)
    assert dataset.labels == tuple(f"p{n}" for n in NUMBERS[:5]) and face.surface.unit == "m"
    assert len(face.surface.vertices) == 121 and sample.attributes["expression"] == "true"
    np.testing.assert_allclose(face.landmarks, grid()[0][NUMBERS[:5]] / 1000)
    assert face.camera is not None
    assert face.camera.project(np.array([[4.0, 8, 1]])).tolist() == [[2.0, 4.0]]  # 2 x / 4
    # 3 to the right in space is 1.5 in the image; the box has the area 9 x 4, its root is 6.
    moved = face.landmarks + np.array([3.0, 0, 5])
    assert face.camera.normalised_error(moved, face.landmarks) == pytest.approx(1.5 / 6)
    with pytest.raises(FileFormatError, match=r"0\.19 mm tall in mm, no head"):
        open_dataset("dad3dheads", dad, unit="mm").read(sample)
    (dad / "flame_faces.npy").unlink()
    torch.save(torch.from_numpy(grid()[1]), dad / "flame_mesh_faces.pt")
    np.testing.assert_array_equal(open_dataset("dad3dheads", dad).read(sample).surface.faces, grid()[1])
    (dad / "flame_mesh_faces.pt").unlink()
    with pytest.raises(FileFormatError, match=r"no flame_faces.npy or flame_mesh_faces.pt or flame.obj"):
        open_dataset("dad3dheads", dad).read(sample)


def test_a_plain_folder_knows_people_and_names(tmp_path: Path) -> None:
    vertices, faces = grid()
    for name in ("a", "b", "c"):
        obj(tmp_path / f"{name}.obj", vertices, faces)
    (tmp_path / "a.landmarkAscii").write_text(
        "# AmiraMesh 3D ASCII 2.0\ndefine Markers 2\nMarkers { float[3] Coordinates } @1\n@1\n1 2 3\n4 5 6\n"
    )
    (tmp_path / "b.csv").write_text("name,x,y,z,unit\nprn,0.4,0.5,0.6,cm\nsn,,,,\n")
    (tmp_path / "labels.txt").write_text("sn\nprn\n")
    (tmp_path / "subjects.csv").write_text("file,subject,condition\na.obj,Anna,smile\nb.obj,Anna,\n")
    dataset = open_dataset("folder", tmp_path, unit="mm")
    first, second = dataset.samples
    assert (first.subject, first.condition, second.subject) == ("Anna", "smile", "Anna")
    assert dataset.labels == ("sn", "prn")
    assert dataset.read(first).landmarks.tolist() == [[1, 2, 3], [4, 5, 6]]
    read = dataset.read(second).landmarks
    np.testing.assert_allclose(read[1], [4, 5, 6])
    assert np.isnan(read[0]).all()
    with pytest.raises(FileFormatError, match="states a unit; give it with --unit"):
        open_dataset("folder", tmp_path).read(first)
    (tmp_path / "subjects.csv").write_text("file,subject\nz.obj,Anna\n")
    with pytest.raises(FileFormatError, match=r"names z\.obj, which is not in its folder"):
        _ = open_dataset("folder", tmp_path).samples


def test_what_keeps_every_face_from_being_read_is_said(tmp_path: Path) -> None:
    for name in ("a", "b"):
        obj(tmp_path / f"{name}.obj", *grid())
        (tmp_path / f"{name}.csv").write_text("name,x,y,z\nsn,1,2,3\nprn,4,5,6\nls,0,0,1\nli,0,0,2\n")
    given = ["prepare", "folder", str(tmp_path), str(tmp_path / "out")]
    found = CliRunner().invoke(app, given)
    assert found.exit_code != 0 and "give it with --unit" in found.output, found.output
    (tmp_path / "split.csv").write_text("subject,part\na,test\n")
    found = CliRunner().invoke(app, [*given, "--split", str(tmp_path / "split.csv"), "--unit", "mm"])
    assert found.exit_code != 0 and "the split has none of them" in found.output, found.output
