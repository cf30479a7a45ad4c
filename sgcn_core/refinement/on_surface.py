"""The point on the triangles, not just on the vertices, whose Gaussian agrees best with a heatmap."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sgcn_core.geometry.surface_index import SurfaceIndex
from sgcn_core.refinement.mse_over_mesh import PULL_TO_MEAN, best_amplitude, best_vertices
from sgcn_core.refinement.top_nodes import TopNodes

BEST_VERTICES = 3
"""Number of best vertices from which the search over triangles starts."""

LARGE_EDGE = 2.0
"""Triangles with a longer edge, in sigma, are tried wherever they reach into the ball: their vertices may be far."""

SEED_REACH = 1.5
"""The search starts from vertices within r_m and this many sigma of m; it is free to leave that ball."""

ITERATIONS = 15
WALKS = 50

_MOVE = 1e-7
"""Smallest step, in sigma, that is worth another iteration."""


@dataclass(frozen=True, eq=False)
class SurfacePoints:
    """Points on triangles.

    Parameters
    ----------
    triangle : (L,) int64 array
        Triangle ids.
    barycentric : (L, 3) float64 array
        Weights of the triangle's corners: not negative, adding up to 1.
    error : (L,) float64 array
        Value of the objective there.
    """

    triangle: NDArray[np.int64]
    barycentric: NDArray[np.float64]
    error: NDArray[np.float64]


def best_surface_points(top: TopNodes, index: SurfaceIndex, radii: NDArray[np.float64]) -> SurfacePoints:
    """Minimise Eq. 8 with a free amplitude over the triangles around each landmark.

    The best vertices of the ball are found first. The objective is then minimised within each triangle around them, and
    the search walks on to the neighbours of the best triangle until none of them improves on it.

    Parameters
    ----------
    top : TopNodes
        The top nodes.
    index : SurfaceIndex
        The original surface.
    radii : (L,) array
        Radius of the ball around m (Eq. 7).

    Returns
    -------
    SurfacePoints
        One point per landmark.
    """
    count = len(top.mean)
    seed_radii = np.minimum(radii, top.radii() + SEED_REACH * top.sigma)
    start = best_vertices(top, index, seed_radii, count=BEST_VERTICES, used_only=True)
    owners, triangles = index.triangles_around(start.ravel(), np.repeat(np.arange(count), BEST_VERTICES))
    big_owners, big = index.large_triangles_near(top.mean, radii, LARGE_EDGE * top.sigma)
    if len(big):
        pairs = np.unique(np.concatenate([owners, big_owners]) * len(index.faces) + np.concatenate([triangles, big]))
        owners, triangles = np.divmod(pairs, len(index.faces))

    best_triangle = np.full(count, -1, dtype=np.int64)
    best_weights = np.zeros((count, 3))
    best_error = np.full(count, np.inf)
    seen = np.empty(0, dtype=np.int64)
    for _ in range(WALKS):
        seen = np.union1d(seen, owners * len(index.faces) + triangles)
        weights, errors = minimise_on_triangles(top, owners, index.vertices[index.faces[triangles]])
        order = np.lexsort((triangles, errors, owners))
        first = order[np.unique(owners[order], return_index=True)[1]]
        better = first[errors[first] < best_error[owners[first]]]
        moved = owners[better]
        best_triangle[moved] = triangles[better]
        best_weights[moved] = weights[better]
        best_error[moved] = errors[better]
        # Inside a triangle the optimum is reached; on its edge it may continue in a neighbour.
        moved = moved[best_weights[moved].min(axis=1) <= 0.0]
        owners, triangles = index.triangles_around(index.faces[best_triangle[moved]].ravel(), np.repeat(moved, 3))
        fresh = ~np.isin(owners * len(index.faces) + triangles, seen)
        owners, triangles = owners[fresh], triangles[fresh]
        if not len(owners):
            break
    return SurfacePoints(best_triangle, best_weights, best_error)


def minimise_on_triangles(
    top: TopNodes, landmarks: NDArray[np.int64], corners: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Minimise Eq. 8 with a free amplitude within triangles: damped, projected Gauss-Newton on all of them at once.

    The amplitude is eliminated (variable projection), which leaves two unknowns per triangle; every step minimises the
    quadratic model over the triangle exactly.

    Parameters
    ----------
    top : TopNodes
        The top nodes.
    landmarks : (n,) int64 array
        Row of the landmark that is sought in each triangle.
    corners : (n, 3, 3) array
        Corners of the triangles.

    Returns
    -------
    barycentric : (n, 3) array
        Weights of the corners.
    errors : (n,) array
        Value of the objective.
    """
    problem = _TriangleProblem.build(top, landmarks, corners)
    uv = problem.start()
    error, normal, slope = problem.linearise(uv)
    damping = np.full(len(uv), 1e-3)
    active = np.arange(len(uv))
    for _ in range(ITERATIONS):
        part = problem.subset(active)
        damped = normal[active] * (1.0 + damping[active, None, None] * np.eye(2))
        step = _step_within_triangle(damped, slope[active], uv[active])
        trial = uv[active] + step
        new_error, new_normal, new_slope = part.linearise(trial)
        accepted = new_error < error[active]
        won = active[accepted]
        uv[won], error[won] = trial[accepted], new_error[accepted]
        normal[won], slope[won] = new_normal[accepted], new_slope[accepted]
        damping[active] *= np.where(accepted, 0.1, 10.0)
        length = np.linalg.norm(np.einsum("nk,nkc->nc", step, part.edges), axis=1)
        active = active[length > _MOVE * top.sigma]
        if not len(active):
            break
    uv = np.clip(uv, 0.0, 1.0)
    uv /= np.maximum(uv.sum(axis=1, keepdims=True), 1.0)
    rest = np.maximum(1.0 - uv.sum(axis=1, keepdims=True), 0.0)
    return np.concatenate([rest, uv], axis=1), error


