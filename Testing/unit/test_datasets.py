"""Datasets in their published layouts: tiny trees made here, read, split, prepared and measured."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from typer.testing import CliRunner

from sgcn_core.cli.app import app
from sgcn_core.datasets import DATASETS, Settings, open_dataset, prepare_dataset, read_split, split_subjects, tables
from sgcn_core.datasets.base import Face, Sample
from sgcn_core.datasets.manifest import read_manifest
from sgcn_core.errors import FileFormatError, LandmarkError, SettingsError, SgcnError, SurfaceError
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.surface import Surface

FloatArray = NDArray[np.float64]

runner = CliRunner()
SUBJECTS, CONDITIONS = ("1", "2", "3", "4", "5"), ("1_neutral", "2_smile", "3_mouth_stretch")
TURN = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])  # a rotation that exchanges the axes


def grid(wide: float = 180.0) -> tuple[FloatArray, NDArray[np.int64]]:
    """A bowl of 11 x 11 vertices about the head frame's face, and a triangle far behind it."""
    x, y = (values.ravel() for values in np.meshgrid(np.linspace(-90, 90, 11), np.linspace(-100, 80, 11)))
    z = 110 - (x**2 + y**2) / wide
    vertices = np.concatenate([np.stack([x, y, z], 1), [[0, 0, -80], [9, 0, -80], [0, 9, -80]]])
    first = np.array([row * 11 + column for row in range(10) for column in range(10)])
    faces = np.concatenate([np.stack([first, first + 1, first + 12], 1), np.stack([first, first + 12, first + 11], 1)])
    return vertices, np.concatenate([faces, [[121, 122, 123]]])


def obj(path: Path, vertices: FloatArray, faces: NDArray[np.int64]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"v {x!r} {y!r} {z!r}" for x, y, z in np.asarray(vertices).tolist()]
    path.write_text("\n".join([*lines, *(f"f {a + 1} {b + 1} {c + 1}" for a, b, c in faces.tolist())]) + "\n")
    return path


NUMBERS = np.array([(7 * point) % 121 for point in range(68)])
"""Vertices of the 68 landmarks; all different."""


@pytest.fixture(scope="module")
def facescape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("facescape")
    np.savez(root / "landmark_indices.npz", v10=NUMBERS, v16=NUMBERS[::-1])
    for subject in SUBJECTS:
        for number, condition in enumerate(CONDITIONS):
            vertices, faces = grid(170.0 + 4 * int(subject) + 20 * number)
            obj(root / subject / "models_reg" / f"{condition}.obj", vertices, faces)
    (root / "1" / "models_reg" / "1_neutral.jpg").write_text("texture")
    return root


