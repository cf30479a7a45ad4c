"""MSE-over-mesh: the vertex whose Gaussian agrees best with a heatmap (Eq. 7-8)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sgcn_core.geometry.surface_index import SurfaceIndex
from sgcn_core.refinement.top_nodes import TopNodes

FAR = 3.0
"""Beyond this many sigma of every top node a candidate is only looked at if it could still win."""

LOWEST_AMPLITUDE = 1e-6
"""A Gaussian that explains a heatmap is positive; heatmaps of absent landmarks would ask for a negative one."""

HIGHEST_AMPLITUDE = 2.0
"""Largest Gaussian, as a multiple of the heatmap's peak: a node always lies close enough to the landmark for that. It
matters only for heatmaps that say nothing, whose amplitude would otherwise be arbitrarily large."""

ROUNDING = 1e-12
"""Errors of Eq. 8 closer than this are compared again, term by term."""

PULL_TO_MEAN = 1e-5
"""Weight of the squared distance to m, in sigma, that a free amplitude adds to Eq. 8. It decides only where the heatmap
says nothing (absent landmark, a single node); elsewhere it moves the optimum by about a ten-thousandth of sigma."""


def gaussians(centres: NDArray[np.float64], nodes: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Heatmap values that landmarks at `centres` (..., n, 3) would have at `nodes` (..., t, 3): (..., n, t), Eq. 1."""
    squared = (centres[..., :, None, 0] - nodes[..., None, :, 0]) ** 2
    squared += (centres[..., :, None, 1] - nodes[..., None, :, 1]) ** 2
    squared += (centres[..., :, None, 2] - nodes[..., None, :, 2]) ** 2
    squared /= -2.0 * sigma**2
    return np.exp(squared, out=squared)


def best_amplitude(
    product: NDArray[np.float64], norm: NDArray[np.float64], peak: NDArray[np.float64] | float
) -> NDArray[np.float64]:
    """Height a* = <h, g> / <g, g> that minimises ||h - a g||^2, kept positive and bounded by the peak.

    Parameters
    ----------
    product, norm : (...) arrays
        <h, g> and <g, g>, one per candidate.
    peak : array or float
        Highest heatmap value of the landmark.

    Returns
    -------
    (...) array
        Amplitudes, one per candidate.
    """
    highest = np.maximum(HIGHEST_AMPLITUDE * np.asarray(peak), LOWEST_AMPLITUDE)
    # A product over a vanishing norm may overflow: the bound is the answer then.
    with np.errstate(over="ignore"):
        fitted: NDArray[np.float64] = product / np.maximum(norm, np.finfo(np.float64).tiny)
        return fitted.clip(LOWEST_AMPLITUDE, highest)


