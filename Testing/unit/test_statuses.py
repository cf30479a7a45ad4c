"""Statuses over seeds and of parts, as `python -m research.experiments.statuses` counts them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from research.experiments.statuses import Cut, flipped, of_part
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.surface import Surface


def result(*status: str) -> LandmarkResult:
    labels = ("en_r", "prn", "sto", "gn")[: len(status)]
    places = np.array([[20.0, 30, 40], [0, 0, 60], [0, -30, 40], [0, -70, 30]])[: len(status)]
    return LandmarkResult(labels, places, np.full(len(status), 0.5), status, info={"pose": np.eye(4).tolist()})


def test_flips_are_counted_once_and_not_as_uncertain_too() -> None:
    first = result("found", "found", "missing", "found")
    assert flipped([first, first]) == (0, 0)
    assert flipped([first, result("missing", "uncertain", "missing", "found")]) == (1, 1)
    assert flipped([first, result("uncertain", "found", "uncertain", "found"), first]) == (0, 1)
    assert flipped([first, result("uncertain", "found", "found", "missing"), result(*["missing"] * 4)]) == (4, 0)


def test_what_is_cut_away_and_what_is_left_are_counted_by_the_uncut_result() -> None:
    """Eyes alone are left of a plate: of what was found en_r is there, sto and gn are gone."""
    across, up = np.meshgrid(np.arange(-60.0, 61.0, 2.0), np.arange(-90.0, 91.0, 2.0))
    points = np.stack([across.ravel(), up.ravel(), np.full(across.size, 40.0)], axis=1)
    rows, columns = across.shape
    corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    faces = np.concatenate(
        [
            np.stack([corner, corner + 1, corner + columns], 1),
            np.stack([corner + 1, corner + columns + 1, corner + columns], 1),
        ]
    )
    plate = Surface(points, faces, "mm")
    whole = result("found", "uncertain", "found", "found")
    seen: list[Surface] = []

    def detect(surface: Surface, **_: Any) -> LandmarkResult:
        seen.append(surface)
        return result("missing", "missing", "missing", "uncertain")

    detector: Any = SimpleNamespace(detect=detect)
    assert of_part(detector, plate, whole, "eyes", seed=0) == Cut(parts=1, refused=0, gone=2, missing=1, left=1, lost=1)
    assert seen[0].vertices[:, 1].min() > 8.0
    assert Cut(1, 0, 2, 1, 1, 1) + Cut(1, 1) == Cut(2, 1, 2, 1, 1, 1)
