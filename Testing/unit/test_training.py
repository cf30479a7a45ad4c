"""The training loop: it learns, resumes to the last bit, and exports weights that load."""

from __future__ import annotations

import ast
import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("lightning", reason="training needs the extra `train`")

from lightning.fabric import Fabric
from tiny_face_model import LANDMARKS, tiny_face_model

from research.synthesis.face_model import FaceModel
from research.training.data import training_data
from research.training.export import export_weights
from sgcn_core.errors import ModelError
from sgcn_core.training.config import LossParameters, Stage, TrainingConfig
from sgcn_core.training.optimiser import make_optimisers
from sgcn_core.training.run import TrainingRun
from sgcn_core.weights.checkpoint import load_checkpoint, save_checkpoint

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "research" / "configs"
CONFIG = TrainingConfig(
    stages=(
        Stage(steps=6, sizes=((256, 2),), sigma=0.1, rate=(0.003, 0.003)),
        Stage(steps=4, sizes=((300, 1), (200, 2)), sigma=0.08, rate=(0.003, 0.0)),
    ),
    depth=2,
    channels=16,
    neighbours=8,
    pools=1,
    warmup=2,
    validate_every=5,
    validation_faces=4,
)


def start(folder: Path, config: TrainingConfig = CONFIG) -> TrainingRun:
    fabric = Fabric(accelerator="cpu", devices=1)
    data = training_data(config, tiny_face_model())
    return TrainingRun(config, *data, folder, fabric=fabric, report=lambda line: None)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> TrainingRun:
    run = start(tmp_path_factory.mktemp("run"))
    assert run.train()
    return run


