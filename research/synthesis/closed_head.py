"""Closed meshes of a generated person and of what lies in and around the head in a scanner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from research.synthesis.scan_meshes import Mesh, compacted, joined

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_NECK_LENGTH = 160.0  # mm that the neck goes on below the model's end
_SOCKET = 12.0  # mm behind the lids where eyeball and socket are closed


def closed_head(vertices: FloatArray, faces: IntArray, skin: int) -> Mesh:
    """A person's head without holes (head frame, mm): eyes and mouth closed, the neck drawn out downwards.

    Parameters
    ----------
    vertices, faces : of a ``Population``
    skin : number of skin vertices; those that follow are eyeballs
    """
    of_skin = (faces < skin).all(axis=1)
    head = Mesh(vertices, faces[of_skin])
    for loop in rim_loops(head.faces):
        if vertices[loop, 1].max() < vertices[:, 1].min() + 80.0 and np.ptp(vertices[loop, 0]) > 80.0:
            head = _drawn_out(head, loop, np.array([0.0, -_NECK_LENGTH, 0.0]))
        else:
            head = _fanned(head, loop, np.array([0.0, 0.0, -_SOCKET]))
    eyes = compacted(Mesh(vertices, faces[~of_skin]))
    for loop in rim_loops(eyes.faces):
        eyes = _fanned(eyes, loop, np.array([0.0, 0.0, -_SOCKET / 2]))
    return joined([compacted(head), compacted(eyes)])


def rim_loops(faces: IntArray) -> list[IntArray]:
    """Vertices of every hole's boundary in the order in which its triangles run along it."""
    edges = faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    count = int(faces.max()) + 1
    keys = edges[:, 0] * count + edges[:, 1]
    open_edges = edges[~np.isin(keys, edges[:, 1] * count + edges[:, 0])]
    following = dict(open_edges.tolist())
    loops = []
    while following:
        start, vertex = following.popitem()
        loop = [start]
        while vertex != start:
            loop.append(vertex)
            vertex = following.pop(vertex)
        loops.append(np.array(loop))
    return loops


def inset(mesh: Mesh, depth: float) -> Mesh:
    """The mesh moved inwards along its normals; folds turn inside out and do not count when it is voxelised."""
    return Mesh(mesh.vertices - depth * mesh.vertex_normals, mesh.faces)


def tube(path: FloatArray, radius: float, *, sides: int = 20) -> Mesh:
    """A closed tube of round section along a path (N, 3)."""
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    first = np.cross(along, [0.31, 0.17, 0.93])
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(along, first)
    turn = np.linspace(0.0, 2.0 * np.pi, sides, endpoint=False)
    rings = path[:, None] + radius * (np.cos(turn)[:, None] * first[:, None] + np.sin(turn)[:, None] * second[:, None])
    return _lofted(rings)


def ball(centre: Sequence[float] | FloatArray, radii: Sequence[float]) -> Mesh:
    """An ellipsoid along the axes."""
    polar = np.linspace(0.05, np.pi - 0.05, 16)
    turn = np.linspace(0.0, 2.0 * np.pi, 24, endpoint=False)
    ring = np.stack([np.cos(turn), np.sin(turn), np.zeros(24)], axis=1)
    rings = np.sin(polar)[:, None, None] * ring - np.cos(polar)[:, None, None] * np.array([0.0, 0.0, 1.0])
    return _lofted(np.asarray(centre) + rings * np.asarray(radii))


def plate(low: Sequence[float], high: Sequence[float]) -> Mesh:
    """A box between two corners."""
    (x0, y0, z0), (x1, y1, z1) = low, high
    ring = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
    return _lofted(np.stack([np.c_[ring, np.full(4, z0)], np.c_[ring, np.full(4, z1)]]))


def trough(radius: float, thickness: float, *, centre: Sequence[float], length: float, opening: float) -> Mesh:
    """Half a pipe along z that is open towards -y: a head rest.

    Parameters
    ----------
    radius : inner, mm
    opening : half the angle of what is there, radians
    """
    turn = np.linspace(-opening, opening, 25)
    inner = np.stack([radius * np.sin(turn), radius * np.cos(turn)], axis=1)
    ring = np.concatenate([inner[::-1], inner * (1.0 + thickness / radius)]) + np.asarray(centre[:2])
    ends = [np.c_[ring, np.full(len(ring), centre[2] + side * length / 2)] for side in (-1, 1)]
    return _lofted(np.stack(ends))


