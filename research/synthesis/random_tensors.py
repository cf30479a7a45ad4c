"""Small helpers for seeded random numbers on any device."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


class Draw:
    """Random draws for a batch of B samples from one generator.

    Parameters
    ----------
    generator : torch.Generator on the device the tensors are made on
    """

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator
        self.device = generator.device

    @classmethod
    def seeded(cls, device: torch.device, *key: int) -> Draw:
        """Draws that are a function of the numbers of ``key``, hashed: a CPU generator takes 32 bits of its seed."""
        generator = torch.Generator(device)
        generator.manual_seed(int(np.random.SeedSequence(key).generate_state(1)[0]))
        return cls(generator)

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self.generator, device=self.device) * (high - low) + low

    def normal(self, deviation: float, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.generator, device=self.device) * deviation

    def chance(self, probability: float, *shape: int) -> Tensor:
        """True with the given probability."""
        return torch.rand(shape, generator=self.generator, device=self.device) < probability

    def integers(self, high: int, *shape: int) -> Tensor:
        return torch.randint(high, shape, generator=self.generator, device=self.device)