@pytest.fixture(scope="module")
def exported(finished: TrainingRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its weights; nobody changes the file."""
    path = tmp_path_factory.mktemp("weights") / "face.safetensors"
    export_weights(finished, path)
    return path


def test_resuming_gives_the_same_weights_as_training_through(finished: TrainingRun, tmp_path: Path) -> None:
    run = start(tmp_path)
    while run.step < 4:
        assert not run.train(minutes=0.0)  # one step, then a checkpoint
    resumed = start(tmp_path)
    assert resumed.step == 4
    assert resumed.train()
    for name, value in finished.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name
    for name, value in finished.average.weights.items():
        assert torch.equal(value, resumed.average.weights[name]), name


def test_loss_falls(tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, stages=(Stage(steps=60, sizes=((200, 4),), sigma=0.1, rate=(0.005, 0.001)),))
    run = start(tmp_path, config)
    losses = []
    while run.step < config.total_steps:
        losses.append(float(run._step(*config.stage_at(run.step))[0]))
        run.step += 1
    assert np.mean(losses[-10:]) < 0.6 * np.mean(losses[:5])


def test_log_holds_loss_and_errors(finished: TrainingRun) -> None:
    entries = [json.loads(line) for line in (finished.folder / "log.jsonl").read_text().splitlines()]
    validated = [entry for entry in entries if "clean_mean_mm" in entry]
    assert [entry["step"] for entry in validated] == [5, 10]
    assert all(0 < entry["corrupted_median_mm"] < 300 for entry in validated)


def test_exported_weights_load_and_predict_the_same(finished: TrainingRun, exported: Path) -> None:
    loaded = load_checkpoint(exported)
    assert loaded.labels == finished.model.labels and loaded.neighbours == 8 and loaded.sigma == 0.08
    assert loaded.info["steps"] == 10 and loaded.info["faces"] == 6 * 2 + 1 + 2 + 1 + 2
    assert loaded.prototype.shape == (LANDMARKS, 3) and (loaded.deviation > 0).all()
    torch.manual_seed(0)
    graph = (torch.randn(100, 6), torch.randint(100, (100, 8)), torch.rand(100) < 0.2)
    expected = finished.averaged_network().predict(*graph)
    torch.testing.assert_close(loaded.network.predict(*graph), expected)


def test_a_run_begins_with_the_weights_of_a_file(finished: TrainingRun, exported: Path, tmp_path: Path) -> None:
    run = start(tmp_path / "next", dataclasses.replace(CONFIG, seed=1))
    run.start_from(exported)
    assert run.step == 0
    for name, value in finished.average.weights.items():
        assert torch.equal(run.network.module.state_dict()[name], value), name
        assert torch.equal(run.average.weights[name], value), name
    with pytest.raises(ValueError, match="the configuration asks for"):
        start(tmp_path / "deeper", dataclasses.replace(CONFIG, depth=3)).start_from(exported)
    step = finished.step
    finished.start_from(exported)  # a run that is under way keeps its weights
    assert finished.step == step


def test_exported_weights_of_the_same_configuration_are_continued_at_their_step(tmp_path: Path) -> None:
    first = start(tmp_path / "first")
    while first.step < 4:
        first.train(minutes=0.0)
    export_weights(first, tmp_path / "face.safetensors")
    run = start(tmp_path / "next")
    run.start_from(tmp_path / "face.safetensors")
    assert run.step == 4
    run.train(minutes=0.0)
    assert run.step == 5
    rates = {group["lr"] for optimiser in run.optimisers for group in optimiser.param_groups}
    assert rates == {0.003 / CONFIG.warmup}  # warmed up anew


def test_exported_weights_record_what_their_training_began_with(exported: Path, tmp_path: Path) -> None:
    trained = load_checkpoint(exported)
    assert trained.info["begun_from"] is None
    run = start(tmp_path / "next", dataclasses.replace(CONFIG, seed=1))
    run.start_from(exported)
    run.train(minutes=0.0)
    resumed = start(tmp_path / "next", dataclasses.replace(CONFIG, seed=1))
    export_weights(resumed, tmp_path / "second.safetensors")
    second = load_checkpoint(tmp_path / "second.safetensors").info
    assert (second["seed"], second["steps"]) == (1, 1)
    assert second["begun_from"] == {"sha256": trained.sha256[:16], **trained.info}
    assert second["begun_from"]["training"] == json.loads(json.dumps(CONFIG.as_dict()))
    assert second["begun_from"]["steps"] == 10


def test_runs_and_weights_of_older_versions_do_not_record_it(exported: Path, tmp_path: Path) -> None:
    run = start(tmp_path / "old")
    run.train(minutes=0.0)
    state = torch.load(run.checkpoint, weights_only=True)
    del state["begun_from"]
    torch.save(state, run.checkpoint)
    resumed = start(tmp_path / "old")
    assert resumed.step == 1 and resumed.begun_from == {}
    whole = load_checkpoint(exported)
    without = {name: value for name, value in whole.info.items() if name != "begun_from"}
    save_checkpoint(dataclasses.replace(whole, info=without), tmp_path / "old.safetensors")
    run = start(tmp_path / "next")
    run.start_from(tmp_path / "old.safetensors")
    assert run.step == 10 and run.begun_from is not None
    assert {name: value for name, value in run.begun_from.items() if name != "sha256"} == without


@pytest.mark.parametrize("kind", ["muon", "adamw", "adam"])
def test_every_weight_belongs_to_one_optimiser(kind: str, finished: TrainingRun) -> None:
    network = finished.averaged_network()
    optimisers = make_optimisers(network, kind=kind, weight_decay=0.0)
    held = [id(weight) for optimiser in optimisers for group in optimiser.param_groups for weight in group["params"]]
    assert sorted(held) == sorted(id(weight) for weight in network.parameters())
    for optimiser in optimisers[:-1]:
        shapes = {tuple(weight.shape) for weight in optimiser.param_groups[0]["params"]}
        assert shapes == {(16, 16), (16, 32)}  # hidden matrices alone
    with pytest.raises(ValueError, match=r'must be "muon", "adamw" or "adam"'):
        make_optimisers(network, kind="sgd", weight_decay=0.0)


def test_a_landmark_that_the_population_does_not_know_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start(tmp_path)
    known = torch.ones(LANDMARKS, dtype=torch.bool)
    known[4] = False
    monkeypatch.setattr(FaceModel, "known", known)
    run._step(*CONFIG.stage_at(0))
    assert float(run.network.module.head.bias.grad[4]) == 0.0
    assert float(run.network.module.head.bias.grad[5]) != 0.0


def test_damaged_or_foreign_weights_are_refused(exported: Path, tmp_path: Path) -> None:
    content = exported.read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError, match=r"cut\.safetensors is not a readable safetensors file"):
        load_checkpoint(tmp_path / "cut.safetensors")
    with pytest.raises(ModelError, match="cannot read the weights file"):
        load_checkpoint(tmp_path / "absent.safetensors")
    checkpoint = load_checkpoint(exported)
    save_checkpoint(dataclasses.replace(checkpoint, labels=checkpoint.labels[:-1]), tmp_path / "short.safetensors")
    with pytest.raises(ModelError, match="does not fit this version"):
        load_checkpoint(tmp_path / "short.safetensors")


def test_configuration_names_unknown_keys(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"stages": [], "dept": 4}))
    with pytest.raises(ValueError, match=r"unknown keys \['dept'\]"):
        TrainingConfig.load(path)


def test_a_stage_in_epochs_needs_their_length_and_rounds_the_last_batch_up(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    stage = {"epochs": 3, "sizes": [[200, 4]], "sigma": 0.03, "rate": [0.001, 0.001]}
    path.write_text(json.dumps({"stages": [stage], "epoch": 10}))
    assert TrainingConfig.load(path).total_steps == 9
    path.write_text(json.dumps({"stages": [stage]}))
    with pytest.raises(ValueError, match='add "epoch", the number of faces of one'):
        TrainingConfig.load(path)
    path.write_text(json.dumps({"stages": [], "loss": {"gamma": 1.0}}))
    with pytest.raises(ValueError, match=r"config\.json: .*gamma"):
        TrainingConfig.load(path)


def test_the_papers_configuration_holds_the_papers_numbers() -> None:
    """Section 5.2: 500 epochs of the 678 people, batches of 4, Adam, |V| = 8000, k = 16, D = 20, h = 64, Eq. 3."""
    config = TrainingConfig.load(CONFIGS / "paper.json")
    assert config.total_steps == 500 * 170 and config.size_at(0) == config.size_at(84_999) == (8000, 4)
    assert (config.optimiser, config.data, config.coarse) == ("adam", "neutral", True)
    assert (config.neighbours, config.depth, config.channels) == (16, 20, 64)
    assert config.loss == LossParameters(omega=14.0, theta=0.5, alpha=2.1, epsilon=1.0, beta=50.0)
    assert {config.stage_at(step) for step in (0, 40_000, 84_999)} == {(config.stages[0], 0.001)}
    assert config.stages[0].sigma == 0.03


def test_a_shrunken_copy_of_the_papers_training_runs(tmp_path: Path) -> None:
    content = json.loads((CONFIGS / "paper.json").read_text())
    content["stages"][0] |= {"epochs": 2, "sizes": [[200, 4]]}
    content |= {"epoch": 10, "depth": 2, "channels": 8, "pools": 1, "validate_every": 6, "validation_faces": 4}
    (tmp_path / "small.json").write_text(json.dumps(content))
    run = start(tmp_path, TrainingConfig.load(tmp_path / "small.json"))
    assert run.train() and run.step == 6
    assert [type(optimiser.optimizer) for optimiser in run.optimisers] == [torch.optim.Adam]
    for name, value in run.network.module.state_dict().items():
        assert torch.equal(value, run.average.weights[name]), name  # without a running mean the last weights are kept
    assert "neutral_mean_mm" in (tmp_path / "log.jsonl").read_text()


def test_the_loop_uses_the_configured_loss(tmp_path: Path) -> None:
    losses = []
    for beta in (0.0, 50.0):
        run = start(tmp_path / str(beta), dataclasses.replace(CONFIG, loss=LossParameters(beta=beta)))
        losses.append(float(run._step(*CONFIG.stage_at(0))[0]))
    assert losses[1] > 1.2 * losses[0]


def test_shares_follow_the_populations_of_a_run(tmp_path: Path) -> None:
    old = dataclasses.replace(CONFIG, second_share=0.3)
    assert old.shares(["ict"]) == {"ict": 1.0}
    assert old.shares(["ict", "makehuman"]) == {"ict": 0.7, "makehuman": 0.3}
    assert old.shares(["ict", "makehuman", "gnm"]) == {"ict": 0.7, "makehuman": 0.15, "gnm": 0.15}
    new = dataclasses.replace(CONFIG, populations={"gnm": 0.25, "ict": 0.75})
    assert list(new.shares(["ict", "gnm"]).items()) == [("ict", 0.75), ("gnm", 0.25)]
    with pytest.raises(ValueError, match=r"asks for the populations \['gnm', 'ict'\]"):
        new.shares(["ict", "makehuman"])


def test_a_run_of_three_populations_trains_and_names_them_all(tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, populations={"ict": 0.5, "makehuman": 0.25, "gnm": 0.25})
    others = {"makehuman": tiny_face_model(), "gnm": tiny_face_model()}
    fabric = Fabric(accelerator="cpu", devices=1)
    data = training_data(config, tiny_face_model(), others)
    run = TrainingRun(config, *data, tmp_path, fabric=fabric, report=lambda line: None)
    assert run.train()
    export_weights(run, tmp_path / "face.safetensors")
    info = load_checkpoint(tmp_path / "face.safetensors").info
    assert all(name in info["data"] for name in ("ICT-FaceKit", "MakeHuman (CC0)", "GNM Head v3"))
    assert info["training"]["populations"] == config.populations


def test_the_long_configuration_is_about_three_populations() -> None:
    config = TrainingConfig.load(CONFIGS / "face_long.json")
    assert config.total_steps == 53000 and config.shares(["ict", "makehuman", "gnm"])["ict"] == 0.5
    assert sum(config.size_at(step)[1] for step in range(config.total_steps)) > 290_000


def test_shipped_configuration_loads() -> None:
    config = TrainingConfig.load(CONFIGS / "face.json")
    assert config.depth == 20 and config.channels == 64
    rates = [config.stage_at(step)[1] for step in range(0, config.total_steps, 50)]
    assert rates[0] < rates[4] and config.stage_at(config.total_steps - 1)[1] < 1e-5


def imported_at_once(name: str, *, within_functions: bool = False) -> set[str]:
    """What a module of the repository imports when it is imported; on request also what its functions import."""
    path = ROOT.joinpath(*name.split("."))
    file = path.with_suffix(".py") if path.with_suffix(".py").is_file() else path / "__init__.py"
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree) if within_functions else tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_training_imports_no_viewer_and_no_command_line() -> None:
    """A machine lent for training has torch, torch-geometric, NumPy, SciPy, Lightning and safetensors only."""
    reached, ahead = set(), imported_at_once("research.training.__main__", within_functions=True)
    while ahead:
        name = ahead.pop()
        path = ROOT.joinpath(*name.split("."))
        if name not in reached and (path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()):
            ahead |= imported_at_once(name) | {name.rpartition(".")[0]} - {""}
        reached.add(name)
    assert not {name.split(".")[0] for name in reached} & {"vtk", "vtkmodules", "SimpleITK", "trimesh", "typer"}
    assert {"research.synthesis.generator", "sgcn_core.training.run", "torch_geometric.data"} <= reached


def train_one_of(folder: str, rank: int, world: int) -> None:
    """A process of a run of ``world``; the first writes what it learnt."""
    torch.set_num_threads(1)
    config = dataclasses.replace(
        CONFIG, draws=2, stages=(Stage(steps=4, sizes=((120, 4),), sigma=0.1, rate=(3e-3,) * 2),)
    )
    if world > 1:
        store = torch.distributed.FileStore(f"{folder}/store", world)
        torch.distributed.init_process_group("gloo", store=store, rank=rank, world_size=world)
        os.environ.update(WORLD_SIZE=str(world), RANK=str(rank), LOCAL_RANK=str(rank), NODE_RANK="0")
        os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="0", LOCAL_WORLD_SIZE=str(world))
    fabric = Fabric(accelerator="cpu", devices=world, strategy="ddp" if world > 1 else "auto")
    if world > 1:
        fabric.launch()
    run = TrainingRun(
        config,
        *training_data(config, tiny_face_model()),
        Path(folder) / str(world),
        fabric=fabric,
        report=lambda line: None,
    )
    assert fabric.world_size == world
    assert run.train()
    if rank == 0:
        torch.save(run.averaged_network().state_dict(), f"{folder}/{world}.pt")


def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    train_one_of(str(tmp_path), 0, 1)
    torch.multiprocessing.start_processes(_second, args=(str(tmp_path),), nprocs=2, start_method="fork")
    one, two = (torch.load(tmp_path / f"{world}.pt", weights_only=True) for world in (1, 2))
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, atol=1e-5, rtol=1e-4, msg=name)


def _second(rank: int, folder: str) -> None:
    train_one_of(folder, rank, 2)


def test_draws_are_shared_evenly_or_refused() -> None:
    config = dataclasses.replace(
        CONFIG, draws=4, stages=(Stage(steps=1, sizes=((200, 8),), sigma=0.1, rate=(0.1, 0.1)),)
    )
    assert [list(config.draws_of(rank, 2)) for rank in (0, 1)] == [[0, 2], [1, 3]]
    with pytest.raises(ValueError, match="3 processes cannot share 4 draws evenly"):
        config.draws_of(0, 3)
    with pytest.raises(ValueError, match="2 graphs of a step cannot be made of 4 equal draws"):
        dataclasses.replace(CONFIG, draws=4, stages=CONFIG.stages[:1]).draws_of(0, 1)
    assert "draws" not in CONFIG.as_dict() and config.as_dict()["draws"] == 4
