"""Position adaptive convolution on point clouds, written from its paper.

M. Xu, R. Ding, H. Zhao, X. Qi, "PAConv: Position Adaptive Convolution with Dynamic Kernel Assembling on Point Clouds",
CVPR 2021. The kernel of an edge is a mixture of M weight matrices, mixed by scores that a small network gives to the
relative position of its two points; here with the edge features of DGCNN, [x_j - x_i, x_i], and summed over neighbours.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

_POSITION = 10  # both points, their difference and their distance
_SCORING = 16  # width of the network that gives the scores


def gathered(features: Tensor, neighbours: Tensor) -> Tensor:
    """Rows ``neighbours`` (B, N, k) of features (B, N, c): (B, N, k, c)."""
    batch, count, k = neighbours.shape
    first = torch.arange(batch, device=neighbours.device)[:, None, None] * count
    return features.reshape(batch * count, -1)[(neighbours + first).reshape(-1)].view(batch, count, k, -1)


def relative_positions(points: Tensor, neighbours: Tensor) -> Tensor:
    """What the scores are computed from, (B, N, k, 10): p_i, p_j, p_j - p_i and its length."""
    others = gathered(points, neighbours)
    own = points[:, :, None].expand_as(others)
    apart = others - own
    return torch.cat([own, others, apart, apart.norm(dim=3, keepdim=True)], dim=3)


class Normalised(nn.Module):
    """A linear layer without bias, batch normalisation and ReLU, for features (..., c)."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.linear, self.norm = nn.Linear(channels, out, bias=False), nn.BatchNorm1d(out)

    def forward(self, features: Tensor) -> Tensor:
        hidden = self.linear(features)
        return torch.relu(self.norm(hidden.reshape(-1, hidden.shape[-1]))).view_as(hidden)


class PAConv(nn.Module):
    """One convolution: (B, N, c) -> (B, N, out), batch-normalised, ReLU.

    Parameters
    ----------
    channels, out : widths
    matrices : M, the size of the weight bank
    """

    def __init__(self, channels: int, out: int, *, matrices: int = 8) -> None:
        super().__init__()
        self.scores = nn.Sequential(Normalised(_POSITION, _SCORING), nn.Linear(_SCORING, matrices))
        bank = torch.empty(matrices, 2 * channels, out)
        for matrix in bank:
            nn.init.kaiming_normal_(matrix.T, nonlinearity="relu")
        self.bank, self.norm = nn.Parameter(bank), nn.BatchNorm1d(out)

    def forward(self, features: Tensor, neighbours: Tensor, positions: Tensor) -> Tensor:
        """``positions`` (B, N, k, 10) of `relative_positions`, the same for all layers."""
        batch, count, k = neighbours.shape
        channels, matrices = features.shape[2], self.bank.shape[0]
        scores = self.scores(positions).softmax(3).view(batch * count, k, matrices)
        # Scores are mixed into the features before they meet the matrices: the same sum, and no tensor of N k M c.
        others = gathered(features, neighbours).view(batch * count, k, channels)
        mixed = torch.bmm(scores.transpose(1, 2), others)
        own = scores.sum(1)[:, :, None] * features.reshape(batch * count, 1, channels)
        edges = torch.cat([mixed - own, own], dim=2).view(batch * count, -1)
        hidden = edges @ self.bank.reshape(matrices * 2 * channels, -1)
        return torch.relu(self.norm(hidden)).view(batch, count, -1)
