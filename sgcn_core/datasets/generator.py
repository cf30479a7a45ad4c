"""Endless labelled faces: fresh ones at every training step, made on the training device, a function of the seed."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor
from torch_geometric.data import Batch, Data

from sgcn_core.canonical import CROP_CENTRE, CROP_MARGIN, CROP_RADIUS
from sgcn_core.datasets.alignment import aligned, axis_angle_rotations
from sgcn_core.datasets.face_model import FaceModel
from sgcn_core.datasets.random_tensors import Draw
from sgcn_core.datasets.sample_pool import progressive_samples
from sgcn_core.datasets.scan_effects import ScanOptions, add_noise, add_stray, spoil_faces, visible
from sgcn_core.datasets.shapes import ShapeOptions, draw_vertices
from sgcn_core.datasets.surface_effects import EffectOptions, SurfaceEffects
from sgcn_core.preprocessing.graph import prototype

# The samples reach this far beyond the prototype, so that a badly aligned face still fills the crop.
_POOL_MARGIN = 55.0


@dataclass(frozen=True, kw_only=True)
class PoseOptions:
    """What is left of the pose after alignment: standard deviations in degrees, millimetres and of the log scale.

    Half of the faces have the small residue that a second pass sees, half the large one of a first pass.
    """

    rotation: tuple[float, float] = (2.5, 8.0)
    translation: tuple[float, float] = (2.0, 6.0)
    scale: tuple[float, float] = (0.025, 0.06)


@dataclass(frozen=True, kw_only=True)
class GeneratorOptions:
    """All that varies; ``clean()`` is the same without what a scanner and a hairdresser add."""

    shape: ShapeOptions = field(default_factory=ShapeOptions)
    effects: EffectOptions | None = field(default_factory=EffectOptions)
    scan: ScanOptions | None = field(default_factory=ScanOptions)
    pose: PoseOptions = field(default_factory=PoseOptions)

    @classmethod
    def clean(cls) -> GeneratorOptions:
        return cls(effects=None, scan=None)


@dataclass(frozen=True, eq=False)
class FacePoints:
    """A batch of sampled faces in the head frame of the network, millimetres.

    points, normals (B, N, 3); landmarks (B, L, 3), NaN where absent; size (B,), millimetres of the person for one
    millimetre here.
    """

    points: Tensor
    normals: Tensor
    landmarks: Tensor
    size: Tensor


class FaceGenerator:
    """Draws batches of labelled graphs.

    Parameters
    ----------
    model : FaceModel
    pools : int, number of blue-noise sample sets
    nodes : int, N, nodes of each graph
    neighbours : int, k, of the fine graph, the node itself included
    seed : int
        Two generators with equal arguments yield equal batches, whatever was drawn before.
    """

    def __init__(
        self,
        model: FaceModel,
        *,
        nodes: int = 8000,
        neighbours: int = 16,
        pools: int = 64,
        seed: int = 0,
        options: GeneratorOptions | None = None,
        pool_size: int = 20000,
    ) -> None:
        self.model = model
        self.nodes = nodes
        self.neighbours = neighbours
        self.seed = seed
        self.options = options or GeneratorOptions()
        self.effects = SurfaceEffects(model, self.options.effects) if self.options.effects else None
        self.prototype = mean_shape(model, self.options.shape)
        self.pool_faces, self.pool_weights = self._make_pools(pools, pool_size)

    def with_options(self, options: GeneratorOptions) -> FaceGenerator:
        """The same faces' source with other options; shares the sample sets."""
        other = copy(self)
        other.options = options
        other.effects = SurfaceEffects(self.model, options.effects) if options.effects else None
        return other

    def _make_pools(self, pools: int, size: int) -> tuple[Tensor, Tensor]:
        vertices, faces = self.model.neutral.cpu().numpy(), self.model.faces.cpu().numpy()
        reach = cKDTree(vertices[self.model.landmarks.cpu().numpy()]).query(vertices[faces].mean(1))[0]
        near = np.flatnonzero(reach < _POOL_MARGIN)
        drawn = [progressive_samples(vertices, faces[near], size, seed=self.seed + i) for i in range(pools)]
        triangles = torch.from_numpy(np.stack([near[triangles] for triangles, _ in drawn]))
        weights = torch.from_numpy(np.stack([barycentric for _, barycentric in drawn]))
        return triangles.to(self.model.device), weights.to(self.model.device)

    def faces_at(self, step: int, count: int, *, stream: int = 0) -> FacePoints:
        """``count`` faces of step ``step``; another ``stream`` never shares a face with this one."""
        generator = torch.Generator(self.model.device)
        # Hashed, because a CPU generator takes only the low 32 bits of its seed.
        generator.manual_seed(int(np.random.SeedSequence((self.seed, stream, step)).generate_state(1)[0]))
        draw = Draw(generator)
        vertices = draw_vertices(self.model, self.options.shape, draw, count)
        seen = torch.ones(count, len(self.model.landmarks), dtype=torch.bool, device=vertices.device)
        if self.effects is not None:
            vertices, seen = self.effects.apply(vertices, draw)
        vertices, size = self._pose(vertices, draw)
        landmarks = vertices[:, self.model.landmarks]
        points, normals, scanned = self._sample(vertices, landmarks, draw)
        return FacePoints(points, normals, landmarks.masked_fill(~(seen & scanned)[..., None], torch.nan), size)

    def _pose(self, vertices: Tensor, draw: Draw) -> tuple[Tensor, Tensor]:
        """Align every face to the prototype, then leave a random residue of pose and scale."""
        count = len(vertices)
        upright, scale = aligned(vertices, vertices[:, self.model.landmarks], self.prototype)
        first_pass = draw.chance(0.5, count, 1)

        def residue(deviations: tuple[float, float], *shape: int) -> Tensor:
            small, large = deviations
            return draw.normal(1.0, count, *shape) * torch.where(first_pass, large, small)

        pose = self.options.pose
        turn = axis_angle_rotations(residue(pose.rotation, 3) * (torch.pi / 180.0 / 3**0.5))
        shift = residue(pose.translation, 3) / 3**0.5
        stretch = torch.exp(residue(pose.scale, 1))[:, 0]
        centre = torch.tensor(CROP_CENTRE, device=vertices.device)
        moved = stretch[:, None, None] * ((upright - centre) @ turn.transpose(1, 2)) + centre + shift[:, None]
        return moved, 1.0 / (scale * stretch)

    def _sample(self, vertices: Tensor, landmarks: Tensor, draw: Draw) -> tuple[Tensor, Tensor, Tensor]:
        """N nodes of each face within the canonical crop and what the scan shows: points and normals (B, N, 3).

        Third, which landmarks (B, L) lie on what the scan shows: where most of the surface around one is gone, it is
        absent, however close the rim may be.
        """
        count = len(vertices)
        size = min(self.pool_faces.shape[1], int(2.6 * self.nodes))
        chosen = draw.integers(len(self.pool_faces), count)
        triangles, weights = self.pool_faces[chosen, :size], self.pool_weights[chosen, :size]
        each = torch.arange(count, device=vertices.device)[:, None, None]
        faces = self.model.faces[triangles]
        corners = vertices[each, faces]
        points = (weights[..., None] * corners).sum(2)
        edges = corners[:, :, 1:] - corners[:, :, :1]
        normals = torch.nn.functional.normalize(torch.linalg.cross(edges[:, :, 0], edges[:, :, 1]), dim=2)
        keep = torch.cdist(points, self.prototype.expand(count, -1, -1)).min(2).values < CROP_MARGIN
        scan = self.options.scan
        shown = torch.ones(landmarks.shape[:2], dtype=torch.bool, device=vertices.device)
        if scan is not None:
            scanned = visible(points, normals, faces[..., 0] >= self.model.skin, scan, draw)
            shown = _mostly_kept(landmarks, points, scanned)
            keep &= scanned
        nodes = _first_survivors(keep, self.nodes)[..., None].expand(-1, -1, 3)
        points, normals = torch.gather(points, 1, nodes), torch.gather(normals, 1, nodes)
        if scan is not None:
            points, normals, spoiled = spoil_faces(points, normals, scan, draw)
            shown &= ~spoiled[:, None]
            points, normals = add_stray(points, normals, scan, draw)
            points, normals = add_noise(points, normals, scan, draw)
        return points, normals, shown

    def batch(self, step: int, count: int, *, stream: int = 0) -> Batch:
        """Graphs of ``count`` faces as a torch-geometric batch.

        Each graph holds ``x`` (N, 6) normalised positions and normals, ``neighbours`` (N, k) ids within the graph,
        ``members`` (N,) the coarse set, ``landmarks`` (1, L, 3) normalised, NaN where absent, and ``millimetres`` (1,)
        of the person for one normalised unit. No name contains "index": torch-geometric would shift those.
        """
        faces = self.faces_at(step, count, stream=stream)
        centre = torch.tensor(CROP_CENTRE, device=self.model.device)
        points = (faces.points - centre) / CROP_RADIUS
        landmarks = (faces.landmarks - centre) / CROP_RADIUS
        mean = (self.prototype - centre) / CROP_RADIUS
        neighbours = nearest_neighbours(points, self.neighbours)
        nearest = torch.cdist(mean.expand(count, -1, -1), points).argmin(2)
        members = torch.zeros(count, self.nodes, dtype=torch.bool, device=points.device).scatter_(1, nearest, True)
        features = torch.cat([points, faces.normals], 2)
        return Batch.from_data_list(
            [
                Data(
                    x=features[i],
                    neighbours=neighbours[i],
                    members=members[i],
                    landmarks=landmarks[i : i + 1],
                    millimetres=faces.size[i : i + 1] * CROP_RADIUS,
                )
                for i in range(count)
            ]
        )


