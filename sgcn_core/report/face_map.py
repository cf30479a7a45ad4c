"""Signed distances from the skin of a face to another surface, on the vertices of the whole scan."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sgcn_core.analysis.case import AnalysisCase
from sgcn_core.analysis.distance_maps import distance_map
from sgcn_core.analysis.regions import face_mask
from sgcn_core.geometry.similarity import Similarity
from sgcn_core.types.arrays import ReadOnlyArrays
from sgcn_core.types.surface import Surface, used_vertices

_REACH = 40.0  # mm around the landmarks; the cheeks have few


@dataclass(frozen=True, eq=False)
class FaceMap(ReadOnlyArrays):
    """A surface (mm, LPS) and the signed distance (P,) of its vertices, mm; NaN beyond the face and where unknown."""

    surface: Surface
    distance: NDArray[np.float64]


def face_distances(case: AnalysisCase, other: Surface) -> FaceMap:
    """Distances of the face of a case to another surface (mm, LPS); positive where the face lies outside it.

    What lies far from all landmarks of the face is left out: hair, neck, the back of the head.
    """
    surface = case.surface
    assert surface is not None
    distance = np.full(len(surface.vertices), np.nan)
    kept = face_mask(case, reach=_REACH)[surface.faces].all(axis=1)
    if kept.any():
        part = surface.clipped(kept).compacted()
        used = used_vertices(len(surface.vertices), surface.faces[kept])
        distance[used] = distance_map(part, other).distance
    return FaceMap(surface, distance)


def moved(case: AnalysisCase, motion: Similarity) -> AnalysisCase:
    """A case with its surface and landmarks moved."""
    assert case.surface is not None
    surface = case.surface.transformed(motion.as_matrix())
    return replace(case, surface=surface, positions=motion.apply(case.positions))
