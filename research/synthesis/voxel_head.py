"""Generated people as CT-like and MR-like volumes, in any direction and field of view, with their landmarks."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from research.synthesis.closed_head import airway, closed_head
from research.synthesis.effect_mask import EffectMask
from research.synthesis.field_of_view import FieldOfView, image_grid
from research.synthesis.generator import FaceGenerator
from research.synthesis.options import GeneratorOptions
from research.synthesis.population import Population
from research.synthesis.random_tensors import Draw
from research.synthesis.scan_meshes import HEAD_TO_LPS, Mesh
from research.synthesis.voxel_modalities import draw_image
from sgcn_core.types.field_of_view import CutPlane, depth_below_cuts
from sgcn_core.types.volume import Volume

FloatArray = NDArray[np.float64]

# Hashed into every seed: training, validation and generated scans use other streams and never meet these people.
_STREAM = 0x70C5


@dataclass(frozen=True, kw_only=True)
class VoxelOptions:
    """How a person is scanned.

    Attributes
    ----------
    modality : {"CT", "MR"}
    spacing : 3 floats
        Voxels along the image's x, y, z, mm.
    directions : {"axial", "flipped", "oblique"}
        The image's axes are the patient's; any of the 48 arrangements of them; such a one turned by up to 25 degrees.
    table : bool
        Table, head rest and tube.
    view : FieldOfView
    """

    modality: str = "CT"
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    directions: str = "axial"
    table: bool = True
    view: FieldOfView = field(default_factory=FieldOfView)


@dataclass(frozen=True, eq=False)
class VoxelHead:
    """A volume and what is true of it.

    Attributes
    ----------
    volume : Volume
    landmarks : label -> (3,), mm in LPS, of all landmarks, within the field of view or not
    cuts : planes on which the field of view cuts the head
    skin : Mesh, mm in LPS, closed
    """

    volume: Volume
    landmarks: dict[str, FloatArray]
    cuts: tuple[CutPlane, ...]
    skin: Mesh

    def depths(self) -> dict[str, float]:
        """How far inside the field of view each landmark lies, mm; infinite where nothing is cut."""
        places = np.stack(list(self.landmarks.values()))
        return dict(zip(self.landmarks, depth_below_cuts(self.cuts, places).tolist(), strict=True))


class VoxelHeadMaker:
    """Makes volumes, each a function of the seed, its number and the options.

    Parameters
    ----------
    population : Population, on the CPU
    options : GeneratorOptions, default ``clean()``; only shape, anatomy and extrema are used
    seed : int
    """

    def __init__(self, population: Population, *, options: GeneratorOptions | None = None, seed: int = 0) -> None:
        average = population.neutral[population.landmarks.clamp(min=0)]
        options = options or GeneratorOptions.clean()
        self.population, self.seed = population, seed
        self.source = FaceGenerator(population, options=options, pools=1, pool_size=64, prototype=average)
        self.known = population.known.numpy()
        self.labels = tuple(label for label, known in zip(population.labels, self.known, strict=True) if known)

    def head(self, number: int, options: VoxelOptions) -> VoxelHead:
        """The person with this number, scanned as the options say."""
        state = np.random.SeedSequence((self.seed, _STREAM, number)).generate_state(2)
        rng = np.random.default_rng(int(state[1]))
        person, landmarks = self._person(int(state[0]))
        breathing = airway(landmarks)
        lying = _lying(rng)
        skin = lying(person)
        truth = {label: lying.points(place[None])[0] for label, place in landmarks.items()}
        grid, cuts = image_grid(skin, truth, options.spacing, options.directions, options.view, rng)
        image = draw_image(grid, skin, [lying(part) for part in breathing], truth, options, rng)
        array = options.view.padded(image, grid, cuts)
        volume = Volume(array, grid.spacing, grid.origin, grid.direction, source=f"generated head {number}")
        return VoxelHead(volume, truth, tuple(cuts), skin)

    def _person(self, seed: int) -> tuple[Mesh, dict[str, FloatArray]]:
        """A closed head and its landmarks, head frame, mm of the person."""
        draw = Draw(torch.Generator().manual_seed(seed))
        vertices, landmarks, _, size = self.source.people(draw, EffectMask(draw, 1, self.source.options.quiet))
        stretch = float(size[0])
        skin = closed_head(vertices[0].double().numpy() * stretch, self.population.faces.numpy(), self.population.skin)
        places = landmarks[0].double().numpy()[self.known] * stretch
        return skin, dict(zip(self.labels, places, strict=True))


@dataclass(frozen=True, eq=False)
class _Lying:
    """From the head frame to LPS."""

    rotation: FloatArray
    shift: FloatArray

    def points(self, points: FloatArray) -> FloatArray:
        return points @ self.rotation.T + self.shift

    def __call__(self, mesh: Mesh) -> Mesh:
        return Mesh(self.points(mesh.vertices), mesh.faces)


def _lying(rng: np.random.Generator) -> _Lying:
    """A head in a scanner: chin up or down by 12 degrees, turned and tilted by 5 (standard deviations)."""
    turn = Rotation.from_euler("xyz", rng.normal(0.0, (12.0, 5.0, 5.0)).clip(-25.0, 25.0), degrees=True).as_matrix()
    return _Lying(HEAD_TO_LPS @ turn, rng.uniform(-150.0, 150.0, 3))
