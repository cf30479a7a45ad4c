"""Visibility: which parts of a mesh are seen from outside, and from which side, by depth buffers of points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sgcn_core.cleaning.topology import Patches, eroded_mask, large_regions, smoothed_mask
from sgcn_core.geometry.area_sampling import sample_by_area
from sgcn_core.geometry.triangles import interpolate, triangle_normals
from sgcn_core.types.arrays import ReadOnlyArrays

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_AXES = 16  # looked along from both ends
PIXEL = 2.3  # mean distances between occluding points; about five of them fall into a pixel
_BEHIND = 0.6  # pixels behind what is seen from which a point counts as hidden
_STEEP = 0.3  # cosine under which a direction says nothing
_LARGEST = 1024  # pixels along a side of the buffer
_NOTHING = np.int64(2**63 - 1)
_ASKED = 10_000  # points that stand for the whole surface
_EACH = 8  # points at least of a patch, while there are not very many patches
_PATCHES = 2_000
_SMALL = 0.05  # of the points; smaller patches are oriented with a view to the large ones
_UNCLEAR = 0.05  # of the sightings; below, front and back are seen equally
_CLOSED = 0.7  # of the sightings; above, the patch is seen from one side only
_BESIDE = 6.0  # distances of the points
_CONTRARY = 0.3  # cosine
_FEWEST = 4  # points that speak for a patch
_UNSEEN = 0.02  # of the points of a patch; below, nobody sees the patch
_REGION = 0.01  # of the whole area; smaller hidden places (nostrils, ears) stay
_MARGIN = 2.0  # pixels of the depth buffer, how deep a hidden region stays beside what is seen
_BLOCK = 500_000  # triangles looked at at once


@dataclass(frozen=True, eq=False)
class Samples(ReadOnlyArrays):
    """Points spread evenly over a surface: points, unit normals (N, 3), their triangles (N,), mean distance apart."""

    points: FloatArray
    normals: FloatArray
    triangle: IntArray
    spacing: float

    def take(self, which: NDArray[np.int64] | NDArray[np.bool_]) -> Samples:
        return Samples(self.points[which], self.normals[which], self.triangle[which], self.spacing)


def draw_samples(vertices: FloatArray, faces: IntArray, areas: FloatArray, count: int, *, seed: int = 0) -> Samples:
    """Stratified sampling by area; at least some area is needed."""
    cumulative = np.cumsum(areas)
    triangle, barycentric = sample_by_area(cumulative, count, np.random.default_rng(seed))
    # The corners in ascending order: the points do not depend on the orientation.
    points = interpolate(vertices, np.sort(faces[triangle], axis=1), barycentric)
    normals = triangle_normals(vertices, faces[triangle])
    return Samples(points, normals, triangle, float(np.sqrt(cumulative[-1] / count)))


@dataclass(frozen=True, eq=False)
class Sightings(ReadOnlyArrays):
    """From how many of 32 directions each point is visible: front, back (Q,) int64, by the side that it turns there."""

    front: IntArray
    back: IntArray


def count_sightings(points: FloatArray, normals: FloatArray, occluders: Samples) -> Sightings:
    """Count the directions from which points (Q, 3) with normals are visible past occluders.

    Along each direction the foremost occluder of each pixel is kept. A point is hidden where it lies clearly behind the
    plane of that occluder: the plane, not the occluder's own depth, so that slanting surfaces do not hide themselves.
    """
    centre = occluders.points.mean(axis=0)
    scale = 1.0 / max(float(np.ptp(occluders.points, axis=0).max()), 1e-300)
    surface = ((occluders.points - centre) * scale).astype(np.float32)
    facing = occluders.normals.astype(np.float32)
    pixel = max(PIXEL * occluders.spacing * scale, 1.8 / _LARGEST)
    asked, sides = ((points - centre) * scale).astype(np.float32), normals.astype(np.float32)
    front, back = np.zeros(len(points), dtype=np.int64), np.zeros(len(points), dtype=np.int64)
    for axis in _spread_axes(_AXES):
        view = _view_frame(axis)
        seen_near, seen_far = _look(surface, facing, asked, view, pixel)
        cosine = sides @ view[:, 2]
        towards, away = cosine > _STEEP, cosine < -_STEEP
        front += (seen_near & towards).astype(np.int64) + (seen_far & away)
        back += (seen_near & away).astype(np.int64) + (seen_far & towards)
    return Sightings(front, back)


@dataclass(frozen=True, eq=False)
class Views(ReadOnlyArrays):
    """Points (Q, 3) of a surface, all patches among them, and from how many directions each is seen.

    Attributes
    ----------
    points, normals : (Q, 3)
    triangle, patch : (Q,)
    seen : Sightings
    spacing, occluder_spacing : float
        Mean distance of the points, and of those that may hide them.
    """

    points: FloatArray
    normals: FloatArray
    triangle: IntArray
    patch: IntArray
    seen: Sightings
    spacing: float
    occluder_spacing: float


def look_from_outside(
    vertices: FloatArray, faces: IntArray, areas: FloatArray, patches: Patches, samples: Samples
) -> Views:
    """Look at some thousand points of the surface from all around; normals follow `faces`."""
    few = samples.take(np.arange(0, len(samples.points), max(1, len(samples.points) // _ASKED)))
    lonely = _triangles_of_lonely(patches, areas, few.triangle)
    points = np.concatenate([few.points, vertices[faces[lonely]].mean(axis=1)])
    normals = np.concatenate([few.normals, triangle_normals(vertices, faces[lonely])])
    triangle = np.concatenate([few.triangle, lonely])
    spacing = samples.spacing * float(np.sqrt(len(samples.points) / len(few.points)))
    seen = count_sightings(points, normals, samples)
    return Views(points, normals, triangle, patches.patch[triangle], seen, spacing, samples.spacing)


def inward_patches(views: Views, count: int, *, trusted: bool) -> BoolArray:
    """Mask (P,) of the patches that are seen from the back rather than from the front.

    Of a closed surface only one side is seen at all, of an open one the outer side from more directions, since it
    bulges. Where that is not clear, the patch goes with the rest of the surface, or, if nothing is clear, the side is
    out that looks away from the middle of the surface. A small patch that is seen from both sides lies beside a hole:
    if the file's orientation is trusted, it is turned only to bring it in line with the large patches.
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


