"""Landmarks of a population's average person, and how far they may be from real people's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from research.synthesis.population import Population

# Columns of the array of real people.
_COLUMNS = {"se": 4, "sn": 3, "ex_l": 6, "ex_r": 7, "en_l": 8, "en_r": 9, "t_l": 10, "t_r": 11, "ch_l": 15, "ch_r": 16}
_COLUMNS["gn"] = 20
_DISTANCES = (("en_l", "en_r"), ("ex_l", "ex_r"), ("ch_l", "ch_r"), ("t_l", "t_r"), ("se", "sn"), ("se", "gn"))


def place(model: Population, vertices: torch.Tensor, label: str) -> torch.Tensor:
    """Position (..., 3) of a landmark on vertices (..., V, 3)."""
    return vertices[..., model.landmarks[model.labels.index(label)], :]


def distance(model: Population, vertices: torch.Tensor, first: str, second: str) -> torch.Tensor:
    """Distance (...) between two landmarks, millimetres."""
    return (place(model, vertices, first) - place(model, vertices, second)).norm(dim=-1)


def check_human_distances(model: Population, shared_data: Path) -> None:
    """The average person's distances lie within 3 standard deviations of 85 real people's."""
    real = np.load(shared_data / "scans" / "real_people_23x3x85.npy")
    for first, second in _DISTANCES:
        measured = np.linalg.norm(real[_COLUMNS[first]] - real[_COLUMNS[second]], axis=0)
        ours = float(distance(model, model.neutral, first, second))
        assert abs(ours - measured.mean()) < 3 * measured.std(), (first, second, ours)


def check_root_of_the_nose(model: Population) -> None:
    """``mf`` lies level with the inner eye corner, between it and the midline."""
    for side in "rl":
        base, corner = (place(model, model.neutral, f"{label}_{side}") for label in ("mf", "en"))
        assert abs(float(base[1] - corner[1])) < 1.0, side
        assert 0.3 < float(base[0] / corner[0]) < 0.8, side
        assert float(base[2]) > float(corner[2]), side
