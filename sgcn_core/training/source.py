"""Interface of the training data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch

if TYPE_CHECKING:
    from torch_geometric.data import Batch


class People(Protocol):
    """Population of the training data."""

    @property
    def labels(self) -> tuple[str, ...]: ...

    @property
    def device(self) -> torch.device: ...


class Source(Protocol):
    """Makes batches of labelled graphs.

    Attributes
    ----------
    nodes : of every graph; the loop sets it before each batch
    """

    nodes: int

    @property
    def model(self) -> People: ...

    def batch(self, step: int, count: int, *, stream: int = 0) -> Batch:
        """Graphs of ``count`` faces; the same step and stream give the same faces."""
        ...
