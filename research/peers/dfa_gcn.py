"""3DFA-GCN, written from its paper: heatmaps on a point cloud by PAConv layers.

Y. Wang, M. Cao, Z. Fan, S. Peng, "Learning to Detect 3D Facial Landmarks via Heatmap Regression with Graph
Convolutional Network", AAAI 2022, 36(3), 2595-2603. Widths and constants are those of its published settings: k = 30,
banks of 8 matrices, an EdgeConv layer and four PAConv layers of 64 channels, a global feature of 1024, dropout 0.5,
heatmaps of 10 mm; 1.03 million parameters for 68 landmarks, the 4.1 MB of Table 2 in the 2S-SGCN paper.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from research.peers.farthest_points import farthest_point_samples
from research.peers.paconv import Normalised, PAConv, gathered, relative_positions
from research.peers.unfolding import unfolded_landmarks
from sgcn_core.errors import ModelError
from sgcn_core.graph.crop import CROP_CENTRE, CROP_MARGIN, CROP_RADIUS, faces_near
from sgcn_core.graph.fine import fine_neighbours

FloatArray = NDArray[np.float64]

NEIGHBOURS = 30
SIGMA = 10.0
"""Width of the heatmaps in millimetres, as published."""
_FORMAT = "peers-3dfa-gcn/1"


class DFAGCN(nn.Module):
    """Points (B, N, 3) and neighbours (B, N, k) to heatmaps (B, N, landmarks)."""

    def __init__(self, landmarks: int, *, width: int = 64, pooled: int = 1024) -> None:
        super().__init__()
        self.edge = Normalised(6, width)
        self.convolutions = nn.ModuleList(PAConv(width, width) for _ in range(4))
        self.pooled = Normalised(5 * width, pooled)
        # The first layer of the head, in two parts: the pooled feature is the same for all points of a face.
        self.local, self.whole = nn.Linear(5 * width, 256, bias=False), nn.Linear(pooled, 256, bias=False)
        self.norm = nn.BatchNorm1d(256)
        self.head = nn.Sequential(
            nn.Dropout(0.5),
            Normalised(256, 256),
            nn.Dropout(0.5),
            Normalised(256, 128),
            nn.Linear(128, landmarks),
        )

    def forward(self, points: Tensor, neighbours: Tensor) -> Tensor:
        positions = relative_positions(points, neighbours)
        others = gathered(points, neighbours)
        own = points[:, :, None].expand_as(others)
        features = [self.edge(torch.cat([others - own, own], dim=3)).amax(2)]
        for convolution in self.convolutions:
            features.append(convolution(features[-1], neighbours, positions))
        together = torch.cat(features, dim=2)
        pooled = self.pooled(together).amax(1, keepdim=True)
        hidden = self.local(together) + self.whole(pooled)
        hidden = torch.relu(self.norm(hidden.flatten(0, 1))).view_as(hidden)
        heatmaps: Tensor = self.head(hidden)
        return heatmaps


@dataclass(frozen=True, eq=False)
class TrainedDFAGCN:
    """A trained network.

    Attributes
    ----------
    network : DFAGCN, in evaluation mode
    labels : L names
    prototype : (L, 3), millimetres in the head frame, around which a face is cropped
    nodes : of the point clouds at the end of its training
    info : training set and steps
    """

    network: DFAGCN
    labels: tuple[str, ...]
    prototype: FloatArray
    nodes: int
    info: dict[str, object]

    @property
    def size(self) -> int:
        """Bytes of the parameters."""
        return sum(value.numel() * value.element_size() for value in self.network.parameters())

    def save(self, path: Path) -> None:
        about = {"labels": self.labels, "nodes": self.nodes, "info": self.info}
        tensors = {f"network.{name}": value.contiguous() for name, value in self.network.state_dict().items()}
        tensors["prototype"] = torch.from_numpy(self.prototype)
        save_file(tensors, path, metadata={"format": _FORMAT, "about": json.dumps(about)})

    @classmethod
    def load(cls, path: Path) -> TrainedDFAGCN:
        """Read what `save` wrote; `ModelError` if it is another file."""
        with safe_open(path, framework="pt") as archive:
            metadata = archive.metadata() or {}
            if metadata.get("format") != _FORMAT:
                raise ModelError(f"{path} holds no network of the form {_FORMAT}: found {metadata.get('format')!r}")
            tensors = {name: archive.get_tensor(name) for name in archive.keys()}  # noqa: SIM118 (not a dict)
        about = json.loads(metadata["about"])
        prototype = tensors.pop("prototype").numpy()
        network = DFAGCN(len(about["labels"]))
        network.load_state_dict({name.removeprefix("network."): value for name, value in tensors.items()})
        return cls(network.eval(), tuple(about["labels"]), prototype, about["nodes"], about["info"])

    def cloud(self, vertices: FloatArray, faces: NDArray[np.int64], *, seed: int = 0) -> FloatArray:
        """Farthest-point samples (N, 3) of the face within the crop; head frame, millimetres."""
        near = faces[faces_near(vertices, faces, self.prototype, CROP_MARGIN)]
        return farthest_point_samples(vertices, near, self.nodes, seed=seed)

    @torch.inference_mode()
    def heatmaps(self, cloud: FloatArray) -> FloatArray:
        """Heatmaps (N, L) on the points (N, 3) of a face."""
        points = (cloud - CROP_CENTRE) / CROP_RADIUS
        neighbours = torch.from_numpy(fine_neighbours(points, NEIGHBOURS))[None]
        found: FloatArray = self.network(torch.from_numpy(points).float()[None], neighbours)[0].double().numpy()
        return found

    def landmarks(self, vertices: FloatArray, faces: NDArray[np.int64], *, seed: int = 0) -> FloatArray:
        """Landmarks (L, 3) of an upright face in the head frame, millimetres."""
        cloud = self.cloud(vertices, faces, seed=seed)
        return unfolded_landmarks(cloud, self.heatmaps(cloud))
