"""How much people vary: the figures behind the table, on made-up points."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch_geometric", reason="the generator carries samples in torch-geometric's Data")

from research.synthesis.alignment import axis_angle_rotations
from research.synthesis.population_check import Sample, by_region, children_rows, spread
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


def test_a_region_without_landmarks_or_points_is_left_out() -> None:
    places = {"prn": np.array([99.0, 0, 0]), "en_r": np.zeros(3)}
    assert by_region(np.zeros((1, 3)), np.ones(1), places) == {"eyes": 1.0}


def sample(width: float, height: float, people: int = 4) -> Sample:
    """People whose eyes are ``width`` apart, whose mouth lies ``height`` below; they differ in size by 10 % at most."""
    sizes = np.linspace(0.9, 1.1, people)[:, None]
    at = {"en_r": (-0.2, 0), "en_l": (0.2, 0), "ex_r": (-0.5, 0), "ex_l": (0.5, 0), "sn": (0, -0.5), "ls": (0, -1.0)}
    places = {name: np.array([x * width, y * height, 0.0]) * sizes for name, (x, y) in at.items()}
    return Sample(None, np.zeros((people, 0, 3)), places)  # type: ignore[arg-type]


def test_children_are_set_beside_adults_and_relative_to_the_face() -> None:
    rows = {name: cells for name, *cells in children_rows(sample(90.0, 90.0), sample(72.0, 54.0))}
    assert "se - sn" not in rows and "earlength" not in rows
    # 90 and 72 mm of widths, 45 and 27 mm from nose to lip.
    assert rows["ex_r - ex_l"][:3] == ["90.0 ± 6.7", "72.0 ± 5.4", "0.80"]
    assert rows["sn - ls"][:3] == ["45.0 ± 3.4", "27.0 ± 2.0", "0.60"]
    assert rows["interpupillarybreadth"][2] == "0.80"
    # Squares of the widths sum to 2 (0.04 + 0.25) = 0.58, of the heights about their mean to 0.25 + 1 - 6 / 16 = 0.875.
    whole = np.sqrt((0.58 * 0.8**2 + 0.875 * 0.6**2) / (0.58 + 0.875))
    assert rows["centroid size"][2:] == [f"{whole:.2f}", "1.00"]
    assert rows["ex_r - ex_l"][3] == f"{0.8 / whole:.2f}" and rows["sn - ls"][3] == f"{0.6 / whole:.2f}"


def test_corners_and_borders_are_well_defined() -> None:
    assert well_defined("ibug27") and well_defined("en_l") and well_defined("prn")
    assert not well_defined("ibug26") and not well_defined("zy_r") and not well_defined("gn")
