"""Training samples per second: our loader and network against a torch-geometric loader with GCNConv.

Both start from the same sampled faces, connect them, put them into a batch, and take one training step (forward, loss
of Eq. 3, backward, optimiser) with the same weights. The other way is the one that the documentation of torch-geometric
shows: a ``Dataset`` of edge lists, a ``DataLoader``, and ``GCNConv``, which scatters along edges. After that the
optimiser and torch's own Muon update the same matrices. Steps of both alternate, and processor time counts, so that
whatever else runs on the machine does not.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from copy import deepcopy

import torch
from scipy.spatial import cKDTree
from torch import Tensor, nn
from torch_geometric.data import Data, Dataset
from torch_geometric.loader import DataLoader

from research.benchmarks.network import EdgeListBlock
from research.synthesis.graph_batch import graph_batch
from sgcn_core.graph.crop import CROP_CENTRE, CROP_RADIUS
from sgcn_core.model.heatmap import gaussian_heatmaps
from sgcn_core.model.loss import adaptive_wing_loss
from sgcn_core.model.network import NetworkConfig, StratifiedGCN
from sgcn_core.training.muon import BatchedMuon
from sgcn_core.training.validation import unpack

K, LANDMARKS = 16, 130


class EdgeListNetwork(nn.Module):
    """The network with GCNConv, its weights those of ``network``."""

    def __init__(self, network: StratifiedGCN) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(EdgeListBlock(block) for block in network.blocks)  # type: ignore[arg-type]
        self.head = network.head

    def forward(self, features: Tensor, fine_edges: Tensor, coarse_edges: Tensor) -> Tensor:
        hidden = features
        for block in self.blocks:
            hidden = block(hidden, fine_edges, coarse_edges)
        heatmaps: Tensor = self.head(hidden)
        return heatmaps


class Faces:
    """Sampled faces: points on a sphere of the size of a head, its normals, landmarks; millimetres."""

    def __init__(self, count: int, nodes: int) -> None:
        generator = torch.Generator().manual_seed(0)
        self.normals = nn.functional.normalize(torch.randn(count, nodes, 3, generator=generator), dim=2)
        centre = torch.tensor(CROP_CENTRE)
        self.points = 90.0 * self.normals + centre
        self.landmarks = self.points[:, :LANDMARKS].clone()
        self.prototype = self.landmarks[0]


class EdgeLists(Dataset):
    """The same faces as edge lists."""

    def __init__(self, faces: Faces) -> None:
        super().__init__()
        self.faces = faces

    def len(self) -> int:
        return len(self.faces.points)

    def get(self, index: int) -> Data:
        centre = torch.tensor(CROP_CENTRE)
        nodes = (self.faces.points[index] - centre) / CROP_RADIUS
        neighbours = torch.from_numpy(cKDTree(nodes.numpy()).query(nodes.numpy(), K)[1])
        near = torch.cdist((self.faces.prototype - centre) / CROP_RADIUS, nodes).argmin(1).unique()
        outside = torch.ones(len(nodes), dtype=torch.bool)
        outside[near] = False
        alone = torch.nonzero(outside)[:, 0]
        return Data(
            x=torch.cat([nodes, self.faces.normals[index]], 1),
            edge_index=torch.stack([neighbours.reshape(-1), torch.arange(len(nodes)).repeat_interleave(K)]),
            coarse_edge_index=torch.cat([torch.cartesian_prod(near, near).T, alone.expand(2, -1)], 1),
            landmarks=(self.faces.landmarks[index] - centre)[None] / CROP_RADIUS,
        )


def run(
    *, nodes: int = 2500, graphs: int = 2, repeats: int = 5, depth: int = 20, channels: int = 64
) -> dict[str, float]:
    """Measure both in turn.

    Returns
    -------
    dict
        ``ours_per_second``, ``reference_per_second`` (samples a processor second, medians), ``times_faster``,
        ``largest_difference`` of the losses of the first step.
    """
    torch.manual_seed(0)
    network = StratifiedGCN(NetworkConfig(landmarks=LANDMARKS, depth=depth, channels=channels))
    reference = EdgeListNetwork(deepcopy(network))
    faces = Faces(graphs, nodes)
    loader = DataLoader(EdgeLists(faces), batch_size=graphs)
    optimisers = [torch.optim.AdamW(module.parameters(), lr=1e-6) for module in (network, reference)]

    def stepped(heatmaps: Tensor, points: Tensor, landmarks: Tensor, optimiser: torch.optim.Optimizer) -> float:
        loss = adaptive_wing_loss(heatmaps, gaussian_heatmaps(points, landmarks))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        return float(loss)

    def ours() -> float:
        batch = graph_batch(
            faces.points,
            faces.normals,
            faces.landmarks,
            torch.ones(graphs),
            prototype=faces.prototype,
            known=torch.ones(LANDMARKS, dtype=torch.bool),
            neighbours=K,
        )
        features, neighbours, members = unpack(batch)
        heatmaps = network(features, neighbours, members)
        return stepped(heatmaps, features[..., :3], batch.landmarks, optimisers[0])

    def theirs() -> float:
        batch = next(iter(loader))
        heatmaps = reference(batch.x, batch.edge_index, batch.coarse_edge_index).view(graphs, nodes, -1)
        return stepped(heatmaps, batch.x[:, :3].view(graphs, nodes, 3), batch.landmarks, optimisers[1])

    difference = abs(ours() - theirs())
    times: dict[Callable[[], float], list[float]] = {ours: [], theirs: []}
    for _ in range(repeats):
        for call, seconds in times.items():
            began = time.process_time()
            call()
            seconds.append(time.process_time() - began)
    mine, others = statistics.median(times[ours]), statistics.median(times[theirs])
    return {
        "ours_per_second": graphs / mine,
        "reference_per_second": graphs / others,
        "times_faster": others / mine,
        "largest_difference": difference,
    }


def run_optimisers(*, repeats: int = 5, depth: int = 20, channels: int = 64) -> dict[str, float]:
    """``ours_s``, ``reference_s``: processor seconds of an update of hidden matrices (medians); ``times_faster``."""
    shapes = [(channels, channels)] * (2 * depth) + [(channels, 2 * channels)] * depth
    weights = [torch.nn.Parameter(torch.randn(shape)) for shape in shapes]
    for weight in weights:
        weight.grad = torch.randn_like(weight)
    times: dict[torch.optim.Optimizer, list[float]] = {BatchedMuon(weights): [], torch.optim.Muon(weights): []}
    for _ in range(repeats):
        for optimiser, seconds in times.items():
            began = time.process_time()
            optimiser.step()
            seconds.append(time.process_time() - began)
    mine, others = (statistics.median(seconds) for seconds in times.values())
    return {"ours_s": mine, "reference_s": others, "times_faster": others / mine}


def main() -> None:
    """Print the rates of graphs of the size asked for, and the times of the optimisers."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--nodes", type=int, default=2500)
    parser.add_argument("--graphs", type=int, default=2, help="of a batch")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    for title, values in (("step", run(**vars(options))), ("optimiser", run_optimisers(repeats=options.repeats))):
        print(title)
        for name, value in values.items():
            print(f"  {name:22s} {value:10.5f}")


if __name__ == "__main__":
    main()
