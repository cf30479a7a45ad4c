"""Parts of a mesh that nobody can see from outside."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sgcn_core.cleaning.topology import Patches, connected
from sgcn_core.cleaning.views import Views
from sgcn_core.cleaning.visibility import PIXEL, Samples, exposure
from sgcn_core.geometry.triangles import triangle_normals

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_FEWEST = 4  # points that speak for a patch
_UNSEEN = 0.02  # of the points of a patch; below, nobody sees the patch
_REGION = 0.01  # of the whole area; smaller hidden places (nostrils, ears) stay
_MARGIN = 2.0  # pixels of the depth buffer, how deep a hidden region stays beside what is seen
_RINGS = 60
_BLOCK = 500_000


def unseen_patches(views: Views, count: int) -> BoolArray:
    """Mask (P,) of the patches that cannot be seen from outside."""
    seen = (views.seen.front + views.seen.back) > 0
    points = np.bincount(views.patch, minlength=count)
    visible = np.bincount(views.patch, weights=seen, minlength=count)
    hidden: BoolArray = (points >= _FEWEST) & (visible < _UNSEEN * points)
    return hidden


def partly_unseen_patches(views: Views, inward: BoolArray, unseen: BoolArray) -> BoolArray:
    """Mask (P,) of the patches whose outer side has a part that nobody sees, large enough to be looked at closely."""
    outer = np.where(inward[views.patch], views.seen.back, views.seen.front)
    hidden = np.bincount(views.patch, weights=outer == 0, minlength=len(inward))
    return (hidden >= _REGION * len(views.patch)) & ~unseen


def unseen_regions(
    vertices: FloatArray,
    faces: IntArray,
    areas: FloatArray,
    patches: Patches,
    samples: Samples,
    suspicious: BoolArray,
) -> BoolArray:
    """Mask (F,) of large parts of patches whose front cannot be seen: mouth bags, airways, the inside of hollow models.

    Only among the suspicious triangles (F,). A region ends some way behind the last that is seen of it, so that
    nostrils and lips keep smooth edges.
    """
    asked = np.flatnonzero(suspicious)
    hidden = np.zeros(len(faces), dtype=bool)
    for start in range(0, len(asked), _BLOCK):
        block = faces[asked[start : start + _BLOCK]]
        seen = exposure(vertices[block].mean(axis=1), triangle_normals(vertices, block), samples)
        hidden[asked[start : start + _BLOCK]] = seen.front == 0
    if not hidden.any():
        return hidden
    hidden = _smoothed(hidden, patches.pairs)
    hidden = _large_regions(hidden, areas, patches.pairs, _REGION)
    return _large_regions(_shrunk(hidden, areas, patches.pairs, samples.spacing), areas, patches.pairs, _REGION / 4)


def _smoothed(hidden: BoolArray, pairs: IntArray) -> BoolArray:
    """Single triangles go with their neighbours."""
    for _ in range(3):
        votes = np.bincount(pairs[:, 0], weights=hidden[pairs[:, 1]], minlength=len(hidden))
        votes += np.bincount(pairs[:, 1], weights=hidden[pairs[:, 0]], minlength=len(hidden))
        hidden = votes + hidden >= 2
    return hidden


def _large_regions(hidden: BoolArray, areas: FloatArray, pairs: IntArray, least: float) -> BoolArray:
    """The connected regions of the mask with at least this share of the whole area."""
    _, region = connected(pairs[hidden[pairs].all(axis=1)], len(areas))
    area = np.bincount(region, weights=areas * hidden)
    return hidden & (area >= least * areas.sum())[region]


def _shrunk(hidden: BoolArray, areas: FloatArray, pairs: IntArray, spacing: float) -> BoolArray:
    """The mask without a margin along its border with what is seen."""
    if not hidden.any():
        return hidden
    width = float(np.sqrt(areas[hidden].mean())) * 1.5  # of a ring of triangles, roughly
    hidden = hidden.copy()
    for _ in range(min(_RINGS, int(np.ceil(_MARGIN * PIXEL * spacing / width)))):
        border = pairs[hidden[pairs[:, 0]] != hidden[pairs[:, 1]]]
        hidden[border] = False
    return hidden
