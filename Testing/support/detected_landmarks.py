"""Landmarks with every status, confidence and error, at random places."""

from __future__ import annotations

import numpy as np

from sgcn_core.types.landmarks import LandmarkResult, LandmarkSet

LABELS = LandmarkSet.load("all").labels


def detected(unit: str = "mm", frame: str = "LPS") -> LandmarkResult:
    rng = np.random.default_rng(3)
    status = np.array(["found", "uncertain", "missing"])[rng.choice(3, len(LABELS), p=[0.7, 0.2, 0.1])]
    return LandmarkResult(
        LABELS,
        rng.normal(0, 80, (len(LABELS), 3)),
        np.where(status == "missing", 0.25, rng.uniform(0, 1, len(LABELS))),
        tuple(status.tolist()),
        unit,
        frame,
        {"seed": 7, "pose": np.eye(4)},
        expected_error=rng.uniform(0.5, 3.0, len(LABELS)),
        error_bound=rng.uniform(3.0, 9.0, len(LABELS)),
    )
