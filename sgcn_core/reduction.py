"""Large scans: the steps work on a decimated copy; stage 2 ends on the original surface around each landmark.

The nodes of the graph are millimetres apart, so that a surface whose vertices are nearer than about a millimetre tells
the steps before stage 2 nothing more. Scans below `MOST_VERTICES` are taken as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sgcn_core.cleaning.clean import Cleaned, clean_surface
from sgcn_core.geometry.decimation import Decimated, decimate
from sgcn_core.types.surface import Surface, compacted, used_vertices

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

MOST_VERTICES = 300_000
"""Scans with more are decimated."""

_COUNT = 120_000  # vertices of a decimated scan
_FOLDED = 0.03  # of a decimated surface, at most, that lies folded where the original was rough


@dataclass(frozen=True, eq=False)
class Reduced:
    """A scan and its decimated copy, which are one and the same where it is small enough.

    Attributes
    ----------
    original : Surface
    surface : Surface
        The copy, in the same frame and unit.
    decimated : Decimated or None
        How the copy came about; None where there is none.
    """

    original: Surface
    surface: Surface
    decimated: Decimated | None = None

    @property
    def spacing(self) -> float:
        """Distance of the vertices of the decimated copy, in the unit of the scan; 0 where there is none."""
        return 0.0 if self.decimated is None else self.decimated.cell

    def around(self, chosen: BoolArray, clean: Cleaned) -> tuple[Reduced, Cleaned]:
        """The part of the original that belongs to chosen vertices (Q,) of the cleaned copy, reduced and cleaned again.

        What cleaning removed from the copy stays away.
        """
        copy = clean.surface
        faces = self._faces_of(chosen & used_vertices(len(copy.vertices), copy.faces))
        part = reduced(self.original.with_(faces=faces).compacted())
        return part, Cleaned(part.cleaned().surface, clean.notes)

    def cleaned(self) -> Cleaned:
        """The copy, cleaned."""
        return clean_surface(self.surface, folded=0.0 if self.decimated is None else _FOLDED)

    def near(self, points: FloatArray, reach: float, clean: Cleaned) -> tuple[FloatArray, IntArray]:
        """Vertices (V, 3) and triangles (G, 3) of the original within about ``reach`` of points (N, 3) that lie on the
        cleaned copy; all in the unit of the scan."""
        from scipy.spatial import cKDTree

        copy = clean.surface
        kept = np.flatnonzero(used_vertices(len(copy.vertices), copy.faces))
        distance = np.asarray(cKDTree(points).query(copy.vertices[kept], distance_upper_bound=reach)[0])
        chosen = np.zeros(len(copy.vertices), dtype=bool)
        chosen[kept[np.isfinite(distance)]] = True
        return compacted(self.original.vertices, self._faces_of(chosen))

    def _faces_of(self, chosen: BoolArray) -> IntArray:
        """Triangles of the original whose corners all became one of the chosen vertices (Q,) of the copy."""
        faces = self.original.faces
        if self.decimated is None:
            small: IntArray = faces[chosen[faces].all(axis=1)]
            return small
        vertices = np.append(chosen, False).take(self.decimated.cluster)  # -1, unused, is the last
        inside = vertices.take(faces[:, 0])
        inside &= vertices.take(faces[:, 1])
        inside &= vertices.take(faces[:, 2])
        found: IntArray = faces[inside]
        return found


def reduced(surface: Surface) -> Reduced:
    """The scan with a decimated copy if it has more than `MOST_VERTICES`, else with itself."""
    if len(surface.vertices) <= MOST_VERTICES:
        return Reduced(surface, surface)
    small = decimate(surface.vertices, surface.faces, _COUNT)
    if not len(small.faces):
        return Reduced(surface, surface)
    return Reduced(surface, replace(surface, vertices=small.vertices, faces=small.faces), small)
