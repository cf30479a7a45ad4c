"""Landmarks that are defined by an extremum, found again on every generated face instead of at a fixed vertex.

A face model keeps its topology: its vertex at the tip of the average nose is not the tip of every nose. The landmarks
of ``EXTREMA`` are therefore moved to the extremum of their definition, within a small patch of skin around the vertex,
and projected onto the surface between the vertices. All other landmarks (borders of colour, creases, attachments) have
no such definition and stay at their vertex.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from research.synthesis.closest_on_triangles import closest_on_triangles
from research.synthesis.surface_patches import SearchArea, SurfacePatches

# Width of the soft maximum, in millimetres of the criterion: what is this close to the extremum shares in it.
_SOFTNESS = 0.15
# How many triangles nearest to the extremum are tried for the projection.
_PROJECTED = 12


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
    apart : label, optional
        Skin nearer to this landmark, of the same side, than to the vertex is not searched.
    """

    direction: tuple[float, float, float] = (0.0, 0.0, 1.0)
    reach: float = 7.0
    play: float = 20.0
    chord: tuple[str, str] | None = None
    apart: str | None = None


# The direction of me, zy and go is the normal of the average face at the landmark: their ridges are too smooth for an
# axis of the head to say where along them the landmark lies, and a human places them by the shape around.
EXTREMA: dict[str, Extremum] = {
    "g": Extremum(play=15.0),
    "se": Extremum(direction=(0.0, 0.0, -1.0)),
    # Half of what four annotators of real scans place it higher than straight forward of the head frame.
    "prn": Extremum(direction=(0.0, 0.06, 1.0), play=40.0),
    "sl": Extremum(chord=("li", "pg"), play=30.0),
    "pg": Extremum(play=15.0, reach=8.0),
    "me": Extremum(direction=(0.0, -0.96, 0.28), play=12.0, reach=8.0),
    # The cheek beyond the crease is wider than the wing, and the wing so flat that what is most lateral on it lies near
    # the crease; people place it where the wing is roundest, some 2 mm in front of that.
    "al": Extremum(direction=(0.94, 0.0, 0.34), play=8.0, reach=6.0, apart="ac"),
    "zy": Extremum(direction=(1.0, -0.08, 0.05), play=12.0, reach=8.0),
    "go": Extremum(direction=(0.92, -0.37, 0.12), play=8.0, reach=8.0),
    "sa": Extremum(direction=(0.0, 1.0, 0.0), play=15.0),
    "sba": Extremum(direction=(0.0, -1.0, 0.0), play=10.0, reach=4.0, apart="obi"),
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
        rules = {label: rule for label, rule in rules.items() if set(rule.chord or ()) <= set(column)}
        self.labels = tuple(rules)
        self._rules = [rules[label] for label in self.labels]
        self._columns = [column[label] for label in self.labels]
        self._column = column
        if self.labels:
            searched = faces if skin is None else faces[(faces < skin).all(1)]
            areas = [_search_area(label, rules[label], column, landmarks) for label in self.labels]
            self._patches = SurfacePatches.around(neutral, searched, areas)
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
        if self.labels:
            found = self._extrema(vertices)
            corners[:, self._columns], weights[:, self._columns] = found.corners, found.weights
        return SurfaceSites(corners, weights)

    def _extrema(self, vertices: Tensor) -> SurfaceSites:
        triangles, owner = self._patches.triangles, self._patches.owner
        corners = vertices[:, triangles]
        of_piece = owner[None, ..., None, None].expand(len(vertices), -1, -1, 3, 3)
        pieces = (self._patches.weights[..., None] * torch.gather(corners, 2, of_piece)).sum(3)
        score = self._score(pieces, vertices[:, self.landmarks]) / _SOFTNESS + self._patches.log_area
        extremum = torch.einsum("bes,besi->bei", torch.softmax(score, 2), pieces)
        return _projected(extremum, corners, triangles, self._patches.valid)

    def _score(self, pieces: Tensor, positions: Tensor) -> Tensor:
        """Criterion (B, E, S) in millimetres at the pieces (B, E, S, 3); ``positions`` (B, L, 3) are the vertices'."""
        directions = self._directions.repeat(len(pieces), 1, 1)
        for row, rule in enumerate(self._rules):
            chord = rule.chord
            if chord is not None:
                upper, lower = (positions[:, self._column[label]] for label in chord)
                line = torch.nn.functional.normalize((lower - upper)[:, 1:], dim=1)
                directions[:, row] = torch.stack([torch.zeros_like(line[:, 0]), -line[:, 1], line[:, 0]], 1)
        away = pieces - positions[:, self._columns, None]
        along = torch.einsum("besi,bei->bes", away, directions)
        return along - away.square().sum(3) / (2.0 * self._play)[:, None]


def _with_sides(table: dict[str, Extremum]) -> list[tuple[str, Extremum]]:
    return [(label + side, rule) for label, rule in table.items() for side in ("", "_r", "_l")]


def _search_area(label: str, rule: Extremum, column: dict[str, int], landmarks: Tensor) -> SearchArea:
    side = label[-2:] if label.endswith(("_r", "_l")) else ""
    other = column.get((rule.apart or "") + side)
    apart = None if other is None else int(landmarks[other])
    return SearchArea(int(landmarks[column[label]]), rule.reach, not side, apart)


def _projected(points: Tensor, corners: Tensor, triangles: Tensor, valid: Tensor) -> SurfaceSites:
    """The places nearest to ``points`` (B, E, 3) on the patches ``corners`` (B, E, K, 3, 3)."""
    distance = (corners.mean(3) - points[:, :, None]).square().sum(3).masked_fill(~valid, torch.inf)
    near = distance.topk(min(_PROJECTED, distance.shape[2]), dim=2, largest=False).indices
    tried = torch.gather(corners, 2, near[..., None, None].expand(-1, -1, -1, 3, 3))
    weights, squared = closest_on_triangles(points[:, :, None], tried)
    squared = squared.masked_fill(~torch.gather(valid.expand(len(points), -1, -1), 2, near), torch.inf)
    best = squared.argmin(2, keepdim=True)
    chosen = torch.gather(near, 2, best)
    ids = torch.gather(triangles.expand(len(points), -1, -1, -1), 2, chosen[..., None].expand(-1, -1, -1, 3))
    return SurfaceSites(ids[:, :, 0], torch.gather(weights, 2, best[..., None].expand(-1, -1, -1, 3))[:, :, 0])
