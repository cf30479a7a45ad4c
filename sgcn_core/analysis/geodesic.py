"""Shortest ways over a triangle mesh between points that lie anywhere on it. SciPy only."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from sgcn_core.types.surface import Surface, coincident_vertices

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.int64]

PASSES = ((2, 0.0), (3, 8.0), (6, 2.5))
"""Points on every edge, and within how many millimetres of the way found before the next one is searched; the first
searches the whole band."""
_BAND = 1.04  # a way through the vertices is up to so much longer than the shortest one, in most meshes
_NEAREST = 12  # vertices around which the triangle of a point is searched
_CORNER_PAIRS = tuple(combinations(range(3), 2))


@dataclass(frozen=True, eq=False)
class SurfaceWays:
    """Shortest ways over one surface.

    A graph of the vertices bounds where the shortest way can run. In that band every edge gets further points, a
    shortest way through the triangles is searched (Lanthier, Maheshwari and Sack 2001), and its crossings are then
    moved along their edges until the length is smallest, which is a convex problem.

    Parameters
    ----------
    surface : Surface
    """

    surface: Surface
    _found: dict[bytes, FloatArray | None] = field(default_factory=dict, repr=False)

    @cached_property
    def _mesh(self) -> tuple[FloatArray, IndexArray]:
        """Vertices and triangles with coincident vertices joined."""
        first, group = coincident_vertices(self.surface.vertices)
        faces = group[self.surface.faces]
        proper = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
        return self.surface.vertices[first], faces[proper]

    @cached_property
    def _graph(self) -> csr_matrix:
        vertices, faces = self._mesh
        ends = np.sort(np.concatenate([faces[:, pair] for pair in _CORNER_PAIRS]), axis=1)
        numbers = np.unique(ends[:, 0] * len(vertices) + ends[:, 1])
        return _lengths_graph(vertices, np.stack(np.divmod(numbers, len(vertices)), axis=1))

    @cached_property
    def _used(self) -> IndexArray:
        return np.unique(self._mesh[1])

    @cached_property
    def _tree(self) -> cKDTree:
        return cKDTree(self._mesh[0][self._used])

    def way(self, start: FloatArray, end: FloatArray) -> FloatArray | None:
        """The shortest way (M, 3) between two points (3,), first put onto the surface; None where there is none."""
        key = np.concatenate([start, end]).tobytes()
        if key not in self._found:
            self._found[key] = self._way(start, end)
        return self._found[key]

    def lengths(self, start: FloatArray, end: FloatArray) -> FloatArray:
        """Lengths (K,) of the ways between points (K, 3); NaN where there is none.

        Exact for the first row; for the others, which must be close to it, to first order: the length grows by the
        step of an end along the way.
        """
        way = self.way(start[0], end[0])
        if way is None:
            return np.full(max(len(start), len(end)), np.nan)
        steps = np.linalg.norm(np.diff(way, axis=0), axis=1)
        way = way[np.concatenate([[True], steps > 1e-9])]
        if len(way) < 2:
            return np.zeros(max(len(start), len(end)))
        out_of_start, out_of_end = way[0] - way[1], way[-1] - way[-2]
        grown: FloatArray = (
            steps.sum()
            + (start - start[0]) @ (out_of_start / np.linalg.norm(out_of_start))
            + (end - end[0]) @ (out_of_end / np.linalg.norm(out_of_end))
        )
        return grown

    def _way(self, start: FloatArray, end: FloatArray) -> FloatArray | None:
        vertices, faces = self._mesh
        (first_face, second_face), ends = self._on_surface(np.stack([start, end]))
        if first_face == second_face:
            return ends
        seeds = [faces[face] for face in (first_face, second_face)]
        reached = [
            dijkstra(self._graph, indices=seed, min_only=True, limit=3.0 * np.linalg.norm(start - end) + 30.0)
            for seed in seeds
        ]
        shortest = (reached[0] + reached[1]).min()
        if not np.isfinite(shortest):
            return None
        near = reached[0] + reached[1] <= _BAND * shortest + 6.0
        band: NDArray[np.bool_] = near[faces].any(axis=1)
        band[[first_face, second_face]] = True
        way: FloatArray | None = None
        for count, radius in PASSES:
            if way is not None:
                band = self._about(way, radius)
                band[[first_face, second_face]] = True
            number = np.cumsum(band) - 1
            own = (int(number[first_face]), int(number[second_face]))
            way = _way_through(vertices, faces[band], ends, own, count, count == PASSES[-1][0])
            if way is None:
                return None
        return way

    def _about(self, way: FloatArray, radius: float) -> NDArray[np.bool_]:
        """The triangles (F,) with a corner within ``radius`` of a way, and their neighbours."""
        vertices, faces = self._mesh
        spacing = np.linalg.norm(np.diff(way, axis=0), axis=1).max()
        near = cKDTree(way).query(vertices, distance_upper_bound=radius + spacing)[0] < np.inf
        near[faces[_any_corner(near, faces)]] = True
        return _any_corner(near, faces)

    def _on_surface(self, points: FloatArray) -> tuple[list[int], FloatArray]:
        """The triangle of each point, and the closest place on it."""
        vertices, faces = self._mesh
        used = self._used
        chosen, places = [], []
        for point in points:
            near = np.zeros(len(vertices), dtype=bool)
            near[used[self._tree.query(point, k=min(_NEAREST, len(used)))[1]]] = True
            around = np.flatnonzero(near[faces].any(axis=1))
            closest = _closest_on_triangles(point, vertices[faces[around]])
            best = int(np.linalg.norm(closest - point, axis=1).argmin())
            chosen.append(int(around[best]))
            places.append(closest[best])
        return chosen, np.array(places)


def _closest_on_triangles(point: FloatArray, corners: FloatArray) -> FloatArray:
    """The closest place (F, 3) of each triangle (F, 3, 3): on its plane if that is inside, else on its nearest edge."""
    u, v, w = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0], point - corners[:, 0]
    uu, uv, vv = (u * u).sum(1), (u * v).sum(1), (v * v).sum(1)
    wu, wv = (w * u).sum(1), (w * v).sum(1)
    determinant = np.maximum(uu * vv - uv * uv, 1e-12)
    b, c = (vv * wu - uv * wv) / determinant, (uu * wv - uv * wu) / determinant
    inside = (b >= 0) & (c >= 0) & (b + c <= 1)
    places = [corners[:, 0] + b[:, None] * u + c[:, None] * v]
    for first, second in _CORNER_PAIRS:
        edge = corners[:, second] - corners[:, first]
        along = ((point - corners[:, first]) * edge).sum(1) / np.maximum((edge * edge).sum(1), 1e-12)
        places.append(corners[:, first] + np.clip(along, 0.0, 1.0)[:, None] * edge)
    stacked = np.stack(places)
    away = np.linalg.norm(stacked - point, axis=2)
    away[0, ~inside] = np.inf
    nearest: FloatArray = stacked[away.argmin(axis=0), np.arange(len(corners))]
    return nearest


def _any_corner(chosen: NDArray[np.bool_], faces: IndexArray) -> NDArray[np.bool_]:
    """Which triangles (F,) have a chosen corner."""
    with_corner: NDArray[np.bool_] = np.logical_or.reduce(chosen[faces], axis=1)
    return with_corner


def _lengths_graph(points: FloatArray, ends: IndexArray) -> csr_matrix:
    """Graph whose edges (E, 2), each listed once, weigh their lengths, in both directions."""
    lengths = np.maximum(np.linalg.norm(points[ends[:, 0]] - points[ends[:, 1]], axis=1), 1e-12)
    both, weights = np.concatenate([ends, ends[:, ::-1]]), np.concatenate([lengths, lengths])
    return csr_matrix((weights, (both[:, 0], both[:, 1])), shape=(len(points), len(points)))


def _way_through(
    vertices: FloatArray, faces: IndexArray, ends: FloatArray, end_faces: tuple[int, int], count: int, straighten: bool
) -> FloatArray | None:
    """Shortest way (M, 3) through triangles (F, 3) from one end to the other, with ``count`` points on every edge."""
    used, faces = np.unique(faces, return_inverse=True)
    corners, faces = vertices[used], faces.reshape(-1, 3)
    sides = np.sort(np.stack([faces[:, pair] for pair in _CORNER_PAIRS], axis=1), axis=2).reshape(-1, 2)
    numbers, of_face = np.unique(sides[:, 0] * len(corners) + sides[:, 1], return_inverse=True)
    edges, of_face = np.stack(np.divmod(numbers, len(corners)), axis=1), of_face.reshape(-1, 3)
    share = np.arange(1, count + 1) / (count + 1)
    low, high = corners[edges[:, 0]], corners[edges[:, 1]]
    on_edges = low[:, None] + share[None, :, None] * (high - low)[:, None]
    points = np.concatenate([corners, on_edges.reshape(-1, 3), ends])
    on_edge = len(corners) + np.arange(len(edges))[:, None] * count + np.arange(count)  # (E, k)
    links = _links(faces, of_face, edges, on_edge)
    for number, face in enumerate(end_faces):
        own = np.concatenate([faces[face], on_edge[of_face[face]].ravel()])
        links.append(np.stack([own, np.full(len(own), len(points) - 2 + number)], axis=1))
    graph = _lengths_graph(points, np.concatenate(links))
    distances, before = dijkstra(graph, indices=len(points) - 2, return_predecessors=True)
    if not np.isfinite(distances[-1]):
        return None
    way = [len(points) - 1]
    while way[-1] != len(points) - 2:
        way.append(int(before[way[-1]]))
    if not straighten:
        return points[way[::-1]]
    return _straightened(np.array(way[::-1]), points, np.repeat(edges, count, axis=0), len(corners))


def _links(faces: IndexArray, of_face: IndexArray, edges: IndexArray, on_edge: IndexArray) -> list[IndexArray]:
    """Pairs of nodes, each once: along every edge, and through every triangle between different edges."""
    count = on_edge.shape[1]
    chain = np.concatenate([edges[:, :1], on_edge, edges[:, 1:]], axis=1)
    links = [np.stack([chain[:, place], chain[:, place + 1]], axis=1) for place in range(count + 1)]
    for corner, edge in ((2, 0), (1, 1), (0, 2)):  # the corner opposite to each of _CORNER_PAIRS
        links.append(np.stack([np.repeat(faces[:, corner], count), on_edge[of_face[:, edge]].ravel()], axis=1))
    for first, second in _CORNER_PAIRS:
        one, other = np.broadcast_arrays(on_edge[of_face[:, first], :, None], on_edge[of_face[:, second], None, :])
        links.append(np.stack([one.ravel(), other.ravel()], axis=1))
    return links


def _straightened(way: IndexArray, points: FloatArray, edges: IndexArray, corners: int) -> FloatArray:
    """The way with its crossings moved along their edges to where it is shortest.

    Of `points`, the first are the ``corners`` corners, then come those on `edges`, then both ends.
    """
    crossing = (way >= corners) & (way < len(points) - 2)
    fixed: FloatArray = points[way]
    if not crossing.any():
        return fixed
    edge = edges[way[crossing] - corners]
    low, along = points[edge[:, 0]], points[edge[:, 1]] - points[edge[:, 0]]
    start = ((points[way[crossing]] - low) * along).sum(axis=1) / (along * along).sum(axis=1)

    def placed(shares: FloatArray) -> FloatArray:
        moved: FloatArray = fixed.copy()
        moved[crossing] = low + shares[:, None] * along
        return moved

    def length(shares: FloatArray) -> tuple[float, FloatArray]:
        steps = np.diff(placed(shares), axis=0)
        sizes = np.maximum(np.linalg.norm(steps, axis=1), 1e-12)
        directions = steps / sizes[:, None]
        pull = np.zeros_like(fixed)
        pull[1:] += directions
        pull[:-1] -= directions
        return float(sizes.sum()), (pull[crossing] * along).sum(axis=1)

    best = minimize(
        length, start, jac=True, method="L-BFGS-B", bounds=[(0.0, 1.0)] * len(start), options={"maxiter": 100}
    )
    shortest: FloatArray = placed(best.x if best.fun <= length(start)[0] else start)
    return shortest
