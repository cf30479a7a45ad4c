"""Landmarks that are defined by an extremum, found anew on every generated face instead of at a fixed vertex.

A face model keeps its topology: its vertex at the tip of the average nose is not the tip of every nose. The landmarks
of ``EXTREMA`` are therefore moved to the extremum of their definition, within a small patch of skin around the vertex,
and land on the surface between the vertices. All other landmarks (borders of colour, creases, attachments) have no such
definition and stay at their vertex.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra
from torch import Tensor

from sgcn_core.datasets.surface_projection import closest_on_triangles

# Width of the soft maximum, in millimetres of the criterion: what is this close to the extremum shares in it.
_SOFTNESS = 0.15
# Largest edge of the pieces that the triangles of a patch are cut into, and the most pieces along an edge.
_PIECE, _MOST_PIECES = 1.2, 6
# The strip that a midline landmark stays in, on either side of the average face's midline.
_STRIP = 1.0
# How many triangles nearest to the extremum are tried for the landing.
_LANDINGS = 12


@dataclass(frozen=True)
class Extremum:
    """How a landmark is defined.

    Parameters
    ----------
    direction : (x, y, z)
        The landmark is the furthest point along it, head frame. x points away from the midline.
    reach : float
        Radius of the patch of skin that is searched, along the surface of the average face, millimetres.
    play : float
        Half of the squared distance to the vertex, divided by ``play`` (millimetres), is taken from the criterion: on a
        flat area tilted by an angle a the landmark moves by ``play * sin(a)`` and no further.
    chord : two labels, optional
        Instead of ``direction``: the deepest point behind the line between these two, in the sagittal plane.
    halfway : two labels, optional
        Instead of ``direction``: the point as far from one as from the other of these extrema.
    """

    direction: tuple[float, float, float] = (0.0, 0.0, 1.0)
    reach: float = 7.0
    play: float = 20.0
    chord: tuple[str, str] | None = None
    halfway: tuple[str, str] | None = None


# The direction of me, zy and go is the normal of the average face at the landmark: their ridges are too smooth for an
# axis of the head to say where along them the landmark lies, and a human places them by the shape around.
EXTREMA: dict[str, Extremum] = {
    "g": Extremum(play=15.0),
    "se": Extremum(direction=(0.0, 0.0, -1.0)),
    "prn": Extremum(play=40.0),
    "sl": Extremum(chord=("li", "pg"), play=30.0),
    "pg": Extremum(play=15.0, reach=8.0),
    "me": Extremum(direction=(0.0, -0.96, 0.28), play=12.0, reach=8.0),
    "gn": Extremum(halfway=("pg", "me"), reach=14.0),
    "al": Extremum(direction=(1.0, 0.0, 0.0), play=8.0, reach=6.0),
    "zy": Extremum(direction=(1.0, -0.08, 0.05), play=12.0, reach=8.0),
    "go": Extremum(direction=(0.92, -0.37, 0.12), play=8.0, reach=8.0),
    "sa": Extremum(direction=(0.0, 1.0, 0.0), play=15.0),
    "sba": Extremum(direction=(0.0, -1.0, 0.0), play=10.0, reach=4.0),
    "pa": Extremum(direction=(0.0, 0.0, -1.0), play=30.0),
}


@dataclass(frozen=True, eq=False)
class SurfaceSites:
    """Places on a mesh: positions on any warped copy of it follow by ``on``.

    Attributes
    ----------
    corners : Tensor of int64, shape (B, L, 3), vertices of the triangle each place lies in
    weights : Tensor, shape (B, L, 3), barycentric
    """

    corners: Tensor
    weights: Tensor

    def on(self, vertices: Tensor) -> Tensor:
        """Positions (B, L, 3) of the places on ``vertices`` (B, V, 3)."""
        each = torch.arange(len(vertices), device=vertices.device)[:, None, None]
        return (self.weights[..., None] * vertices[each, self.corners]).sum(2)


@dataclass(frozen=True, eq=False)
class _Patches:
    """Patches of skin around E landmarks: K triangles, S pieces of them; padded.

    triangles (E, K, 3) vertices; valid (E, K); owner (E, S) triangle of each piece within the patch, weights (E, S, 3)
    its centre, log_area (E, S), minus infinity where padded.
    """

    triangles: Tensor
    valid: Tensor
    owner: Tensor
    weights: Tensor
    log_area: Tensor


class LandmarkExtrema:
    """Solves the landmarks of ``EXTREMA`` that a face model has.

    Parameters
    ----------
    neutral : Tensor, shape (V, 3)
        Average face, head frame, millimetres.
    faces : Tensor of int64, shape (F, 3)
    labels : landmark names, L of them
    landmarks : Tensor of int64, shape (L,)
        Their vertices; negative where the model has none.
    skin : int, optional
        Only triangles of the first ``skin`` vertices are searched; all of them by default.
    table : dict, optional
        Definitions by label, without side; ``EXTREMA`` by default, an empty one leaves every landmark at its vertex.
    """

    def __init__(
        self,
        neutral: Tensor,
        faces: Tensor,
        labels: tuple[str, ...],
        landmarks: Tensor,
        *,
        skin: int | None = None,
        table: dict[str, Extremum] | None = None,
    ) -> None:
        self.landmarks = landmarks.clamp(min=0)
        column = {label: i for i, label in enumerate(labels) if landmarks[i] >= 0}
        rules = {label: rule for label, rule in _with_sides(EXTREMA if table is None else table) if label in column}
        rules = {label: rule for label, rule in rules.items() if set(rule.chord or rule.halfway or ()) <= set(column)}
        self.labels = tuple(sorted(rules, key=lambda label: rules[label].halfway is not None))
        self._rules = [rules[label] for label in self.labels]
        self._columns = [column[label] for label in self.labels]
        self._column = column
        midline = [not label.endswith(("_r", "_l")) for label in self.labels]
        reaches = [rule.reach for rule in self._rules]
        if self.labels:
            centres = [int(landmarks[i]) for i in self._columns]
            used = faces if skin is None else faces[(faces < skin).all(1)]
            patches = _make_patches(neutral.cpu().numpy(), used.cpu().numpy(), centres, reaches, midline)
            self._patches = _Patches(*(torch.from_numpy(array).to(neutral.device) for array in patches))
        signs = [-1.0 if label.endswith("_r") else 1.0 for label in self.labels]
        directions = [
            (sign * rule.direction[0], *rule.direction[1:]) for sign, rule in zip(signs, self._rules, strict=True)
        ]
        self._directions = neutral.new_tensor(directions).view(-1, 3)
        self._play = neutral.new_tensor([rule.play for rule in self._rules])

    def solve(self, vertices: Tensor) -> Tensor:
        """Positions (B, L, 3) of all landmarks on ``vertices`` (B, V, 3), which stand upright in the head frame."""
        return self.locate(vertices).on(vertices)

    def locate(self, vertices: Tensor) -> SurfaceSites:
        """Where on the mesh the landmarks lie; landmarks without a definition here lie at their vertex."""
        count = len(vertices)
        corners = self.landmarks.view(1, -1, 1).repeat(count, 1, 3)
        weights = vertices.new_zeros(corners.shape)
        weights[..., 0] = 1.0
        direct = [i for i, rule in enumerate(self._rules) if rule.halfway is None]
        between = [i for i, rule in enumerate(self._rules) if rule.halfway is not None]
        for group in (direct, between):
            if group:
                found = self._extrema(vertices, group, SurfaceSites(corners, weights).on(vertices))
                columns = [self._columns[i] for i in group]
                corners[:, columns], weights[:, columns] = found.corners, found.weights
        return SurfaceSites(corners, weights)

    def _extrema(self, vertices: Tensor, group: list[int], positions: Tensor) -> SurfaceSites:
        """The extrema of one group, given the positions (B, L, 3) of what they refer to."""
        triangles, owner = self._patches.triangles[group], self._patches.owner[group]
        corners = vertices[:, triangles]
        of_piece = owner[None, ..., None, None].expand(len(vertices), -1, -1, 3, 3)
        pieces = (self._patches.weights[group][..., None] * torch.gather(corners, 2, of_piece)).sum(3)
        score = self._score(pieces, group, positions) / _SOFTNESS + self._patches.log_area[group]
        extremum = torch.einsum("bes,besi->bei", torch.softmax(score, 2), pieces)
        return _landed(extremum, corners, triangles, self._patches.valid[group])

    def _score(self, pieces: Tensor, group: list[int], positions: Tensor) -> Tensor:
        """Criterion (B, E, S) in millimetres at the pieces (B, E, S, 3)."""
        if self._rules[group[0]].halfway is not None:
            ends = [[self._column[label] for label in self._rules[i].halfway or ()] for i in group]
            distances = (pieces[:, :, :, None] - positions[:, ends][:, :, None]).norm(dim=4)
            return -(distances[..., 0] - distances[..., 1]).abs()
        directions = self._directions[group].repeat(len(pieces), 1, 1)
        for row, i in enumerate(group):
            chord = self._rules[i].chord
            if chord is not None:
                upper, lower = (positions[:, self._column[label]] for label in chord)
                line = torch.nn.functional.normalize((lower - upper)[:, 1:], dim=1)
                directions[:, row] = torch.stack([torch.zeros_like(line[:, 0]), -line[:, 1], line[:, 0]], 1)
        away = pieces - positions[:, [self._columns[i] for i in group], None]
        along = torch.einsum("besi,bei->bes", away, directions)
        return along - away.square().sum(3) / (2.0 * self._play[group])[:, None]


def _with_sides(table: dict[str, Extremum]) -> list[tuple[str, Extremum]]:
    return [(label + side, rule) for label, rule in table.items() for side in ("", "_r", "_l")]


def _landed(points: Tensor, corners: Tensor, triangles: Tensor, valid: Tensor) -> SurfaceSites:
    """The places nearest to ``points`` (B, E, 3) on the patches ``corners`` (B, E, K, 3, 3)."""
    distance = (corners.mean(3) - points[:, :, None]).square().sum(3).masked_fill(~valid, torch.inf)
    near = distance.topk(min(_LANDINGS, distance.shape[2]), dim=2, largest=False).indices
    tried = torch.gather(corners, 2, near[..., None, None].expand(-1, -1, -1, 3, 3))
    weights, squared = closest_on_triangles(points[:, :, None], tried)
    squared = squared.masked_fill(~torch.gather(valid.expand(len(points), -1, -1), 2, near), torch.inf)
    best = squared.argmin(2, keepdim=True)
    chosen = torch.gather(near, 2, best)
    ids = torch.gather(triangles.expand(len(points), -1, -1, -1), 2, chosen[..., None].expand(-1, -1, -1, 3))
    return SurfaceSites(ids[:, :, 0], torch.gather(weights, 2, best[..., None].expand(-1, -1, -1, 3))[:, :, 0])


def _make_patches(
    vertices: np.ndarray, faces: np.ndarray, centres: list[int], reaches: list[float], midline: list[bool]
) -> list[np.ndarray]:
    """Arrays of ``_Patches``."""
    patches = []
    along = _surface_distances(vertices, faces, centres, max(reaches))
    for centre, reach, strip, distance in zip(centres, reaches, midline, along, strict=True):
        patch = faces[(distance[faces] <= reach).any(1) & np.isfinite(distance[faces]).all(1)]
        owner, weights, area = _cut(vertices[patch])
        places = np.einsum("si,six->sx", weights, vertices[patch][owner])
        keep = np.linalg.norm(places - vertices[centre], axis=1) <= reach
        if strip:
            keep &= np.abs(places[:, 0] - vertices[centre, 0]) <= _STRIP
        patches.append((patch, np.ones(len(patch), bool), owner[keep], weights[keep], np.log(area[keep])))
    fills = (0, False, 0, 0.0, -np.inf)
    return [_padded([patch[i] for patch in patches], fill) for i, fill in enumerate(fills)]


def _surface_distances(vertices: np.ndarray, faces: np.ndarray, centres: list[int], reach: float) -> np.ndarray:
    """Distances (E, V) along the edges; infinite beyond a little more than ``reach``."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = np.unique(np.sort(edges, 1), axis=0)
    lengths = np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1)
    graph = coo_matrix((lengths, edges.T), shape=(len(vertices), len(vertices))).tocsr()
    # Paths along edges are longer than the surface's own.
    return np.asarray(dijkstra(graph, directed=False, indices=centres, limit=1.5 * reach + 5.0))


