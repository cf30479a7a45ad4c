"""The network against torch-geometric's GCNConv on explicit edge lists, and what must hold for batches."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sgcn_core.model.layers import CoarseConv, FineConv, GraphNorm, Neighbourhood, StratifiedBlock, neighbour_mean
from sgcn_core.model.network import NetworkConfig, StratifiedGCN

torch_geometric_nn = pytest.importorskip("torch_geometric.nn", reason="torch-geometric is the oracle: extra `dev`")

NODES, K = 200, 16


def random_graph(seed: int, graphs: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    """Features (B, N, 6), neighbours with the node itself first (B, N, k), coarse members (B, N)."""
    torch.manual_seed(seed)
    features = torch.randn(graphs, NODES, 6)
    distances = torch.cdist(features[..., :3], features[..., :3])
    members = torch.zeros(graphs, NODES, dtype=torch.bool)
    for graph in range(graphs):
        members[graph, torch.randperm(NODES)[: 20 + 5 * graph]] = True
    return features, distances.topk(K, largest=False).indices, members


def fine_edges(neighbours: Tensor) -> Tensor:
    """Edge list (2, N k) of one graph: from each neighbour to the node."""
    nodes = torch.arange(len(neighbours)).repeat_interleave(neighbours.shape[1])
    return torch.stack([neighbours.reshape(-1), nodes])


def coarse_edges(members: Tensor) -> Tensor:
    """Complete graph over the members with self loops, and the self loops of all other nodes."""
    inside, outside = torch.nonzero(members)[:, 0], torch.nonzero(~members)[:, 0]
    complete = torch.cartesian_prod(inside, inside).T
    return torch.cat([complete, outside.expand(2, -1)], dim=1)


def oracle_conv(linear: torch.nn.Linear) -> torch.nn.Module:
    """A GCNConv with the weights of ``linear``; the edge lists hold the self loops already."""
    conv = torch_geometric_nn.GCNConv(linear.in_features, linear.out_features, add_self_loops=False)
    with torch.no_grad():
        conv.lin.weight.copy_(linear.weight)
        conv.bias.copy_(linear.bias)
    return conv


def oracle_block(block: StratifiedBlock, features: Tensor, neighbours: Tensor, members: Tensor) -> Tensor:
    """The block written with GCNConv on edge lists; LayerNorm as torch-geometric has it."""

    def branch(linear: torch.nn.Linear, norm: torch.nn.Module, edges: Tensor) -> Tensor:
        layer = torch_geometric_nn.LayerNorm(
            linear.out_features, mode="graph" if isinstance(norm, GraphNorm) else "node"
        )
        layer.load_state_dict(norm.state_dict())
        out = torch.relu(layer(oracle_conv(linear)(features, edges)))
        return out + features if block.residual else out

    fine = branch(block.fine_conv.linear, block.fine_norm, fine_edges(neighbours))
    if block.coarse_conv is None:
        return block.fuse(fine)
    coarse = branch(block.coarse_conv.linear, block.coarse_norm, coarse_edges(members))
    return block.fuse(torch.cat([coarse, fine], dim=1))


@pytest.mark.parametrize("kind", ["fine", "coarse"])
def test_convolutions_equal_gcnconv_forward_and_gradient(kind: str) -> None:
    _, neighbours, members = random_graph(0, graphs=1)
    channels = torch.randn(NODES, 12)
    conv = FineConv(12, 8) if kind == "fine" else CoarseConv(12, 8)
    edges = fine_edges(neighbours[0]) if kind == "fine" else coarse_edges(members[0])
    oracle = oracle_conv(conv.linear)
    ours_in, oracle_in = channels.clone().requires_grad_(), channels.clone().requires_grad_()
    graph = Neighbourhood(neighbours[0]) if kind == "fine" else members.unsqueeze(-1).float()
    ours, expected = conv(ours_in, graph), oracle(oracle_in, edges)
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)
    direction = torch.randn_like(ours)
    (ours * direction).sum().backward()
    (expected * direction).sum().backward()
    torch.testing.assert_close(ours_in.grad, oracle_in.grad, atol=1e-5, rtol=0)
    torch.testing.assert_close(conv.linear.weight.grad, oracle.lin.weight.grad, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("norm", ["node", "graph"])
@pytest.mark.parametrize("coarse", [True, False])
def test_network_equals_the_same_network_of_gcnconv(norm: str, coarse: bool) -> None:
    features, neighbours, members = random_graph(1, graphs=1)
    network = StratifiedGCN(NetworkConfig(landmarks=5, depth=3, channels=16, norm=norm, coarse=coarse))
    hidden = features[0]
    for block in network.blocks:
        hidden = oracle_block(block, hidden, neighbours[0], members[0])
    torch.testing.assert_close(network(features, neighbours, members)[0], network.head(hidden), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("norm", ["node", "graph"])
def test_graphs_of_a_batch_never_mix(norm: str) -> None:
    batch = random_graph(2)
    network = StratifiedGCN(NetworkConfig(landmarks=4, depth=2, channels=16, norm=norm))
    together = network(*batch)
    for i in range(2):
        torch.testing.assert_close(network.predict(*(part[i] for part in batch)), together[i], atol=1e-5, rtol=1e-5)


def test_renumbering_the_nodes_renumbers_the_heatmaps() -> None:
    features, neighbours, members = (part[0] for part in random_graph(3, graphs=1))
    order = torch.randperm(NODES)
    place = torch.argsort(order)
    network = StratifiedGCN(NetworkConfig(landmarks=4, depth=2, channels=16))
    renumbered = network.predict(features[order], place[neighbours[order]], members[order])
    torch.testing.assert_close(renumbered, network.predict(features, neighbours, members)[order], atol=1e-5, rtol=1e-5)


def test_neighbour_mean_gradient_is_exact() -> None:
    _, neighbours, _ = random_graph(4, graphs=1)
    features = torch.randn(NODES, 3, dtype=torch.float64, requires_grad=True)
    graph = Neighbourhood(neighbours[0])
    assert torch.autograd.gradcheck(lambda x: neighbour_mean(x, graph), (features,))


@pytest.mark.parametrize(("coarse", "norm"), [(True, "node"), (True, "graph"), (False, "node")])
def test_inference_and_training_compute_the_same(coarse: bool, norm: str) -> None:
    batch = random_graph(5)
    network = StratifiedGCN(NetworkConfig(landmarks=4, depth=3, channels=16, coarse=coarse, norm=norm))
    with torch.inference_mode():
        inferred = network(*batch)
    torch.testing.assert_close(inferred, network(*batch), atol=1e-5, rtol=1e-5)


def test_parameter_count_is_the_papers() -> None:
    """345,220 with one norm shared by all layers (published code); here 42 norms of 128 numbers have their own."""
    network = StratifiedGCN(NetworkConfig(landmarks=68))
    assert sum(parameter.numel() for parameter in network.parameters()) == 345_220 + 41 * 128
    assert len(network.blocks) == 21


def test_unknown_norm_is_refused() -> None:
    with pytest.raises(ValueError, match='norm must be "node" or "graph"'):
        StratifiedGCN(NetworkConfig(landmarks=4, norm="batch"))  # type: ignore[arg-type]


def test_mixed_precision_trains_and_stays_near_float32() -> None:
    batch = random_graph(6)
    network = StratifiedGCN(NetworkConfig(landmarks=4, depth=3, channels=16))
    with torch.autocast("cpu", torch.bfloat16):
        mixed = network(*batch)
    mixed.float().square().mean().backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in network.parameters())
    torch.testing.assert_close(mixed.float(), network(*batch), atol=0.1, rtol=0.1)
