"""The layers of 2S-SGCN (paper, sections 3.4 and 4.1): a graph convolution for each graph, a block that fuses them.

The graph convolution of the paper, without the activation, is::

    f_i' = sum over j in N(v_i) of (1 / c_ij) W f_j + b                                              (Eq. 2)

With symmetric normalisation, c_ij = sqrt(d_i d_j). In the two graphs of the paper it is never a sum over edges: in the
fine graph every node has k neighbours, itself included, so that 1 / c_ij = 1 / k (`FineConv`); in the complete coarse
graph every node has |C| of them, so that all nodes of C receive one shared mean (`CoarseConv`). `sgcn_core.paper` has
Eq. 2 as printed; the tests compare both with it.

Shapes: B graphs of N nodes each are laid end to end, so features are (B N, channels).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag, linear, relu

Norm = Literal["node", "graph"]


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """The fine graph: directed edges from each node's k nearest neighbours, of one graph or of a batch end to end.

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
        """Nodes that average over each node, sorted by that node, and the start of each node's run.

        With the transposed graph the backward pass is a gather too, and no scatter.
        """
        flat = self.rows.reshape(-1)
        order = torch.argsort(flat, stable=True)
        counts = torch.bincount(flat, minlength=self.size)
        starts = (torch.cumsum(counts, 0) - counts).to(flat.dtype)
        return torch.div(order, self.rows.shape[1], rounding_mode="floor").to(flat.dtype), starts


class _NeighbourMean(torch.autograd.Function):
    @staticmethod
    def forward(ctx, features: Tensor, graph: Neighbourhood) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.graph = graph
        return _gathered_mean(features.detach(), graph)

    @staticmethod
    def backward(ctx, gradient: Tensor):  # type: ignore[no-untyped-def]
        sources, starts = ctx.graph.reverse
        scaled = (gradient / ctx.graph.rows.shape[1]).contiguous()
        return embedding_bag(sources, scaled, starts, mode="sum"), None


def _gathered_mean(features: Tensor, graph: Neighbourhood) -> Tensor:
    # The sum and one division: mode="mean" gives the same numbers and first makes an index for its backward pass.
    return embedding_bag(graph.rows, features.contiguous(), mode="sum").div_(graph.rows.shape[1])


def neighbour_mean(features: Tensor, graph: Neighbourhood) -> Tensor:
    """Mean of the features of each node's k neighbours, itself included: the aggregation of Eq. 2 on the fine graph.

    Parameters
    ----------
    features : Tensor, shape (M, c)
    graph : Neighbourhood of M nodes

    Returns
    -------
    Tensor, shape (M, c)
    """
    if features.requires_grad and torch.is_grad_enabled():
        mean: Callable[..., Tensor] = _NeighbourMean.apply  # some versions of torch have no types for it
        return mean(features, graph)
    return _gathered_mean(features, graph)


class FineConv(nn.Module):
    """Eq. 2 on the fine graph G_f: ``f_i' = W mean(f_j, j in N(v_i)) + b``, (M, in) -> (M, out)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(in_channels, out_channels)

    def forward(self, features: Tensor, graph: Neighbourhood) -> Tensor:
        return linear(neighbour_mean(features, graph), self.linear.weight, self.linear.bias)


class CoarseConv(nn.Module):
    """Eq. 2 on the coarse graph G_c, complete over the set C (Eq. 5) with self loops.

    ``f_i' = W mean(f_j, j in C) + b`` for a node of C; a node outside has its self loop alone: ``f_i' = W f_i + b``.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(in_channels, out_channels)

    def forward(self, features: Tensor, members: Tensor) -> Tensor:
        """``features`` (B N, in), ``members`` (B, N, 1) with 1 for the nodes of C: (B N, out)."""
        graphs, nodes, _ = members.shape
        per_graph = features.view(graphs, nodes, -1)
        shared = (members.transpose(1, 2) @ per_graph) / members.sum(1, keepdim=True).clamp(min=1.0)
        mixed = torch.lerp(per_graph, shared.to(per_graph.dtype), members.to(per_graph.dtype))
        return linear(mixed.view(graphs * nodes, -1), self.linear.weight, self.linear.bias)


class GraphNorm(nn.Module):
    """LayerNorm over all nodes and channels of one graph, with one scale and shift a channel.

    What torch-geometric calls ``LayerNorm(mode="graph")``; graphs of a batch never share statistics.
    """

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, features: Tensor, graphs: int) -> Tensor:
        per_graph = features.view(graphs, -1)
        centred = per_graph - per_graph.mean(1, keepdim=True)
        deviation = (centred.square().mean(1, keepdim=True) + self.eps).sqrt()
        return (centred / deviation).view_as(features) * self.weight + self.bias


class NodeNorm(nn.LayerNorm):
    """LayerNorm over the channels of each node; independent of what else the scan shows."""

    def forward(self, features: Tensor, graphs: int) -> Tensor:  # type: ignore[override]
        return super().forward(features)


def make_norm(norm: Norm, channels: int) -> GraphNorm | NodeNorm:
    """The normalisation named ``norm``: ``"node"`` or ``"graph"``. The paper says LayerNorm and leaves open which."""
    if norm == "node":
        return NodeNorm(channels)
    if norm == "graph":
        return GraphNorm(channels)
    raise ValueError(f'norm must be "node" or "graph", received {norm!r}')


class StratifiedBlock(nn.Module):
    """The main computational block on both graphs, and the linear layer that fuses them (Fig. 4)::

        c = relu(norm(CoarseConv(f))) + f        g = relu(norm(FineConv(f))) + f        f' = W [c, g] + b

    The residual ``+ f`` needs as many channels in as out, so the first block has none. Without the coarse branch (the
    ablation 2S-GCN of Table 1) it is ``f' = W g + b``.
    """

    def __init__(self, in_channels: int, channels: int, *, norm: Norm, coarse: bool) -> None:
        super().__init__()
        self.fine_conv = FineConv(in_channels, channels)
        self.fine_norm = make_norm(norm, channels)
        self.coarse_conv = CoarseConv(in_channels, channels) if coarse else None
        self.coarse_norm = make_norm(norm, channels) if coarse else None
        self.fuse = nn.Linear(2 * channels if coarse else channels, channels)
        self.residual = in_channels == channels

    def forward(self, features: Tensor, graph: Neighbourhood, members: Tensor) -> Tensor:
        """(B N, in) -> (B N, channels); ``members`` (B, N, 1) marks the coarse set."""
        graphs = members.shape[0]
        fine = self._activate(self.fine_norm(self.fine_conv(features, graph), graphs), features)
        weight, bias = self.fuse.weight, self.fuse.bias
        if self.coarse_conv is None or self.coarse_norm is None:
            return linear(fine, weight, bias)
        coarse = self._activate(self.coarse_norm(self.coarse_conv(features, members), graphs), features)
        # fuse([coarse, fine]) by the two halves of its weight, which saves writing the concatenation.
        width = coarse.shape[1]
        return torch.addmm(linear(coarse, weight[:, :width], bias), fine, weight[:, width:].T)

    def _activate(self, normalised: Tensor, features: Tensor) -> Tensor:
        """ReLU, then the residual; in place as far as the backward pass allows."""
        activated = relu(normalised, inplace=True)
        if not self.residual:
            return activated
        return activated + features if torch.is_grad_enabled() else activated.add_(features)
