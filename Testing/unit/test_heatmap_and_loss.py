"""Heatmap and loss beyond the equations themselves (test_paper.py): absent landmarks, gradient, errors."""

from __future__ import annotations

import math

import pytest
import torch

from sgcn_core.model.heatmap import gaussian_heatmaps
from sgcn_core.model.loss import adaptive_wing_loss


def test_heatmap_is_the_gaussian_of_the_distance() -> None:
    points = torch.tensor([[0.0, 0.0, 0.0], [0.03, 0.0, 0.0], [0.0, 0.06, 0.0]])
    landmarks = torch.tensor([[0.0, 0.0, 0.0], [torch.nan] * 3])
    heatmaps = gaussian_heatmaps(points, landmarks, sigma=0.03)
    torch.testing.assert_close(heatmaps[:, 0], torch.tensor([1.0, math.exp(-0.5), math.exp(-2.0)]))
    assert heatmaps[:, 1].tolist() == [0.0, 0.0, 0.0]  # an absent landmark has an empty heatmap


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
