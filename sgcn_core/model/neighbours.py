"""Mean over the k rows that a node points at: the fine graph's convolution without scatter operations."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """Directed k-nearest-neighbour graph of one graph or of a batch laid end to end.

    Parameters
    ----------
    rows : Tensor of int, shape (M, k)
        ``rows[i]`` are the nodes that node i averages over, itself included. In a batch the ids are those of the
        concatenated nodes, so that graphs never mix.
    """

    rows: Tensor
    size: int = field(init=False)

    def __post_init__(self) -> None:
        if self.rows.ndim != 2:
            raise ValueError(f"neighbours must have shape (M, k), received {tuple(self.rows.shape)}")
        object.__setattr__(self, "rows", self.rows.contiguous())
        object.__setattr__(self, "size", self.rows.shape[0])

    @classmethod
    def from_batch(cls, neighbours: Tensor) -> Neighbourhood:
        """Lay ``neighbours`` (B, N, k), ids within each graph, end to end."""
        count, nodes, k = neighbours.shape
        first = torch.arange(count, device=neighbours.device, dtype=torch.int32).view(-1, 1, 1) * nodes
        return cls((neighbours.to(torch.int32) + first).reshape(-1, k))

    @cached_property
    def reverse(self) -> tuple[Tensor, Tensor]:
        """Who averages over each node: ids of those nodes, sorted by the node, and where each node's run starts.

        The transposed graph turns the backward pass into a gather as well.
        """
        flat = self.rows.reshape(-1)
        order = torch.argsort(flat, stable=True)
        counts = torch.bincount(flat, minlength=self.size)
        starts = (torch.cumsum(counts, 0) - counts).to(flat.dtype)
        return torch.div(order, self.rows.shape[1], rounding_mode="floor").to(flat.dtype), starts


class _NeighbourMean(torch.autograd.Function):
    @staticmethod
    def forward(ctx, features: Tensor, graph: Neighbourhood) -> Tensor:  # type: ignore[no-untyped-def,override]
        ctx.graph = graph
        return embedding_bag(graph.rows, features.detach().contiguous(), mode="mean")

    @staticmethod
    def backward(ctx, gradient: Tensor):  # type: ignore[no-untyped-def,override]
        sources, starts = ctx.graph.reverse
        scaled = (gradient / ctx.graph.rows.shape[1]).contiguous()
        return embedding_bag(sources, scaled, starts, mode="sum"), None


def neighbour_mean(features: Tensor, graph: Neighbourhood) -> Tensor:
    """Mean of the features of each node's k neighbours, itself included.

    This equals Eq. 2's aggregation with symmetric normalisation: every in-degree is k, so 1/c_ij = 1/k.

    Parameters
    ----------
    features : Tensor, shape (M, c)
    graph : Neighbourhood of M nodes

    Returns
    -------
    Tensor, shape (M, c)
    """
    if features.requires_grad and torch.is_grad_enabled():
        return _NeighbourMean.apply(features, graph)
    return embedding_bag(graph.rows, features.contiguous(), mode="mean")
