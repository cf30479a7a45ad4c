"""``python -m research.peers.dfa_training``: train 3DFA-GCN on the people, faces, nodes and steps of a configuration.

Everything that is the method's own stays as published: farthest-point samples without normals, k = 30, heatmaps of
10 mm, the adaptive wing loss without weights, Adam from a rate of 0.003. The plan is that of the paper's networks
(``research/configs/reduced_*.json``): the same people, as many steps, nodes and faces a step.
"""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from scipy.spatial import cKDTree

from research.peers.dfa_gcn import DFAGCN, NEIGHBOURS, SIGMA, TrainedDFAGCN
from research.peers.farthest_points import farthest_points, surface_candidates
from research.peers.unfolding import unfolded_landmarks
from research.synthesis.face_model import FaceModel
from research.synthesis.paper_faces import PaperFaces
from research.synthesis.sample_pools import SamplePools
from sgcn_core.graph.crop import CROP_RADIUS
from sgcn_core.model.heatmap import gaussian_heatmaps
from sgcn_core.model.loss import adaptive_wing_loss
from sgcn_core.training.config import TrainingConfig
from sgcn_core.training.validation import unpack

_RATE = 0.5  # of the configuration's, which are Muon's: Adam begins at 0.003
_POOL = 8000
_REACH = 50.0
_VALIDATION_FACES = 8


class FarthestPointFaces(PaperFaces):
    """The same faces, sampled by farthest points instead of Poisson disks."""

    def _make_pools(self, pools: int, size: int) -> SamplePools:
        vertices, faces = self.model.neutral.double().cpu().numpy(), self.model.faces.cpu().numpy()
        reach = cKDTree(self.prototype.cpu().numpy()).query(vertices[faces].mean(1))[0]
        near = np.flatnonzero(reach < _REACH)
        triangles, weights = [], []
        for seed in range(pools):
            rows, barycentric, points = surface_candidates(vertices, faces[near], size, seed=self.seed + seed)
            order = farthest_points(points, size)
            triangles.append(near[rows[order]].astype(np.int32))
            weights.append(barycentric[order].astype(np.float32))
        return SamplePools(
            torch.from_numpy(np.stack(triangles)), torch.from_numpy(np.stack(weights)), self.model.faces, float("nan")
        )


class Training:
    """One run in one folder, continued where it holds a checkpoint."""

    def __init__(self, config: TrainingConfig, model: FaceModel, folder: Path) -> None:
        self.config, self.folder, self.step = config, folder, 0
        folder.mkdir(parents=True, exist_ok=True)
        self.faces = FarthestPointFaces(
            model, config.data, neighbours=NEIGHBOURS, pools=config.pools, pool_size=_POOL, seed=config.seed
        )
        torch.manual_seed(config.seed)
        self.network = DFAGCN(len(self.faces.model.labels))
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=3e-3)
        if self.checkpoint.exists():
            state = torch.load(self.checkpoint, weights_only=True)
            self.step = state["step"]
            self.network.load_state_dict(state["network"])
            self.optimiser.load_state_dict(state["optimiser"])

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    def save(self) -> None:
        state = {
            "step": self.step,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        part = self.checkpoint.with_suffix(".part")
        torch.save(state, part)
        os.replace(part, self.checkpoint)

    def train(self, *, minutes: float = math.inf, until: int | None = None) -> None:
        """Train to the end of the configuration, or for ``minutes``, or ``until`` a step."""
        began, last = time.monotonic(), self.config.total_steps if until is None else until
        while self.step < last and time.monotonic() - began < 60.0 * minutes:
            loss = self._step()
            if self.step % 50 == 0:
                print(f"step {self.step} minutes {(time.monotonic() - began) / 60:.2f} loss {loss:.4f}", flush=True)
            if self.step % self.config.validate_every == 0:
                print(f"step {self.step} validation {self.validate():.2f} mm", flush=True)
                self.save()
        self.save()

    def _step(self) -> float:
        _, rate = self.config.stage_at(self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = _RATE * rate
        self.faces.nodes, graphs = self.config.size_at(self.step)
        batch = self.faces.batch(self.step, graphs)
        features, neighbours, _ = unpack(batch)
        points = features[..., :3].contiguous()
        truth = gaussian_heatmaps(points, batch.landmarks, sigma=SIGMA / CROP_RADIUS)
        self.network.train()
        loss = adaptive_wing_loss(self.network(points, neighbours), truth, beta=0.0)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip)
        self.optimiser.step()
        self.step += 1
        return float(loss.detach())

    @torch.no_grad()
    def validate(self) -> float:
        """Mean error in millimetres on people that are neither trained on nor tested."""
        self.network.eval()
        self.faces.nodes = self.config.size_at(max(self.step - 1, 0))[0]
        batch = self.faces.batch(0, _VALIDATION_FACES, stream=1)
        features, neighbours, _ = unpack(batch)
        points = features[..., :3].contiguous()
        heatmaps = self.network(points, neighbours).double().numpy()
        found = [unfolded_landmarks(*pair) for pair in zip(points.double().numpy(), heatmaps, strict=True)]
        return float(np.linalg.norm(np.array(found) - batch.landmarks.numpy(), axis=2).mean() * CROP_RADIUS)

    def export(self, path: Path) -> None:
        info: dict[str, object] = {"training_set": self.config.data, "steps": self.step, "seed": self.config.seed}
        prototype = self.faces.prototype.double().numpy()
        nodes = self.config.size_at(self.config.total_steps - 1)[0]
        TrainedDFAGCN(self.network.eval(), self.faces.model.labels, prototype, nodes, info).save(path)


def train(
    config: Annotated[Path, typer.Option(metavar="FILE", help="research/configs/reduced_*.json.")],
    model: Annotated[Path, typer.Option(metavar="FILE", help="ict_facekit.npz, to generate people.")],
    run: Annotated[Path, typer.Option(metavar="FOLDER", help="Continued where it holds a checkpoint.")],
    export: Annotated[Path, typer.Option(metavar="FILE", help="The network (safetensors).")],
    clinical: Annotated[Path | None, typer.Option(metavar="FILE", help="JSON: clinical label -> vertex.")] = None,
    minutes: Annotated[float, typer.Option(help="Stop after this long, ready to continue.")] = math.inf,
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 1,
) -> None:
    """Train 3DFA-GCN at the budget of a configuration of the paper's networks."""
    torch.set_num_threads(threads)
    faces = FaceModel.load(model) if clinical is None else FaceModel.load(model, clinical)
    training = Training(TrainingConfig.load(config), faces, run)
    training.train(minutes=minutes)
    training.export(export)


if __name__ == "__main__":
    typer.run(train)
