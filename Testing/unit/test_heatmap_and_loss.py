"""Eq. 1 and the corrected Eq. 3: values, continuity, gradients."""

from __future__ import annotations

import math

import pytest
import torch

from sgcn_core.model.heatmap import gaussian_heatmaps
from sgcn_core.model.loss import adaptive_wing_loss


def loss_at(truth: float, distance: float) -> float:
    return float(adaptive_wing_loss(torch.tensor([truth + distance]), torch.tensor([truth])))


def test_heatmap_is_the_gaussian_of_the_distance() -> None:
    points = torch.tensor([[0.0, 0.0, 0.0], [0.03, 0.0, 0.0], [0.0, 0.06, 0.0]])
    landmarks = torch.tensor([[0.0, 0.0, 0.0], [torch.nan] * 3])
    heatmaps = gaussian_heatmaps(points, landmarks, sigma=0.03)
    torch.testing.assert_close(heatmaps[:, 0], torch.tensor([1.0, math.exp(-0.5), math.exp(-2.0)]))
    assert heatmaps[:, 1].tolist() == [0.0, 0.0, 0.0]  # an absent landmark has an empty heatmap


@pytest.mark.parametrize(
    ("truth", "slope", "offset"),
    [(0.0, 11.1214, 2.6255), (0.25, 11.2486, 2.1968), (0.5, 11.1127, 1.5651), (1.0, 9.7978, -0.4615)],
)
def test_linear_branch_has_the_known_slope_and_offset(truth: float, slope: float, offset: float) -> None:
    weight = 1 + 50 * truth
    for distance in (0.6, 1.5):
        assert loss_at(truth, distance) / weight == pytest.approx(slope * distance - offset, abs=2e-3)


@pytest.mark.parametrize("truth", [0.0, 0.25, 0.5, 1.0])
def test_branches_meet_with_value_and_slope(truth: float) -> None:
    step = 1e-3
    below, at, above = (loss_at(truth, 0.5 + offset) for offset in (-step, 0.0, step))
    assert (at - below) == pytest.approx(above - at, rel=0.02)


@pytest.mark.parametrize("truth", [0.0, 0.5, 1.0])
def test_near_branch_is_the_weighted_logarithm(truth: float) -> None:
    expected = (1 + 50 * truth) * 14 * math.log(1 + 0.2 ** (2.1 - truth))
    assert loss_at(truth, -0.2) == pytest.approx(expected, rel=1e-5)


def test_perfect_prediction_costs_nothing_and_has_a_finite_gradient() -> None:
    truth = torch.linspace(0, 1, 11)
    predicted = truth.clone().requires_grad_()
    loss = adaptive_wing_loss(predicted, truth)
    loss.backward()
    assert loss.item() < 1e-3
    assert predicted.grad is not None and torch.isfinite(predicted.grad).all()


def test_shapes_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in shape"):
        adaptive_wing_loss(torch.zeros(3), torch.zeros(4))