@dataclass(frozen=True, eq=False)
class _TriangleProblem:
    """n independent fits: a point ``origin + u edge_0 + v edge_1`` and an amplitude against t heatmap values."""

    origin: NDArray[np.float64]
    edges: NDArray[np.float64]
    nodes: NDArray[np.float64]
    heat: NDArray[np.float64]
    weight: NDArray[np.float64]
    peak: NDArray[np.float64]
    mean: NDArray[np.float64]
    sigma: float

    @classmethod
    def build(cls, top: TopNodes, landmarks: NDArray[np.int64], corners: NDArray[np.float64]) -> _TriangleProblem:
        keep = top.keep.astype(np.float64)
        return cls(
            origin=corners[:, 0],
            edges=corners[:, 1:] - corners[:, :1],
            nodes=top.positions[landmarks],
            heat=(top.values * keep)[landmarks],
            weight=(keep / keep.sum(axis=1, keepdims=True))[landmarks],
            peak=top.peak()[landmarks],
            mean=top.mean[landmarks],
            sigma=top.sigma,
        )

    def subset(self, rows: NDArray[np.int64]) -> _TriangleProblem:
        if len(rows) == len(self.origin):
            return self
        names = ("origin", "edges", "nodes", "heat", "weight", "peak", "mean")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})

    def start(self) -> NDArray[np.float64]:
        """The points of the triangles nearest to m; of a large triangle only a part is within reach of the Gaussian."""
        normal = np.einsum("nkc,njc->nkj", self.edges, self.edges)
        slope = np.einsum("nkc,nc->nk", self.edges, self.mean - self.origin)
        return _step_within_triangle(normal, slope, np.zeros((len(self.origin), 2)))

    def linearise(
        self, uv: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Objective (n,), Gauss-Newton matrix (n, 2, 2) and descent direction (n, 2) at the given coordinates."""
        point = self.origin + np.einsum("nk,nkc->nc", uv, self.edges)
        offset = (self.nodes - point[:, None, :]) / self.sigma
        gauss = np.exp(-0.5 * (offset**2).sum(axis=2)) * (self.weight > 0.0)
        norm = np.einsum("nt,nt->n", gauss, gauss)
        product = np.einsum("nt,nt->n", self.heat, gauss)
        amplitude = best_amplitude(product, norm, self.peak)[:, None]
        residual = self.heat - amplitude * gauss
        edges = self.edges / self.sigma
        jacobian = amplitude[:, None, :] * gauss[:, None, :] * np.einsum("nkc,ntc->nkt", edges, offset)
        # An amplitude at its bound does not follow the position: nothing is to be projected out then.
        follows = np.isclose(amplitude[:, 0] * norm, product, rtol=1e-9, atol=0.0)
        along = np.einsum("nkt,nt->nk", jacobian, gauss) / np.maximum(norm, np.finfo(np.float64).tiny)[:, None]
        jacobian -= (along * follows[:, None])[:, :, None] * gauss[:, None, :]
        away = (self.mean - point) / self.sigma
        error = (self.weight * residual**2).sum(axis=1) + PULL_TO_MEAN * (away**2).sum(axis=1)
        weighted = jacobian * self.weight[:, None, :]
        normal = np.einsum("nkt,njt->nkj", weighted, jacobian) + PULL_TO_MEAN * np.einsum("nkc,njc->nkj", edges, edges)
        slope = np.einsum("nkt,nt->nk", weighted, residual) + PULL_TO_MEAN * np.einsum("nkc,nc->nk", edges, away)
        return error, normal, slope


def _step_within_triangle(
    normal: NDArray[np.float64], slope: NDArray[np.float64], uv: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Steps d that minimise ``d.normal.d / 2 - slope.d`` with ``uv + d`` inside the unit triangle.

    A convex quadratic has its minimum in the interior or on one of the three edges: the best of the four candidates.
    """
    tiny = np.finfo(np.float64).tiny
    a, b, c = normal[:, 0, 0], normal[:, 0, 1], normal[:, 1, 1]
    # The same model in absolute coordinates: x.normal.x / 2 - pull.x
    pull = slope + np.einsum("nkj,nj->nk", normal, uv)
    p, q = pull[:, 0], pull[:, 1]
    determinant = np.maximum(a * c - b * b, tiny)
    with np.errstate(over="ignore", invalid="ignore"):
        inner_u, inner_v = (c * p - b * q) / determinant, (a * q - b * p) / determinant
        inside = (inner_u >= 0.0) & (inner_v >= 0.0) & (inner_u + inner_v <= 1.0)
    zero = np.zeros_like(p)
    on_u = np.clip(p / np.maximum(a, tiny), 0.0, 1.0)
    on_v = np.clip(q / np.maximum(c, tiny), 0.0, 1.0)
    # On the edge u + v = 1, with u = s: derivative (a - 2b + c) s + (b - c) - p + q.
    on_edge = np.clip((p - q + c - b) / np.maximum(a - 2.0 * b + c, tiny), 0.0, 1.0)
    candidates = np.array(
        [
            [np.where(inside, inner_u, 0.0), on_u, zero, on_edge],
            [np.where(inside, inner_v, 0.0), zero, on_v, 1.0 - on_edge],
        ]
    )
    u, v = candidates[0], candidates[1]
    value = u * (0.5 * a * u + b * v - p) + v * (0.5 * c * v - q)
    result: NDArray[np.float64] = np.take_along_axis(candidates, value.argmin(axis=0)[None, None], axis=1)[:, 0].T - uv
    return result