def airway(landmarks: Mapping[str, FloatArray]) -> list[Mesh]:
    """Nostrils, nasal passages, pharynx down to the neck, mouth and sinuses, head frame; none without the labels."""
    needed = ("prn", "sn", "ac_r", "ac_l", "c", "n", "ex_r", "ex_l", "sts")
    if any(label not in landmarks for label in needed):
        return []
    at = {label: np.asarray(landmarks[label], dtype=np.float64) for label in needed}
    throat = at["sn"] + np.array([0.0, 8.0, -80.0])
    parts = [tube(throat + np.array([[0, 0, 0], [0, -30, -10], [0, -260, -60]], dtype=np.float64), 9.0)]
    for side in ("r", "l"):
        nostril = 0.55 * at["c"] + 0.45 * at[f"ac_{side}"]
        passage = nostril + np.array([[0, -1, -1], [0, 8, -7], [0, 13, -26]], dtype=np.float64)
        parts.append(tube(np.concatenate([passage, throat[None]]), 3.0))
        parts.append(ball(0.5 * (at[f"ex_{side}"] + at[f"ac_{side}"]) + [0.0, -4.0, -28.0], (10, 13, 13)))
    parts.append(ball(at["n"] + [0.0, 12.0, -16.0], (14, 9, 5)))
    parts.append(ball(at["sts"] + [0.0, 2.0, -38.0], (18, 6, 20)))
    return parts


def _drawn_out(mesh: Mesh, loop: IntArray, shift: FloatArray) -> Mesh:
    """A hole closed by a wall along `shift` and a lid."""
    start = len(mesh.vertices)
    below = start + np.arange(len(loop))
    vertices = np.concatenate([mesh.vertices, mesh.vertices[loop] + shift])
    a, b, c, d = loop, np.roll(loop, -1), below, np.roll(below, -1)
    wall = np.concatenate([np.stack([b, a, c], 1), np.stack([b, c, d], 1)])
    return _fanned(Mesh(vertices, np.concatenate([mesh.faces, wall])), below, np.zeros(3))


def _fanned(mesh: Mesh, loop: IntArray, shift: FloatArray) -> Mesh:
    """A hole closed by a fan around its middle, which is moved."""
    apex = len(mesh.vertices)
    vertices = np.concatenate([mesh.vertices, mesh.vertices[loop].mean(axis=0, keepdims=True) + shift])
    fan = np.stack([np.roll(loop, -1), loop, np.full(len(loop), apex)], axis=1)
    return Mesh(vertices, np.concatenate([mesh.faces, fan]))


def _lofted(rings: FloatArray) -> Mesh:
    """Rings (N, M, 3) joined, and both ends closed; turned so that normals point outwards."""
    count, sides = rings.shape[:2]
    ids = np.arange(count * sides).reshape(count, sides)
    a, b = ids[:-1], np.roll(ids, -1, axis=1)[:-1]
    c, d = ids[1:], np.roll(ids, -1, axis=1)[1:]
    walls = [np.stack([a, b, c], -1).reshape(-1, 3), np.stack([b, d, c], -1).reshape(-1, 3)]
    mesh = Mesh(rings.reshape(-1, 3), np.concatenate(walls))
    mesh = _ends_closed(mesh, ids[0], ids[-1])
    corners = mesh.vertices[mesh.faces]
    volume = np.einsum("fi,fi->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2]))
    return mesh if volume > 0 else Mesh(mesh.vertices, mesh.faces[:, ::-1])


def _ends_closed(mesh: Mesh, first: IntArray, last: IntArray) -> Mesh:
    """Both rings triangulated in strips from side to side: right for the crescent of a trough as well."""
    faces = [mesh.faces]
    for ring, swap in ((first, True), (last, False)):
        half = len(ring) // 2
        up, down = ring[:half], ring[::-1][: len(ring) - half]
        strip = np.concatenate(
            [
                np.stack([up[:-1], up[1:], down[: half - 1]], 1),
                np.stack([up[1:], down[1:half], down[: half - 1]], 1),
            ]
        )
        faces.append(strip[:, ::-1] if swap else strip)
    return Mesh(mesh.vertices, np.concatenate(faces))
