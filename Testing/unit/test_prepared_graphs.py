"""Faces of a dataset prepared as graphs: upright, normalised, split, and trained on."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from dataset_trees import NUMBERS, SUBJECTS, TURN, grid, obj
from said import said
from typer.testing import CliRunner

from sgcn_core.cli.app import app
from sgcn_core.datasets import Settings, open_dataset, prepare_dataset, read_split, split_subjects
from sgcn_core.datasets.manifest import read_manifest
from sgcn_core.errors import FileFormatError, SurfaceError
from sgcn_core.types.surface import Surface

runner = CliRunner()


@pytest.fixture(scope="module")
def prepared(facescape: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "graphs"
    ended = runner.invoke(app, ["prepare", "facescape", str(facescape), str(out), "--nodes", "96", "--neighbours", "6"])
    assert ended.exit_code == 0 and "15 faces prepared, 0 were there, 0 failed" in ended.output, ended.output
    return out


def test_a_split_of_ones_own(tmp_path: Path, prepared: Path) -> None:
    (tmp_path / "s.csv").write_text("subject,part\n1,train\n2,test\n3,train\n")
    split = read_split(tmp_path / "s.csv")
    assert (split.train, split.test, split.part_of("4")) == (("1", "3"), ("2",), None)
    (tmp_path / "s.json").write_text(json.dumps({"train": ["1"], "test": ["1"]}))
    with pytest.raises(FileFormatError, match="both parts of the split"):
        read_split(tmp_path / "s.json")
    assert read_split(prepared / "manifest.json") == split_subjects(SUBJECTS)


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
    assert found.exit_code == 2 and message in said(found.output)


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
