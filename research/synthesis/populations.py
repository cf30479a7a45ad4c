"""The populations by the names that a configuration gives them."""

from __future__ import annotations

from pathlib import Path

import torch

from research.synthesis.face_model import CLINICAL_VERTICES, FaceModel
from research.synthesis.gnm import GnmHead
from research.synthesis.makehuman import MakeHuman
from research.synthesis.population import Population

DATA = {"ict": "model", "makehuman": "makehuman", "gnm": "gnm"}
"""Name of each population, and of the option that its data are given with."""


def load_population(name: str, data: Path, *, clinical: Path = CLINICAL_VERTICES) -> Population:
    """One of ``DATA`` from its file or folder; ``clinical`` are the landmarks' vertices of the ICT model."""
    if name == "ict":
        return FaceModel.load(data, clinical)
    return MakeHuman.load(data) if name == "makehuman" else GnmHead.load(data)


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
