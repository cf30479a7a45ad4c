"""Training batches of the paper's experiments: a fixed set of people, sampled anew at every step."""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor
from torch_geometric.data import Batch

from research.synthesis.face_model import FaceModel
from research.synthesis.graph_batch import graph_batch
from research.synthesis.paper_people import CONDITIONS, EMOTIONS, PaperPeople, PeopleOptions
from research.synthesis.random_tensors import Draw
from research.synthesis.sample_pools import SamplePools
from sgcn_core.graph.crop import CROP_MARGIN

TRAINING_SETS: dict[str, tuple[str, ...]] = {"neutral": ("neutral",), "emotions": tuple(EMOTIONS)}

# The samples reach this far beyond the mean landmarks, so that every person fills the crop.
_POOL_MARGIN = 50.0


class PaperFaces:
    """Draws batches like ``FaceGenerator``, of the fixed training people of ``PaperPeople``.

    Parameters
    ----------
    model : FaceModel
    training_set : {"neutral", "emotions"}
        One or four conditions of each person.
    nodes, neighbours : int, N and k
    pools, pool_size : number and length of the blue-noise sample sets
    seed : int, of the order of the people, the samples and the residual pose; the people have their own
    """

    def __init__(
        self,
        model: FaceModel,
        training_set: str,
        *,
        nodes: int = 2000,
        neighbours: int = 16,
        pools: int = 24,
        pool_size: int = 10000,
        seed: int = 0,
        people: PeopleOptions | None = None,
    ) -> None:
        if training_set not in TRAINING_SETS:
            raise ValueError(f"unknown training set {training_set!r}; choose from {', '.join(TRAINING_SETS)}")
        self.people = PaperPeople(model, people)
        self.model = self.people.model
        self.conditions = TRAINING_SETS[training_set]
        self.nodes, self.neighbours, self.seed = nodes, neighbours, seed
        self.prototype, self.deviation = self.people.mean_landmarks(self.conditions)
        self.pools = self._make_pools(pools, pool_size)

    def _make_pools(self, pools: int, size: int) -> SamplePools:
        vertices, faces = self.model.neutral.cpu().numpy(), self.model.faces.cpu().numpy()
        reach = cKDTree(self.prototype.cpu().numpy()).query(vertices[faces].mean(1))[0]
        near = np.flatnonzero(reach < _POOL_MARGIN)
        return SamplePools.drawn(self.model, near, count=pools, size=size, seed=self.seed)

    def batch(self, step: int, count: int, *, stream: int = 0) -> Batch:
        """Graphs of ``count`` faces, as ``FaceGenerator.batch`` makes them; any ``stream`` but 0 shows other people."""
        draw = Draw.seeded(self.model.device, self.seed, stream, step)
        people = torch.tensor(self.people.validation if stream else self.people.train, device=self.model.device)
        who = people[draw.integers(len(people), count)]
        rows = torch.tensor([list(CONDITIONS).index(name) for name in self.conditions], device=self.model.device)
        vertices = self.people.vertices(who, rows[draw.integers(len(rows), count)])
        vertices = self.people.posed(vertices, draw.normal(1.0, count, 6))
        points, normals = self._sample(vertices, draw)
        return graph_batch(
            points,
            normals,
            vertices[:, self.model.landmarks],
            torch.ones(count, device=self.model.device),
            prototype=self.prototype,
            known=self.model.known,
            neighbours=self.neighbours,
        )

    def _sample(self, vertices: Tensor, draw: Draw) -> tuple[Tensor, Tensor]:
        """N nodes and normals (B, N, 3) of each face within the crop."""
        points, normals, _ = self.pools.on(vertices, self.pools.most(self.nodes), draw)
        outside = torch.cdist(points, self.prototype.expand(len(points), -1, -1)).min(2).values >= CROP_MARGIN
        order = torch.argsort(outside.to(torch.int8), dim=1, stable=True)[:, : self.nodes]
        nodes = order[..., None].expand(-1, -1, 3)
        return torch.gather(points, 1, nodes), torch.gather(normals, 1, nodes)
