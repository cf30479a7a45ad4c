"""Batches from two sources of people at once."""

from __future__ import annotations

from copy import copy

import numpy as np
from torch import Tensor
from torch_geometric.data import Batch

from research.synthesis.generator import FaceGenerator
from research.synthesis.options import GeneratorOptions
from research.synthesis.population import Population


class MixedGenerator:
    """A generator that takes a share of the faces of every batch from a second population.

    Both crop and label alike: the prototype is that of the first.

    Parameters
    ----------
    first, second : FaceGenerator
        With equal prototypes and labels.
    share : float, of the second, 0 to 1

    Raises
    ------
    ValueError
        If the two label different landmarks.
    """

    def __init__(self, first: FaceGenerator, second: FaceGenerator, *, share: float) -> None:
        if first.model.labels != second.model.labels:
            raise ValueError("the two populations have different landmarks, or the same in another order")
        self.first, self.second, self.share = first, second, share

    @property
    def model(self) -> Population:
        return self.first.model

    @property
    def options(self) -> GeneratorOptions:
        return self.first.options

    @property
    def prototype(self) -> Tensor:
        return self.first.prototype

    @property
    def seed(self) -> int:
        return self.first.seed

    @property
    def nodes(self) -> int:
        return self.first.nodes

    @nodes.setter
    def nodes(self, nodes: int) -> None:
        self.first.nodes = self.second.nodes = nodes

    def with_options(self, options: GeneratorOptions) -> MixedGenerator:
        """The same two sources with other options."""
        other = copy(self)
        other.first, other.second = self.first.with_options(options), self.second.with_options(options)
        return other

    def batch(self, step: int, count: int, *, stream: int = 0) -> Batch:
        """Graphs of ``count`` faces, see ``FaceGenerator.batch``; the first come from the first population."""
        luck = np.random.default_rng(np.random.SeedSequence((self.seed, stream, step, 2))).random()
        from_second = int(self.share * count + luck)
        graphs = []
        for source, wanted in ((self.first, count - from_second), (self.second, from_second)):
            if wanted:
                graphs += source.batch(step, wanted, stream=stream).to_data_list()
        return Batch.from_data_list(graphs)
