"""From a posed surface to the input of the network: nodes, their features and the two graphs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import FaceNotFoundError
from sgcn_core.geometry.similarity import Similarity
from sgcn_core.graph.coarse import coarse_set
from sgcn_core.graph.crop import faces_near
from sgcn_core.graph.fine import fine_neighbours, spatial_order
from sgcn_core.sampling.poisson_disk import sample_poisson_disk
from sgcn_core.types.arrays import ReadOnlyArrays
from sgcn_core.types.surface import compacted

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

BEYOND = 0.1
"""Stage 2 looks for landmarks a little beyond the crop, in normalised units (12 mm)."""


@dataclass(frozen=True, eq=False)
class FaceGraph(ReadOnlyArrays):
    """One face as the network sees it; all coordinates normalised.

    Attributes
    ----------
    nodes, normals : (N, 3) float64
    neighbours : (N, k) int64, the fine graph
    members : (N,) bool, the coarse set C (Eq. 5)
    vertices (P, 3), faces (F, 3) : the original surface's part around the crop
    to_normalised : Similarity, from the scan (millimetres, its own axes)
    standardised : Similarity, what the coordinates of the canonical crop were moved by afterwards; usually nothing
    """

    nodes: FloatArray
    normals: FloatArray
    neighbours: IntArray
    members: NDArray[np.bool_]
    vertices: FloatArray
    faces: IntArray
    to_normalised: Similarity = field(default_factory=Similarity.identity)
    standardised: Similarity = field(default_factory=Similarity.identity)

    def moved(self, by: Similarity) -> FaceGraph:
        """The same graph in other normalised coordinates."""
        return replace(
            self,
            nodes=by.apply(self.nodes),
            normals=by.apply_to_normals(self.normals),
            vertices=by.apply(self.vertices),
            to_normalised=by @ self.to_normalised,
            standardised=by @ self.standardised,
        )


def build_face_graph(
    vertices: FloatArray,
    faces: IntArray,
    to_normalised: Similarity,
    prototype: FloatArray,
    *,
    margin: float,
    count: int,
    neighbours: int,
    seed: int,
) -> FaceGraph:
    """Crop the posed surface, draw exactly ``count`` nodes on it and connect them.

    Parameters
    ----------
    vertices (P, 3), faces (F, 3) : the scan in its own frame
    to_normalised : Similarity, from the scan to normalised coordinates: pose and standardisation in one
    prototype : (L, 3) array, normalised
    margin : float, how far around the prototype the crop reaches, normalised
    count : int, nodes
    neighbours : int, k
    seed : int, of the sampling

    Raises
    ------
    FaceNotFoundError
        If no part of the surface lies in the crop.
    """
    posed = to_normalised.apply(vertices)
    around = faces[faces_near(posed, faces, prototype, margin + BEYOND)]
    posed, around = compacted(posed, around)
    inside = faces_near(posed, around, prototype, margin)
    if not inside.any():
        raise FaceNotFoundError("no part of the surface lies in the region of the face; check the unit")
    samples = sample_poisson_disk(posed, around[inside], count, seed=seed)
    samples = samples.take(spatial_order(samples.points))
    members = np.zeros(count, dtype=bool)
    members[coarse_set(samples.points, prototype)] = True
    return FaceGraph(
        nodes=samples.points,
        normals=samples.normals,
        neighbours=fine_neighbours(samples.points, neighbours),
        members=members,
        vertices=posed,
        faces=around,
        to_normalised=to_normalised,
    )
