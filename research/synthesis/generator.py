"""Endless labelled faces: fresh ones at every training step, made on the training device, a function of the seed."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor
from torch_geometric.data import Batch

from research.synthesis.alignment import aligned, axis_angle_rotations
from research.synthesis.anatomy import Anatomy
from research.synthesis.crop_distance import CropDistance
from research.synthesis.effect_mask import EffectMask
from research.synthesis.extrema import LandmarkExtrema
from research.synthesis.graph_batch import graph_batch
from research.synthesis.options import ITEMS, GeneratorOptions, PoseOptions
from research.synthesis.population import Population
from research.synthesis.random_tensors import Draw
from research.synthesis.sample_pools import SamplePools
from research.synthesis.scanner import Scanner
from research.synthesis.shapes import ShapeOptions
from research.synthesis.surface_effects import SurfaceEffects
from research.synthesis.surface_points import Density, SurfacePoints
from research.synthesis.surface_projection import LandmarkProjection
from sgcn_core.graph.coarse import prototype
from sgcn_core.graph.crop import CROP_CENTRE, CROP_MARGIN

__all__ = ["ITEMS", "FaceGenerator", "FacePoints", "GeneratorOptions", "PoseOptions"]

# The samples reach this far beyond the prototype, so that a badly aligned face still fills the crop.
_POOL_MARGIN = 55.0


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
    model : Population
    pools : int, number of blue-noise sample sets
    nodes : int, N, nodes of each graph
    neighbours : int, k, of the fine graph, the node itself included
    seed : int
        Two generators with equal arguments yield equal batches, whatever was drawn before.
    options : GeneratorOptions
    pool_size : int, length of each sample set
    prototype : Tensor, shape (L, 3), optional
        L_mean that faces are aligned to and that the crop is made around, head frame, millimetres; by default the mean
        of this population. Give a second population that of the first, so that both are labelled and cropped alike.
    """

    def __init__(
        self,
        model: Population,
        *,
        nodes: int = 8000,
        neighbours: int = 16,
        pools: int = 64,
        seed: int = 0,
        options: GeneratorOptions | None = None,
        pool_size: int = 20000,
        prototype: Tensor | None = None,
    ) -> None:
        self.model = model
        self.nodes = nodes
        self.neighbours = neighbours
        self.seed = seed
        self.options = options or GeneratorOptions()
        self.extrema = extremum_solver(model)
        self.of_extremum = torch.tensor([label in self.extrema.labels for label in model.labels], device=model.device)
        self.projection = LandmarkProjection(model)
        if prototype is None:
            prototype = mean_shape(model, self.options.shape, extrema=self.extrema if self.options.extrema else None)
        self.prototype = prototype.to(model.neutral)
        self.crop_distance = CropDistance(self.prototype)
        self.pools = self._make_pools(pools, pool_size)
        self._prepare()

    def with_options(self, options: GeneratorOptions) -> FaceGenerator:
        """The same faces' source with other options; shares the sample sets."""
        other = copy(self)
        other.options = options
        other._prepare()
        return other

    def _prepare(self) -> None:
        options = self.options
        self.anatomy = Anatomy(self.model, options.anatomy) if options.anatomy else None
        self.effects = SurfaceEffects(self.model, options.effects) if options.effects else None
        self.scanner = Scanner(self.model, options.scan) if options.scan else None

    def _make_pools(self, pools: int, size: int) -> SamplePools:
        vertices, faces = self.model.neutral.cpu().numpy(), self.model.faces.cpu().numpy()
        known = self.model.known.cpu().numpy()
        # A landmark that the population lacks is where the prototype has it: the scan does not end there.
        places = np.where(
            known[:, None],
            vertices[self.model.landmarks.clamp(min=0).cpu().numpy()],
            self.prototype.cpu().numpy(),
        )
        reach = cKDTree(places).query(vertices[faces].mean(1))[0]
        near = np.flatnonzero(reach < _POOL_MARGIN)
        return SamplePools.drawn(self.model, near, count=pools, size=size, seed=self.seed)

    def faces_at(self, step: int, count: int, *, stream: int = 0) -> FacePoints:
        """``count`` faces of step ``step``; another ``stream`` never shares a face with this one."""
        draw = Draw.seeded(self.model.device, self.seed, stream, step)
        masks = EffectMask(draw, count, self.options.quiet)
        vertices, landmarks, seen, size = self.people(draw, masks)
        vertices, landmarks, stretch = self._residual_pose(vertices, landmarks, draw)
        return self._sample(vertices, landmarks, seen, size / stretch, masks)

    def people(self, draw: Draw, masks: EffectMask) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Heads aligned to the prototype with what lies on the skin.

        Vertices (B, V, 3), landmarks (B, L, 3) on the skin below, which of these exist and can be seen (B, L), and the
        millimetres of the person for one here (B,).
        """
        model, known = self.model, self.model.known
        vertices = model.draw(self.options.shape, draw, masks.count)
        seen = known.expand(masks.count, -1)
        if self.anatomy is not None:
            vertices, existing = self.anatomy.apply(vertices, draw)
            seen = seen & existing
        corners = vertices[:, model.landmarks.clamp(min=0)]
        vertices, scale = aligned(vertices, corners[:, known], self.prototype[known])
        landmarks = vertices[:, model.landmarks.clamp(min=0)]
        if self.effects is None:
            return vertices, self._solved(landmarks, vertices), seen, 1.0 / scale
        vertices = self.effects.smooth(vertices, masks)
        # The place on the face stays, whatever a scanner makes of it: the closest point of a filled eye corner, or the
        # extremum of a nostril's wing with a step through it, would be another one.
        places = self.projection(self._solved(landmarks, vertices), vertices)
        vertices, below = self.effects.reshape(vertices, masks)
        landmarks = places.on(vertices)
        vertices, uncovered = self.effects.cover(vertices, masks)
        return vertices, landmarks, seen & uncovered & ~below, 1.0 / scale

    def _solved(self, landmarks: Tensor, vertices: Tensor) -> Tensor:
        """The landmarks (B, L, 3), those of an extremum solved on the faces (B, V, 3)."""
        if not self.options.extrema:
            return landmarks
        return torch.where(self.of_extremum[:, None], self.extrema.solve(vertices), landmarks)

    def _residual_pose(self, vertices: Tensor, landmarks: Tensor, draw: Draw) -> tuple[Tensor, Tensor, Tensor]:
        """Leave a random residue of pose and scale: vertices, landmarks, and the stretch (B,)."""
        count = len(vertices)
        first_pass = draw.chance(0.5, count, 1)

        def residue(deviations: tuple[float, float], *shape: int) -> Tensor:
            small, large = deviations
            return draw.normal(1.0, count, *shape) * torch.where(first_pass, large, small)

        pose = self.options.pose
        turn = axis_angle_rotations(residue(pose.rotation, 3) * (torch.pi / 180.0 / 3**0.5)).transpose(1, 2)
        shift = residue(pose.translation, 3)[:, None] / 3**0.5
        stretch = torch.exp(residue(pose.scale, 1))
        centre = torch.tensor(CROP_CENTRE, device=vertices.device)
        vertices, landmarks = (
            stretch[..., None] * ((points - centre) @ turn) + centre + shift for points in (vertices, landmarks)
        )
        return vertices, landmarks, stretch[:, 0]

    def _sample(self, vertices: Tensor, landmarks: Tensor, seen: Tensor, size: Tensor, masks: EffectMask) -> FacePoints:
        """N nodes of each face within the canonical crop, of what the scan shows."""
        density = Density(self.pools.most(self.nodes), self.pools.area)
        surface = self._skin_samples(vertices, density, masks)
        if self.scanner is not None:
            surface, shown = self.scanner.scan(surface, vertices, landmarks, density, masks)
            seen = seen & shown
        reach = self.crop_distance(surface.points)
        rank = surface.rank.masked_fill(reach >= CROP_MARGIN, torch.inf)
        nodes = first_survivors(rank, self.nodes)[..., None].expand(-1, -1, 3)
        points, normals = torch.gather(surface.points, 1, nodes), torch.gather(surface.normals, 1, nodes)
        if self.scanner is not None:
            points, normals, landmarks, spoiled = self.scanner.mesh(points, normals, landmarks, masks)
            seen = seen & ~spoiled[:, None]
        return FacePoints(points, normals, landmarks.masked_fill(~seen[..., None], torch.nan), size)

    def _skin_samples(self, vertices: Tensor, density: Density, masks: EffectMask) -> SurfacePoints:
        points, normals, faces = self.pools.on(vertices, density.size, masks.draw)
        rank = torch.arange(density.size, device=points.device, dtype=points.dtype).repeat(masks.count, 1)
        return SurfacePoints(points, normals, rank, faces[..., 0] >= self.model.skin)

    def batch(self, step: int, count: int, *, stream: int = 0) -> Batch:
        """Graphs of ``count`` faces, see ``graph_batch``."""
        faces = self.faces_at(step, count, stream=stream)
        return graph_batch(
            faces.points,
            faces.normals,
            faces.landmarks,
            faces.size,
            prototype=self.prototype,
            known=self.model.known,
            neighbours=self.neighbours,
        )


def extremum_solver(model: Population) -> LandmarkExtrema:
    """What finds the landmarks of a population's people that an extremum defines."""
    return LandmarkExtrema(model.neutral, model.faces, model.labels, model.landmarks, skin=model.skin)


