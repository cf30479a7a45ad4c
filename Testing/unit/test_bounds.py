"""The report on stated errors: its figures on made-up landmarks, and who annotated what."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("torch_geometric", reason="the report shares modules with the generator")

from research.experiments.bounds import (
    ANNOTATOR,
    NETWORK,
    SCAN,
    Stated,
    coverage_rows,
    found_rows,
    joined,
    limit_rows,
    scan_rows,
)
from research.training.annotated_scans import ANNOTATORS, annotator_of
from sgcn_core.types.landmark_sets import LandmarkSet


def stated(bound: float, status: str = "found") -> Stated:
    """Six landmarks with errors of 1 to 6 mm, one more that nobody annotated; the last two are loosely defined."""
    return Stated(
        name=np.full(7, "scans"),
        annotator=np.full(7, "someone"),
        loose=np.array([False, False, False, False, False, True, True]),
        error=np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, np.nan]),
        expected=np.array([1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 9.0]),
        bound=np.full(7, bound),
        within=np.full(7, 0.5),
        status=np.array([status] * 5 + ["uncertain", "missing"]),
    )


def test_coverage_and_stated_errors_are_counted_by_group_and_status() -> None:
    rows = coverage_rows({NETWORK: stated(2.0), SCAN: stated(4.5), ANNOTATOR: stated(9.0)})
    whole = next(row for row in rows if row["group"] == "all" and row["status"] == "all")
    assert whole["landmarks"] == 6 and whole["mean error"] == pytest.approx(3.5)
    assert whole[f"{NETWORK}: holds"] == pytest.approx(2 / 6)
    assert whole[f"{SCAN}: holds"] == pytest.approx(4 / 6) and whole[f"{ANNOTATOR}: holds"] == 1.0
    assert whole[f"{SCAN}: stated"] == pytest.approx(2.0)
    loose = next(row for row in rows if row["group"] == "loosely defined" and row["status"] == "uncertain")
    assert loose["landmarks"] == 1 and loose[f"{SCAN}: holds"] == 0.0


def test_found_yet_far_off_and_called_missing() -> None:
    columns = {NETWORK: stated(2.0), SCAN: stated(4.5, "missing"), ANNOTATOR: stated(9.0)}
    rows = {(row["group"], row["calibration"]): row for row in found_rows(columns)}
    assert rows["all", NETWORK]["found, > 5 mm off"] == 0.0 and rows["all", NETWORK]["found"] == pytest.approx(5 / 6)
    assert rows["all", NETWORK]["AUROC > 5 mm"] == pytest.approx(0.9)
    assert rows["well-defined", SCAN]["called missing"] == 5 and rows["well-defined", SCAN]["found, > 5 mm off"] is None
    assert rows["all", NETWORK]["within 4 mm"] == pytest.approx(4 / 6)


def test_a_lower_limit_finds_less() -> None:
    found = {row["limit mm"]: row["found"] for row in limit_rows(stated(4.2))}
    assert found[4.0] == 0.0 and found[4.5] == 1.0


def test_a_scan_counts_as_one_whatever_its_landmarks() -> None:
    labels = ("gn", "prn", "en_r", "ch_l", "sn", "n", "zy_l")
    evidence = SimpleNamespace(
        detector=SimpleNamespace(checkpoint=SimpleNamespace(labels=labels)),
        scans=(SimpleNamespace(folder="scans", name="a"), SimpleNamespace(folder="scans", name="b")),
        loose=stated(1.0).loose,
    )
    second = replace(stated(1.0), error=np.array([np.nan, 1.0, np.nan, np.nan, np.nan, 9.0, np.nan]))
    first_row, second_row, mean = scan_rows({SCAN: joined([stated(1.0), second])}, evidence)
    assert first_row == {"scan": "a", "all but gn": 4.0, "well-defined": 3.0}
    assert second_row == {"scan": "b", "all but gn": 5.0, "well-defined": 1.0}
    assert mean == {"scan": "mean of scans", "all but gn": 4.5, "well-defined": 2.0}


def test_scans_belong_to_their_annotators_and_labels_to_ours() -> None:
    assert annotator_of(Path("a/liberty.ply")).name == "face3d"
    assert annotator_of(Path("b/rhino_female-31.ply")).ours == {"n": "se", "me": "gn"}
    assert annotator_of(Path("clinic/patient.ply")).name == "clinic"
    known = LandmarkSet.load("all").labels
    assert all(label in known for who in ANNOTATORS for label in who.ours.values())
