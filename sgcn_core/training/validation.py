"""Error of the network on generated faces, by the weighted mean of Eq. 6 on the nodes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch_geometric.data import Batch


def unpack(batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Features (B, N, 6), neighbours (B, N, k) and members (B, N) of a batch of equal graphs."""
    graphs = batch.num_graphs
    return (
        batch.x.view(graphs, -1, batch.x.shape[1]),
        batch.neighbours.view(graphs, -1, batch.neighbours.shape[1]),
        batch.members.view(graphs, -1),
    )


def weighted_means(heatmaps: Tensor, points: Tensor, t: int = 12) -> Tensor:
    """Eq. 6: softmax-weighted mean (B, L, 3) of the t highest nodes of each landmark."""
    values, nodes = heatmaps.topk(t, dim=1)
    weights = values.softmax(1)
    graphs, _, labels = nodes.shape
    flat = nodes.reshape(graphs, -1, 1).expand(-1, -1, 3)
    chosen = torch.gather(points, 1, flat).view(graphs, t, labels, 3)
    return (weights[..., None] * chosen).sum(1)


@torch.no_grad()
def mean_errors(network: nn.Module, batch: Batch) -> Tensor:
    """Distance (B, L) from the truth in millimetres of the person; NaN for an absent landmark."""
    features, neighbours, members = unpack(batch)
    found = weighted_means(network(features, neighbours, members).float(), features[..., :3])
    errors: Tensor = (found - batch.landmarks).norm(dim=2) * batch.millimetres[:, None]
    return errors
