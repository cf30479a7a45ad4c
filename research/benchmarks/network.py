"""The forward pass against the same network written with torch-geometric's GCNConv on edge lists."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch_geometric.nn import GCNConv

from sgcn_core.model.layers import StratifiedBlock
from sgcn_core.model.network import NetworkConfig, StratifiedGCN

NODES, K, LANDMARKS = 8000, 16, 68


class EdgeListBlock(nn.Module):
    """A block of two GCNConv, with the weights of ``block``."""

    def __init__(self, block: StratifiedBlock) -> None:
        super().__init__()
        assert block.coarse_conv is not None and block.coarse_norm is not None
        self.fine, self.coarse = gcn_conv(block.fine_conv.linear), gcn_conv(block.coarse_conv.linear)
        self.fine_norm, self.coarse_norm, self.fuse = block.fine_norm, block.coarse_norm, block.fuse
        self.residual = block.residual

    def forward(self, features: Tensor, fine_edges: Tensor, coarse_edges: Tensor) -> Tensor:
        fine = torch.relu(self.fine_norm(self.fine(features, fine_edges), 1))
        coarse = torch.relu(self.coarse_norm(self.coarse(features, coarse_edges), 1))
        if self.residual:
            fine, coarse = fine + features, coarse + features
        return self.fuse(torch.cat([coarse, fine], dim=1))


def gcn_conv(linear: nn.Linear) -> GCNConv:
    """GCNConv with the weights of ``linear``; edge lists bring their own self loops."""
    conv = GCNConv(linear.in_features, linear.out_features, add_self_loops=False)
    conv.load_state_dict({"lin.weight": linear.weight, "bias": linear.bias})
    return conv


def example() -> tuple[Tensor, Tensor, Tensor]:
    """A sphere of random nodes: features (N, 6), neighbours (N, k), members (N,)."""
    generator = torch.Generator().manual_seed(0)
    points = nn.functional.normalize(torch.randn(NODES, 3, generator=generator), dim=1)
    order = points[:, 2].argsort()
    points = points[order]
    neighbours = torch.cdist(points, points).topk(K, largest=False).indices
    members = torch.zeros(NODES, dtype=torch.bool)
    members[torch.randperm(NODES, generator=generator)[:LANDMARKS]] = True
    return torch.cat([points, points], dim=1), neighbours, members


@torch.inference_mode()
def run(repeats: int = 11) -> dict[str, float]:
    """Measure both in turn.

    Returns
    -------
    dict
        ``ours_seconds``, ``reference_seconds`` (medians), ``times_faster``, ``largest_difference`` of their heatmaps.
    """
    torch.manual_seed(0)
    network = StratifiedGCN(NetworkConfig(landmarks=LANDMARKS)).eval()
    blocks = [EdgeListBlock(block) for block in network.blocks]  # type: ignore[arg-type]
    features, neighbours, members = example()
    fine_edges = torch.stack([neighbours.reshape(-1), torch.arange(NODES).repeat_interleave(K)])
    inside, outside = torch.nonzero(members)[:, 0], torch.nonzero(~members)[:, 0]
    coarse_edges = torch.cat([torch.cartesian_prod(inside, inside).T, outside.expand(2, -1)], dim=1)

    def reference() -> Tensor:
        hidden = features
        for block in blocks:
            hidden = block(hidden, fine_edges, coarse_edges)
        return network.head(hidden)

    def ours() -> Tensor:
        return network.predict(features, neighbours, members)

    difference = float((ours() - reference()).abs().max())
    times: dict[Callable[[], Tensor], list[float]] = {ours: [], reference: []}
    for _ in range(repeats):
        for call, seconds in times.items():
            began = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - began)
    mine, theirs = statistics.median(times[ours]), statistics.median(times[reference])
    return {
        "ours_seconds": mine,
        "reference_seconds": theirs,
        "times_faster": theirs / mine,
        "largest_difference": difference,
    }


if __name__ == "__main__":
    for name, value in run().items():
        print(f"{name:20s} {value:10.5f}")
