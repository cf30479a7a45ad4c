"""Whether a scan may lack a landmark: only where it ends, has a hole or shows something else is a landmark missing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sgcn_core.uncertainty.boundary import OpenEdges, distance_to
from sgcn_core.uncertainty.expectation import UNLIKE, Expectation

FloatArray = NDArray[np.float64]

END_EXTENT = 80.0
"""Millimetres: open edges longer than any eye or mouth are the end of the scan."""

# Millimetres: openings less wide are faults of the mesh; so close to an opening, and so many standard deviations of the
# expectation, a landmark may lie in it.
_HOLE_EXTENT, _HOLE_REACH, _HOLE_DEVIATIONS = 8.0, 3.0, 1.0
# Millimetres from the end of the scan, and standard deviations of the expectation, within which it may lie beyond.
_END_REACH, _END_DEVIATIONS = 2.0, 2.0
# The same from the nearest node: the surface there is another one, or none.
_OFF_REACH, _OFF_DEVIATIONS = 3.0, 1.0


def may_be_absent(expected: Expectation, nodes: FloatArray, edges: OpenEdges, *, unit: float) -> NDArray[np.bool_]:
    """Which landmarks (L,) are expected at the end of the scan, at a hole or off the surface (under a cover), or lie
    far from where they are expected: then the heatmap shows something else.

    Parameters
    ----------
    expected : Expectation, where the other landmarks expect each one
    nodes : (N, 3), on the surface
    edges : OpenEdges of the surface
    unit : millimetres of the head frame for one unit of all these lengths
    """
    from scipy.spatial import cKDTree

    vagueness = unit * expected.vagueness
    end = unit * distance_to(edges.points(least_extent=END_EXTENT / unit), expected.positions)
    hole = unit * distance_to(edges.points(least_extent=_HOLE_EXTENT / unit), expected.positions)
    off = unit * np.asarray(cKDTree(nodes).query(expected.positions)[0])
    possible: NDArray[np.bool_] = (
        (end < _END_REACH + _END_DEVIATIONS * vagueness)
        | (hole < _HOLE_REACH + _HOLE_DEVIATIONS * vagueness)
        | (off > _OFF_REACH + _OFF_DEVIATIONS * vagueness)
        | (expected.distance > UNLIKE)
    )
    return possible
