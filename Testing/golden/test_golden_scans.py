"""Scans with other axes, units and scales: landmarks stay where they were looked at and found right.

A golden file is written by ``sgcn-landmarks detect SCAN -o Testing/golden/NAME.csv`` once its picture was looked at.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sgcn_core import LandmarkDetector
from sgcn_core.io.markups import read_landmarks
from sgcn_core.types.units import UNITS_TO_MM

GOLDEN = Path(__file__).parent


@pytest.mark.parametrize(
    ("scan", "unit", "size"),
    [
        ("hrtf_head.ply", "mm", 1.0),
        ("smooth_head.ply", "mm", 1.0),
        ("LeePerrySmith.obj", "m", 1.0),
        ("raw_scan.ply", "mm", 0.95),
        ("sculpted_head.stl", "mm", 0.41),
    ],
)
def test_landmarks_lie_where_they_were_seen_to_be_right(
    detector: LandmarkDetector, shared_data: Path, scan: str, unit: str, size: float
) -> None:
    golden = read_landmarks(GOLDEN / f"{Path(scan).stem}.csv")
    result = detector.detect(shared_data / "scans" / scan)
    assert (result.unit, golden.unit) == (unit, unit)
    assert result.info["size_ratio"] == pytest.approx(size, abs=0.08)
    assert any("times as large" in note for note in result.info["notes"]) == (size < 0.6)
    moved = UNITS_TO_MM[unit] / size * np.linalg.norm(result.positions - golden.positions, axis=1)
    assert np.nanmean(moved) < 1.0 and np.nanmax(moved) < 8.0
    agree = [first == second for first, second in zip(result.status, golden.status, strict=True)]
    assert np.mean(agree) > 0.9
