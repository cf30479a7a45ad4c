"""The populations beside the ICT model, by the names that a configuration gives them."""

from __future__ import annotations

from pathlib import Path

import torch

from research.synthesis.gnm import GnmHead
from research.synthesis.makehuman import MakeHuman
from research.synthesis.population import Population


def load_others(
    makehuman: Path | None = None,
    gnm: Path | None = None,
    *,
    children: bool = False,
    device: str | torch.device = "cpu",
) -> dict[str, Population]:
    """``makehuman``, ``gnm``, ``children``: those of them whose data are given, in this order.

    Parameters
    ----------
    makehuman : Path, folder of MakeHuman's base mesh and targets
    gnm : Path, ``gnm_head.npz``
    children : whether MakeHuman's babies and children are a population of their own as well

    Raises
    ------
    ValueError
        Children are asked for without MakeHuman's data.
    """
    found: dict[str, Population] = {}
    grown = None if makehuman is None else MakeHuman.load(makehuman, device=device)
    if grown is not None:
        found["makehuman"] = grown
    if gnm is not None:
        found["gnm"] = GnmHead.load(gnm, device=device)
    if children:
        if grown is None:
            raise ValueError("children are MakeHuman's: give the folder of its data")
        found["children"] = grown.children()
    return found
