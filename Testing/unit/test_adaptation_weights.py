"""Learning an annotator's definitions: weights, command and worker, with one detection."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from corrected_scans import scan
from typer.testing import CliRunner

from sgcn_core.adaptation.adapt import adapt, without_offsets
from sgcn_core.adaptation.checks import checked
from sgcn_core.adaptation.corrected_scan import detected
from sgcn_core.adaptation.learn import OTHERWISE, Correction, Given, learn
from sgcn_core.cli.app import app
from sgcn_core.demo import demo_surface
from sgcn_core.detector import LandmarkDetector
from sgcn_core.errors import LandmarkError, ModelError
from sgcn_core.evaluation.truth import Truth
from sgcn_core.geometry.surface_index import SurfaceIndex
from sgcn_core.io.meshes import write_surface
from sgcn_core.pipeline import Pipeline
from sgcn_core.refinement.modes import MODES
from sgcn_core.stages import Heatmaps, Placed, PosedScan
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.weights.checkpoint import load_checkpoint, save_checkpoint
from sgcn_core.weights.offsets import LandmarkOffsets
from sgcn_core.worker.requests import BadRequest, request_in
from sgcn_core.worker.service import Service


class Once:
    """A detector that places landmarks on one face, which stands in the head frame, and tells these of every scan."""

    def __init__(self) -> None:
        self.real = LandmarkDetector.from_pretrained()
        self.checkpoint, self.pipeline, self.device = self.real.checkpoint, self.real.pipeline, self.real.device
        self.surface, path = demo_surface(), self.pipeline
        self.heatmaps = [path.heatmaps(path.graph(PosedScan(self.surface.vertices, self.surface.faces)))]
        placed = path.place(self.heatmaps[0])
        stated = path.assess(placed, self.surface, size=1.0, pose_confidence=1.0)
        self.result = LandmarkResult(
            labels=self.checkpoint.labels,
            positions=placed.in_input,
            confidence=stated.confidence,
            status=stated.status,
            info={"pose": np.eye(4).tolist(), "size_ratio": 1.0},
            expected_error=stated.expected_error,
            error_bound=stated.error_bound,
        )

    def detect(self, surface: Any, *, observe: Callable[[Heatmaps], None], **_settings: Any) -> LandmarkResult:
        observe(self.heatmaps[-1])
        return self.result

    def placed(self, offsets: LandmarkOffsets | None, mode: str) -> tuple[Pipeline, Placed]:
        checkpoint = dataclasses.replace(self.checkpoint, offsets=offsets)
        path = Pipeline(checkpoint, checkpoint.method.but(refine=mode), self.device, finder=self.pipeline.finder)
        return path, path.place(self.heatmaps[-1])


@pytest.fixture(scope="module")
def once() -> Once:
    return Once()


def offsets_of(once: Once, moved: Mapping[str, tuple[float, float, float]], deviation: float = 0.8) -> LandmarkOffsets:
    values = np.array([moved.get(label, (0.0, 0.0, 0.0)) for label in once.checkpoint.labels], dtype=float)
    return LandmarkOffsets(values=values, deviation=deviation * values.any(axis=1), info={"base_sha256": "0" * 64})


@pytest.mark.parametrize("mode", MODES)
def test_offsets_move_their_own_landmarks_along_the_surface_in_every_mode_but_the_papers(once: Once, mode: str) -> None:
    path, placed = once.placed(offsets_of(once, {"pg": (0.0, 3.0, 0.0), "ch_r": (-2.0, 0.0, 0.0)}), mode)
    _, before = once.placed(None, mode)
    np.testing.assert_array_equal(placed.before_offsets, before.positions)
    moved = np.linalg.norm(placed.in_input - before.in_input, axis=1) / float(once.result.info["size_ratio"])
    by = dict(zip(once.checkpoint.labels, moved, strict=True))
    if mode == "paper":
        assert not moved.any()
        return
    assert {label for label, distance in by.items() if distance > 0} <= {"pg", "ch_r"}
    assert by["pg"] == pytest.approx(3.0, abs=0.1 if mode == "mean" else 1.5)
    if MODES[mode].candidates == "vertices":
        tree = SurfaceIndex(once.heatmaps[-1].graph.vertices, once.heatmaps[-1].graph.faces).vertex_tree
        assert tree.query(placed.positions[once.checkpoint.labels.index("pg")])[0] == 0.0
    assert path.error_model is None or mode in path.checkpoint.calibration.models


def test_errors_are_stated_no_smaller_than_the_corrections_support(once: Once) -> None:
    def assessed(deviation: float) -> Any:
        path, placed = once.placed(offsets_of(once, {"prn": (0.0, 1.0, 0.0)}, deviation), "guided")
        return path.assess(placed, once.surface, size=1.0, pose_confidence=1.0)

    place = once.checkpoint.labels.index("prn")
    small, large = assessed(0.1), assessed(3.0)
    assert small.error_bound[place] == pytest.approx(once.result.error_bound[place], rel=0.1)
    assert large.error_bound[place] == pytest.approx(9.0) and large.expected_error[place] == pytest.approx(4.8)
    assert small.status[place] == "found" and large.status[place] == "uncertain"
    others = np.arange(len(large.status)) != place
    np.testing.assert_array_equal(small.error_bound[others], large.error_bound[others])


def test_adapted_weights_are_kept_whole_and_adapted_anew_from_the_ones_below(once: Once, tmp_path: Path) -> None:
    offsets = offsets_of(once, {"prn": (0.0, 1.0, 0.0)})
    file, again = tmp_path / "mine.safetensors", tmp_path / "again.safetensors"
    save_checkpoint(dataclasses.replace(once.checkpoint, offsets=offsets), file)
    read = load_checkpoint(file)
    assert read.offsets is not None and read.offsets.info == offsets.info
    np.testing.assert_array_equal(read.offsets.values, offsets.values)
    save_checkpoint(read, again)
    assert again.read_bytes() == file.read_bytes()
    assert b'"format":"sgcn-landmarks/2"' in file.read_bytes()  # versions without offsets refuse it
    base = without_offsets(LandmarkDetector(read))
    assert base.checkpoint.offsets is None and base.checkpoint.sha256 == "0" * 64
    assert without_offsets(base) is base
    with pytest.raises(ValueError, match="offsets of 129 landmarks"):
        short = LandmarkOffsets(values=offsets.values[1:], deviation=offsets.deviation[1:])
        dataclasses.replace(read, offsets=short)


def test_scans_that_contradict_each_other_teach_nothing(once: Once) -> None:
    wild = [scan({"prn": 4.0 * np.eye(3)[seed % 3] * (-1) ** seed}, seed=seed) for seed in range(6)]
    with pytest.raises(LandmarkError, match="nothing could be learnt: with the offsets of the other scans"):
        adapt(once, wild)
    with pytest.raises(LandmarkError, match="there is nothing to learn"):
        adapt(once, [scan({})])


def test_weights_with_landmarks_of_ones_own_are_trained_and_not_adapted(once: Once) -> None:
    own = SimpleNamespace(checkpoint=SimpleNamespace(own=object(), offsets=None))
    with pytest.raises(ModelError, match="train again"):
        learn(own, [Correction("it", lambda: Given(once.surface, Truth({}), {}))])


def corrected_folder(once: Once, folder: Path, count: int = 3) -> list[Path]:
    """Scans that differ in one vertex, with all landmarks of the eyes and the nose, `en` moved up by 2 mm."""
    folder.mkdir()
    result, made = once.result, []
    up = np.array(result.info["pose"])[1, :3] / np.linalg.norm(np.array(result.info["pose"])[1, :3])
    for number in range(count):
        vertices = once.surface.vertices.copy()
        vertices[-1] += 1e-3 * number
        made.append(write_surface(once.surface.with_(vertices=vertices), folder / f"case {number}.ply"))
        with (folder / f"case {number}.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["name", "x", "y", "z"])
            for label in ("en_r", "en_l", "ex_r", "ex_l", "prn", "sn"):
                moved = (2.0 + 0.1 * number) * up if label.startswith("en") else 0.0
                table.writerow([label, *(result.position(label) + moved)])
    return made


def test_detections_are_compared_with_the_landmarks_of_the_same_scan(once: Once) -> None:
    found = detected(once, once.surface)
    kept = checked(found, "it", Truth({"prn": once.result.position("prn"), "en_r": once.result.position("en_r")}))
    np.testing.assert_allclose(kept.errors(), 0.0, atol=1e-9)
    np.testing.assert_allclose(kept.off_surface(), 0.0, atol=1e-6)
    place = once.checkpoint.labels.index("prn")
    assert kept.expected[0] == pytest.approx(once.result.expected_error[place] / kept.size)


def test_landmarks_are_compared_with_the_detection_that_they_come_from(once: Once) -> None:
    seeds: list[int] = []

    class Watched(Once):
        def __init__(self) -> None:
            self.__dict__.update(once.__dict__, method=once.real.method)

        def detect(self, surface: Any, *, seed: int, **settings: Any) -> LandmarkResult:
            seeds.append(seed)
            return super().detect(surface, **settings)

    truth_of = Truth({"prn": once.result.position("prn") + 1.0})
    ours, other = once.checkpoint.sha256, "f" * 64
    for info, noted in (
        ({}, False),
        ({"seed": 7, "weights_sha256": ours, "refine": once.real.method.refine}, False),
        ({"seed": 7, "weights_sha256": other, "refine": once.real.method.refine}, True),
        ({"seed": 7, "weights_sha256": ours, "refine": "mean"}, True),
    ):
        given = Given(once.surface, truth_of, info)
        learnt = learn(Watched(), [Correction("it", lambda given=given: given)], seed=3)
        assert any(OTHERWISE in note for note in learnt.notes) == noted
    assert seeds == [3, 7, 7, 7]
    as_detected = Given(once.surface, Truth({"prn": once.result.position("prn")}), {})
    with pytest.raises(LandmarkError, match="untouched: no landmark was moved"):
        learn(Watched(), [Correction("untouched", lambda: as_detected)])


def test_the_command_prints_both_errors_and_writes_weights_that_place_landmarks_so(
    once: Once, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sgcn_core.cli.detect.load_detector", lambda settings: once)
    corrected_folder(once, tmp_path / "scans")
    (tmp_path / "scans" / "case 2.csv").write_text("name,x,y,z\nprn,900,900,900\n", encoding="utf-8")
    output = tmp_path / "mine.safetensors"
    command = ["adapt", str(tmp_path / "scans"), "-o", str(output)]
    told = CliRunner().invoke(app, command)
    assert told.exit_code == 1, told.output  # one scan was refused
    assert "error: case 2.ply: its landmarks lie" in told.output and "on scans left out" in told.output
    rows = {row.split("|")[1].strip(): row.split("|") for row in told.output.splitlines() if row.startswith("| ")}
    assert float(rows["en_r"][5]) == pytest.approx(2.05, abs=0.06) and float(rows["en_r"][6]) < 1.2
    assert rows["prn"][3].strip() == "-" and set(rows) == {
        "landmark",
        "en_r",
        "en_l",
        "ex_r",
        "ex_l",
        "prn",
        "sn",
        "all",
    }
    learnt = load_checkpoint(output).offsets
    assert learnt is not None and learnt.info["scans"] == 2 and learnt.info["base_sha256"] == once.checkpoint.sha256
    assert {label for label, it in zip(once.checkpoint.labels, learnt.learnt, strict=True) if it} == {"en_r", "en_l"}
    before = output.read_bytes()
    refused = CliRunner().invoke(app, command)
    assert refused.exit_code == 2 and "--overwrite" in refused.output and output.read_bytes() == before


def test_the_worker_learns_and_says_the_same(once: Once, tmp_path: Path) -> None:
    made = corrected_folder(once, tmp_path / "scans", 2)
    models = SimpleNamespace(has=lambda *_: True, get=lambda *_: SimpleNamespace(detector=once, device="cpu"))
    cases = [{"name": path.stem, "input": str(path), "landmarks": str(path.with_suffix(".csv"))} for path in made]
    cases.append({**cases[0], "name": "once more"})
    fields = {"request": "adapt", "cases": cases, "output": str(tmp_path / "mine.safetensors")}
    stages: list[str] = []
    told = Service(models).answer(1, request_in(1, fields), lambda stage, share: stages.append(stage))
    json.dumps(told, allow_nan=False)
    assert told["scans"] == 2 and told["refused"] == {"once more": "the same scan as case 0"}
    assert stages == ["case 0", "case 1", "once more", "writing"]
    assert load_checkpoint(Path(told["output"])).sha256 == told["sha256"]
    assert {row["landmark"] for row in told["table"] if row["offset mm"] is not None} == {"en_r", "en_l"}
    with pytest.raises(FileExistsError):
        Service(models).answer(2, request_in(2, fields), lambda stage, share: None)
    with pytest.raises(BadRequest, match="a case must be an object of name, input, landmarks"):
        request_in(3, {**fields, "cases": [{"input": "x"}]})
