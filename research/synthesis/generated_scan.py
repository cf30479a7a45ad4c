"""Whole scans of generated people, as a user brings them: a mesh in any pose, cut, spoiled and triangulated anew."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from research.synthesis import mesh_artefacts as artefacts
from research.synthesis.effect_mask import EffectMask
from research.synthesis.generator import FaceGenerator
from research.synthesis.hair_shell import HairShell
from research.synthesis.options import GeneratorOptions
from research.synthesis.population import Population
from research.synthesis.random_tensors import Draw
from research.synthesis.scan_effects import visible
from research.synthesis.scan_meshes import (
    Mesh,
    compacted,
    decimated,
    doubled,
    joined,
    scrap,
    shoulders,
    slid,
    subdivided,
)
from research.synthesis.scan_scene import hair_mesh, sheet_meshes
from sgcn_core.geometry.similarity import Similarity
from sgcn_core.types.surface import Surface

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# Hashed into every seed: training and validation use the streams 0 and 1 and never meet these people.
_STREAM = 0x5CA9
# Of the surface within this distance of a landmark (millimetres) at least the one share is left where the landmark is
# there, and less than the other where it is not.
_SURROUNDINGS, _THERE, _GONE = 3.0, 0.5, 0.05
# A scan that does not reach down to here has no shoulders either, millimetres.
_CHIN = -95.0
# Pixel of the cameras that look at the scene, not below the size of its triangles, millimetres.
_PIXEL = 4.0


@dataclass(frozen=True, eq=False)
class GeneratedScan:
    """A scan whose landmarks are known.

    Attributes
    ----------
    surface : Surface, millimetres
    landmarks : label -> (3,) float64, of those that the scan shows; anywhere on the surface, hardly ever at a vertex
    absent : labels of those that it does not show: cut away, in a hole, under hair
    covered : labels of the absent ones that lie under something that the scan does show: hair, a strap, a hand
    disputed : labels of those at the very edge of what is left, of which neither can be said
    to_head : Similarity, from the scan to the head frame, the best fit of this person to the average one
    """

    surface: Surface
    landmarks: dict[str, FloatArray]
    absent: tuple[str, ...]
    covered: tuple[str, ...]
    disputed: tuple[str, ...]
    to_head: Similarity

    def centroids(self) -> FloatArray:
        """Middle (F, 3) of each triangle in the head frame."""
        return self.to_head.apply(self.surface.vertices[self.surface.faces].mean(1))


class ScanMaker:
    """Makes scans, each a function of the seed and its number.

    Parameters
    ----------
    population : Population, on the CPU
    options : GeneratorOptions, default all effects at their default shares; ``GeneratorOptions.clean()`` for none.
        Of ``options.scan``, ``open_mouth``, ``density`` and ``no_face`` are left out, ``facets`` follow from the
        triangulation, and so does ``normal_noise`` from ``point_noise``.
    seed : int
    posed : bool, whether the scan is turned and moved at random; otherwise it stands in the head frame
    shoulders : share of scans with shoulders and chest; none where ``options.scan`` is None
    triangles : fewest and most of a scan of a whole head
    """

    def __init__(
        self,
        population: Population,
        *,
        options: GeneratorOptions | None = None,
        seed: int = 0,
        posed: bool = True,
        shoulders: float = 0.35,
        triangles: tuple[float, float] = (8000.0, 80000.0),
    ) -> None:
        self.population = population
        self.options = options or GeneratorOptions()
        self.seed, self.posed, self.shoulders, self.triangles = seed, posed, shoulders, triangles
        average = population.neutral[population.landmarks.clamp(min=0)]
        # Its sets of samples are of no use here, and are kept small.
        self.source = FaceGenerator(population, options=self.options, pools=1, pool_size=64, prototype=average)
        self.known = population.known.numpy()
        self.labels = tuple(label for label, known in zip(population.labels, self.known, strict=True) if known)

    def with_options(self, options: GeneratorOptions) -> ScanMaker:
        """Scans of the same people with other options."""
        other = copy(self)
        other.options, other.source = options, self.source.with_options(options)
        return other

    def scan(self, number: int) -> GeneratedScan:
        """The scan with this number."""
        state = np.random.SeedSequence((self.seed, _STREAM, number)).generate_state(2)
        draw = Draw(torch.Generator().manual_seed(int(state[0])))
        rng = np.random.default_rng(int(state[1]))
        masks = EffectMask(draw, 1, self.options.quiet)
        vertices, landmarks, seen, size = self.source.people(draw, masks)
        mesh, landmarks, left, bare = self._scanned(vertices, landmarks, masks, rng)
        # From the head frame to the scan's own axes, in millimetres of the person.
        placed = _random_pose(rng) if self.posed else Similarity.identity()
        placed = placed @ Similarity(float(size[0]), np.eye(3), np.zeros(3))
        positions = placed.apply(landmarks[0].double().numpy()[self.known])
        bare = np.where(seen[0].numpy(), bare, 0.0)[self.known]
        left = np.minimum(left[self.known], bare)
        state = np.where(left >= _THERE, "there", np.where(left < _GONE, "gone", "disputed")).tolist()
        under = (bare < _GONE).tolist()
        return GeneratedScan(
            surface=Surface(vertices=placed.apply(mesh.vertices), faces=mesh.faces, unit="mm"),
            landmarks={
                label: place for label, place, it in zip(self.labels, positions, state, strict=True) if it == "there"
            },
            absent=tuple(label for label, it in zip(self.labels, state, strict=True) if it == "gone"),
            covered=tuple(label for label, it in zip(self.labels, under, strict=True) if it),
            disputed=tuple(label for label, it in zip(self.labels, state, strict=True) if it == "disputed"),
            to_head=placed.inverse(),
        )

    def _scanned(
        self, vertices: Tensor, landmarks: Tensor, masks: EffectMask, rng: np.random.Generator
    ) -> tuple[Mesh, Tensor, FloatArray, FloatArray]:
        """What the scanner makes of the person, in the head frame.

        The mesh, the landmarks (1, L, 3), and of the skin around each (L,) the share that is left, and that is bare.
        """
        faces = self.population.faces.numpy()
        skin = slid(subdivided(Mesh(vertices[0].double().numpy(), faces)), rng)
        eye = np.repeat(faces[:, 0] >= self.population.skin, 4)
        triangles = np.exp(rng.uniform(*np.log(self.triangles)))
        pieces, kept = [skin], np.ones(len(skin.faces), dtype=bool)
        bare = kept
        if self.source.scanner is not None:
            pieces, kept, bare = self._scene(skin, eye, vertices, landmarks, masks)
        left, uncovered = _surroundings(landmarks[0].double().numpy(), skin.centroids, kept[: len(skin.faces)], bare)
        whole = joined(pieces)
        mesh = compacted(Mesh(whole.vertices, whole.faces[kept]))
        mesh = decimated(mesh, max(2000, int(triangles * kept.sum() / len(skin.faces))))
        if self.source.scanner is None:
            return mesh, landmarks, left, uncovered
        mesh, landmarks = self._spoiled(mesh, landmarks, masks, rng)
        return mesh, landmarks, left, uncovered

    def _scene(
        self, skin: Mesh, eye: BoolArray, vertices: Tensor, landmarks: Tensor, masks: EffectMask
    ) -> tuple[list[Mesh], BoolArray, BoolArray]:
        """The head and what stands near it, which triangles of it all the scanner keeps, and which skin is bare."""
        scanner = self.source.scanner
        assert scanner is not None
        points, normals = _batch(skin.centroids), _batch(skin.face_normals)
        hair = HairShell.drawn(scanner.options.long_hair, masks)
        sheets = scanner.objects.place(vertices, points, normals, masks)
        bare = ~(hair.covers(points) | sheets.cover(points))
        locks = hair_mesh(hair)
        things = ([] if locks is None else [locks]) + sheet_meshes(sheets)
        centroids = torch.cat([points, *(_batch(mesh.centroids) for mesh in things)], 1)
        facing = torch.cat([normals, *(_batch(mesh.face_normals) for mesh in things)], 1)
        exists = torch.ones(1, centroids.shape[1], dtype=torch.bool)
        exists[:, : len(skin.faces)] = bare
        is_eye = torch.zeros_like(exists)
        is_eye[0, : len(eye)] = torch.from_numpy(eye)
        kept = visible(centroids, facing, is_eye, scanner.options, masks.draw, masks=masks, exists=exists, pixel=_PIXEL)
        kept &= scanner.eye_holes.outside(centroids, landmarks, scanner.options.eye_holes, masks)
        return [skin, *things], kept[0].numpy(), bare[0].numpy()

    def _spoiled(
        self, mesh: Mesh, landmarks: Tensor, masks: EffectMask, rng: np.random.Generator
    ) -> tuple[Mesh, Tensor]:
        """Warped, stepped and noisy, with stray pieces."""
        scan = self.options.scan
        assert scan is not None
        pieces = [mesh]
        if bool(masks.sample(scan.doubled)):
            pieces.append(compacted(doubled(mesh, rng)))
        if bool(masks.sample(self.shoulders)) and mesh.vertices[:, 1].min() < _CHIN:
            pieces.append(shoulders(mesh, rng))
        if bool(masks.sample(scan.stray)):
            pieces += [scrap(mesh, rng) for _ in range(rng.integers(1, 4))]
        mesh = joined(pieces)
        points, normals = _batch(mesh.vertices), _batch(mesh.vertex_normals)
        warp = artefacts.scanner_warp(scan.warp, masks)
        points, landmarks = warp(points), warp(landmarks)
        points = artefacts.add_threshold_bias(points, normals, scan.threshold_bias, masks)
        points, normals = artefacts.add_staircase(points, normals, scan.staircase, masks)
        points = artefacts.add_point_noise(points, normals, scan.point_noise, masks)
        return Mesh(points[0].double().numpy(), mesh.faces), landmarks


def _batch(values: FloatArray) -> Tensor:
    """As a batch of one, single precision."""
    return torch.from_numpy(values).float()[None]


def _surroundings(landmarks: FloatArray, centroids: FloatArray, *states: BoolArray) -> list[FloatArray]:
    """For every state of the triangles its share (L,) around each landmark; of the nearest five where it has fewer."""
    tree = cKDTree(centroids)
    around = [tree.query_ball_point(landmark, _SURROUNDINGS) for landmark in landmarks]
    nearest = np.asarray(tree.query(landmarks, 5)[1])
    chosen = [ids if len(ids) >= 5 else near.tolist() for ids, near in zip(around, nearest, strict=True)]
    return [np.array([state[ids].mean() for ids in chosen]) for state in states]


def _random_pose(rng: np.random.Generator) -> Similarity:
    """Any rotation, a shift of up to 300 mm along each axis."""
    from scipy.spatial.transform import Rotation

    return Similarity(1.0, Rotation.random(random_state=rng).as_matrix(), rng.uniform(-300.0, 300.0, 3))
