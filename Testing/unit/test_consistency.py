"""The control for weights on people they were not trained on: what they were shown, and what is measured."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch_geometric", reason="the generator carries samples in torch-geometric's Data")

from tiny_face_model import LANDMARKS, tiny_face_model

from research.training.consistency import main, measure, never_found, parse, residuals, standing
from research.training.record import CREDITS, in_one, shown
from sgcn_core.training.config import TrainingConfig
from sgcn_core.types.surface import Surface


def record(*names: str, populations: dict[str, float] | None = None, **more: Any) -> dict[str, Any]:
    """Of a run with the data of ICT and of these populations."""
    config = TrainingConfig(stages=(), populations=populations)
    told = ", ".join(CREDITS[name] for name in ("ict", *names))
    return {"data": f"faces generated from {told}", "training": config.as_dict(), "begun_from": None, **more}


def test_the_populations_are_those_with_a_share() -> None:
    shares = {"ict": 0.5, "makehuman": 0.0, "gnm": 0.5}
    assert shown(record("makehuman", "gnm", populations=shares)).populations == {"ict", "gnm"}
    assert shown(record("makehuman", populations=shares)).gap == ""


def test_without_shares_they_are_all_whose_data_the_run_had() -> None:
    assert shown(record()).populations == {"ict"}
    assert shown(record("makehuman")).populations == {"ict", "makehuman"}
    assert shown(record("makehuman", "gnm", "children")).populations == {"ict", "makehuman", "gnm", "children"}
    alone = record("makehuman")
    alone["training"] |= {"second_share": 1.0}
    assert shown(alone).populations == {"makehuman"}
    oldest = record()
    oldest["training"] = {"depth": 20}  # before there was a second population
    assert shown(oldest).populations == {"ict"}


def test_the_papers_people_are_icts_and_a_dataset_shows_none_of_them() -> None:
    paper = record("gnm")
    paper["training"] |= {"data": "neutral"}
    assert shown(paper).populations == {"ict"}
    real = {"data": "FaceScape", "dataset": "ab", "training": TrainingConfig(stages=()).as_dict()}
    told = shown(real)
    assert told.populations == frozenset() and told.gap == ""


def test_what_was_before_counts_and_a_gap_is_told() -> None:
    first = record("gnm", populations={"ict": 0.5, "gnm": 0.5})
    later = record("makehuman", begun_from={"sha256": "ab", **first})
    assert shown(later).populations == {"ict", "makehuman", "gnm"} and shown(later).gap == ""
    old = {name: value for name, value in later.items() if name != "begun_from"}
    assert shown(old).populations == {"ict", "makehuman"} and "older files" in shown(old).gap
    assert "older files" in shown(later | {"begun_from": {}}).gap
    by_hand = shown(later | {"begun_from": "4ca6f200, 5,500 steps"})
    assert by_hand.populations == {"ict", "makehuman"} and "4ca6f200" in by_hand.gap
    assert "does not say" in shown(later | {"begun_from": {"sha256": "ab"}}).gap
    assert shown({}).populations is None and shown({"training": record()["training"]}).populations is None


def test_parts_of_one_run_are_one_in_its_record() -> None:
    first = record("gnm", steps=100)
    parts = {"sha256": "a", **record(steps=10, begun_from=first)}
    for steps in (20, 30, 40):
        parts = in_one({"sha256": str(steps), **record(steps=steps, begun_from=parts)}) or {}
    assert (parts["sha256"], parts["steps"]) == ("40", 40) and parts["begun_from"] == first
    assert in_one(first) == first and in_one(None) is None and in_one({}) == {}
    other = record("makehuman", begun_from=parts)
    assert in_one(other) == other


def test_weights_are_measured_on_what_they_know_only_when_that_is_said() -> None:
    info = record("children", populations={"ict": 0.5, "children": 0.5})
    for population in ("ict", "makehuman"):
        with pytest.raises(ValueError, match=rf"trained on children, ict: on {population} .*add --seen"):
            standing(info, population)
        assert standing(info, population, seen=True) == f"trained on {population}: no control"
    assert standing(info, "gnm") == standing(info, "gnm", seen=True) == "not trained on gnm"
    del info["begun_from"]
    assert standing(info, "gnm").startswith("not trained on gnm as far as is recorded (")
    with pytest.raises(ValueError, match="no record"):
        standing({}, "gnm")
    assert standing({}, "gnm", seen=True).endswith("no control")


def test_the_shipped_weights_know_all_three(tmp_path: Path) -> None:
    for data in (["--gnm", "g.npz"], ["--model", "i.npz"], ["--population", "makehuman", "--makehuman", "m"]):
        with pytest.raises(SystemExit, match="shipped weights: trained on gnm, ict, makehuman"):
            main(data)


def test_the_population_is_the_one_whose_data_are_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert parse(["--gnm", "g.npz"]).population == "gnm"
    assert parse(["--population", "ict", "--model", "i", "--gnm", "g"]).population == "ict"
    for arguments, message in (
        ([], "give the data of one population"),
        (["--model", "i", "--gnm", "g"], "or name it"),
        (["--population", "ict", "--gnm", "g"], "--population ict needs its data: --model"),
    ):
        with pytest.raises(SystemExit):
            parse(arguments)
        assert message in capsys.readouterr().err


def test_consistency_is_what_the_mean_offset_leaves() -> None:
    truth = np.zeros((3, 2, 3))
    detected = truth + np.array([1.0, 0.0, 0.0])
    detected[2, 1] = np.nan
    detected[0, 0, 1], detected[1, 0, 1] = 2.0, -2.0
    rest, mean = residuals(detected, truth)
    assert np.allclose(mean, [[1, 0, 0], [1, 0, 0]])
    assert np.allclose(np.nanmean(np.linalg.norm(rest, axis=2), axis=0), [4 / 3, 0.0])


def test_landmarks_found_on_no_head_are_told_apart_from_those_missing_on_some() -> None:
    detected = np.zeros((3, 3, 3))
    detected[:2, 0] = np.nan
    detected[:, 2] = np.nan
    assert never_found(detected).tolist() == [False, False, True]


def test_any_population_is_measured_in_its_own_frame() -> None:
    model = tiny_face_model()
    labels = (*model.labels[1:], "other")
    faces = []

    class Detector:
        """Finds every landmark 2 mm left of its vertex, the third one 3 mm up or down in turn."""

        checkpoint = SimpleNamespace(labels=labels)

        def detect(self, surface: Surface, *, unit: str) -> Any:
            assert unit == "mm"
            positions = surface.vertices[model.landmarks.numpy()] + [2.0, 0.0, 0.0]
            positions[3, 1] += 3.0 * (-1) ** len(faces)
            faces.append(surface.vertices)
            return SimpleNamespace(labels=labels, positions=np.vstack([positions[1:], np.zeros(3)]))

    found, detected, truth = measure(Detector(), model, 4)  # type: ignore[arg-type]
    assert found == model.labels[1:] and detected.shape == (4, LANDMARKS - 1, 3)
    rest, mean = residuals(detected, truth)
    np.testing.assert_allclose(mean, np.tile([2.0, 0.0, 0.0], (LANDMARKS - 1, 1)), atol=1e-5)
    spread = np.linalg.norm(rest, axis=2).mean(0)
    assert spread[2] == pytest.approx(3.0, abs=1e-5) and np.delete(spread, 2).max() < 1e-5
    # Four people, symmetric weights of one deviation only: they differ by the four identity modes.
    off = (np.stack(faces) - model.neutral.double().numpy()).reshape(4, -1)
    modes = model.identity.double().numpy().reshape(4, -1)
    weights = np.linalg.lstsq(modes.T, off.T, rcond=None)[0]
    np.testing.assert_allclose(weights.T @ modes, off, atol=1e-3)
    assert np.ptp(weights, axis=1).min() > 0.1
