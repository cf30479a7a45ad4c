"""Grey values of generated volumes: what CT and MR make of a head, its surroundings, and their artefacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from research.synthesis.closed_head import inset, plate, trough, tube
from research.synthesis.scan_meshes import Mesh
from research.synthesis.voxeliser import Coverage, mesh_coverage
from sgcn_core.types.volume import Volume

if TYPE_CHECKING:
    from research.synthesis.voxel_head import VoxelOptions

FloatArray = NDArray[np.float64]
Image = NDArray[np.float32]

# Depth under the skin from which a layer begins, mm, and its grey value: skin, fat, muscle, bone, what is inside.
_DEPTHS = (0.0, 1.6, 4.0, 8.0, 14.0)
_CT = (30.0, -90.0, 50.0, 750.0, 35.0)
_MR = (230.0, 420.0, 190.0, 25.0, 260.0)
_AIR = {"CT": -1000.0, "MR": 0.0}
_PLASTIC = {"CT": 120.0, "MR": 0.0}
_FOAM = {"CT": -930.0, "MR": 0.0}


def draw_image(
    grid: Volume,
    skin: Mesh,
    breathing: Sequence[Mesh],
    landmarks: Mapping[str, FloatArray],
    options: VoxelOptions,
    rng: np.random.Generator,
) -> Image:
    """Grey values (Z, Y, X) on the grid, float32, with noise and artefacts."""
    image: Image = np.full(grid.array.shape, _AIR[options.modality], dtype=np.float32)
    if options.table:
        _put_table(image, grid, skin, landmarks, options.modality, rng)
    _put_head(image, grid, skin, _CT if options.modality == "CT" else _MR)
    for part in breathing:
        mesh_coverage(part, grid).put(image, _AIR[options.modality])
    return _ct_artefacts(image, grid, landmarks, rng) if options.modality == "CT" else _mr_artefacts(image, rng)


def _put_head(image: Image, grid: Volume, skin: Mesh, layers: tuple[float, ...]) -> None:
    whole = mesh_coverage(skin, grid)
    whole.put(image, layers[0])
    for depth, value in zip(_DEPTHS[1:], layers[1:], strict=True):
        layer = mesh_coverage(inset(skin, depth), grid, rays=1)
        inside = np.zeros(image.shape, dtype=np.float32)
        inside[layer.box] = layer.share
        Coverage(np.minimum(inside[whole.box], whole.share), whole.box).put(image, value)


def _put_table(
    image: Image, grid: Volume, skin: Mesh, landmarks: Mapping[str, FloatArray], modality: str, rng: np.random.Generator
) -> None:
    """Behind the head a foam-filled table and a head rest that touches it; at the mouth a tube."""
    face = np.mean(list(landmarks.values()), axis=0)
    head = skin.vertices[skin.vertices[:, 2] > landmarks["prn" if "prn" in landmarks else next(iter(landmarks))][2]]
    back, middle = float(head[:, 1].max()), float(head[:, 0].mean())
    gap = rng.uniform(0.5, 4.0)
    bottom, top = float(face[2]) - 300.0, float(face[2]) + 250.0
    table = back + gap + 10.0
    mesh_coverage(plate((middle - 200, table, bottom), (middle + 200, table + 3, top)), grid).put(
        image, _PLASTIC[modality]
    )
    mesh_coverage(plate((middle - 200, table + 3, bottom), (middle + 200, table + 40, top)), grid).put(
        image, _FOAM[modality]
    )
    radius = rng.uniform(85.0, 110.0)
    rest = trough(
        radius,
        4.0,
        centre=(middle, back + gap - radius, head[:, 2].mean()),
        length=120.0,
        opening=rng.uniform(0.5, 0.9),
    )
    mesh_coverage(rest, grid).put(image, _PLASTIC[modality])
    if "sts" in landmarks and rng.random() < 0.5:
        lips = landmarks["sts"] + [rng.uniform(-12.0, 12.0), 0.0, 0.0]
        path = lips + np.array([[0, 25, 5], [0, 4, 1], [0, -14, -6], [5, -45, -30], [20, -90, -60]], dtype=np.float64)
        mesh_coverage(tube(path, 4.5), grid).put(image, _PLASTIC[modality])


def _ct_artefacts(image: Image, grid: Volume, landmarks: Mapping[str, FloatArray], rng: np.random.Generator) -> Image:
    if "sts" in landmarks and rng.random() < 0.3:
        _add_streaks(image, grid, landmarks["sts"] + [0.0, 15.0, 0.0], rng)
    image += rng.normal(0.0, rng.uniform(8.0, 35.0), image.shape).astype(np.float32)
    return np.clip(image, -1024.0, 3071.0)


def _add_streaks(image: Image, grid: Volume, teeth: FloatArray, rng: np.random.Generator) -> None:
    """Rays from a filling through the slices around it, weaker with the distance."""
    index = np.linalg.solve(grid.index_to_physical[:3, :3], teeth - grid.origin)
    upright = int(np.argmax(np.abs(grid.direction[2])))
    others = [axis for axis in range(3) if axis != upright]
    first = max(int(index[upright] - 4.0 / grid.spacing[upright]), 0)
    last = int(index[upright] + 4.0 / grid.spacing[upright]) + 1
    slices = np.moveaxis(image, 2 - upright, 0)[first:last]
    if not len(slices):
        return
    rest = sorted(others, reverse=True)  # the array's order
    u, v = ((np.arange(n) - index[axis]) * grid.spacing[axis] for n, axis in zip(slices.shape[1:], rest, strict=True))
    distance = np.hypot(u[:, None], v[None])
    turn = np.arctan2(u[:, None], v[None])
    star = np.cos(rng.integers(9, 17) * turn + rng.uniform(0, 6)) ** 9 * np.exp(-distance / 35.0)
    slices += (rng.uniform(200.0, 900.0) * star).astype(np.float32)


def _mr_artefacts(image: Image, rng: np.random.Generator) -> Image:
    """Coil sensitivity, a ghost along one axis, and the magnitude of complex noise (Gudbjartsson and Patz 1995)."""
    for axis, n in enumerate(image.shape):
        shape = [1, 1, 1]
        shape[axis] = n
        along = np.linspace(-1.0, 1.0, n, dtype=np.float32).reshape(shape)
        image *= (
            np.float32(1.0) + np.float32(rng.uniform(-0.3, 0.3)) * along - np.float32(rng.uniform(0, 0.2)) * along**2
        )
    axis = int(rng.integers(3))
    image += np.float32(rng.uniform(0.0, 0.05)) * np.roll(image, image.shape[axis] // 2, axis=axis)
    image *= np.float32(np.exp(rng.uniform(-1.0, 1.5)))
    noise = np.float32(rng.uniform(0.01, 0.05) * float(np.percentile(image, 99)))
    real, imaginary = (rng.standard_normal(image.shape, dtype=np.float32) for _ in range(2))
    return np.hypot(image + noise * real, noise * imaginary)
