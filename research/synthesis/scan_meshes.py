"""Operations on the meshes of generated scans: finer and coarser triangulation, shoulders, stray scraps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sgcn_core.geometry.triangles import triangle_normals, vertex_normals

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

HEAD_TO_LPS = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""From the head frame (left, up, out of the face) to that of the patient (left, back, up)."""

# Height below which there is neck and no chin, millimetres.
_NECK = -112.0


@dataclass(frozen=True, eq=False)
class Mesh:
    """vertices (V, 3) float64 and faces (F, 3) int64, nothing checked; ``Surface`` is what leaves the package."""

    vertices: FloatArray
    faces: IntArray

    @property
    def centroids(self) -> FloatArray:
        """(F, 3)."""
        middle: FloatArray = self.vertices[self.faces].mean(1)
        return middle

    @property
    def face_normals(self) -> FloatArray:
        """Unit normals (F, 3); zero for a triangle without area."""
        return triangle_normals(self.vertices, self.faces)

    @property
    def vertex_normals(self) -> FloatArray:
        """Area-weighted unit normals (V, 3)."""
        return vertex_normals(self.vertices, self.faces)


def _unit(vectors: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: FloatArray = vectors / np.maximum(lengths, 1e-12)
    return unit


def subdivided(mesh: Mesh) -> Mesh:
    """Every triangle divided into four at the middles of its edges; those of triangle i are 4 i to 4 i + 3."""
    edges = np.sort(mesh.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    count = len(mesh.vertices)
    keys, ids = np.unique(edges[:, 0] * count + edges[:, 1], return_inverse=True)
    first, second = np.divmod(keys, count)
    vertices = np.concatenate([mesh.vertices, (mesh.vertices[first] + mesh.vertices[second]) / 2.0])
    a, b, c = mesh.faces.T
    ab, bc, ca = ids.reshape(-1, 3).T + count
    faces = np.stack([[a, ab, ca], [ab, b, bc], [ca, bc, c], [ab, bc, ca]]).transpose(2, 0, 1)
    return Mesh(vertices, faces.reshape(-1, 3))


def slid(mesh: Mesh, rng: np.random.Generator) -> Mesh:
    """Every vertex moved along one of its edges, by up to half of it.

    Decimation keeps sharp vertices; without this, landmarks that were vertices of the model would stay vertices.
    """
    ends = np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]])
    ends = rng.permutation(np.concatenate([ends, ends[:, ::-1]]))
    neighbour = np.arange(len(mesh.vertices))
    neighbour[ends[:, 0]] = ends[:, 1]
    share = rng.uniform(0.0, 0.5, (len(mesh.vertices), 1))
    return Mesh(mesh.vertices + share * (mesh.vertices[neighbour] - mesh.vertices), mesh.faces)


def doubled(mesh: Mesh, rng: np.random.Generator) -> Mesh:
    """A part of the surface of 25-75 mm, 0.5-2 mm beside its place: two views that were not brought together."""
    centroids = mesh.centroids
    place = rng.integers(len(centroids))
    near = np.linalg.norm(centroids - centroids[place], axis=1) < rng.uniform(25.0, 75.0)
    shift = _unit((mesh.face_normals[place] + rng.normal(0.0, 0.6, 3))[None]) * rng.uniform(0.5, 2.0)
    return Mesh(mesh.vertices + shift, mesh.faces[near])


def decimated(mesh: Mesh, triangles: int) -> Mesh:
    """About so many triangles with vertices elsewhere (Garland and Heckbert 1997, as VTK has it)."""
    from vtkmodules.vtkFiltersCore import vtkQuadricDecimation

    from sgcn_core.geometry.vtk_bridge import from_polydata, to_polydata

    if triangles >= len(mesh.faces):
        return mesh
    decimate = vtkQuadricDecimation()
    decimate.SetInputData(to_polydata(mesh.vertices, mesh.faces))
    decimate.SetTargetReduction(1.0 - triangles / len(mesh.faces))
    decimate.Update()
    return Mesh(*from_polydata(decimate.GetOutput()))