def vertex_errors(top: TopNodes, landmark: int, candidates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Value of Eq. 8 for every candidate position of one landmark, to about 1e-14.

    Parameters
    ----------
    top : TopNodes
        The top nodes.
    landmark : int
        Row of the landmark.
    candidates : (n, 3) array
        Candidate positions.

    Returns
    -------
    (n,) float64 array
        Mean squared difference; with a free amplitude the pull to m is included.
    """
    keep = top.keep[landmark]
    heat = top.values[landmark, keep]
    gauss = gaussians(candidates, top.positions[landmark, keep], top.sigma)
    # ||h - a g||^2 = <h, h> - 2 a <h, g> + a^2 <g, g>: two products instead of an array of differences.
    product = gauss @ heat
    norm = np.einsum("nt,nt->n", gauss, gauss)
    if not top.free_amplitude:
        errors: NDArray[np.float64] = (heat @ heat - 2.0 * product + norm) / len(heat)
        return errors
    amplitude = best_amplitude(product, norm, heat.max())
    offset = (candidates - top.mean[landmark]) / top.sigma
    away = np.einsum("nc,nc->n", offset, offset)
    squares = heat @ heat - 2.0 * amplitude * product + amplitude**2 * norm
    errors = squares / len(heat) + PULL_TO_MEAN * away
    return errors


def _smallest(
    top: TopNodes, landmark: int, candidates: NDArray[np.float64], errors: NDArray[np.float64], count: int
) -> NDArray[np.int64]:
    """Rows of the candidates with the smallest errors, best first, ties by row."""
    if count == 1 and not top.free_amplitude:
        # Eq. 8 to the last bit, term by term as printed, for the few that rounding may have put in the wrong order.
        close = np.flatnonzero(errors <= errors.min() + ROUNDING * (1.0 + top.values[landmark, 0] ** 2))
        gauss = gaussians(candidates[close], top.positions[landmark], top.sigma)
        exact = ((top.values[landmark] - gauss) ** 2).mean(axis=1, where=top.keep[landmark])
        return close[[exact.argmin()]]
    if len(errors) > count:
        rows = np.flatnonzero(errors <= np.partition(errors, count - 1)[count - 1])
        return rows[np.argsort(errors[rows], kind="stable")[:count]]
    return np.argsort(errors, kind="stable")


def best_vertices(
    top: TopNodes, index: SurfaceIndex, radii: NDArray[np.float64], *, count: int = 1, used_only: bool = False
) -> NDArray[np.int64]:
    """Find the vertices in each landmark's ball that minimise Eq. 8.

    Parameters
    ----------
    top : TopNodes
        The top nodes.
    index : SurfaceIndex
        The original surface.
    radii : (L,) array
        Radius of the ball B_m around m (Eq. 7).
    count : int
        How many of the best vertices to return.
    used_only : bool
        Ignore vertices without a triangle.

    Returns
    -------
    (L, count) int64 array
        Vertex ids, best first, ties by id; the last one is repeated where a ball holds fewer. Where the ball is empty
        or has no extent, the vertex nearest to m.

    Notes
    -----
    Beyond r_m + 3 sigma every Gaussian is below exp(-4.5) at all top nodes, which bounds Eq. 8 from below. With the
    amplitude of 1 the vertices out there are evaluated only if the bound does not already exclude them, so the answer
    is that of the exhaustive search.
    """
    near = radii if top.free_amplitude else np.minimum(radii, top.radii() + FAR * top.sigma)
    balls = index.vertex_tree.query_ball_point(top.mean, near)
    isolated = None
    if used_only and len(index.used_vertices) < len(index.vertices):
        isolated = np.ones(len(index.vertices), dtype=bool)
        isolated[index.used_vertices] = False

    best = np.empty((len(balls), count), dtype=np.int64)
    for landmark, ball in enumerate(balls):
        ids = _usable(ball, isolated)
        errors = vertex_errors(top, landmark, index.vertices[ids])
        if radii[landmark] > near[landmark] and not _beats_all_far(top, landmark, errors):
            ids = _usable(index.vertex_tree.query_ball_point(top.mean[landmark], radii[landmark]), isolated)
            errors = vertex_errors(top, landmark, index.vertices[ids])
        if not len(ids) or radii[landmark] <= 0.0:
            best[landmark] = _nearest_vertex(index, top.mean[landmark], isolated)
            continue
        chosen = ids[_smallest(top, landmark, index.vertices[ids], errors, count)]
        best[landmark] = chosen[np.minimum(np.arange(count), len(chosen) - 1)]
    return best


def _usable(ball: list[int], isolated: NDArray[np.bool_] | None) -> NDArray[np.int64]:
    """Vertex ids of a ball in ascending order, so that ties go to the lowest id."""
    ids = np.array(ball, dtype=np.int64)
    ids.sort()
    return ids if isolated is None else ids[~isolated[ids]]


def _beats_all_far(top: TopNodes, landmark: int, errors: NDArray[np.float64]) -> bool:
    """Whether no candidate beyond r_m + FAR sigma can reach the best of these errors."""
    if not len(errors):
        return False
    heat = top.values[landmark, top.keep[landmark]]
    unexplained = heat - np.clip(heat, 0.0, np.exp(-0.5 * FAR**2))
    return bool(errors.min() < (unexplained**2).mean() * (1.0 - 1e-9))


def _nearest_vertex(index: SurfaceIndex, point: NDArray[np.float64], isolated: NDArray[np.bool_] | None) -> int:
    """Nearest vertex; among equally near ones the lowest id."""
    if isolated is None:
        return int(index.vertex_tree.query(point)[1])
    squared = ((index.vertices[index.used_vertices] - point) ** 2).sum(axis=1)
    return int(index.used_vertices[squared.argmin()])
