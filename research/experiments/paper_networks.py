"""The networks of the paper's experiments and what they make of a test face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from research.experiments.paper_cases import Case, PaperCases
from research.synthesis.paper_faces import TRAINING_SETS
from research.training.record import trainings
from sgcn_core.cleaning.clean import Cleaned
from sgcn_core.errors import ModelError
from sgcn_core.geometry.similarity import Similarity
from sgcn_core.pipeline import Pipeline
from sgcn_core.pose.finder import PoseHypothesis
from sgcn_core.pose.search import STATED, Located
from sgcn_core.refinement.shape_model import LandmarkShape
from sgcn_core.stages import PosedScan
from sgcn_core.types.surface import Surface
from sgcn_core.uncertainty.calibration import Calibration
from sgcn_core.weights.checkpoint import Checkpoint, load_checkpoint

FloatArray = NDArray[np.float64]

AT_VERTEX = " vertex"
"""Ending of a mode that moves its landmarks to the nearest vertex, where the truth of registered meshes is."""

# Training people on whom the precision of a network is measured, and modes of the shape statistics.
_FINDING_PEOPLE, _MODES = 32, 40


@dataclass(frozen=True, eq=False)
class PaperNetwork:
    """A network trained on one of the paper's training sets.

    Attributes
    ----------
    checkpoint : Checkpoint
    training_set : "neutral", "emotions", or "generator" for weights made for use on scans
    nodes : of the graphs at the end of its training
    shape : LandmarkShape or None, what the mode "guided" goes by; None where the weights bring their own
    """

    checkpoint: Checkpoint
    training_set: str
    nodes: int
    shape: LandmarkShape | None = None

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
        """Optimiser steps of its trainings, as far as they are recorded."""
        return sum(int(record["steps"]) for record in trainings(self.checkpoint.info))

    @classmethod
    def load(cls, path: Path) -> PaperNetwork:
        """Read a weights file, which tells how it was trained."""
        checkpoint = load_checkpoint(path)
        try:
            training = checkpoint.info["training"]
            nodes = int(training["stages"][-1]["sizes"][0][0])
            return cls(checkpoint, str(training.get("data", "generator")), nodes)
        except (KeyError, IndexError, TypeError) as error:
            raise ModelError(f"{path} does not state how it was trained; export it with research.training") from error


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
            "research/configs/reduced_*.json, see docs/results.md"
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

    A mode is one of ``sgcn_core.refinement.MODES``, to which ``AT_VERTEX`` may be added.

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
    checkpoint = network.checkpoint
    if network.shape is not None:
        checkpoint = replace(checkpoint, calibration=Calibration(network.shape))
    count = nodes or network.nodes
    method = checkpoint.method.but(nodes=count, coarse_nodes=min(count, 2500))
    pipeline = Pipeline(checkpoint, method, torch.device("cpu"))
    posed = PosedScan(case.mesh.vertices, case.mesh.faces, seed)
    if not known_pose:
        mesh = Cleaned(Surface(vertices=posed.vertices, faces=posed.faces, unit="mm"))
        posed = pipeline.pose(mesh, Located("mm", STATED, [PoseHypothesis(Similarity.identity(), 1.0)]), seed=seed)
    heatmaps = pipeline.heatmaps(pipeline.graph(posed))
    labels = checkpoint.labels
    rows = [row for row, label in enumerate(labels) if label.startswith("ibug")] or list(range(len(labels)))
    found = []
    for way, t in ways:
        mode = way.removesuffix(AT_VERTEX)
        placed = pipeline.place(heatmaps, method.but(refine=mode, t=t))
        if way != mode:
            vertices = placed.heatmaps.graph.vertices
            placed = replace(placed, positions=vertices[cKDTree(vertices).query(placed.positions)[1]])
        found.append(np.linalg.norm(placed.in_input[rows] - case.landmarks, axis=1))
    return found


def with_shape(network: PaperNetwork, cases: PaperCases) -> PaperNetwork:
    """The network with the shape statistics of its training people, and how well it finds the landmarks of some.

    No test person takes part. The statistics are those of ``LandmarkShape``, which the shipped weights bring along.
    """
    conditions = TRAINING_SETS[network.training_set]
    checkpoint = network.checkpoint
    landmarks = cases.people.training_landmarks(conditions).double().cpu().numpy()
    normalised = (landmarks - np.array(checkpoint.crop_centre)) / checkpoint.crop_radius
    people = cases.people.train[:_FINDING_PEOPLE]
    faces = [cases.face(person, conditions[person % len(conditions)], "remeshed") for person in people]
    errors = np.array([errors_on(face, network, [("surface", 12)])[0] for face in faces])
    finding = np.sqrt((errors**2).mean(0) / 3.0) / checkpoint.crop_radius
    return replace(network, shape=LandmarkShape.fit(normalised, modes=_MODES, finding=finding))