def mean_shape(
    model: Population, shape: ShapeOptions, count: int = 512, *, extrema: LandmarkExtrema | None = None
) -> Tensor:
    """Prototype L_mean (Eq. 4) of a generated training population: (L, 3), head frame, millimetres."""
    draw = Draw(torch.Generator(model.device).manual_seed(0))
    people = aligned_landmarks(model, shape, draw, model.neutral[model.landmarks], count, extrema=extrema)
    return torch.from_numpy(prototype(people.cpu().numpy())).to(model.neutral)


def aligned_landmarks(
    model: Population,
    shape: ShapeOptions,
    draw: Draw,
    target: Tensor,
    count: int,
    *,
    extrema: LandmarkExtrema | None = None,
) -> Tensor:
    """Landmarks (count, L, 3) of generated people, each aligned to ``target`` (L, 3).

    ``extrema`` finds those that an extremum defines; without it they lie at their vertices.
    """
    found = []
    for _ in range(count // 32):
        vertices = model.draw(shape, draw, 32)
        landmarks = vertices[:, model.landmarks]
        upright, _scale = aligned(vertices, landmarks, target)
        solved = upright[:, model.landmarks] if extrema is None else extrema.solve(upright)
        found.append(aligned(solved, solved, target)[0])
    return torch.cat(found)


def first_survivors(rank: Tensor, count: int) -> Tensor:
    """Ids (B, count) of the points of lowest rank; where too few have a finite one they repeat."""
    ranks, order = torch.sort(rank, dim=1)
    left = ranks.isfinite().sum(1, keepdim=True).clamp(min=1)
    return torch.gather(order, 1, torch.arange(count, device=rank.device) % left)
