"""Random masks: which faces of a batch get which effect."""

from __future__ import annotations

import torch
from torch import Tensor

from research.synthesis.random_tensors import Draw


class EffectMask:
    """Samples an independent mask for every effect; some faces get only the most common ones.

    Without such faces hardly one would be clean: thirty effects of 10 % each leave 4 %.

    Parameters
    ----------
    draw : Draw
    count : number of faces, B
    quiet : share of faces that get only the most common effects
    """

    def __init__(self, draw: Draw, count: int, quiet: float = 0.0) -> None:
        self.draw = draw
        self.count = count
        self.busy = ~draw.chance(quiet, count)

    def sample(self, share: float, *shape: int, always: bool = False) -> Tensor:
        """True with probability ``share``, shape (B, *shape); ``always`` includes quiet faces."""
        drawn = self.draw.chance(share, self.count, *shape)
        return drawn if always else drawn & self.busy.view(-1, *[1] * len(shape))

    def some(self, share: float) -> Tensor:
        """Ids of the sampled faces, for effects too costly to compute for all."""
        return torch.nonzero(self.sample(share))[:, 0]
