"""`sgcn-landmarks train` and the card that it writes."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from said import said

pytest.importorskip("lightning", reason="training needs the extra `train`")

from own_scans import LABELS
from typer.testing import CliRunner

from sgcn_core.cli import train as command
from sgcn_core.cli.app import app
from sgcn_core.errors import InstallationError
from sgcn_core.report.model_card import baseline_text, model_card
from sgcn_core.training.own.fit import OwnOptions
from sgcn_core.training.own.train import OwnTraining
from sgcn_core.weights.checkpoint import load_checkpoint


def test_the_card_shows_landmarks_baseline_splits_and_what_was_left_out(own_training: OwnTraining) -> None:
    page = model_card(own_training, title="my landmarks")
    assert "<script" not in page and "http://" not in page.replace("http://www.w3.org", "")
    for words in (*LABELS, "scan-9.ply", "Fold", "torn.ply: no triangles", "Transfer alone", "Seed", "Held-out"):
        assert words in page, words


def test_where_the_baseline_is_better_is_said(own_training: OwnTraining) -> None:
    validation = own_training.validation
    stated, errors = np.full_like(validation.stated, 2.0), np.full_like(validation.errors, 3.0)
    errors[:, 0, 2] = 1.0
    worse = dataclasses.replace(
        own_training,
        validation=dataclasses.replace(validation, stated=stated, errors=errors),
        checkpoint=dataclasses.replace(
            own_training.checkpoint, own=dataclasses.replace(own_training.own, share=np.array([0.0, 0.5, 0.5]))
        ),
    )
    first, _, third = own_training.own.labels
    text = baseline_text(worse)
    assert f"used for {first}:" in text and f"For {third} the transfer alone had the smaller mean" in text


def test_the_command_says_what_is_lacking_and_replaces_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = tmp_path / "my.safetensors"
    weights.write_bytes(b"mine")
    runner = CliRunner()
    given = ["train", "--data", str(tmp_path), "-o", str(weights)]
    found = runner.invoke(app, given)
    assert found.exit_code == 2 and "exists; give --overwrite" in said(found.output)
    assert runner.invoke(app, [*given[:-1], str(tmp_path / "my.pt")]).exit_code == 2
    assert weights.read_bytes() == b"mine"
    monkeypatch.setattr(command, "_NEEDED", ("lightning", "no_such_package"))
    with pytest.raises(InstallationError, match=r"no_such_package.*pip install 'sgcn-core\[train\]'"):
        command.require_training()


def test_the_command_writes_weights_and_card_and_prints_the_baseline(
    own_training: OwnTraining, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def learnt(detector: Any, folder: Path, options: OwnOptions, **given: Any) -> OwnTraining:
        assert (folder, options.folds, options.seed) == (tmp_path, 3, 4) and given["without"] == ["nose"]
        return own_training

    monkeypatch.setattr("sgcn_core.training.own.train.train_own", learnt)
    monkeypatch.setattr("sgcn_core.cli.detect.load_detector", lambda settings: None)
    weights = tmp_path / "mine.safetensors"
    given = ["train", "--data", str(tmp_path), "-o", str(weights), "--folds", "3", "--seed", "4", "--without", "nose"]
    found = CliRunner().invoke(app, given)
    assert found.exit_code == 1, found.output  # one scan is left out
    assert load_checkpoint(weights).reported == own_training.own.labels
    assert "<svg" in (tmp_path / "mine.html").read_text(encoding="utf-8")
    for words in ("Transfer alone", "| dot_r | 10 |", "90 % bound rests on", "torn.ply is left out", "seed 0"):
        assert words in found.output, words