def compacted(mesh: Mesh) -> Mesh:
    """Without the vertices that no triangle uses."""
    used, faces = np.unique(mesh.faces, return_inverse=True)
    return Mesh(mesh.vertices[used], faces.reshape(-1, 3))


def joined(meshes: Sequence[Mesh]) -> Mesh:
    """All pieces in one mesh, unconnected."""
    starts = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes[:-1]])
    faces = [mesh.faces + start for mesh, start in zip(meshes, starts, strict=True)]
    return Mesh(np.concatenate([mesh.vertices for mesh in meshes]), np.concatenate(faces))


def scrap(mesh: Mesh, rng: np.random.Generator) -> Mesh:
    """A bent disc of 8-35 mm that floats 4-40 mm in front of a random triangle: cloth, strap, hand, hair."""
    place = rng.integers(len(mesh.faces))
    normal = _unit((mesh.face_normals[place] + rng.normal(0.0, 0.5, 3))[None])[0]
    side = _unit(np.cross(normal, rng.normal(size=3))[None])[0]
    x, y, faces = _disc()
    bend = rng.uniform(-0.4, 0.4) * x**2 + rng.uniform(-0.4, 0.4) * y**2 + 0.1 * rng.normal(size=len(x))
    local = x[:, None] * side + y[:, None] * np.cross(normal, side) + bend[:, None] * normal
    centre = mesh.centroids[place] + rng.uniform(4.0, 40.0) * mesh.face_normals[place]
    return Mesh(centre + rng.uniform(8.0, 35.0) * local, faces)


def shoulders(mesh: Mesh, rng: np.random.Generator) -> Mesh:
    """Shoulders and chest under a head (head frame): a flared tube around the neck, below any chin."""
    low, high = np.percentile(mesh.vertices, [0.5, 99.5], axis=0)
    height = min(low[1] + rng.uniform(0.0, 25.0), _NECK)
    down, around = np.linspace(0.0, 1.0, 24), np.linspace(0.0, 2.0 * np.pi, 72, endpoint=False)
    s, turn = (grid.ravel() for grid in np.meshgrid(down, around, indexing="ij"))
    flare = np.minimum(2.0 * s, 1.0) ** 0.8
    width, depth = 60.0 + rng.uniform(90.0, 150.0) * flare, 60.0 + rng.uniform(30.0, 70.0) * flare
    drop = rng.uniform(20.0, 60.0) * flare**1.5 + rng.uniform(60.0, 180.0) * np.maximum(s - 0.5, 0.0)
    x, z = width * np.sin(turn), depth * np.cos(turn)
    middle = max((low[2] + high[2]) / 2.0 - 20.0, high[2] - 110.0)
    wrinkles = rng.uniform(0.0, 4.0) * np.sin(x / rng.uniform(8.0, 30.0) + s * 20.0)
    points = np.stack([x, height - drop, middle + z + wrinkles], axis=1)
    ids = np.arange(24 * 72).reshape(24, 72)
    a, b = ids[:-1].ravel(), np.roll(ids, -1, 1)[:-1].ravel()
    c, d = ids[1:].ravel(), np.roll(ids, -1, 1)[1:].ravel()
    return Mesh(points, np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)]))


def _disc(rings: int = 6, spokes: int = 18) -> tuple[FloatArray, FloatArray, IntArray]:
    """Coordinates x, y of a unit disc's vertices, and its triangles, seen from above counter-clockwise."""
    radius, turn = np.linspace(0.05, 1.0, rings), np.linspace(0.0, 2.0 * np.pi, spokes, endpoint=False)
    r, t = (grid.ravel() for grid in np.meshgrid(radius, turn, indexing="ij"))
    ids = np.arange(rings * spokes).reshape(rings, spokes)
    a, b = ids[:-1].ravel(), np.roll(ids, -1, 1)[:-1].ravel()
    c, d = ids[1:].ravel(), np.roll(ids, -1, 1)[1:].ravel()
    faces = np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)])
    return r * np.cos(t), r * np.sin(t), faces
