"""Points of a mesh seen from outside, and which side of it is out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sgcn_core.cleaning.topology import Patches
from sgcn_core.cleaning.visibility import Exposure, Samples, exposure
from sgcn_core.geometry.triangles import triangle_normals

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


@dataclass(frozen=True, eq=False)
class Views:
    """Points (Q, 3) of a surface, all patches among them, and from how many directions each is seen.

    Attributes
    ----------
    points, normals : (Q, 3)
    triangle, patch : (Q,)
    seen : Exposure
    apart, occluders_apart : float
        Mean distance of the points, and of those that may hide them.
    """

    points: FloatArray
    normals: FloatArray
    triangle: IntArray
    patch: IntArray
    seen: Exposure
    apart: float
    occluders_apart: float


def look_from_outside(
    vertices: FloatArray, faces: IntArray, areas: FloatArray, patches: Patches, samples: Samples
) -> Views:
    """See some thousand points of the surface from all around; normals follow `faces`."""
    few = samples.take(np.arange(0, len(samples.points), max(1, len(samples.points) // _ASKED)))
    lonely = _triangles_of_lonely(patches, areas, few.triangle)
    points = np.concatenate([few.points, vertices[faces[lonely]].mean(axis=1)])
    normals = np.concatenate([few.normals, triangle_normals(vertices, faces[lonely])])
    triangle = np.concatenate([few.triangle, lonely])
    apart = samples.spacing * float(np.sqrt(len(samples.points) / len(few.points)))
    seen = exposure(points, normals, samples)
    return Views(points, normals, triangle, patches.patch[triangle], seen, apart, samples.spacing)


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
