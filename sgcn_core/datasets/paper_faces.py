"""Training batches of the paper's experiments: a fixed set of people, sampled anew at every step."""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor
from torch_geometric.data import Batch, Data

from sgcn_core.canonical import CROP_CENTRE, CROP_MARGIN, CROP_RADIUS
from sgcn_core.datasets.face_model import FaceModel
from sgcn_core.datasets.generator import nearest_neighbours
from sgcn_core.datasets.paper_people import CONDITIONS, EMOTIONS, PaperPeople, PeopleOptions
from sgcn_core.datasets.random_tensors import Draw
from sgcn_core.datasets.sample_pool import progressive_samples

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
            raise ValueError(f"training set {training_set!r} is none of {', '.join(TRAINING_SETS)}")
        self.people = PaperPeople(model, people)
        self.model = self.people.model
        self.conditions = TRAINING_SETS[training_set]
        self.nodes, self.neighbours, self.seed = nodes, neighbours, seed
        self.prototype, self.deviation = self.people.mean_landmarks(self.conditions)
        self.pool_faces, self.pool_weights = self._make_pools(pools, pool_size)

    def _make_pools(self, pools: int, size: int) -> tuple[Tensor, Tensor]:
        vertices, faces = self.model.neutral.cpu().numpy(), self.model.faces.cpu().numpy()
        reach = cKDTree(self.prototype.cpu().numpy()).query(vertices[faces].mean(1))[0]
        near = np.flatnonzero(reach < _POOL_MARGIN)
        drawn = [progressive_samples(vertices, faces[near], size, seed=self.seed + i) for i in range(pools)]
        triangles = torch.from_numpy(np.stack([near[triangles] for triangles, _ in drawn]))
        weights = torch.from_numpy(np.stack([barycentric for _, barycentric in drawn]))
        return triangles.to(self.model.device), weights.to(self.model.device)

    def batch(self, step: int, count: int, *, stream: int = 0) -> Batch:
        """Graphs of ``count`` faces, as ``FaceGenerator.batch`` makes them; any ``stream`` but 0 shows other people."""
        generator = torch.Generator(self.model.device)
        generator.manual_seed(int(np.random.SeedSequence((self.seed, stream, step)).generate_state(1)[0]))
        draw = Draw(generator)
        people = torch.tensor(self.people.validation if stream else self.people.train, device=self.model.device)
        who = people[draw.integers(len(people), count)]
        rows = torch.tensor([list(CONDITIONS).index(name) for name in self.conditions], device=self.model.device)
        vertices = self.people.vertices(who, rows[draw.integers(len(rows), count)])
        vertices = self.people.posed(vertices, draw.normal(1.0, count, 6))
        points, normals = self._sample(vertices, draw)
        return self._graphs(points, normals, vertices[:, self.model.landmarks])

    def _sample(self, vertices: Tensor, draw: Draw) -> tuple[Tensor, Tensor]:
        """N nodes and normals (B, N, 3) of each face within the crop."""
        count = len(vertices)
        size = min(self.pool_faces.shape[1], int(2.6 * self.nodes))
        chosen = draw.integers(len(self.pool_faces), count)
        triangles, weights = self.pool_faces[chosen, :size], self.pool_weights[chosen, :size]
        corners = vertices[torch.arange(count, device=vertices.device)[:, None, None], self.model.faces[triangles]]
        points = (weights[..., None] * corners).sum(2)
        edges = corners[:, :, 1:] - corners[:, :, :1]
        normals = torch.nn.functional.normalize(torch.linalg.cross(edges[:, :, 0], edges[:, :, 1]), dim=2)
        outside = torch.cdist(points, self.prototype.expand(count, -1, -1)).min(2).values >= CROP_MARGIN
        order = torch.argsort(outside.to(torch.int8), dim=1, stable=True)[:, : self.nodes]
        nodes = order[..., None].expand(-1, -1, 3)
        return torch.gather(points, 1, nodes), torch.gather(normals, 1, nodes)

    def _graphs(self, points: Tensor, normals: Tensor, landmarks: Tensor) -> Batch:
        centre = torch.tensor(CROP_CENTRE, device=points.device)
        nodes, truth = (points - centre) / CROP_RADIUS, (landmarks - centre) / CROP_RADIUS
        mean = (self.prototype - centre) / CROP_RADIUS
        neighbours = nearest_neighbours(nodes, self.neighbours)
        nearest = torch.cdist(mean.expand(len(nodes), -1, -1), nodes).argmin(2)
        members = torch.zeros(nodes.shape[:2], dtype=torch.bool, device=nodes.device).scatter_(1, nearest, True)
        features = torch.cat([nodes, normals], 2)
        radius = torch.full((1,), CROP_RADIUS, device=nodes.device)
        return Batch.from_data_list(
            [
                Data(
                    x=features[i],
                    neighbours=neighbours[i],
                    members=members[i],
                    landmarks=truth[i : i + 1],
                    millimetres=radius,
                )
                for i in range(len(nodes))
            ]
        )
