"""Head of a user's own landmarks: heatmaps from what the shipped network makes of each node."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

WIDTHS: tuple[float, ...] = (0.03, 0.06, 0.12)
"""Widths of the Gaussians around the transferred places, normalised units: 3.6, 7.2 and 14.4 mm."""


@dataclass(frozen=True, kw_only=True)
class HeadConfig:
    """Shape of a head.

    Parameters
    ----------
    landmarks : number of output channels, L
    blocks : of the network, from 0, whose outputs it reads
    embedding : channels of all those together
    hidden : width of its hidden layer
    """

    landmarks: int
    blocks: tuple[int, ...]
    embedding: int
    hidden: int = 64

    @property
    def channels(self) -> int:
        """Features of a node: position, embedding, and ``WIDTHS`` for each landmark."""
        return 3 + self.embedding + len(WIDTHS) * self.landmarks

    def as_dict(self) -> dict[str, Any]:
        """For the weights file."""
        return asdict(self) | {"blocks": list(self.blocks)}

    @classmethod
    def from_stored(cls, stored: dict[str, Any]) -> HeadConfig:
        """Read from a weights file."""
        return cls(**{**stored, "blocks": tuple(int(block) for block in stored["blocks"])})


class OwnHead(nn.Module):
    """Two linear layers on each node; what it reads is brought to mean 0 and deviation 1 first.

    It takes the arguments of ``StratifiedGCN``, so that the training loop needs no other: the features are those of
    :func:`head_features`; edges and coarse set are of no use here.

    Parameters
    ----------
    config : HeadConfig
    """

    def __init__(self, config: HeadConfig) -> None:
        super().__init__()
        self.config = config
        read = config.channels - 3
        self.register_buffer("centre", torch.zeros(read))
        self.register_buffer("scale", torch.ones(read))
        self.first = nn.Linear(read, config.hidden)
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(config.hidden, config.landmarks)

    def forward(self, features: Tensor, neighbours: Tensor | None = None, members: Tensor | None = None) -> Tensor:
        """Features (..., N, channels) to heatmaps (..., N, landmarks)."""
        read = (features[..., 3:] - self.centre) / self.scale
        heatmaps: Tensor = self.head(self.dropout(torch.relu(self.first(read))))
        return heatmaps

    @torch.no_grad()
    def standardise(self, features: Tensor) -> None:
        """Set mean and deviation by the features (M, channels) of the training data."""
        self.centre = features[:, 3:].mean(0)
        self.scale = features[:, 3:].std(0) + 1e-3


def head_features(nodes: Tensor, embedding: Tensor, warped: Tensor, places: Tensor) -> Tensor:
    """What a head reads of each node.

    Parameters
    ----------
    nodes : (N, 3), normalised
    embedding : (N, E), of the network's blocks
    warped : (N, 3), the nodes carried over to the mean face
    places : (L, 3), the landmarks' mean places there

    Returns
    -------
    Tensor, shape (N, 3 + E + len(WIDTHS) L), float32
    """
    squared = torch.cdist(warped.float(), places.float(), compute_mode="donot_use_mm_for_euclid_dist").square()
    near = [torch.exp(squared / (-2.0 * width**2)) for width in WIDTHS]
    return torch.cat([nodes.float(), embedding.float(), *near], dim=1)
