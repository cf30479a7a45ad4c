"""Running mean of the weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class WeightAverage:
    """Exponential moving average of a module's parameters.

    Early steps count with a shorter memory, so that the random initial weights are forgotten.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self.weights = {name: value.detach().clone() for name, value in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for name, value in module.state_dict().items():
            self.weights[name].lerp_(value.to(self.weights[name].dtype), 1.0 - decay)

    def state_dict(self) -> dict[str, object]:
        return {"steps": self.steps, "weights": self.weights}

    def load_state_dict(self, state: dict[str, object]) -> None:
        self.steps = int(state["steps"])  # type: ignore[call-overload]
        weights: dict[str, Tensor] = state["weights"]  # type: ignore[assignment]
        for name, value in weights.items():
            self.weights[name].copy_(value)
