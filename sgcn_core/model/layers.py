"""The building blocks of 2S-SGCN: one graph convolution a branch, and the block that runs and fuses both."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from sgcn_core.model.linear import linear
from sgcn_core.model.neighbours import Neighbourhood, neighbour_mean

Norm = Literal["node", "graph"]


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
    """The normalisation named ``norm``: ``"node"`` or ``"graph"``."""
    if norm == "node":
        return NodeNorm(channels)
    if norm == "graph":
        return GraphNorm(channels)
    raise ValueError(f'norm must be "node" or "graph", received {norm!r}')


class FineConv(nn.Module):
    """Graph convolution on the k-NN graph: ``mean_k(f) W + b`` (Eq. 2, GCN normalisation)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(in_channels, out_channels)

    def forward(self, features: Tensor, graph: Neighbourhood) -> Tensor:
        return linear(neighbour_mean(features, graph), self.linear.weight, self.linear.bias)


class CoarseConv(nn.Module):
    """Graph convolution on the complete graph over the coarse set C (Eq. 2).

    Complete with self loops, every node of C has degree \\|C\\|, so all of them receive the mean of C; a node outside C
    has only its self loop and is mapped on its own.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(in_channels, out_channels)

    def forward(self, features: Tensor, members: Tensor) -> Tensor:
        """``features`` (B*N, c), ``members`` (B, N, 1) with 1 for the nodes of C: (B*N, out)."""
        graphs, nodes, _ = members.shape
        per_graph = features.view(graphs, nodes, -1)
        shared = (members.transpose(1, 2) @ per_graph) / members.sum(1, keepdim=True).clamp(min=1.0)
        mixed = torch.lerp(per_graph, shared.to(per_graph.dtype), members.to(per_graph.dtype))
        return linear(mixed.view(graphs * nodes, -1), self.linear.weight, self.linear.bias)


class StratifiedBlock(nn.Module):
    """GCN -> norm -> ReLU on the coarse and the fine graph, residual, then one linear layer fuses both.

    Without the coarse branch (the ablation 2S-GCN) the fusion maps the fine branch alone.
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
        """(B*N, in) -> (B*N, channels); ``members`` (B, N, 1) marks the coarse set."""
        graphs = members.shape[0]
        fine = self._activate(self.fine_norm(self.fine_conv(features, graph), graphs), features)
        if self.coarse_conv is None or self.coarse_norm is None:
            return linear(fine, self.fuse.weight, self.fuse.bias)
        coarse = self._activate(self.coarse_norm(self.coarse_conv(features, members), graphs), features)
        # fuse([coarse, fine]) by the two halves of its weight, which saves writing the concatenation.
        weight = self.fuse.weight
        width = coarse.shape[1]
        return linear(coarse, weight[:, :width], self.fuse.bias).add_(linear(fine, weight[:, width:]))

    def _activate(self, normalised: Tensor, features: Tensor) -> Tensor:
        """ReLU, then the residual; in place as far as the backward pass allows."""
        activated = relu(normalised, inplace=True)
        if not self.residual:
            return activated
        return activated + features if torch.is_grad_enabled() else activated.add_(features)
