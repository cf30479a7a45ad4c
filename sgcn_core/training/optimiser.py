"""The optimisers of a training run."""

from __future__ import annotations

import torch
from torch import nn

from sgcn_core.training.muon import BatchedMuon

# Weights that read the raw input or write the heatmaps keep AdamW, as Muon's author advises for first and last layers.
_ENDS = ("blocks.0.", "head.")


def make_optimisers(network: nn.Module, *, kind: str, weight_decay: float) -> list[torch.optim.Optimizer]:
    """One or two optimisers that share the weights of ``network`` between them.

    Parameters
    ----------
    network : StratifiedGCN
    kind : ``"muon"`` orthogonalises the updates of the hidden matrices (``BatchedMuon``), scaled to the size
        that AdamW's have, so that both take one learning rate; ``"adamw"`` and ``"adam"``, which is the paper's, treat
        all weights alike
    weight_decay : of both

    Raises
    ------
    ValueError
        If the kind is unknown.
    """
    if kind == "adamw":
        return [torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=weight_decay)]
    if kind == "adam":
        return [torch.optim.Adam(network.parameters(), lr=1e-3, weight_decay=weight_decay)]
    if kind != "muon":
        raise ValueError(f'optimiser must be "muon", "adamw" or "adam", received {kind!r}')
    hidden: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in network.named_parameters():
        (hidden if parameter.ndim == 2 and not name.startswith(_ENDS) else others).append(parameter)
    return [
        BatchedMuon(hidden, lr=1e-3, weight_decay=weight_decay),
        torch.optim.AdamW(others, lr=1e-3, weight_decay=weight_decay),
    ]
