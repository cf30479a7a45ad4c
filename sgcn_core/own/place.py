"""Own landmarks on one scan: transferred by the network's landmarks, found by the head, put on the surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from sgcn_core.geometry.closest_point import closest_on_surface
from sgcn_core.geometry.surface_index import SurfaceIndex
from sgcn_core.graph.face_graph import FaceGraph
from sgcn_core.own.head import head_features
from sgcn_core.own.landmarks import OwnLandmarks
from sgcn_core.own.transfer import thin_plate_spline
from sgcn_core.refinement.landmark_estimation import refine
from sgcn_core.types.landmarks import CONFIDENT_WITHIN_MM
from sgcn_core.uncertainty.assess import Assessment
from sgcn_core.uncertainty.boundary import OpenEdges, distance_to
from sgcn_core.uncertainty.thresholds import FOUND, MISSING, UNCERTAIN, Thresholds

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# Millimetres of the head frame: the scan ends where a landmark was transferred to and drawn back by so much; a place
# so far off the surface shows that something else, or nothing, was scanned there.
_DRAWN_BACK, _OFF_SURFACE = 3.0, 10.0
# A landmark this close to the end of the scan is uncertain (mm).
_NEAR_END = 3.0
# Of the peak that nearly all held-out scans exceed: below it the landmark is not on the scan, under hair or the like;
# and the least peak that says so.
_NOT_SEEN, _LEAST_PEAK = 0.5, 0.2
# Of so many landmarks of the network around a place.
_AROUND = 5
_OPENING = 8.0  # millimetres; openings less wide are faults of the mesh


@dataclass(frozen=True, eq=False)
class Guides:
    """What the network's own landmarks say about the scan; normalised.

    Attributes
    ----------
    positions : (G, 3), on the scan
    seen : (G,), which of them it shows
    prototype : (G, 3), mean landmarks
    """

    positions: FloatArray
    seen: BoolArray
    prototype: FloatArray

    def to_scan(self, places: FloatArray) -> FloatArray:
        """Points of the mean face (P, 3) carried over to the scan."""
        return thin_plate_spline(self.prototype[self.seen], self.positions[self.seen])(places)

    def to_mean(self, places: FloatArray) -> FloatArray:
        """Points of the scan (P, 3) carried over to the mean face."""
        return thin_plate_spline(self.positions[self.seen], self.prototype[self.seen])(places)

    def seen_around(self, places: FloatArray) -> FloatArray:
        """Share (P,) of the five landmarks next to a place of the mean face that the scan shows."""
        from scipy.spatial import cKDTree

        near = np.asarray(cKDTree(self.prototype).query(places, min(_AROUND, len(self.prototype)))[1])
        share: FloatArray = self.seen[near.reshape(len(places), -1)].mean(1)
        return share


@dataclass(frozen=True, eq=False)
class OwnPlaced:
    """Own landmarks on a scan, normalised.

    Attributes
    ----------
    positions : (L, 3), on the surface
    transferred : (L, 3), by the network's landmarks alone, on the surface
    by_head : (L, 3), by the heatmaps alone, on the surface
    gap : (L,), from where the transfer has it to the surface
    heat : (N, L) float32, heatmaps of the head
    peak : (L,), of the heatmap
    seen_around : (L,), share of the network's landmarks around it that the scan shows
    """

    positions: FloatArray
    transferred: FloatArray
    by_head: FloatArray
    gap: FloatArray
    heat: NDArray[np.float32]
    peak: FloatArray
    seen_around: FloatArray

    @property
    def disagreement(self) -> FloatArray:
        """Distance (L,) between head and transfer."""
        apart: FloatArray = np.linalg.norm(self.by_head - self.transferred, axis=1)
        return apart


def place_own(
    own: OwnLandmarks, graph: FaceGraph, embedding: torch.Tensor, guides: Guides, *, sigma: float, t: int, gamma: float
) -> OwnPlaced:
    """Own landmarks on a posed scan.

    Parameters
    ----------
    own : OwnLandmarks
    graph : FaceGraph of N nodes
    embedding : (N, E), of the blocks that the head reads
    guides : Guides
    sigma, t, gamma : as of ``refine``
    """
    index = SurfaceIndex(graph.vertices, graph.faces)
    with torch.inference_mode():
        features = head_features(
            torch.tensor(graph.nodes),
            embedding.cpu(),
            torch.tensor(guides.to_mean(graph.nodes)),
            torch.tensor(own.prototype),
        )
        heat = own.head(features).numpy()
    found = refine(
        heat, graph.nodes, graph.vertices, graph.faces, mode="surface", sigma=sigma, t=t, gamma=gamma, index=index
    )
    carried = guides.to_scan(own.prototype)
    transferred = closest_on_surface(carried, index)
    return OwnPlaced(
        positions=blended(transferred, found.positions, own.share, index),
        transferred=transferred,
        by_head=found.positions,
        gap=np.linalg.norm(transferred - carried, axis=1),
        heat=heat,
        peak=found.peak,
        seen_around=guides.seen_around(own.prototype),
    )


def blended(transferred: FloatArray, by_head: FloatArray, share: FloatArray, index: SurfaceIndex) -> FloatArray:
    """Between both positions (L, 3), by the share (L,) of the head, on the surface."""
    return closest_on_surface(transferred + share[:, None] * (by_head - transferred), index)


def assess_own(
    own: OwnLandmarks, placed: OwnPlaced, edges: OpenEdges, thresholds: Thresholds, *, unit: float, size: float
) -> Assessment:
    """Status and errors of own landmarks.

    Missing where the scan ends before the place that the transfer gives, where that lies off the surface, or where the
    head does not see the landmark: its heatmap is half as high as on nearly all held-out scans, or lower. Uncertain
    near the end of the scan, where few of the landmarks around it are seen, where the heatmap is lower than on nearly
    all held-out scans, where head and transfer lie further apart than on any of these (the bound is then at least that
    distance), or where the bound is large. The errors are those of the held-out scans of the cross-validation.

    Parameters
    ----------
    own, placed : OwnLandmarks and where they lie
    edges : OpenEdges of the scan, normalised
    thresholds : Thresholds of the weights
    unit : millimetres of the head frame for one normalised unit
    size : millimetres of the person for one of the head frame
    """
    boundary = edges.points(least_extent=_OPENING / unit)
    end = unit * distance_to(boundary, placed.transferred)
    end_of_position = unit * distance_to(boundary, placed.positions)
    gap = unit * placed.gap
    beyond = (gap > _DRAWN_BACK) & (end < _DRAWN_BACK)
    missing = beyond | (gap > _OFF_SURFACE) | (placed.peak < np.maximum(_NOT_SEEN * own.peak, _LEAST_PEAK))
    apart = unit * size * placed.disagreement
    contradicted = apart > np.maximum(own.disagreement, own.bound)
    bound = np.where(contradicted, np.maximum(own.bound, apart), own.bound)
    doubtful = contradicted | (end_of_position < _NEAR_END) | (placed.seen_around < 0.5)
    doubtful |= placed.peak < own.peak
    status = np.where(missing, MISSING, np.where(doubtful | (bound > thresholds.uncertain_bound), UNCERTAIN, FOUND))
    confidence = own.within(CONFIDENT_WITHIN_MM)
    return Assessment(
        confidence=np.where(doubtful, np.minimum(confidence, thresholds.found_peak), confidence),
        status=tuple(status.tolist()),
        expected_error=np.where(contradicted, np.maximum(own.expected, apart / 2.0), own.expected),
        error_bound=bound,
        by_definition=~doubtful & (own.bound > thresholds.uncertain_bound),
    )