def mean_shape(model: FaceModel, shape: ShapeOptions, count: int = 512) -> Tensor:
    """Prototype L_mean (Eq. 4) of a generated training population: (L, 3), head frame, millimetres."""
    draw = Draw(torch.Generator(model.device).manual_seed(0))
    people = aligned_landmarks(model, shape, draw, model.neutral[model.landmarks], count)
    return torch.from_numpy(prototype(people.cpu().numpy())).to(model.neutral)


def aligned_landmarks(model: FaceModel, shape: ShapeOptions, draw: Draw, target: Tensor, count: int) -> Tensor:
    """Landmarks (count, L, 3) of generated people, each aligned to ``target`` (L, 3)."""
    drawn = [draw_vertices(model, shape, draw, 32)[:, model.landmarks] for _ in range(count // 32)]
    return torch.cat([aligned(landmarks, landmarks, target)[0] for landmarks in drawn])


def nearest_neighbours(points: Tensor, k: int) -> Tensor:
    """Directed k-NN (B, N, k) of points (B, N, 3), the node itself included."""
    if points.device.type == "cpu":
        found = [cKDTree(cloud).query(cloud, k)[1] for cloud in points.numpy()]
        return torch.from_numpy(np.stack(found))
    return torch.stack([torch.cdist(cloud, cloud).topk(k, largest=False).indices for cloud in points])


def _mostly_kept(landmarks: Tensor, points: Tensor, kept: Tensor, around: int = 5) -> Tensor:
    """Whether most of the points nearest to each landmark (B, L) are kept."""
    nearest = torch.cdist(landmarks, points).topk(around, dim=2, largest=False).indices
    flags = torch.gather(kept, 1, nearest.flatten(1)).view(nearest.shape)
    return flags.sum(2) * 2 > around


def _first_survivors(keep: Tensor, count: int) -> Tensor:
    """Ids (B, count) of the first points to keep; where too few are left they repeat."""
    order = torch.argsort((~keep).to(torch.int8), dim=1, stable=True)
    left = keep.sum(1, keepdim=True).clamp(min=1)
    return torch.gather(order, 1, torch.arange(count, device=keep.device) % left)
