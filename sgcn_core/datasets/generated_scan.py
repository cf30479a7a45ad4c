"""Whole scans of generated people, as a user brings them: a mesh in any pose, cut, spoiled and triangulated anew."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from sgcn_core.datasets.generator import GeneratorOptions
from sgcn_core.datasets.population import Population
from sgcn_core.datasets.random_tensors import Draw
from sgcn_core.datasets.scan_effects import visible
from sgcn_core.datasets.scan_meshes import Mesh, compacted, decimated, joined, scrap, shoulders, subdivided
from sgcn_core.datasets.surface_effects import SurfaceEffects
from sgcn_core.preprocessing.normalise import Similarity, procrustes
from sgcn_core.surface import Surface

FloatArray = NDArray[np.float64]

# Hashed into every seed: training and validation use the streams 0 and 1 and never meet these people.
_STREAM = 0x5CA9
# A landmark is absent where most of the surface within this distance of it is gone, millimetres.
_SURROUNDINGS = 3.0
# Fewest and most triangles of a scan.
_TRIANGLES = (8000, 80000)


@dataclass(frozen=True, eq=False)
class GeneratedScan:
    """A scan whose landmarks are known.

    Attributes
    ----------
    surface : Surface, millimetres
    landmarks : label -> (3,) float64, of those that the scan shows; anywhere on the surface, hardly ever at a vertex
    absent : labels of those that it does not show: cut away, in a hole, under hair
    to_head : Similarity, from the scan to the head frame, the best fit of this person to the average one
    """

    surface: Surface
    landmarks: dict[str, FloatArray]
    absent: tuple[str, ...]
    to_head: Similarity


class ScanMaker:
    """Makes scans, each a function of the seed and its number.

    Parameters
    ----------
    population : Population, on the CPU
    options : GeneratorOptions, default all effects at their default shares; ``GeneratorOptions.clean()`` for none
    seed : int
    posed : bool, whether the scan is turned and moved at random; otherwise it stands in the head frame
    shoulders : share of scans with shoulders and chest; none where ``options.scan`` is None
    """

    def __init__(
        self,
        population: Population,
        *,
        options: GeneratorOptions | None = None,
        seed: int = 0,
        posed: bool = True,
        shoulders: float = 0.35,
    ) -> None:
        self.population = population
        self.options = options or GeneratorOptions()
        self.seed, self.posed, self.shoulders = seed, posed, shoulders
        self.effects = SurfaceEffects(population, self.options.effects) if self.options.effects else None
        self.known = population.known.numpy()
        self.labels = tuple(label for label, known in zip(population.labels, self.known, strict=True) if known)

    def scan(self, number: int) -> GeneratedScan:
        """The scan with this number."""
        state = np.random.SeedSequence((self.seed, _STREAM, number)).generate_state(2)
        draw = Draw(torch.Generator().manual_seed(int(state[0])))
        rng = np.random.default_rng(int(state[1]))
        vertices, seen = self._person(draw)
        places = self.population.landmarks[self.population.known]
        landmarks = vertices[places].double().numpy()
        target = self.population.neutral[places].double().numpy()
        to_head = procrustes(landmarks, target)
        mesh, shown = self._scanned(vertices, landmarks, to_head, draw, rng)
        pose = _random_pose(rng) if self.posed else Similarity.identity()
        placed, shown = pose.apply(landmarks), shown & seen
        return GeneratedScan(
            surface=Surface(vertices=pose.apply(mesh.vertices), faces=mesh.faces, unit="mm"),
            landmarks={
                label: position for label, position, here in zip(self.labels, placed, shown, strict=True) if here
            },
            absent=tuple(label for label, here in zip(self.labels, shown, strict=True) if not here),
            to_head=to_head @ pose.inverse(),
        )

    def _person(self, draw: Draw) -> tuple[Tensor, NDArray[np.bool_]]:
        """Vertices (V, 3) of one person with hair and clothes, and which known landmarks these leave visible."""
        vertices = self.population.draw(self.options.shape, draw, 1)
        if self.effects is None:
            return vertices[0], np.ones(len(self.labels), dtype=bool)
        vertices, seen = self.effects.apply(vertices, draw)
        return vertices[0], seen[0, self.population.known].numpy()

    def _scanned(
        self, vertices: Tensor, landmarks: FloatArray, to_head: Similarity, draw: Draw, rng: np.random.Generator
    ) -> tuple[Mesh, NDArray[np.bool_]]:
        """What the scanner makes of the person, and which landmarks lie on it."""
        faces = self.population.faces.numpy()
        fine = subdivided(Mesh(vertices.double().numpy(), faces))
        eye = np.repeat(faces[:, 0] >= self.population.skin, 4)
        kept = self._kept(fine, eye, to_head, draw)
        shown = _surroundings_kept(landmarks, fine.centroids, kept)
        mesh = compacted(Mesh(fine.vertices, fine.faces[kept]))
        triangles = int(np.exp(rng.uniform(*np.log(_TRIANGLES))))
        mesh = decimated(mesh, max(2000, int(triangles * kept.mean())))
        return self._spoiled(mesh, rng), shown

    def _kept(self, mesh: Mesh, eye: NDArray[np.bool_], to_head: Similarity, draw: Draw) -> NDArray[np.bool_]:
        """Which triangles the scanner keeps."""
        if self.options.scan is None:
            return np.ones(len(mesh.faces), dtype=bool)
        centroids = torch.from_numpy(to_head.apply(mesh.centroids)).float()[None]
        normals = torch.from_numpy(to_head.apply_to_normals(mesh.face_normals)).float()[None]
        kept: NDArray[np.bool_] = visible(centroids, normals, torch.from_numpy(eye)[None], self.options.scan, draw)[
            0
        ].numpy()
        return kept

    def _spoiled(self, mesh: Mesh, rng: np.random.Generator) -> Mesh:
        """With sensor noise, and pieces that are no face."""
        scan = self.options.scan
        if scan is None:
            return mesh
        height = rng.normal(0.0, rng.uniform(0.0, scan.point_noise), (len(mesh.vertices), 1))
        pieces = [Mesh(mesh.vertices + height * mesh.vertex_normals, mesh.faces)]
        if rng.random() < self.shoulders:
            pieces.append(shoulders(mesh, rng))
        if rng.random() < scan.stray:
            pieces += [scrap(mesh, rng) for _ in range(rng.integers(1, 4))]
        return joined(pieces)


def _surroundings_kept(landmarks: FloatArray, centroids: FloatArray, kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether at least half of the triangles around each landmark are kept, of the nearest five where it has fewer."""
    tree = cKDTree(centroids)
    around = [tree.query_ball_point(landmark, _SURROUNDINGS) for landmark in landmarks]
    nearest = np.asarray(tree.query(landmarks, 5)[1])
    chosen = [ids if len(ids) >= 5 else near.tolist() for ids, near in zip(around, nearest, strict=True)]
    return np.array([kept[ids].mean() >= 0.5 for ids in chosen])


def _random_pose(rng: np.random.Generator) -> Similarity:
    """Any rotation, a shift of up to 300 mm along each axis."""
    from scipy.spatial.transform import Rotation

    return Similarity(1.0, Rotation.random(random_state=rng).as_matrix(), rng.uniform(-300.0, 300.0, 3))
