"""Landmark estimation: the second stage of 2S-SGCN (paper, section 4.2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sgcn_core.geometry.surface_index import SurfaceIndex
from sgcn_core.refinement.modes import RefinementMode, refinement_mode
from sgcn_core.refinement.mse_over_mesh import best_amplitude, best_vertices, gaussians
from sgcn_core.refinement.on_surface import best_surface_points
from sgcn_core.refinement.top_nodes import TopNodes, near_centre, top_nodes
from sgcn_core.refinement.weighted_mean import weighted_mean

STRAY_LIMIT = 4.0
"""Top nodes further than this many sigma from the centre of the others are ignored by the robust modes."""

LARGEST_BALL = 6.0
"""Largest radius of the ball of Eq. 7, in sigma, in the robust modes."""


@dataclass(frozen=True, eq=False)
class Refined:
    """Positions of L landmarks and quality measures. All lengths are in the unit of the input.

    Parameters
    ----------
    positions : (L, 3) float64 array
        The landmarks. On the surface, except in the mode "mean".
    mean : (L, 3) float64 array
        m of Eq. 6.
    residual : (L,) float64 array
        Root mean square difference between the heatmap and the Gaussian over the top nodes (root of Eq. 8), in heatmap
        units.
    amplitude : (L,) float64 array
        Height of the Gaussian at `positions` that agrees best with the heatmap; about 1 where the network is sure. In
        the modes without a free amplitude it is information only.
    peak : (L,) float64 array
        Highest heatmap value, of the top nodes that were used. Near zero: the landmark was not seen, and its position
        means nothing.
    spread : (L,) float64 array
        Root mean square distance of the top nodes from `mean`.
    vertex : (L,) int64 array
        Vertex id of the position, -1 in the modes that do not choose a vertex.
    triangle : (L,) int64 array
        Id of the triangle the position lies on, -1 in the modes that do not choose a triangle.
    barycentric : (L, 3) float64 array
        Weights of that triangle's corners; zeros where `triangle` is -1.
    """

    positions: NDArray[np.float64]
    mean: NDArray[np.float64]
    residual: NDArray[np.float64]
    amplitude: NDArray[np.float64]
    peak: NDArray[np.float64]
    spread: NDArray[np.float64]
    vertex: NDArray[np.int64]
    triangle: NDArray[np.int64]
    barycentric: NDArray[np.float64]


def refine(
    heatmaps: ArrayLike,
    nodes: ArrayLike,
    vertices: ArrayLike,
    faces: ArrayLike,
    *,
    mode: str | RefinementMode = "surface",
    sigma: float = 0.03,
    t: int = 12,
    gamma: float = 5.0,
    index: SurfaceIndex | None = None,
) -> Refined:
    """Estimate landmark positions on the original surface from heatmaps on resampled nodes.

    Parameters
    ----------
    heatmaps : (N, L) array
        Predicted heatmaps; unclipped network outputs.
    nodes : (N, 3) array
        Positions of the nodes, in the same (normalised) frame and unit as the vertices.
    vertices : (P, 3) array
        Vertices of the original surface.
    faces : (F, 3) array
        Its triangles.
    mode : {"surface", "amplitude", "paper", "mean"} or RefinementMode
        "paper": Eq. 6-8 as printed, a vertex. "amplitude": the height of the Gaussian is fitted, a vertex. "surface":
        the same, anywhere on the triangles. "mean": Eq. 6 alone, not on the surface (1S-SGCN). All but "paper" ignore
        stray top nodes and bound the ball of Eq. 7.
    sigma : float
        Standard deviation of the Gaussian the network was trained with (Eq. 1).
    t : int
        Number of top nodes.
    gamma : float
        Factor of the ball's radius (Eq. 7), above 1.
    index : SurfaceIndex, optional
        The same surface, prepared; saves its preparation when one surface is refined several times.

    Returns
    -------
    Refined
        Positions and quality measures. Always finite, also for flat heatmaps.

    Raises
    ------
    ValueError
        If shapes do not agree, values are not finite, or a parameter is out of range.
    SurfaceError
        If the surface is unusable.

    Notes
    -----
    Equations 6-8 of 2S-SGCN (doi 10.1016/j.cviu.2024.104227), with the factor 1/i of Eq. 6 left out, see
    `weighted_mean`. Where the ball of Eq. 7 holds no vertex, the nearest vertex is taken.
    """
    chosen = refinement_mode(mode)
    points = np.asarray(nodes, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3 or len(points) != len(np.asarray(heatmaps)):
        raise ValueError(
            f"nodes must have shape (N, 3) with a row per row of heatmaps; "
            f"received {points.shape} and {np.shape(heatmaps)}"
        )
    if not np.isfinite(points).all():
        raise ValueError("nodes must be finite; some coordinates are NaN or infinite")
    if not sigma > 0.0 or not gamma > 1.0:
        raise ValueError(f"sigma must be above 0 and gamma above 1; received {sigma} and {gamma}")

    if index is not None and index.vertices.shape != np.shape(vertices):
        raise ValueError(f"index is of {len(index.vertices)} vertices, but {len(np.asarray(vertices))} were given")
    top = _gather(heatmaps, points, chosen, sigma, t)
    surface = SurfaceIndex(np.asarray(vertices), np.asarray(faces)) if index is None else index
    radii = gamma * top.radii()
    if chosen.robust:
        radii = np.minimum(radii, LARGEST_BALL * sigma)

    count = len(top.mean)
    vertex = np.full(count, -1, dtype=np.int64)
    triangle = np.full(count, -1, dtype=np.int64)
    barycentric = np.zeros((count, 3))
    if chosen.candidates == "none" or not count:
        positions = top.mean.copy()
    elif chosen.candidates == "vertices":
        vertex = best_vertices(top, surface, radii)[:, 0]
        positions = surface.vertices[vertex]
    else:
        found = best_surface_points(top, surface, radii)
        triangle, barycentric = found.triangle, found.barycentric
        positions = np.einsum("lk,lkc->lc", barycentric, surface.vertices[surface.faces[triangle]])
    residual, amplitude = _agreement(top, positions)
    return Refined(
        positions=positions,
        mean=top.mean,
        residual=residual,
        amplitude=amplitude,
        peak=top.peak(),
        spread=top.spread(),
        vertex=vertex,
        triangle=triangle,
        barycentric=barycentric,
    )


def _gather(heatmaps: ArrayLike, nodes: NDArray[np.float64], mode: RefinementMode, sigma: float, t: int) -> TopNodes:
    """Top nodes and weighted means of all landmarks."""
    ids, values = top_nodes(heatmaps, t)
    positions = nodes[ids]
    keep = np.ones(ids.shape, dtype=bool)
    if mode.robust:
        keep = near_centre(positions, values, STRAY_LIMIT * sigma)
    mean = weighted_mean(positions, values, keep)
    return TopNodes(positions, values, keep, mean, sigma, mode.free_amplitude)


def _agreement(top: TopNodes, positions: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Root of Eq. 8 at the positions, and the amplitude that would make it smallest."""
    gauss = gaussians(positions[:, None, :], top.positions, top.sigma)[:, 0, :] * top.keep
    heat = top.values * top.keep
    product, norm = np.einsum("lt,lt->l", heat, gauss), np.einsum("lt,lt->l", gauss, gauss)
    amplitude = best_amplitude(product, norm, top.peak())
    height = amplitude[:, None] if top.free_amplitude else 1.0
    squared = ((heat - height * gauss) ** 2).sum(axis=1) / top.keep.sum(axis=1)
    return np.sqrt(squared), amplitude
