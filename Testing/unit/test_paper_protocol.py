"""The paper's experiments: people, test meshes, training on them, tables, on the tiny face model."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("lightning", reason="training needs the extra `train`")
pytest.importorskip("matplotlib", reason="plots need the extra `evaluate`")

from lightning.fabric import Fabric
from tiny_face_model import LANDMARKS, tiny_face_model

from research.experiments import paper_cases, paper_protocol, paper_report
from research.experiments.measurements import Measurements, Setting
from research.experiments.paper_cases import TEST_SETS, PaperCases
from research.experiments.paper_networks import PaperNetwork, load_networks, with_shape
from research.experiments.paper_protocol import Sizes, run_depths, run_sweeps, run_table
from research.experiments.retriangulation import Retriangulation
from research.synthesis.face_model import FaceModel
from research.synthesis.paper_faces import PaperFaces
from research.synthesis.paper_people import CONDITIONS, EMOTIONS, EXPRESSIONS, PaperPeople, PeopleOptions
from research.synthesis.scan_meshes import Mesh
from research.training.data import training_data
from research.training.export import export_weights
from sgcn_core.errors import ModelError
from sgcn_core.evaluation.metrics import summarise
from sgcn_core.training.config import Stage, TrainingConfig
from sgcn_core.training.run import TrainingRun

OPTIONS = PeopleOptions(train=6, validation=2, test=3)


def model_of_68() -> FaceModel:
    """The tiny model with 68 landmarks of the paper's names."""
    model = tiny_face_model()
    front = torch.nonzero((model.neutral[:, 2] > 60) & (torch.arange(len(model.neutral)) < model.skin))[:, 0]
    places = front[torch.linspace(0, len(front) - 1, 68).long()]
    return dataclasses.replace(model, labels=tuple(f"ibug{i}" for i in range(68)), landmarks=places)


@pytest.fixture(scope="module")
def people() -> PaperPeople:
    return PaperPeople(model_of_68(), OPTIONS)


@pytest.fixture(scope="module")
def cases(people: PaperPeople) -> PaperCases:
    return PaperCases(people, vertices=1500)


def test_sizes_are_the_papers() -> None:
    options = PeopleOptions()
    assert (options.train, options.test) == (678, 169)
    assert len(EMOTIONS) == 4 and len(EXPRESSIONS) == 16 and not set(EMOTIONS) & set(EXPRESSIONS)
    assert Sizes.all(169).of("Expressions") == 169


def test_nobody_is_in_two_parts(people: PaperPeople) -> None:
    parts = [set(people.train), set(people.validation), set(people.test)]
    assert [len(part) for part in parts] == [6, 2, 3]
    assert len(set.union(*parts)) == 11
    assert len(torch.unique(people.identity, dim=0)) == 11


def test_people_stay_the_same_in_every_condition_and_run(people: PaperPeople) -> None:
    again = PaperPeople(model_of_68(), OPTIONS)
    conditions = list(CONDITIONS)
    neutral, jaw = conditions.index("neutral"), conditions.index("jaw left")
    assert torch.equal(people.vertices([7], [jaw]), again.vertices([7], [jaw]))
    moved = people.vertices([7], [jaw]) - people.vertices([7], [neutral])
    weight = people.expression[7, jaw, people.model.expression_names.index("jawLeft")]
    assert OPTIONS.strength[0] * 0.9 <= weight <= OPTIONS.strength[1] * 0.9
    torch.testing.assert_close(moved[0], weight * people.model.expression[2], atol=1e-4, rtol=0)


def test_prototype_is_the_mean_of_the_training_people(people: PaperPeople) -> None:
    mean, deviation = people.mean_landmarks(("neutral",))
    landmarks = people.vertices(list(people.train), [0] * 6)[:, people.model.landmarks]
    torch.testing.assert_close(mean, landmarks.mean(0), atol=1e-3, rtol=1e-5)
    assert deviation.shape == (68,) and (deviation > 0).all()


