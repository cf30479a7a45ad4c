"""Meshes as they come out of bad exports and other people's programs: each kind of damage to a good one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sgcn_core.geometry.triangles import cross_products
from sgcn_core.types.surface import Surface

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Damage = Callable[[Surface, np.random.Generator], Surface]


def oriented_inwards(surface: Surface, rng: np.random.Generator) -> Surface:
    """Every triangle reversed."""
    return surface.with_(faces=surface.faces[:, ::-1])


def oriented_at_random(surface: Surface, rng: np.random.Generator) -> Surface:
    """Half of the triangles reversed, one by one."""
    reverse = rng.random(len(surface.faces)) < 0.5
    return surface.with_(faces=np.where(reverse[:, None], surface.faces[:, ::-1], surface.faces))


def with_useless_triangles(surface: Surface, rng: np.random.Generator) -> Surface:
    """A tenth of the triangles twice, and as many that are a line or a point."""
    some = surface.faces[rng.integers(len(surface.faces), size=len(surface.faces) // 10)]
    line = some[:, (0, 1, 1)]
    return surface.with_(faces=np.concatenate([line[: len(line) // 2], surface.faces, some, line[:, (0, 0, 0)]]))


def with_both_sides(surface: Surface, rng: np.random.Generator) -> Surface:
    """Every triangle a second time, with the opposite orientation."""
    return surface.with_(faces=np.concatenate([surface.faces, surface.faces[:, ::-1]]))


def as_soup(surface: Surface, rng: np.random.Generator) -> Surface:
    """Every triangle with corners of its own, as STL stores them, in any order."""
    faces = surface.faces[rng.permutation(len(surface.faces))]
    return surface.with_(vertices=surface.vertices[faces].reshape(-1, 3), faces=np.arange(faces.size).reshape(-1, 3))


def with_specks(surface: Surface, rng: np.random.Generator) -> Surface:
    """Twelve small cubes around the surface, clear of it."""
    low, high = surface.bounds
    size = float((high - low).max())
    places: list[FloatArray] = []
    while len(places) < 12:
        place = rng.uniform(low - 0.4 * size, high + 0.4 * size)
        if np.linalg.norm(surface.vertices - place, axis=1).min() > 0.15 * size:
            places.append(place)
    cube = _cube()
    vertices = np.concatenate([place + 0.02 * size * cube[0] for place in places])
    return added(surface, vertices, np.concatenate([cube[1] + 8 * number for number in range(len(places))]))


def with_cloth(surface: Surface, rng: np.random.Generator) -> Surface:
    """A wavy sheet of a third of the surface's width beside it."""
    low, high = surface.bounds
    size = float((high - low).max())
    u, v = np.meshgrid(np.linspace(0.0, 1.0, 40), np.linspace(0.0, 1.0, 40), indexing="ij")
    sheet = np.stack([u * 0.4, v * 0.4, 0.01 * np.sin(9.0 * u) * np.cos(7.0 * v)], axis=2).reshape(-1, 3) * size
    place = np.array([high[0] + 0.25 * size, (low[1] + high[1]) / 2, (low[2] + high[2]) / 2])
    return added(surface, sheet + place, _grid_faces(40, 40))


def with_inner_shell(surface: Surface, rng: np.random.Generator) -> Surface:
    """The surface once more, 10 mm inside if it is 200 mm large: what a threshold between soft tissues finds."""
    return added(surface, _offset(surface, 0.05), surface.faces)


def with_thick_wall(surface: Surface, rng: np.random.Generator) -> Surface:
    """Hollowed for printing: the surface once more, 3 mm inside if it is 200 mm large, joined along the open edges."""
    first, second = _open_edges(surface.faces)
    count = len(surface.vertices)
    sides = np.concatenate(
        [np.stack([second, first, first + count], axis=1), np.stack([second, first + count, second + count], axis=1)]
    )
    faces = np.concatenate([surface.faces, surface.faces[:, ::-1] + count, sides])
    return surface.with_(vertices=np.concatenate([surface.vertices, _offset(surface, 0.015)]), faces=faces)


