"""Which side of a mesh is out, and which parts of it nobody can see from there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sgcn_core.preprocessing.cleaning_exposure import Exposure, Samples, exposure, unit_normals
from sgcn_core.preprocessing.cleaning_triangles import Patches

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_ASKED = 10_000  # points that stand for the whole surface
_EACH = 8  # points at least of a patch, while there are not very many patches
_PATCHES = 2_000
_SMALL = 0.05  # of the points; smaller patches are judged with a view to the large ones
_UNCLEAR = 0.05  # of the sightings; below, front and back are seen equally
_CLOSED = 0.7  # of the sightings; above, the patch is seen from one side only
_BESIDE = 6.0  # distances of the points
_CONTRARY = 0.3  # cosine
_UNSEEN = 0.02  # of the points of a patch; below, nobody sees the patch
_REGION = 0.01  # of the whole area; smaller hidden places (nostrils, ears) stay
_MARGIN = 2.0  # pixels of the depth buffer, how deep a hidden region stays beside what is seen
_PIXEL = 2.3  # mean distances of the samples
_RINGS = 60
_BLOCK = 500_000
_COVERED = 0.85  # of a patch's points that lie close behind another patch: it is the inner side of a wall


@dataclass(frozen=True, eq=False)
class Views:
    """Points of a surface, all patches among them, and from how many directions each is seen."""

    points: FloatArray
    normals: FloatArray
    patch: IntArray
    seen: Exposure


def look_from_outside(
    vertices: FloatArray, faces: IntArray, areas: FloatArray, patches: Patches, samples: Samples
) -> Views:
    """See some thousand points of the surface from all around; normals follow `faces`."""
    few = samples.take(np.arange(0, len(samples.points), max(1, len(samples.points) // _ASKED)))
    lonely = _triangles_of_lonely(patches, areas, few.triangle)
    points = np.concatenate([few.points, vertices[faces[lonely]].mean(axis=1)])
    normals = np.concatenate([few.normals, unit_normals(vertices, faces[lonely])])
    patch = patches.patch[np.concatenate([few.triangle, lonely])]
    return Views(points, normals, patch, exposure(points, normals, samples))


def _triangles_of_lonely(patches: Patches, areas: FloatArray, asked: IntArray) -> IntArray:
    """Some triangles of each patch that has hardly a point yet, of the largest such patches."""
    lonely = np.flatnonzero(np.bincount(patches.patch[asked], minlength=patches.count) < _EACH)
    if len(lonely) == 0:
        return lonely
    area = np.bincount(patches.patch, weights=areas, minlength=patches.count)
    chosen = np.zeros(patches.count, dtype=bool)
    chosen[lonely[np.argsort(-area[lonely], kind="stable")[:_PATCHES]]] = True
    members = np.flatnonzero(chosen[patches.patch])
    members = members[np.argsort(patches.patch[members], kind="stable")]
    of_member = patches.patch[members]
    start = np.flatnonzero(np.concatenate([[True], of_member[1:] != of_member[:-1]]))
    size = np.diff(np.append(start, len(members)))
    place = np.arange(len(members)) - np.repeat(start, size)
    # Spread over the patch: every n-th of its triangles.
    return members[place % np.repeat(-(-size // _EACH), size) == 0]


def inward_patches(views: Views, count: int, *, trusted: bool) -> BoolArray:
    """Mask (P,) of the patches that are seen from the back rather than from the front.

    Of a closed surface only one side is seen at all, of an open one the outer side from more directions, since it
    bulges. Where that is not clear, the patch goes with the rest of the surface, or, if nothing is clear, the side is
    out that looks away from the middle of the surface. A small patch that is seen from both sides lies beside a hole:
    if the file's winding is trusted, it is turned only to bring it in line with the large patches.
    """
    front = np.bincount(views.patch, weights=views.seen.front, minlength=count)
    back = np.bincount(views.patch, weights=views.seen.back, minlength=count)
    small = np.bincount(views.patch, minlength=count) < _SMALL * len(views.patch)
    lead = (back - front) / np.maximum(front + back, 1.0)
    clear = np.abs(lead) > np.where(small, _CLOSED, _UNCLEAR)
    whole = float(((back - front) * clear).sum())
    if not clear.any():
        outwards = views.points - views.points.mean(axis=0)
        whole = -float(np.einsum("ij,ij->", outwards, views.normals))
    inward: BoolArray = np.where(clear, lead > 0, whole > 0)
    if (small & ~clear).any() and not small.all():
        agreement = _agreement(views, small, inward)
        side = np.where(inward, -1.0, 1.0)
        contrary = (side * lead > 0.0) & (side * agreement < -_CONTRARY)
        turned = inward ^ contrary if trusted else lead - agreement > 0.0
        inward = np.where(small & ~clear, turned, inward)
    return inward


def _agreement(views: Views, small: BoolArray, inward: BoolArray) -> FloatArray:
    """Mean cosine (P,) between the normals of each small patch, as they are, and the outward ones of large patches
    beside it; 0 where there are none."""
    from scipy.spatial import cKDTree

    ours = np.flatnonzero(small[views.patch])
    theirs = np.flatnonzero(~small[views.patch])
    tree = cKDTree(views.points[theirs])
    spacing = np.median(np.asarray(tree.query(views.points[theirs[:500]], k=2)[0])[:, 1])
    distance, near = map(np.asarray, tree.query(views.points[ours], distance_upper_bound=_BESIDE * spacing))
    ours, near = ours[np.isfinite(distance)], near[np.isfinite(distance)]
    outward = np.where(inward[views.patch[theirs]], -1.0, 1.0)[near, None] * views.normals[theirs[near]]
    cosine = np.einsum("ij,ij->i", views.normals[ours], outward)
    count = np.bincount(views.patch[ours], minlength=len(small))
    return np.bincount(views.patch[ours], weights=cosine, minlength=len(small)) / np.maximum(count, 1)


def unseen_patches(views: Views, inward: BoolArray) -> BoolArray:
    """Mask (P,) of the patches that cannot be seen from outside, or are the inner side of a wall."""
    count = len(inward)
    seen = (views.seen.front + views.seen.back) > 0
    points = np.bincount(views.patch, minlength=count)
    visible = np.bincount(views.patch, weights=seen, minlength=count)
    hidden = (points >= _EACH // 2) & (visible < _UNSEEN * points)
    if count > 1:
        hidden |= (points >= _SMALL * len(views.patch)) & (_covered(views, inward) > _COVERED * np.maximum(points, 1))
    return hidden


def _covered(views: Views, inward: BoolArray) -> FloatArray:
    """How many points of each patch (P,) lie close behind the outer side of another patch.

    The depth buffer does not tell surfaces apart that are nearer than its pixels. Only large patches are asked: an eye
    may have a cornea before it.
    """
    from scipy.spatial import cKDTree

    outward = np.where(inward[views.patch], -1.0, 1.0)[:, None] * views.normals
    distance, near = map(np.asarray, cKDTree(views.points).query(views.points, k=10))
    other = views.patch[near] != views.patch[:, None]
    nearest = np.where(other.any(axis=1), other.argmax(axis=1), -1)
    rows = np.flatnonzero(nearest >= 0)
    over = near[rows, nearest[rows]]
    apart = views.points[rows] - views.points[over]
    behind = -np.einsum("ij,ij->i", apart, outward[over])
    aside = np.sqrt(np.maximum((apart**2).sum(axis=1) - behind**2, 0.0))
    spacing = np.median(distance[:, 1])
    beneath = rows[(behind > 0) & (aside < np.maximum(2.0 * spacing, 0.5 * behind))]
    return np.bincount(views.patch[beneath], minlength=len(inward)).astype(np.float64)


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
        seen = exposure(vertices[block].mean(axis=1), unit_normals(vertices, block), samples)
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
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    inner = pairs[hidden[pairs].all(axis=1)]
    links = coo_matrix((np.ones(len(inner), dtype=np.int8), (inner[:, 0], inner[:, 1])), shape=(len(areas),) * 2)
    _, region = connected_components(links.tocsr(), directed=False)
    area = np.bincount(region, weights=areas * hidden)
    return hidden & (area >= least * areas.sum())[region]


def _shrunk(hidden: BoolArray, areas: FloatArray, pairs: IntArray, spacing: float) -> BoolArray:
    """The mask without a margin along its border with what is seen."""
    if not hidden.any():
        return hidden
    width = float(np.sqrt(areas[hidden].mean())) * 1.5  # of a ring of triangles, roughly
    hidden = hidden.copy()
    for _ in range(min(_RINGS, int(np.ceil(_MARGIN * _PIXEL * spacing / width)))):
        border = pairs[hidden[pairs[:, 0]] != hidden[pairs[:, 1]]]
        hidden[border] = False
    return hidden
