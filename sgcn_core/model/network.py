"""The stratified graph convolutional network: stage 1 of 2S-SGCN, heatmap regression (paper, section 4.1, Fig. 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from sgcn_core.model.layers import Neighbourhood, Norm, StratifiedBlock


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Shape of the network; the defaults are the paper's (section 5.2).

    Parameters
    ----------
    landmarks : number of output channels.
    depth : blocks after the first one (D).
    channels : width of the hidden embedding (h).
    in_channels : position and normal of a node.
    coarse : False leaves out the coarse branch (the ablation 2S-GCN).
    norm : ``"node"`` normalises each node, ``"graph"`` each graph.
    """

    landmarks: int
    depth: int = 20
    channels: int = 64
    in_channels: int = 6
    coarse: bool = True
    norm: Norm = "node"

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


class StratifiedGCN(nn.Module):
    """Heatmap regressor: the block of the initial embedding (6 -> h), D blocks (h -> h), a linear layer (h -> |L|).

    Parameters
    ----------
    config : NetworkConfig
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        widths = [config.in_channels] + [config.channels] * config.depth
        self.blocks = nn.ModuleList(
            StratifiedBlock(width, config.channels, norm=config.norm, coarse=config.coarse) for width in widths
        )
        self.head = nn.Linear(config.channels, config.landmarks)

    def forward(self, features: Tensor, neighbours: Tensor, members: Tensor) -> Tensor:
        """Heatmaps of a batch of graphs of equal size.

        Parameters
        ----------
        features : Tensor, shape (B, N, 6)
            Normalised position and unit normal of every node.
        neighbours : Tensor of int, shape (B, N, k)
            Ids within each graph; the node itself is among its k neighbours.
        members : Tensor of bool, shape (B, N)
            True for the nodes of the coarse set C (Eq. 5).

        Returns
        -------
        Tensor, shape (B, N, landmarks)
            Estimated heatmaps, not clipped.
        """
        graphs, nodes, _ = features.shape
        last, _kept = self._through(features, neighbours, members)
        heatmaps: Tensor = self.head(last)
        return heatmaps.view(graphs, nodes, -1)

    def _through(
        self, features: Tensor, neighbours: Tensor, members: Tensor, *, blocks: Sequence[int] = ()
    ) -> tuple[Tensor, list[Tensor]]:
        """(B N, h) after the last block, and after each of these, which alone are kept."""
        graphs, nodes, _ = features.shape
        graph = Neighbourhood.from_batch(neighbours)
        hidden = features.reshape(graphs * nodes, -1)
        weight = members.to(hidden.dtype).unsqueeze(-1)
        kept = {}
        for number, block in enumerate(self.blocks):
            hidden = block(hidden, graph, weight)
            if number in blocks:
                kept[number] = hidden
        return hidden, [kept[number] for number in blocks]

    @torch.inference_mode()
    def predict_and_embed(
        self, features: Tensor, neighbours: Tensor, members: Tensor, *, blocks: Sequence[int]
    ) -> tuple[Tensor, Tensor]:
        """Heatmaps (N, landmarks) of a single graph, and what these blocks make of each node, (N, len(blocks) h)."""
        last, kept = self._through(features[None], neighbours[None], members[None], blocks=blocks)
        return self.head(last), torch.cat(kept, dim=1)

    @torch.inference_mode()
    def predict(self, features: Tensor, neighbours: Tensor, members: Tensor) -> Tensor:
        """Heatmaps (N, landmarks) of a single graph: the same computation without a gradient."""
        heatmaps: Tensor = self(features.unsqueeze(0), neighbours.unsqueeze(0), members.unsqueeze(0))
        return heatmaps[0]
