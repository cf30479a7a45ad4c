"""Sets of samples of a population's mesh, drawn once and laid onto every face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from research.synthesis.population import Population
from research.synthesis.random_tensors import Draw
from research.synthesis.sample_pool import progressive_samples
from sgcn_core.geometry.triangles import triangle_areas


@dataclass(frozen=True, eq=False)
class SamplePools:
    """Progressive blue-noise samples: triangles (K, S), barycentric weights (K, S, 3), of the mesh ``faces`` (F, 3).

    ``area`` is what each of the K sets covers on the average person, square millimetres.
    """

    triangles: Tensor
    weights: Tensor
    faces: Tensor
    area: float

    @classmethod
    def drawn(cls, model: Population, near: NDArray[np.int64], *, count: int, size: int, seed: int) -> SamplePools:
        """``count`` sets of ``size`` samples each of the triangles ``near`` of the average person."""
        vertices, faces = model.neutral.cpu().numpy(), model.faces.cpu().numpy()
        drawn = [progressive_samples(vertices, faces[near], size, seed=seed + i) for i in range(count)]
        triangles = torch.from_numpy(np.stack([near[triangles] for triangles, _ in drawn]))
        weights = torch.from_numpy(np.stack([barycentric for _, barycentric in drawn]))
        area = float(triangle_areas(vertices, faces[near]).sum())
        return cls(triangles.to(model.device), weights.to(model.device), model.faces, area)

    def most(self, nodes: int) -> int:
        """Samples to take where ``nodes`` shall be left after a crop."""
        return min(self.triangles.shape[1], int(2.6 * nodes))

    def on(self, vertices: Tensor, size: int, draw: Draw) -> tuple[Tensor, Tensor, Tensor]:
        """The first ``size`` samples of a random set on every face (B, V, 3).

        Points and unit normals of their triangles (B, size, 3), and the corners' vertex ids (B, size, 3).
        """
        count = len(vertices)
        chosen = draw.integers(len(self.triangles), count)
        triangles, weights = self.triangles[chosen, :size], self.weights[chosen, :size]
        each = torch.arange(count, device=vertices.device)[:, None, None]
        faces = self.faces[triangles]
        corners = vertices[each, faces]
        points = (weights[..., None] * corners).sum(2)
        edges = corners[:, :, 1:] - corners[:, :, :1]
        normals = torch.nn.functional.normalize(torch.linalg.cross(edges[:, :, 0], edges[:, :, 1]), dim=2)
        return points, normals, faces
