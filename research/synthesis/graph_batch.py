"""From sampled faces to a batch of graphs."""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor
from torch_geometric.data import Batch, Data

from sgcn_core.graph.crop import CROP_CENTRE, CROP_RADIUS


def graph_batch(
    points: Tensor,
    normals: Tensor,
    landmarks: Tensor,
    size: Tensor,
    *,
    prototype: Tensor,
    known: Tensor,
    neighbours: int,
) -> Batch:
    """Graphs of B sampled faces as a torch-geometric batch.

    Each graph holds ``x`` (N, 6) normalised positions and normals, ``neighbours`` (N, k) ids within the graph,
    ``members`` (N,) the coarse set, ``landmarks`` (1, L, 3) normalised, NaN where absent, ``known`` (1, L), False
    where the population cannot tell, and ``millimetres`` (1,) of the person for one normalised unit. No name
    contains "index": torch-geometric would shift those.

    Parameters
    ----------
    points, normals : (B, N, 3), head frame, millimetres
    landmarks : (B, L, 3)
    size : (B,), millimetres of the person for one here
    prototype : (L, 3), millimetres
    known : (L,)
    neighbours : k
    """
    centre = torch.tensor(CROP_CENTRE, device=points.device)
    nodes, truth, mean = ((places - centre) / CROP_RADIUS for places in (points, landmarks, prototype))
    return normalised_batch(
        nodes,
        normals,
        truth,
        near=nearest_neighbours(nodes, neighbours),
        prototype=mean,
        known=known.expand(len(points), -1),
        millimetres=size * CROP_RADIUS,
    )


def normalised_batch(
    nodes: Tensor,
    normals: Tensor,
    landmarks: Tensor,
    *,
    near: Tensor,
    prototype: Tensor,
    known: Tensor,
    millimetres: Tensor,
) -> Batch:
    """The same of positions that are normalised, with their neighbours.

    Parameters
    ----------
    nodes, normals : (B, N, 3)
    landmarks : (B, L, 3)
    near : (B, N, k), ids within each graph
    prototype : (L, 3)
    known : (B, L)
    millimetres : (B,), of the person for one here
    """
    count = len(nodes)
    nearest = torch.cdist(prototype.expand(count, -1, -1), nodes).argmin(2)
    members = torch.zeros(nodes.shape[:2], dtype=torch.bool, device=nodes.device).scatter_(1, nearest, True)
    features = torch.cat([nodes, normals], 2)
    return Batch.from_data_list(
        [
            Data(
                x=features[i],
                neighbours=near[i],
                members=members[i],
                landmarks=landmarks[i : i + 1],
                millimetres=millimetres[i : i + 1],
                known=known[i : i + 1],
            )
            for i in range(count)
        ]
    )


def nearest_neighbours(points: Tensor, k: int) -> Tensor:
    """Directed k-NN (B, N, k) of points (B, N, 3), the node itself included."""
    if points.device.type == "cpu":
        found = [cKDTree(cloud).query(cloud, k)[1] for cloud in points.numpy()]
        return torch.from_numpy(np.stack(found))
    return torch.stack([torch.cdist(cloud, cloud).topk(k, largest=False).indices for cloud in points])
