"""Batches from several sources of people at once."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from itertools import accumulate

import numpy as np
from torch import Tensor
from torch_geometric.data import Batch

from research.synthesis.generator import FaceGenerator
from research.synthesis.options import GeneratorOptions
from research.synthesis.population import Population


class MixedGenerator:
    """A generator that takes a share of the faces of every batch from each of several populations.

    All crop and label alike: the prototype is that of the first.

    Parameters
    ----------
    sources : name to FaceGenerator
        With equal prototypes and labels, in order.
    shares : name to share, of the same names; they are divided by their sum

    Raises
    ------
    ValueError
        If two populations label different landmarks, or the shares are not those of the sources, or add up to nothing.
    """

    def __init__(self, sources: Mapping[str, FaceGenerator], shares: Mapping[str, float]) -> None:
        if set(sources) != set(shares):
            raise ValueError(f"shares are given for {sorted(shares)}, the populations are {sorted(sources)}")
        total = sum(shares.values())
        if min(shares.values()) < 0.0 or total <= 0.0:
            raise ValueError(f"the shares must not be negative and must add up to something, received {dict(shares)}")
        self.sources = dict(sources)
        self.shares = {name: shares[name] / total for name in sources}
        if any(source.model.labels != self.model.labels for source in self.sources.values()):
            raise ValueError("the populations have different landmarks, or the same in another order")

    @property
    def first(self) -> FaceGenerator:
        return next(iter(self.sources.values()))

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
        for source in self.sources.values():
            source.nodes = nodes

    def with_options(self, options: GeneratorOptions) -> MixedGenerator:
        """The same sources with other options."""
        other = copy(self)
        other.sources = {name: source.with_options(options) for name, source in self.sources.items()}
        return other

    def counts(self, step: int, count: int, *, stream: int = 0) -> dict[str, int]:
        """Faces of each population in a batch of ``count``: a whole number whose mean over the steps is its share.

        One lot rounds all of them: the shares lie end to end, and a comb of step 1 that is shifted by it counts.
        """
        lot = np.random.default_rng(np.random.SeedSequence((self.seed, stream, step, 2))).random()
        # From the last to the first, as two populations have always been drawn: seeds keep their batches.
        names = list(self.sources)[::-1]
        ends = [int(count * end + lot) for end in accumulate(self.shares[name] for name in names)]
        ends[-1] = count
        taken = {name: end - start for name, start, end in zip(names, [0, *ends], ends, strict=False)}
        return {name: taken[name] for name in self.sources}

    def batch(self, step: int, count: int, *, stream: int = 0) -> Batch:
        """Graphs of ``count`` faces, see ``FaceGenerator.batch``, population after population."""
        graphs = []
        for name, wanted in self.counts(step, count, stream=stream).items():
            if wanted:
                graphs += self.sources[name].batch(step, wanted, stream=stream).to_data_list()
        return Batch.from_data_list(graphs)