def test_truth_is_a_vertex_only_where_registered(cases: PaperCases) -> None:
    for variant in ("registered", "remeshed"):
        found = list(cases.faces_of("Neutral", variant, 2))
        assert [case.person for case in found] == list(cases.people.test)[:2]
        for case in found:
            gaps = np.linalg.norm(case.landmarks[:, None] - case.mesh.vertices[None], axis=2).min(1)
            assert gaps.max() < 1e-9 if variant == "registered" else np.median(gaps) > 0.3
    assert len(list(cases.faces_of("Expressions", "registered", 2))) == 2 * len(TEST_SETS["Expressions"])
    with pytest.raises(ValueError, match="choose from registered, remeshed"):
        next(cases.faces_of("Neutral", "other", 1))


def test_retriangulation_is_the_same_surface(cases: PaperCases) -> None:
    """On a sphere every new vertex lies close to it, each edge has two triangles, and all point outwards."""
    rows, columns = 24, 48
    polar, around = np.meshgrid(np.linspace(0, np.pi, rows), np.linspace(0, 2 * np.pi, columns, endpoint=False))
    points = np.stack([np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar)], 2).reshape(-1, 3)
    from scipy.spatial import ConvexHull

    hull = ConvexHull(np.unique(points.round(9), axis=0))
    vertices, faces = hull.points, hull.simplices.astype(np.int64)
    a, b, c = vertices[faces].transpose(1, 0, 2)
    inwards = (np.cross(b - a, c - a) * a).sum(1) < 0
    faces[inwards] = faces[inwards][:, ::-1]
    template = Mesh(vertices * 50.0, faces)
    new = Retriangulation.of(template, 800, seed=0)
    mesh = new.apply(template)
    assert 600 < len(mesh.vertices) <= 800 and new.vertices.min() >= len(vertices)
    edges = np.sort(mesh.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    assert set(np.unique(edges, axis=0, return_counts=True)[1]) == {2}
    assert np.abs(np.linalg.norm(mesh.vertices, axis=1) - 50.0).max() < 0.5
    assert ((mesh.face_normals * mesh.centroids).sum(1) > 0).all()


CONFIG = TrainingConfig(
    stages=(Stage(steps=2, sizes=((200, 2),), sigma=0.1, rate=(0.003, 0.0)),),
    depth=20,
    channels=8,
    neighbours=8,
    pools=1,
    data="neutral",
    validation_faces=4,
)


def test_batches_show_the_training_people_alone(people: PaperPeople) -> None:
    faces = PaperFaces(model_of_68(), "emotions", nodes=200, pools=1, pool_size=1500, people=OPTIONS)
    batch = faces.batch(3, 2)
    assert batch.x.shape == (400, 6) and batch.landmarks.shape == (2, 68, 3) and not batch.landmarks.isnan().any()
    assert torch.equal(faces.batch(3, 2).x, batch.x) and not torch.equal(faces.batch(4, 2).x, batch.x)
    assert batch.members.view(2, -1).sum(1).min() > 5
    with pytest.raises(ValueError, match="choose from neutral, emotions"):
        PaperFaces(model_of_68(), "smiles")


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("networks")
    fabric = Fabric(accelerator="cpu", devices=1)
    for name, change in (("sgcn", {}), ("gcn", {"coarse": False}), ("shallow", {"depth": 2})):
        config = dataclasses.replace(CONFIG, **change)  # type: ignore[arg-type]
        data = training_data(config, model_of_68())
        run = TrainingRun(config, *data, folder / name, fabric=fabric, report=lambda line: None)
        assert run.train()
        export_weights(run, folder / f"{name}.safetensors")
    return folder


def test_networks_tell_how_they_were_trained(networks: Path, tmp_path: Path) -> None:
    found = {(network.name, network.depth) for network in load_networks(networks)}
    assert found == {("SGCN", 20), ("GCN", 20), ("SGCN", 2)}
    network = PaperNetwork.load(networks / "gcn.safetensors")
    assert (network.training_set, network.nodes, network.steps) == ("neutral", 200, 2)
    info = {**network.checkpoint.info, "steps": 5, "begun_from": network.checkpoint.info}
    further = dataclasses.replace(network, checkpoint=dataclasses.replace(network.checkpoint, info=info))
    assert further.steps == 7  # 2 before the 5
    with pytest.raises(ModelError, match="holds no network"):
        load_networks(tmp_path)


def test_protocol_measures_every_row_and_reports_it(
    networks: Path, cases: PaperCases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paper_protocol, "NODE_COUNTS", (100, 200))
    monkeypatch.setattr(paper_protocol, "T_VALUES", (4, 12))
    monkeypatch.setitem(paper_cases.TEST_SETS, "Expressions", ("mouth stretch", "jaw left"))
    trained = [with_shape(network, cases) for network in load_networks(networks)]
    sizes = Sizes.all(1)
    table = run_table(trained, cases, sizes, lambda name, share: None)
    assert len(list(table.settings())) == 2 * 2 * 2 * 5  # networks, tests, variants, modes
    assert {len(table.errors[setting]) for setting in table.settings(test="Expressions")} == {2}
    rows = paper_report.table_one(table, "note").rows
    assert [row["method"] for row in rows][:3] == ["2S-SGCN", "1S-SGCN", "2S-SGCN, surface"]
    assert rows[0]["train emotions, test Emotions"] == "-" and "±" in str(rows[0]["train neutral, test Neutral"])
    assert paper_report.expressions_table(table, "neutral", "").rows[1]["expression"] == "jaw left"
    sweeps = run_sweeps(trained, cases, 1, lambda name, share: None)
    assert {(setting.nodes, setting.t) for setting in sweeps.settings()} == {(200, 4), (200, 12), (100, 12)}
    depths = run_depths(trained, cases, 1, lambda name, share: None)
    assert {(setting.network, setting.depth) for setting in depths.settings()} == {
        ("SGCN", 2),
        ("SGCN", 20),
        ("GCN", 20),
    }
    written = paper_report.plot_table(table, tmp_path, "") + paper_report.plot_sweeps(sweeps, depths, tmp_path, "")
    assert {"paper_over_t.png", "paper_over_depth.png", "paper_groups.png"} <= {path.name for path in written}
    assert all(path.exists() for path in written)


def test_measurements_survive_the_disk(tmp_path: Path) -> None:
    setting = Setting(
        training="neutral", network="SGCN", depth=20, steps=5, nodes=9, test="Neutral", variant="remeshed", mode="mean"
    )
    measured = Measurements()
    for condition, error in (("a", 1.0), ("b", 2.0), ("a", 3.0)):
        measured.add(setting, condition, np.full(LANDMARKS, error))
    measured.save(tmp_path / "m.npz")
    loaded = Measurements.load(tmp_path / "m.npz")
    assert list(loaded.settings()) == [setting] and setting.method == "1S-SGCN"
    assert summarise(loaded.by_condition(setting)["a"]).mean == 2.0 and loaded.of(setting).shape == (3, LANDMARKS)


def test_rows_of_a_table_are_trained_alike() -> None:
    """The ablation's four networks differ in data and coarse branch alone, those of Figure 11 in depth and branch."""
    folder = Path(__file__).resolve().parents[2] / "research/configs"
    names = {path.stem: TrainingConfig.load(path) for path in folder.glob("reduced_*.json")}
    depths = {name: config for name, config in names.items() if "_depth" in name}
    four = {name: config for name, config in names.items() if name not in depths}
    assert {(config.data, config.coarse) for config in four.values()} == {
        (data, coarse) for data in ("neutral", "emotions") for coarse in (True, False)
    }
    assert {(config.depth, config.coarse) for config in depths.values()} == {
        (depth, coarse) for depth in (5, 10, 20) for coarse in (True, False)
    }
    for group in (four, depths):
        alike = {dataclasses.replace(config, data="", coarse=True, depth=0) for config in group.values()}
        assert len(alike) == 1
