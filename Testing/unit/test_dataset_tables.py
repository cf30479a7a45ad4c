"""The papers' tables on the test part of a dataset, by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from dataset_trees import SUBJECTS
from typer.testing import CliRunner

from sgcn_core.cli.app import app
from sgcn_core.datasets import DATASETS, open_dataset, tables
from sgcn_core.datasets.base import Face, Sample
from sgcn_core.errors import LandmarkError, SgcnError, SurfaceError
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.surface import Surface

runner = CliRunner()


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
