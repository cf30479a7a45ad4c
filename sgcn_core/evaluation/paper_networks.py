"""The networks of the paper's experiments and what they make of a test face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sgcn_core.errors import ModelError
from sgcn_core.evaluation.paper_cases import Case
from sgcn_core.model.checkpoint import Checkpoint, load_checkpoint
from sgcn_core.pipeline.alignment import settle_pose
from sgcn_core.pipeline.network_pass import NetworkPass, Scan
from sgcn_core.preprocessing.normalise import Similarity
from sgcn_core.preprocessing.pose import PoseHypothesis
from sgcn_core.refinement import SurfaceIndex, refine

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PaperNetwork:
    """A network trained on one of the paper's training sets.

    Attributes
    ----------
    checkpoint : Checkpoint
    training_set : "neutral", "emotions", or "generator" for weights made for use on scans
    nodes : of the graphs at the end of its training
    """

    checkpoint: Checkpoint
    training_set: str
    nodes: int

    @property
    def name(self) -> str:
        """SGCN or GCN, as the paper calls it with and without the coarse branch."""
        return "SGCN" if self.checkpoint.network.config.coarse else "GCN"

    @property
    def depth(self) -> int:
        """D, the number of blocks after the first."""
        return self.checkpoint.network.config.depth

    @property
    def steps(self) -> int:
        """Optimiser steps of its training."""
        return int(self.checkpoint.info["steps"])

    @classmethod
    def load(cls, path: Path) -> PaperNetwork:
        """Read a weights file, which tells how it was trained."""
        checkpoint = load_checkpoint(path)
        try:
            training = checkpoint.info["training"]
            nodes = int(training["stages"][-1]["sizes"][0][0])
            return cls(checkpoint, str(training.get("data", "generator")), nodes)
        except (KeyError, IndexError, TypeError) as error:
            raise ModelError(f"{path} does not tell how it was trained; export it with sgcn_core.training") from error


def load_networks(folder: Path) -> list[PaperNetwork]:
    """Every network of a folder that was trained on one of the paper's sets.

    Raises
    ------
    ModelError
        If there is none.
    """
    networks = [PaperNetwork.load(path) for path in sorted(Path(folder).glob("*.safetensors"))]
    chosen = [network for network in networks if network.training_set != "generator"]
    if not chosen:
        raise ModelError(
            f"{folder} holds no network (*.safetensors) trained on the paper's sets; train them with "
            "configs/paper_*.json, see docs/results.md"
        )
    return chosen


def errors_on(
    case: Case,
    network: PaperNetwork,
    ways: Sequence[tuple[str, int]],
    *,
    nodes: int | None = None,
    known_pose: bool = True,
    seed: int = 0,
) -> list[FloatArray]:
    """Errors (L,) in millimetres on one face, for each (refinement mode, t) of ``ways``.

    Parameters
    ----------
    nodes : of the graph; default: as in training
    known_pose : whether the face is taken as it stands, as the paper's faces are, or first aligned by the landmarks
        found, as weights made for use on scans expect it

    Raises
    ------
    FaceNotFoundError
        If it is to be aligned and is not recognised.
    """
    count = nodes or network.nodes
    one_pass = NetworkPass(network.checkpoint, torch.device("cpu"))
    scan = Scan(case.mesh.vertices, case.mesh.faces, False, seed)
    to_head = Similarity.identity()
    if not known_pose:
        to_head = settle_pose(one_pass, scan, [PoseHypothesis(to_head, 0.0)], min(count, 2500))
    graph = one_pass.graph(scan, to_head, count)
    heatmaps = one_pass.heatmaps(graph)
    index = SurfaceIndex(graph.vertices, graph.faces)
    back = (one_pass.standardise @ to_head).inverse()
    rows = [row for row, label in enumerate(network.checkpoint.labels) if label.startswith("ibug")]
    rows = rows or list(range(len(network.checkpoint.labels)))
    found = []
    for mode, t in ways:
        refined = refine(
            heatmaps[:, rows],
            graph.nodes,
            graph.vertices,
            graph.faces,
            mode=mode,
            sigma=network.checkpoint.sigma,
            t=t,
            index=index,
        )
        found.append(np.linalg.norm(back.apply(refined.positions) - case.landmarks, axis=1))
    return found