def _cut(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut triangles (K, 3, 3) into small ones: owner (S,), barycentric centres (S, 3), area (S,)."""
    edges = np.linalg.norm(corners - np.roll(corners, 1, 1), axis=2).max(1)
    parts = np.clip(np.ceil(edges / _PIECE), 1, _MOST_PIECES).astype(int)
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
    centres = [_centres(n) for n in parts]
    owner = np.repeat(np.arange(len(corners)), parts**2)
    area = np.maximum(areas[owner] / parts[owner] ** 2, 1e-6)
    return owner, np.concatenate(centres).astype(np.float32), area.astype(np.float32)


def _centres(n: int) -> np.ndarray:
    """Barycentric centres (n * n, 3) of the pieces of a triangle whose edges are cut into n."""
    upright = [(i + 1 / 3, j + 1 / 3) for i in range(n) for j in range(n - i)]
    inverted = [(i + 2 / 3, j + 2 / 3) for i in range(n - 1) for j in range(n - 1 - i)]
    ab = np.array(upright + inverted) / n
    return np.column_stack([1.0 - ab.sum(1), ab])


def _padded(arrays: list[np.ndarray], fill: float) -> np.ndarray:
    """Stacked along a new first axis, the shorter ones filled up."""
    length = max(len(array) for array in arrays)
    stacked = np.full((len(arrays), length, *arrays[0].shape[1:]), fill, dtype=arrays[0].dtype)
    for row, array in zip(stacked, arrays, strict=True):
        row[: len(array)] = array
    return stacked
