"""How much people vary: the figures behind the table, on made-up points."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch_geometric", reason="the generator carries samples in torch-geometric's Data")

from research.synthesis.alignment import axis_angle_rotations
from research.synthesis.population_check import by_region, spread
from research.training.consistency import residuals
from sgcn_core.uncertainty.domain import well_defined


def test_turning_and_moving_people_is_no_variation() -> None:
    import torch

    rng = np.random.default_rng(0)
    face = rng.normal(0.0, 40.0, (60, 3))
    turns = axis_angle_rotations(torch.from_numpy(rng.normal(0.0, 0.3, (30, 3)))).numpy()
    posed = face @ turns.transpose(0, 2, 1) + rng.normal(0.0, 50.0, (30, 1, 3))
    assert spread(posed).max() < 1e-6
    posed[:, 0] += np.array([3.0, 0.0, 0.0]) * rng.choice([-1.0, 1.0], (30, 1))
    varied = spread(posed)
    assert 2.5 < varied[0] < 3.3 and varied[1:].max() < 0.8


def test_regions_are_around_their_landmarks() -> None:
    points = np.array([[0.0, 0, 0], [5, 0, 0], [40, 0, 0]])
    found = by_region(points, np.array([3.0, 4.0, 9.0]), {"prn": np.zeros(3), "en_r": np.array([40.0, 0, 1])})
    assert found == {"eyes": 9.0, "nose tip": pytest.approx(np.sqrt(12.5))}


def test_consistency_is_what_the_mean_offset_leaves() -> None:
    truth = np.zeros((3, 2, 3))
    detected = truth + np.array([1.0, 0.0, 0.0])
    detected[2, 1] = np.nan
    detected[0, 0, 1], detected[1, 0, 1] = 2.0, -2.0
    rest, mean = residuals(detected, truth)
    assert np.allclose(mean, [[1, 0, 0], [1, 0, 0]])
    assert np.allclose(np.nanmean(np.linalg.norm(rest, axis=2), axis=0), [4 / 3, 0.0])


def test_corners_and_borders_are_well_defined() -> None:
    assert well_defined("ibug27") and well_defined("en_l") and well_defined("prn")
    assert not well_defined("ibug26") and not well_defined("zy_r") and not well_defined("gn")
