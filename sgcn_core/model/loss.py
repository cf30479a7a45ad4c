"""Weighted adaptive wing loss (paper, Eq. 3, with the misprints of the paper corrected)."""

from __future__ import annotations

import torch
from torch import Tensor

# Below this distance the power d**p is flat to float32 anyway; it keeps the derivative finite at d = 0.
_SMALLEST = 1e-6


def adaptive_wing_loss(
    predicted: Tensor,
    truth: Tensor,
    *,
    omega: float = 14.0,
    theta: float = 0.5,
    alpha: float = 2.1,
    epsilon: float = 1.0,
    beta: float = 50.0,
) -> Tensor:
    """Mean over all nodes and landmarks of the weighted adaptive wing loss.

    With d = \\|h - h^\\|, p = alpha - h::

        A = (omega / epsilon) p (theta / epsilon)^(p - 1) / (1 + (theta / epsilon)^p)
        C = theta A - omega ln(1 + (theta / epsilon)^p)
        l = (1 + beta h) * (omega ln(1 + (d / epsilon)^p)   if d < theta   else   A d - C)

    A and C make value and slope of the two branches meet at theta (Wang et al. 2019, "Adaptive Wing Loss"); the
    weight 1 + beta h stresses the nodes near the landmark.

    Parameters
    ----------
    predicted, truth : Tensor of equal shape; ``truth`` in [0, 1]

    Returns
    -------
    Tensor, scalar, float32
    """
    if predicted.shape != truth.shape:
        raise ValueError(f"predicted {tuple(predicted.shape)} and truth {tuple(truth.shape)} differ in shape")
    predicted, truth = predicted.float(), truth.float()
    distance = (predicted - truth).abs().clamp(min=_SMALLEST)
    power = alpha - truth
    at_theta = torch.pow(theta / epsilon, power)
    slope = omega * power * at_theta / (theta * (1.0 + at_theta))
    offset = theta * slope - omega * torch.log1p(at_theta)
    near = omega * torch.log1p(torch.pow(distance.clamp(max=theta) / epsilon, power))
    loss = torch.where(distance < theta, near, slope * distance - offset)
    return ((1.0 + beta * truth) * loss).mean()
