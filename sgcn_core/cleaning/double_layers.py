"""Second layers under the skin that are visible through a neck or from behind: inner shells, thickened models."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sgcn_core.cleaning.topology import Patches, connected
from sgcn_core.cleaning.visibility import PIXEL, Views
from sgcn_core.geometry.triangles import triangle_normals

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_LARGE = 0.05  # of the points; smaller parts are not asked: an eye may have a cornea before it
_LESS = 0.8  # of the sightings of what lies beneath, that its cover has at least
_DEEP = 0.15  # of the size of the surface, of a second layer at most
_COVERED = 0.7  # of a part's points that lie beneath another part
_THICKEST = 0.06  # of the size, the distance of two layers at most
_LAYERED = 0.6  # of the points with a second layer behind them, in a model that was thickened
_CREASE = 0.5  # cosine between the normals of neighbours, less where the two layers meet
_TRIED = 1_000  # points that tell whether it was thickened
_ERODED = 2  # rings of triangles beside boundaries and creases
_ROUNDS = 20
_MOST = 500_000  # triangles; more take too long


def second_layers(views: Views, inward: BoolArray) -> BoolArray:
    """Mask (P,) of large patches that lie beneath others, whose points look outwards (after turning) instead.

    A point lies beneath the nearest point of another patch if it is close behind its outer side, and its own side
    that faces there is seen less than its other one; very thin walls are transparent for the depth buffer, so there
    only the place counts.
    The patch that is seen less is the one that can lie beneath.
    """
    count = len(inward)
    points = np.bincount(views.patch, minlength=count)
    outer = np.where(inward[views.patch], views.seen.back, views.seen.front)
    sightings = np.bincount(views.patch, weights=outer, minlength=count) / np.maximum(points, 1)
    large = points >= _LARGE * len(views.patch)
    gone = np.zeros(count, dtype=bool)
    for patch in sorted(np.flatnonzero(large), key=lambda number: sightings[number]):
        covers = large & ~gone & (sightings >= _LESS * sightings[patch])
        covers[patch] = False
        if covers.any():
            gone[patch] = _beneath(views, inward, views.patch == patch, covers[views.patch]).mean() > _COVERED
    return gone


def with_islands(gone: BoolArray, parts: Patches) -> BoolArray:
    """Mask (F,) of the parts that are gone and of small ones that touch those rather than large ones that stay."""
    size = np.bincount(parts.patch, minlength=parts.count)
    large = size >= _LARGE * len(parts.patch)
    gone, known = gone.copy(), large | gone
    first, second = parts.patch[parts.pairs].T
    for _ in range(_ROUNDS):
        votes = np.zeros(parts.count)
        for here, there in ((first, second), (second, first)):
            votes += np.bincount(here, weights=known[there] * np.where(gone[there], 1.0, -1.0), minlength=parts.count)
        settled = ~known & (votes != 0)
        if not settled.any():
            break
        gone |= settled & (votes > 0)
        known |= settled
    return gone[parts.patch]


def _beneath(views: Views, inward: BoolArray, asked: BoolArray, covers: BoolArray) -> BoolArray:
    """Which of the asked points (Q,) lie beneath one of the covering points."""
    from scipy.spatial import cKDTree

    outward = np.where(inward[views.patch], -1.0, 1.0)[:, None] * views.normals
    nearest = np.flatnonzero(covers)[np.asarray(cKDTree(views.points[covers]).query(views.points[asked])[1])]
    apart = views.points[nearest] - views.points[asked]
    behind = np.einsum("ij,ij->i", apart, outward[nearest])
    aside = np.sqrt(np.maximum((apart**2).sum(axis=1) - behind**2, 0.0))
    size = float(np.ptp(views.points, axis=0).max())
    alike = np.einsum("ij,ij->i", views.normals[asked], outward[nearest]) > 0.0
    front, back = views.seen.front[asked], views.seen.back[asked]
    seen = np.where(alike, front - back, back - front) > 0
    close = behind < 1.5 * PIXEL * views.occluder_spacing
    beneath: BoolArray = (
        (behind > 0.0) & (behind < _DEEP * size) & (aside < 0.5 * behind + 2.0 * views.spacing) & (close | ~seen)
    )
    return beneath


def split_double_layers(views: Views, patches: Patches, vertices: FloatArray, faces: IntArray) -> Patches:
    """Where most of the surface is one of two layers: the layers in the place of patches; else the patches.

    The layers of a thickened model are connected along its boundary. There, triangles have no other layer behind them,
    so what is left without them and without creases falls apart into the layers.
    """
    some = np.arange(0, len(views.points), max(1, len(views.points) // _TRIED))
    if len(faces) > _MOST or _has_layer_behind(views, views.points[some], views.normals[some]).mean() < _LAYERED:
        return patches
    normals = triangle_normals(vertices, faces)
    layered = _has_layer_behind(views, vertices[faces].mean(axis=1), normals)
    first, second = patches.pairs.T
    smooth = np.einsum("ij,ij->i", normals[first], normals[second]) > _CREASE
    for _ in range(_ERODED):
        border = ~(layered[first] & layered[second] & smooth)
        layered[first[border]] = False
        layered[second[border]] = False
    count, part = connected(patches.pairs[smooth & layered[first] & layered[second]], len(normals))
    return Patches(patches.pairs, part, patches.flipped, count)


def _has_layer_behind(views: Views, points: FloatArray, normals: FloatArray) -> BoolArray:
    """Which points (N, 3) have a point of the surface with the opposite normal close behind them."""
    from scipy.spatial import cKDTree

    size = float(np.ptp(views.points, axis=0).max())
    tree = cKDTree(np.concatenate([views.points, 0.1 * size * views.normals], axis=1))
    nearest = np.asarray(tree.query(np.concatenate([points, -0.1 * size * normals], axis=1), eps=0.2)[1])
    apart = points - views.points[nearest]
    behind = np.einsum("ij,ij->i", apart, normals)
    aside = np.sqrt(np.maximum((apart**2).sum(axis=1) - behind**2, 0.0))
    opposite = np.einsum("ij,ij->i", normals, views.normals[nearest]) < -0.7
    close = (behind > 0.0) & (behind < _THICKEST * size) & (aside < 0.5 * behind + 2.0 * views.spacing)
    layered: BoolArray = opposite & close
    return layered