@pytest.fixture(scope="module")
def prepared(facescape: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "graphs"
    ended = runner.invoke(app, ["prepare", "facescape", str(facescape), str(out), "--nodes", "96", "--neighbours", "6"])
    assert ended.exit_code == 0 and "15 faces prepared, 0 were there, 0 failed" in ended.output, ended.output
    return out


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


@pytest.fixture
def dad(tmp_path: Path) -> Path:
    vertices, faces = grid()
    np.save(tmp_path / "flame_faces.npy", faces)
    np.save(tmp_path / "head_vertices.npy", np.arange(121))
    (tmp_path / "landmark_vertices.json").write_text(json.dumps({f"p{n}": int(n) for n in NUMBERS[:5]}))
    view, projection = np.diag([2.0, 2, 2, 1]), np.eye(4)
    projection[3] = [0, 0, 0, 4.0]  # everything at the depth 4
    annotation = {"vertices": (vertices / 1000).tolist(), "model_view_matrix": view.tolist()}
    (tmp_path / "val" / "annotations").mkdir(parents=True)
    text = json.dumps({**annotation, "projection_matrix": projection.tolist()})
    (tmp_path / "val" / "annotations" / "ab.json").write_text(text)
    items = [{"item_id": "ab", "bbox": [1, 2, 9, 4], "attributes": {"pose": "atypical", "expression": True}}]
    (tmp_path / "val" / "val.json").write_text(json.dumps([*items, {"item_id": "no annotation", "bbox": [0, 0, 1, 1]}]))
    return tmp_path


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


# Splits of one's own


def test_a_split_of_ones_own(tmp_path: Path, prepared: Path) -> None:
    (tmp_path / "s.csv").write_text("subject,part\n1,train\n2,test\n3,train\n")
    split = read_split(tmp_path / "s.csv")
    assert (split.train, split.test, split.part_of("4")) == (("1", "3"), ("2",), None)
    (tmp_path / "s.json").write_text(json.dumps({"train": ["1"], "test": ["1"]}))
    with pytest.raises(FileFormatError, match="both parts of the split"):
        read_split(tmp_path / "s.json")
    assert read_split(prepared / "manifest.json") == split_subjects(SUBJECTS)


# Prepared graphs


def test_graphs_are_upright_normalised_and_hold_their_landmarks(facescape: Path, prepared: Path) -> None:
    manifest = read_manifest(prepared)
    assert len(manifest["cases"]) == 15 and len(manifest["split"]["train"]) == 4
    assert str(facescape) not in (prepared / "manifest.json").read_text()
    case = next(each for each in manifest["cases"] if each["key"] == "1-1_neutral")
    assert case["file"] == "1/models_reg/1_neutral.obj"
    with np.load(prepared / "cases" / "1-1_neutral.npz") as arrays:
        nodes, landmarks = arrays["nodes"], arrays["landmarks"]
        back = np.linalg.inv(arrays["to_normalised"])
        millimetres = float(arrays["millimetres"])
    assert nodes.shape == (96, 3) and millimetres == pytest.approx(120.0)
    vertices, _ = grid(174.0)
    np.testing.assert_allclose(landmarks @ back[:3, :3].T + back[:3, 3], vertices[NUMBERS], atol=1e-6)
    # Nodes lie on the surface: not below the chords of the bowl, not above it.
    x, y, z = (nodes @ back[:3, :3].T + back[:3, 3]).T
    height = 110 - (x**2 + y**2) / 174.0
    assert ((z < height + 0.1) & (z > height - 2.0)).all()


def test_a_turned_scan_gives_the_same_graph(facescape: Path, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "landmark_indices.npz").write_bytes((facescape / "landmark_indices.npz").read_bytes())
    vertices, faces = grid()
    for subject in ("1", "2"):
        obj(tmp_path / "root" / subject / "1_neutral.obj", vertices, faces)
    obj(tmp_path / "root" / "3" / "1_neutral.obj", vertices @ TURN.T + [900.0, 5, 7], faces)
    dataset = open_dataset("facescape", tmp_path / "root")
    settings = Settings(nodes=40, neighbours=4)
    prepare_dataset(dataset, tmp_path / "out", split_subjects("123"), settings)
    one, turned = (np.load(tmp_path / "out" / "cases" / f"{subject}-1_neutral.npz") for subject in "13")
    for name in ("landmarks", "nodes", "normals"):
        np.testing.assert_allclose(turned[name], one[name], atol=1e-5)
    rotation = turned["to_normalised"][:3, :3]
    assert np.linalg.det(rotation) > 0


def test_the_papers_crop_scales_every_face_into_one(facescape: Path, tmp_path: Path) -> None:
    dataset = open_dataset("facescape", facescape)
    prepare_dataset(dataset, tmp_path / "out", split_subjects(SUBJECTS), Settings(nodes=64, neighbours=4, crop="paper"))
    with np.load(tmp_path / "out" / "cases" / "5-1_neutral.npz") as arrays:
        nodes, scale = arrays["nodes"], float(arrays["millimetres"])
    assert np.abs(nodes).max() == pytest.approx(1.0, abs=1e-6) and np.abs(nodes.mean(0)).max() < 1e-6
    assert 80 < scale < 130 and "z > -75" in read_manifest(tmp_path / "out")["crop"]


def test_an_interrupted_run_goes_on_and_a_damaged_file_is_made_again(facescape: Path, tmp_path: Path) -> None:
    dataset, split = open_dataset("facescape", facescape), split_subjects(SUBJECTS)
    settings = Settings(nodes=32, neighbours=4)

    def stop(key: str, _: float) -> None:
        if key == "3-1_neutral":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare_dataset(dataset, tmp_path / "a", split, settings, report=stop)
    assert read_manifest(tmp_path / "a")["cases"] == []
    assert sorted(path.suffix for path in (tmp_path / "a" / "cases").iterdir()) == [".npz"] * 7
    (tmp_path / "a" / "cases" / "1-1_neutral.npz").write_bytes(b"PK\x03\x04 half a file")
    again = prepare_dataset(dataset, tmp_path / "a", split, settings)
    assert (again.made, again.kept, again.failed) == (9, 6, {})
    whole = prepare_dataset(dataset, tmp_path / "b", split, settings)
    assert whole.made == 15
    assert read_manifest(tmp_path / "a") == read_manifest(tmp_path / "b")
    with pytest.raises(FileFormatError, match="give --overwrite"):
        prepare_dataset(dataset, tmp_path / "a", split, Settings(nodes=33, neighbours=4))


def test_a_face_that_cannot_be_read_is_named_and_the_others_are_made(facescape: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    for subject in ("1", "2"):
        obj(root / subject / "1_neutral.obj", *grid())
    (root / "2" / "2_smile.obj").write_text("v 1 2\n")
    (root / "landmark_indices.npz").write_bytes((facescape / "landmark_indices.npz").read_bytes())
    arguments = ["prepare", "facescape", str(root), str(tmp_path / "out"), "--nodes", "32", "--neighbours", "4"]
    ended = runner.invoke(app, arguments)
    assert ended.exit_code == 1 and "2-2_smile" in ended.output and "2 faces prepared" in ended.output
    assert str(root) not in json.dumps(read_manifest(tmp_path / "out")["failed"])
    assert runner.invoke(app, ["prepare", "facescape", str(root), str(root)]).exit_code == 3


def test_any_network_of_torch_geometric_trains_on_them(prepared: Path) -> None:
    geometric = pytest.importorskip("torch_geometric", reason="graphs need the extra `train`")
    from sgcn_core.datasets import FaceGraphs, with_heatmaps

    graphs = FaceGraphs(prepared, conditions=["neutral", "smile"], transform=with_heatmaps(0.1))
    assert len(graphs) == 8 and {graph.condition for graph in graphs} == {"neutral", "smile"}
    assert not {graph.subject for graph in graphs} & {graph.subject for graph in FaceGraphs(prepared, part="test")}
    graph = graphs[0]
    assert graph.edge_index.shape == (2, 96 * 6) and graph.edge_index[1, :7].tolist() == [0] * 6 + [1]
    assert (graph.edge_index[0].view(96, 6)[:, 0] == torch.arange(96)).all()  # the node itself first
    nearest = torch.cdist(graph.pos, graph.landmarks[0]).argmin(0)
    assert (graph.y.argmax(0) == nearest).all() and graph.members.any()
    batch = next(iter(geometric.loader.DataLoader(graphs, batch_size=4)))
    layer = geometric.nn.GCNConv(6, 68, add_self_loops=False)
    loss = (layer(batch.x, batch.edge_index) - batch.y).square().mean()
    loss.backward()
    assert torch.isfinite(layer.lin.weight.grad).all() and layer.lin.weight.grad.abs().sum() > 0
    with pytest.raises(FileFormatError, match="holds no graph of the part 'train' and the conditions anger"):
        FaceGraphs(prepared, conditions=["anger"])


def test_the_training_loop_draws_every_face_once_an_epoch(prepared: Path) -> None:
    pytest.importorskip("torch_geometric", reason="graphs need the extra `train`")
    from sgcn_core.datasets import FaceGraphs, GraphSource
    from sgcn_core.model.network import NetworkConfig, StratifiedGCN
    from sgcn_core.training.validation import mean_errors, unpack

    source = GraphSource(FaceGraphs(prepared), seed=3)
    places = [source._place(number, 0) for number in range(24)]
    assert sorted(places[:12]) == sorted(places[12:]) == list(range(12)) and places[:12] != places[12:]
    source.nodes = 48
    batch, again = source.batch(5, 4), source.batch(5, 4)
    features, neighbours, members = unpack(batch)
    assert features.shape == (4, 48, 6) and neighbours.max() < 48 and members.any(1).all()
    assert torch.equal(batch.x, again.x)
    network = StratifiedGCN(NetworkConfig(landmarks=68, depth=1, channels=8)).eval()
    errors = mean_errors(network, batch)
    assert errors.shape == (4, 68) and (errors < 300).all()
    source.nodes = 97
    with pytest.raises(FileFormatError, match="97 nodes are asked for, but 96"):
        source.batch(0, 1)


# Tables


class Detector:
    """Finds every landmark so far from its truth, in millimetres, as it is told."""

    def __init__(self, dataset: Any, off: dict[str, float], missing: tuple[str, ...] = ()) -> None:
        self.checkpoint = SimpleNamespace(reported=(*dataset.labels, "other"), sha256="0" * 64)
        self.dataset, self.off, self.missing, self.faces = dataset, off, missing, self._faces()

    def _faces(self) -> Iterator[tuple[Sample, Face]]:
        for sample in self.dataset.samples:
            yield sample, self.dataset.read(sample)

    def detect(self, surface: Surface, *, mm_per_unit: float, **_: object) -> LandmarkResult:
        source = Path(str(surface.source))
        sample = next(each for each in self.dataset.samples if each.file == source)
        if self.off.get(sample.subject, 0.0) < 0:
            raise SurfaceError("no head")
        truth = self.dataset.read(sample).landmarks
        off = np.array([self.off.get(sample.subject, 0.0) / mm_per_unit, 0, 0])
        moved = np.vstack([truth + off, np.zeros(3)])
        status = ["missing" if label in self.missing else "found" for label in self.checkpoint.reported]
        return LandmarkResult(self.checkpoint.reported, moved, np.ones(len(moved)), status, surface.unit or "mm")


def test_table_one_by_hand(facescape: Path) -> None:
    dataset = open_dataset("facescape", facescape)
    split = read_split_of(train=("1",), test=("2", "3", "4"))
    detector = Detector(dataset, {"2": 0.5, "3": 2.5, "4": -1.0}, missing=("ibug0",))
    measured = list(tables.measure(detector, dataset, split, crops=("whole", "paper")))  # type: ignore[arg-type]
    assert len(measured) == 3 * 3 * 2
    rows = tables.table_one(dataset, measured, split, "Note.").rows
    assert [(row["train"], row["test"], row["crop"]) for row in rows][:2] == [
        ("FS Neutral", "FS Neutral", "whole"),
        ("FS Neutral", "FS Neutral", "paper"),
    ]
    row = rows[0]
    assert (row["faces"], row["refused"], row["missing"], row["paper, 2S-SGCN"]) == (3, 1, 2, "0.371 ± 0.227")
    assert row["mean mm"] == pytest.approx(1.5) and row["SD"] == pytest.approx(1.0)
    assert row["SD of faces"] == pytest.approx(1.0) and row["median"] == pytest.approx(1.5)
    # Of 3 x 68 landmarks 67 lie within 1 mm and 2 x 67 within 3 mm.
    assert row["SDR@1 %"] == pytest.approx(100 * 67 / 204) and row["SDR@3 %"] == pytest.approx(100 * 134 / 204)
    groups = tables.group_table(dataset, measured, "")
    assert groups is not None and groups.rows[0]["contour"] == pytest.approx(1.5)
    conditions = tables.condition_table(dataset, measured, "")
    assert conditions is not None and {each["expression"] for each in conditions.rows} == {
        "neutral",
        "smile",
        "mouth_stretch",
    }
    assert tables.nme_table(dataset, measured, "") is None


def test_evaluate_prints_the_papers_tables(facescape: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = open_dataset("facescape", facescape)
    monkeypatch.setattr("sgcn_core.cli.detect.load_detector", lambda _: Detector(dataset, dict.fromkeys(SUBJECTS, 2.0)))
    (tmp_path / "s.csv").write_text("subject,part\n1,train\n2,test\n3,test\n")
    command = ["evaluate", str(facescape), "--dataset", "facescape", "--split", str(tmp_path / "s.csv")]
    ended = runner.invoke(app, [*command, "--crop", "paper", "--out", str(tmp_path / "out")])
    assert ended.exit_code == 0, ended.output
    assert "| FS Emotions | FS Emotions | paper | 4 | 2.00 | 0.00 |" in ended.output
    assert "| smile | paper | 2 | 2.00 | 0 |" in ended.output and "Split: of s.csv" in ended.output
    lines = (tmp_path / "out" / "dataset_faces.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + 2 * 3 and lines[1].startswith("2-1_neutral,2,neutral,paper,68,2.0")
    few = runner.invoke(app, [*command, "--subjects", "1"])
    assert "| FS Emotions | FS Emotions | whole | 2 | 2.00 |" in few.output
    assert runner.invoke(app, ["evaluate", str(facescape), "--crop", "paper"]).exit_code == 2
    assert runner.invoke(app, [*command, "--without", "gn"]).exit_code == 2


def read_split_of(*, train: tuple[str, ...], test: tuple[str, ...]) -> Any:
    from sgcn_core.datasets.splits import Split

    return Split(train, test, "by hand")


def test_table_three_by_hand(dad: Path) -> None:
    dataset = open_dataset("dad3dheads", dad)
    split = read_split_of(train=("x",), test=("ab",))
    measured = list(tables.measure(Detector(dataset, {"ab": 6.0}), dataset, split))  # type: ignore[arg-type]
    table = tables.nme_table(dataset, measured, "")
    assert table is not None
    overall, pose, expression, occlusions = table.rows
    # 6 mm are 0.006 m, half of it in the image, over 6; in 3D over half of the 189.64 mm from z = -80 to 109.64.
    assert overall["NME"] == f"{0.003 / 6:.4f}" and overall["NME in 3D"] == f"{6 / 94.82:.4f}"
    assert [row["faces"] for row in (pose, expression, occlusions)] == [1, 1, 0] and occlusions["NME"] == "-"
    assert measured[0].errors.tolist() == pytest.approx([6.0] * 5)


def test_landmarks_are_matched_by_the_names_that_detection_reports(dad: Path) -> None:
    dataset, split = open_dataset("dad3dheads", dad), read_split_of(train=("x",), test=("ab",))
    detector = Detector(dataset, {"ab": 6.0})
    in_order, names = detector.detect, detector.checkpoint.reported
    # The names of the network's channels are others where weights have landmarks of a user's own.
    detector.checkpoint = SimpleNamespace(labels=names[1:], reported=names, sha256="")
    detector.detect = lambda *scan, **how: in_order(*scan, **how).select(names[::-1])  # type: ignore[method-assign]
    (measured,) = tables.measure(detector, dataset, split)  # type: ignore[arg-type]
    assert measured.errors.tolist() == pytest.approx([6.0] * 5)


def test_weights_that_know_nothing_of_the_dataset_are_refused(dad: Path) -> None:
    dataset, split = open_dataset("dad3dheads", dad), read_split_of(train=("x",), test=("ab",))
    detector = Detector(dataset, {})
    detector.checkpoint = SimpleNamespace(reported=("prn",), sha256="")
    with pytest.raises(LandmarkError, match="know none of the 5 landmarks"):
        list(tables.measure(detector, dataset, split))  # type: ignore[arg-type]
    with pytest.raises(SgcnError, match="crops nothing of Headspace"):
        headspace = DATASETS["headspace"](dad)
        list(tables.measure(Detector(headspace_labels(), {}), headspace, split, crops=("paper",)))  # type: ignore[arg-type]


def headspace_labels() -> Any:
    return SimpleNamespace(labels=tuple(f"ibug{n}" for n in range(68)), samples=())


# Poses and weights


def test_labels_of_ones_own_are_turned_upright_by_detection(monkeypatch: pytest.MonkeyPatch, dad: Path) -> None:
    from sgcn_core.datasets import pose

    class Found:
        checkpoint = SimpleNamespace(
            labels=("prn",), prototype=np.zeros((1, 3)), crop_radius=1.0, crop_centre=(0.0, 0.0, 0.0)
        )

        def detect(self, surface: Surface) -> Any:
            matrix = np.eye(4)
            matrix[:3, :3], matrix[:3, 3] = 1000.0 * TURN, [1, 2, 3]
            return SimpleNamespace(info={"pose": matrix.tolist()})

    monkeypatch.setattr(pose.LandmarkDetector, "from_pretrained", lambda: Found())
    dataset = open_dataset("dad3dheads", dad)
    frame = pose.frame_of(dataset, dataset.samples, "canonical")
    wanted = grid()[0][NUMBERS[:5]] @ TURN.T + [1, 2, 3]
    np.testing.assert_allclose(frame.reference, wanted, atol=1e-9)
    assert frame.source == "detection"
    low, high = wanted.min(0) - 30, wanted.max(0) + 30
    assert frame.radius == pytest.approx((high - low).max() / 2)
    np.testing.assert_allclose(frame.centre, (low + high) / 2)
    monkeypatch.setattr(Found, "detect", lambda self, surface: (_ for _ in ()).throw(SurfaceError("no head")))
    assert pose.frame_of(dataset, dataset.samples, "canonical").source == "axes"


def test_training_on_prepared_graphs_gives_weights_and_goes_on(prepared: Path, tmp_path: Path) -> None:
    pytest.importorskip("lightning", reason="training needs the extra `train`")
    from sgcn_core.weights.checkpoint import load_checkpoint

    stage = {"epochs": 1, "sizes": [[48, 4]], "sigma": 0.1, "rate": [0.01, 0.001]}
    config = {"epoch": 12, "stages": [stage], "depth": 1, "channels": 8, "neighbours": 6, "validation_faces": 4}
    (tmp_path / "c.json").write_text(json.dumps({**config, "validate_every": 3, "optimiser": "adam"}))
    weights, run = tmp_path / "w.safetensors", tmp_path / "run"
    arguments = ["train", "--prepared", str(prepared), "--run", str(run), "-o", str(weights), "--device", "cpu"]
    found = CliRunner().invoke(app, [*arguments, "--config", str(tmp_path / "c.json")])
    assert found.exit_code == 0 and "3 steps on 12 faces" in found.output, found.output
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert log[-1]["step"] == 3 and np.isfinite(log[-1]["test_mean_mm"])
    checkpoint = load_checkpoint(weights)
    manifest = read_manifest(prepared)
    assert checkpoint.labels == tuple(manifest["labels"]) and checkpoint.info["dataset"] == manifest["sha256"]
    np.testing.assert_allclose(checkpoint.prototype, manifest["prototype"])
    assert checkpoint.crop_radius == 120.0 and checkpoint.method.nodes == 48

    before = weights.read_bytes()
    found = CliRunner().invoke(app, [*arguments, "--config", str(tmp_path / "c.json")])
    assert found.exit_code == 2 and weights.read_bytes() == before
    found = CliRunner().invoke(app, [*arguments, "--config", str(tmp_path / "c.json"), "--overwrite"])
    assert found.exit_code == 0 and "at step 3" in found.output, found.output
    assert load_checkpoint(weights).info["steps"] == 3

    wider = {**config, "channels": 16, "optimiser": "adam"}
    (tmp_path / "c.json").write_text(json.dumps(wider))
    found = CliRunner().invoke(app, [*arguments, "--config", str(tmp_path / "c.json"), "--overwrite"])
    assert found.exit_code == 5 and "another folder" in found.output, found.output
    (tmp_path / "c.json").write_text(json.dumps({**config, "wings": 2}))
    found = CliRunner().invoke(app, [*arguments, "--config", str(tmp_path / "c.json"), "--overwrite"])
    assert found.exit_code == 2 and "wings" in found.output, found.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--prepared", "graphs"], "--run"),
        (["--prepared", "graphs", "--data", "scans"], "--data"),
        (["--prepared", "graphs", "--run", "run", "--folds", "3"], "--folds: only with --data"),
        (["--data", "scans", "--epochs", "3"], "--epochs: only with --prepared"),
        (["--prepared", "graphs", "--run", "run", "--config", "c.json", "--seed", "1"], "--seed"),
        (["--prepared", "graphs", "--run", "run", "--device", "abacus"], "abacus"),
        ([], "--prepared"),
    ],
)
def test_options_of_the_other_kind_of_training_are_refused(options: list[str], message: str, tmp_path: Path) -> None:
    found = CliRunner().invoke(app, ["train", "-o", str(tmp_path / "w.safetensors"), *options])
    assert found.exit_code == 2 and message in " ".join(found.output.replace("│", " ").split())


def test_graphs_in_the_axes_of_their_files_are_not_trained_on(prepared: Path, tmp_path: Path) -> None:
    pytest.importorskip("lightning", reason="training needs the extra `train`")
    graphs = tmp_path / "graphs"
    shutil.copytree(prepared, graphs)
    manifest = json.loads((graphs / "manifest.json").read_text())
    manifest["crop"]["upright by"] = "axes"
    (graphs / "manifest.json").write_text(json.dumps(manifest))
    arguments = ["train", "--prepared", str(graphs), "--run", str(tmp_path / "run"), "--device", "cpu", "--epochs", "1"]
    found = CliRunner().invoke(app, [*arguments, "-o", str(tmp_path / "w.safetensors")])
    assert found.exit_code == 3 and "--crop canonical" in found.output and not (tmp_path / "w.safetensors").exists()


def test_the_papers_training_is_the_default() -> None:
    """The values of section 5.2 stand in a file as well, for generated faces."""
    from sgcn_core.training.config import TrainingConfig, paper_config

    file = Path(__file__).parents[2] / "research" / "configs" / "paper.json"
    ours, theirs = paper_config(678), TrainingConfig.load(file)
    assert ours.total_steps == 500 * 170
    of_the_data = ("data", "draws", "pools", "validate_every", "validation_faces")
    assert dataclasses.replace(ours, **{name: getattr(theirs, name) for name in of_the_data}) == theirs