def with_airway(surface: Surface, place: FloatArray, inwards: FloatArray) -> Surface:
    """A tube that begins as a hole in the surface and widens inside, as in skin extracted from CT.

    Parameters
    ----------
    place : (3,)
        Where the nostril is.
    inwards : (3,) unit vector
    """
    size = float(surface.extent.max())
    nearest = surface.vertices[np.argmin(np.linalg.norm(surface.vertices - place, axis=1))]
    mouth = (np.linalg.norm(surface.vertices - nearest, axis=1) < 0.02 * size)[surface.faces].all(axis=1)
    first, second = _open_edges(surface.faces[mouth])
    loop, ends = np.unique(np.concatenate([first, second]), return_inverse=True)
    a, b = ends.reshape(2, -1)
    widths, depths = np.linspace(1.0, 5.0, 16), np.linspace(0.0, 0.35, 16) * size
    rings = [
        nearest + width * (surface.vertices[loop] - nearest) + depth * inwards
        for width, depth in zip(widths, depths, strict=True)
    ]
    n = len(loop)
    tube = [np.array([[a, b, b + n], [a, b + n, a + n]]).transpose(0, 2, 1).reshape(-1, 3) + n * k for k in range(15)]
    lid = np.stack([a + 15 * n, b + 15 * n, np.full(len(a), 16 * n)], axis=1)
    vertices = np.concatenate([*rings, [nearest + depths[-1] * inwards]])
    return added(surface.with_(faces=surface.faces[~mouth]), vertices, np.concatenate([*tube, lid]))


def added(surface: Surface, vertices: FloatArray, faces: IntArray) -> Surface:
    """The surface with another one in the same file."""
    return surface.with_(
        vertices=np.concatenate([surface.vertices, vertices]),
        faces=np.concatenate([surface.faces, faces + len(surface.vertices)]),
    )


DAMAGES: dict[str, Damage] = {
    "oriented inwards": oriented_inwards,
    "oriented at random": oriented_at_random,
    "useless triangles": with_useless_triangles,
    "both sides": with_both_sides,
    "triangle soup": as_soup,
    "specks": with_specks,
    "cloth beside it": with_cloth,
    "inner shell": with_inner_shell,
    "thick wall": with_thick_wall,
}


def _offset(surface: Surface, share: float) -> FloatArray:
    """Vertices moved inwards along their normals by a share of the size; smoothed normals, so that nothing folds."""
    normals, weighted = np.zeros_like(surface.vertices), cross_products(surface.vertices, surface.faces)
    for corner in range(3):
        np.add.at(normals, surface.faces[:, corner], weighted)
    for _ in range(30):
        spread = np.zeros_like(normals)
        for corner in range(3):
            np.add.at(spread, surface.faces[:, corner], normals[surface.faces].sum(axis=1))
        normals = spread / np.maximum(np.linalg.norm(spread, axis=1, keepdims=True), 1e-300)
    moved: FloatArray = surface.vertices - share * float(surface.extent.max()) * normals
    return moved


def _open_edges(faces: IntArray) -> tuple[IntArray, IntArray]:
    """Start and end of the edges that one triangle alone has, as it runs along them."""
    start, end = faces.ravel(), faces[:, (1, 2, 0)].ravel()
    key = np.minimum(start, end) * (faces.max() + 1) + np.maximum(start, end)
    _, back, times = np.unique(key, return_inverse=True, return_counts=True)
    alone = times[back] == 1
    return start[alone], end[alone]


def _cube() -> tuple[FloatArray, IntArray]:
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=np.float64)
    quads = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))
    return corners, np.array([[a, b, c] for q in quads for a, b, c in ((q[0], q[1], q[2]), (q[0], q[2], q[3]))])


def _grid_faces(rows: int, columns: int) -> IntArray:
    number = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = (part.ravel() for part in (number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]))
    return np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])