def unseen_patches(views: Views, count: int) -> BoolArray:
    """Mask (P,) of the patches that are not visible from outside."""
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
        seen = count_sightings(vertices[block].mean(axis=1), triangle_normals(vertices, block), samples)
        hidden[asked[start : start + _BLOCK]] = seen.front == 0
    if not hidden.any():
        return hidden
    hidden = large_regions(smoothed_mask(hidden, patches.pairs), areas, patches.pairs, _REGION)
    hidden = eroded_mask(hidden, areas, patches.pairs, _MARGIN * PIXEL * samples.spacing)
    return large_regions(hidden, areas, patches.pairs, _REGION / 4)


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
    spread: IntArray = members[place % np.repeat(-(-size // _EACH), size) == 0]
    return spread


def _look(
    surface: NDArray[np.float32],
    facing: NDArray[np.float32],
    asked: NDArray[np.float32],
    view: NDArray[np.float32],
    pixel: float,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which points (Q,) are seen from the far end of the view's third axis, and from its other end."""
    turned, looked_at = surface @ view, asked @ view
    low = turned.min(axis=0)
    turned -= low
    rows = int(turned[:, 1].max() / pixel) + 1
    columns = int(turned[:, 0].max() / pixel) + 1
    cells = (turned[:, 0] / pixel).astype(np.int64) * rows + (turned[:, 1] / pixel).astype(np.int64)
    place = np.clip(((looked_at - low)[:, :2] / pixel).astype(np.int64), 0, (columns - 1, rows - 1))
    wanted = place[:, 0] * rows + place[:, 1]
    # Depth and number of a point in one integer: the smallest of each pixel tells both.
    depth = (turned[:, 2] / max(float(turned[:, 2].max()), 1e-30) * 2**30).astype(np.int64)
    number = np.arange(len(surface))
    seen = []
    for sign, levels in ((1.0, 2**30 - depth), (-1.0, depth)):
        buffer = np.full(rows * columns, _NOTHING)
        np.minimum.at(buffer, cells, (levels << 32) | number)
        foremost = buffer[wanted]
        empty = foremost == _NOTHING
        before = np.where(empty, 0, foremost & 0xFFFFFFFF)
        seen.append(empty | (_depth_behind(asked, surface[before], facing[before], view, sign) < _BEHIND * pixel))
    return seen[0], seen[1]


def _depth_behind(
    asked: NDArray[np.float32],
    before: NDArray[np.float32],
    facing: NDArray[np.float32],
    view: NDArray[np.float32],
    sign: float,
) -> NDArray[np.float32]:
    """How far the points lie behind the planes of what is seen before them, along the view."""
    apart = asked - before
    slope = facing @ view[:, 2] * sign
    flat = np.abs(slope) > 0.35
    behind = -np.einsum("ij,ij->i", apart, facing) / np.where(flat, slope, 1.0)
    depth: NDArray[np.float32] = np.where(flat, behind, -sign * (apart @ view[:, 2]))
    return depth


def _spread_axes(count: int) -> FloatArray:
    """Directions over half a sphere (Fibonacci's spiral)."""
    step = np.arange(count)
    z = 1.0 - (step + 0.5) / count
    angle, radius = step * np.pi * (3.0 - np.sqrt(5.0)), np.sqrt(1.0 - z * z)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=1)


def _view_frame(axis: FloatArray) -> NDArray[np.float32]:
    """Orthonormal columns; the third is the axis."""
    right = np.cross(axis, np.eye(3)[np.argmin(np.abs(axis))])
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(axis, right), axis], axis=1).astype(np.float32)
