"""A second pass on one scan: the region around the first pass' landmarks, its network, and stage 2 on its surface."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from research.local_pass.cases import Case
from research.local_pass.outside import evenly, on_the_outside
from research.local_pass.regions import MIRROR, REGIONS, LocalRegion
from research.local_pass.source import NEIGHBOURS, SMOOTHED
from research.local_pass.train import SIGMA_MM, region_frame
from sgcn_core.geometry.surface_index import SurfaceIndex
from sgcn_core.geometry.triangles import triangle_areas
from sgcn_core.graph.coarse import coarse_set
from sgcn_core.graph.crop import CROP_RADIUS, faces_near
from sgcn_core.graph.fine import fine_neighbours, spatial_order
from sgcn_core.model.network import NetworkConfig, StratifiedGCN
from sgcn_core.refinement.landmark_estimation import Refined, refine
from sgcn_core.sampling.poisson_disk import SurfaceSamples, sample_poisson_disk
from sgcn_core.types.surface import compacted
from sgcn_core.weights.checkpoint import Checkpoint

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# The surface on which stage 2 looks for landmarks reaches a little beyond the nodes, millimetres; a crop with less
# surface than this share of a flat disk shows too little.
_BEYOND, _LEAST = 3.0, 0.3
# Samples for each node; some cannot be seen, or lie in one cell.
_SPARE = 1.15


@dataclass(frozen=True, eq=False)
class LocalNetwork:
    """Network of a region, with its mean landmarks about their middle (K, 3), millimetres, of the left side."""

    region: LocalRegion
    network: StratifiedGCN
    prototype: FloatArray

    @classmethod
    def load(cls, path: Path, known: Checkpoint) -> LocalNetwork:
        """Read what ``research.local_pass.train`` wrote; ``known`` are the weights of the first pass."""
        state = torch.load(path, weights_only=True)
        region, network = REGIONS[state["region"]], StratifiedGCN(NetworkConfig(**state["network"]))
        network.load_state_dict(state["weights"])
        return cls(region, network.eval(), region_frame(known, region)[1].numpy())

    def find(self, vertices: FloatArray, faces: IntArray, first: FloatArray) -> Refined | None:
        """Landmarks about those of the first pass (K, 3); millimetres, head frame, left side. None without surface."""
        reach, centre = self.region.reach, first.mean(axis=0)
        around = faces[faces_near(vertices, faces, centre[None], reach + _BEYOND)]
        if not len(around):
            return None
        local, around = compacted((vertices - centre) / reach, around)
        inside = faces_near(local, around, np.zeros((1, 3)), 1.0)
        if triangle_areas(local, around[inside]).sum() < _LEAST * np.pi:
            return None
        samples = sample_poisson_disk(local, around[inside], int(_SPARE * self.region.nodes), seed=0)
        samples = samples.take(self._outside(samples))
        if len(samples) < NEIGHBOURS:
            return None
        samples = samples.take(spatial_order(samples.points))
        near = fine_neighbours(samples.points, NEIGHBOURS)
        normals = samples.normals[near[:, :SMOOTHED]].mean(axis=1)
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
        members = np.zeros(len(near), dtype=bool)
        members[coarse_set(samples.points, self.prototype / reach)] = True
        features = np.concatenate([samples.points, normals], axis=1).astype(np.float32)
        heat = self.network.predict(torch.tensor(features), torch.tensor(near), torch.tensor(members)).numpy()
        found = refine(
            heat,
            samples.points,
            local,
            around,
            mode="surface",
            sigma=SIGMA_MM / reach,
            index=SurfaceIndex(local, around),
        )
        return _moved(found, reach, centre)

    def _outside(self, samples: SurfaceSamples) -> NDArray[np.bool_]:
        """As in training: what can be seen, one sample of each cell."""
        points = torch.tensor(samples.points * self.region.reach)[None]
        seen = on_the_outside(points, torch.tensor(samples.normals)[None])
        return evenly(points, seen, torch.zeros(1, 1, 3)).numpy()[0]


def _moved(found: Refined, scale: float, centre: FloatArray) -> Refined:
    return replace(found, positions=found.positions * scale + centre, mean=found.mean * scale + centre)


def second_pass(case: Case, local: LocalNetwork) -> dict[str, tuple[FloatArray, float]]:
    """Label -> position, normalised as the case is, and height of its heatmap."""
    column = {label: i for i, label in enumerate(case.labels)}
    found: dict[str, tuple[FloatArray, float]] = {}
    for labels, mirrored in local.region.sides:
        flip = MIRROR if mirrored else np.ones(3)
        # A mirrored triangle faces inwards; its corners in the other order face outwards again.
        faces = case.faces[:, ::-1] if mirrored else case.faces
        first = case.first[[column[label] for label in labels]] * CROP_RADIUS * flip
        refined = local.find(case.vertices * CROP_RADIUS * flip, faces, first)
        if refined is None:
            continue
        places = refined.positions * flip / CROP_RADIUS
        found |= {label: (place, float(peak)) for label, place, peak in zip(labels, places, refined.peak, strict=True)}
    return found
