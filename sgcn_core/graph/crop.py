"""The canonical crop: which region of the head the network sees, the same in training and in use.

Head frame, millimetres: +x the subject's left, +y up, +z out of the face. The region is everything within
``CROP_MARGIN`` of a landmark of the prototype, so that hair, neck and clothes stay outside as far as possible.
Positions are normalised by a fixed centre and radius and not by what a scan happens to show, so that the heatmap's
sigma, the prototype and every learned distance mean the same on a full bust and on a face cut at the hairline.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sgcn_core.types.arrays import ReadOnlyArrays

FloatArray = NDArray[np.float64]

CROP_CENTRE = (0.0, -8.0, 57.0)
CROP_RADIUS = 120.0
CROP_MARGIN = 30.0


def faces_near(vertices: FloatArray, faces: NDArray[np.int64], centres: FloatArray, reach: float) -> NDArray[np.bool_]:
    """Mask of the triangles within ``reach`` of any of the ``centres``.

    Parameters
    ----------
    vertices : (P, 3) array, head frame
    faces : (F, 3) array
    centres : (L, 3) array, the prototype in the head frame and the same unit
    reach : float

    Returns
    -------
    (F,) bool
        By the centroid of the triangle; one so large that its centroid is further away counts if a corner is near.
    """
    from scipy.spatial import cKDTree

    tree = cKDTree(centres)
    near = np.asarray(tree.query(vertices, distance_upper_bound=1.5 * reach)[0])[faces]
    chosen: NDArray[np.bool_] = near.min(1) < reach
    doubtful = chosen & (near.max(1) > reach)
    rows = np.flatnonzero(doubtful)
    corners = vertices[faces[rows]]
    centroids = corners.mean(1)
    centroid_distance, _ = tree.query(centroids)
    size = np.linalg.norm(corners - centroids[:, None], axis=2).max(1)
    chosen[rows] = centroid_distance < np.maximum(reach, size)
    return chosen


@dataclass(frozen=True, eq=False)
class Region(ReadOnlyArrays):
    """A box in the head frame that holds the canonical crop of one pose and of all poses nearby.

    Attributes
    ----------
    low, high : (3,) float64, head frame
    """

    low: FloatArray
    high: FloatArray

    @classmethod
    def around(cls, centres: FloatArray, reach: float) -> Region:
        """Everything within ``reach`` of the centres (L, 3), and the corners of that box."""
        return cls(centres.min(axis=0) - reach, centres.max(axis=0) + reach)

    def holds(self, other: Region) -> bool:
        """Whether the other box lies in this one."""
        return bool((other.low >= self.low).all() and (other.high <= self.high).all())

    def contains(self, points: FloatArray) -> NDArray[np.bool_]:
        """Which points (P, 3) lie in it."""
        x, y, z = points.T
        inside = (x >= self.low[0]) & (x <= self.high[0])
        inside &= (y >= self.low[1]) & (y <= self.high[1])
        inside &= (z >= self.low[2]) & (z <= self.high[2])
        chosen: NDArray[np.bool_] = inside
        return chosen
