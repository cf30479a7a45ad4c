"""Topology of a triangle mesh: useless triangles, connected patches, consistent orientation, masks of triangles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sgcn_core.types.arrays import ReadOnlyArrays
from sgcn_core.types.surface import coincident_vertices

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_NO_AREA = 1e-14  # of the squared size of the surface
_MOST_RINGS = 60  # of triangles that a mask is eroded by
_PRIMES = tuple(np.uint64(prime) for prime in (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9))


def welded_corners(vertices: FloatArray, faces: IntArray) -> IntArray:
    """Corners (F, 3) in numbers that vertices at the very same position share: meshes are cut along texture seams,
    and STL repeats every vertex."""
    hashed = _hashed((vertices + 0.0).view(np.uint64))  # 0.0 turns -0.0 into 0.0
    order = np.argsort(hashed)
    ordered = vertices[order]
    new = np.concatenate([[True], hashed[order][1:] != hashed[order][:-1]])
    if (ordered[1:] != ordered[:-1])[~new[1:]].any():  # two positions with one hash
        return coincident_vertices(vertices)[1][faces]
    group = np.empty(len(vertices), dtype=np.int64)
    group[order] = np.cumsum(new) - 1
    return group[faces]


def useful_triangles(corners: IntArray, areas: FloatArray, size: float) -> tuple[BoolArray, BoolArray]:
    """Masks (F,) of the triangles with three different corners and an area, and of those that repeat an earlier one.

    A triangle repeats another where it has the same corners, whatever its orientation: of a sheet that is modelled from
    both sides, one side stays.
    """
    degenerate = areas <= _NO_AREA * size**2
    degenerate |= (corners[:, 0] == corners[:, 1]) | (corners[:, 1] == corners[:, 2]) | (corners[:, 2] == corners[:, 0])
    hashed = _hashed(np.sort(corners, axis=1).view(np.uint64))
    ordered = np.sort(hashed)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    repeated = np.zeros(len(corners), dtype=bool)
    if len(twice):
        suspects = np.flatnonzero(np.isin(hashed, twice))
        a, b, c = np.sort(corners[suspects], axis=1).T
        order = np.lexsort((c, b, a))
        same = (a[order[1:]] == a[order[:-1]]) & (b[order[1:]] == b[order[:-1]])
        repeated[suspects[order[1:]]] = same & (c[order[1:]] == c[order[:-1]])
    return ~degenerate, repeated & ~degenerate


@dataclass(frozen=True, eq=False)
class Patches(ReadOnlyArrays):
    """Parts of a mesh that edges with two triangles hold together.

    Attributes
    ----------
    pairs : (E, 2) int64
        Triangles that share such an edge.
    patch : (F,) int64
        Number of each triangle's patch.
    flipped : (F,) bool
        Triangles to be flipped so that each patch is consistently oriented; of each patch the smaller part.
    count : int
        Patches.
    """

    pairs: IntArray
    patch: IntArray
    flipped: BoolArray
    count: int

    def take(self, mask: BoolArray) -> Patches:
        """The patches of the masked triangles alone, renumbered."""
        number = np.cumsum(mask) - 1
        pairs = number[self.pairs[mask[self.pairs].all(axis=1)]]
        numbers, patch = np.unique(self.patch[mask], return_inverse=True)
        return Patches(pairs, patch.astype(np.int64), self.flipped[mask], len(numbers))


def find_patches(corners: IntArray, areas: FloatArray) -> Patches:
    """Orient the triangles of each patch consistently.

    Neighbours of one orientation run along their common edge in opposite directions. Where some do not, every triangle
    is taken twice, as it is and flipped, and joined to what agrees with it: the connected parts of this double cover
    are the two orientations of each patch. A patch that has but one side (a Moebius strip) stays as it is.
    """
    pairs, consistent = _neighbours(corners)
    count = len(corners)
    if consistent.all():
        patches, patch = connected(pairs, count)
        return Patches(pairs, patch, np.zeros(count, dtype=bool), patches)
    first, second = pairs.T
    other = second + np.where(consistent, 0, count)
    mirrored = np.where(consistent, second + count, second)
    cover = np.concatenate([np.stack([first, other], 1), np.stack([first + count, mirrored], 1)])
    _, label = connected(cover, 2 * count)
    label, opposite = label[:count], label[count:]
    numbers, patch = np.unique(np.minimum(label, opposite), return_inverse=True)
    turned = label > opposite
    share = np.bincount(patch, weights=np.where(turned, areas, -areas), minlength=len(numbers))
    turned ^= ((share > 0) & ~_one_sided(label == opposite, patch, len(numbers)))[patch]
    return Patches(pairs, patch.astype(np.int64), turned, len(numbers))


def _one_sided(same: BoolArray, patch: IntArray, count: int) -> BoolArray:
    one_sided = np.zeros(count, dtype=bool)
    one_sided[patch[same]] = True
    return one_sided


def _neighbours(corners: IntArray) -> tuple[IntArray, BoolArray]:
    """Triangles (E, 2) on both sides of each edge that has exactly two, and whether their orientation agrees (E,)."""
    start, end = corners.ravel(), corners[:, (1, 2, 0)].ravel()
    key = np.minimum(start, end) * (int(corners.max()) + 1) + np.maximum(start, end)
    order = np.argsort(key)
    key = key[order]
    same = key[1:] == key[:-1]
    single = np.concatenate([[True], ~same])
    # Two of a kind, and neither the one before nor the one behind belongs to them.
    two = np.flatnonzero(same & single[:-1] & np.append(~same[1:], True))
    one, other = order[two], order[two + 1]
    ascending = start < end
    return np.stack([one // 3, other // 3], axis=1), ascending[one] != ascending[other]


def connected(links: IntArray, count: int) -> tuple[int, IntArray]:
    """How many connected parts `count` nodes with links (E, 2) have, and the part of each node."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    graph = coo_matrix((np.ones(len(links), dtype=np.int8), (links[:, 0], links[:, 1])), shape=(count, count))
    found, label = connected_components(graph.tocsr(), directed=False)
    return int(found), label.astype(np.int64)


def smoothed_mask(mask: BoolArray, pairs: IntArray) -> BoolArray:
    """The mask (F,) where single triangles go with their neighbours."""
    for _ in range(3):
        votes = np.bincount(pairs[:, 0], weights=mask[pairs[:, 1]], minlength=len(mask))
        votes += np.bincount(pairs[:, 1], weights=mask[pairs[:, 0]], minlength=len(mask))
        mask = votes + mask >= 2
    return mask


def large_regions(mask: BoolArray, areas: FloatArray, pairs: IntArray, least: float) -> BoolArray:
    """The connected regions of the mask (F,) with at least this share of the whole area."""
    _, region = connected(pairs[mask[pairs].all(axis=1)], len(areas))
    area = np.bincount(region, weights=areas * mask)
    kept: BoolArray = mask & (area >= least * areas.sum())[region]
    return kept


def eroded_mask(mask: BoolArray, areas: FloatArray, pairs: IntArray, width: float) -> BoolArray:
    """The mask (F,) without a margin of about this width along its border."""
    if not mask.any():
        return mask
    ring = float(np.sqrt(areas[mask].mean())) * 1.5  # width of a ring of triangles, roughly
    mask = mask.copy()
    for _ in range(min(_MOST_RINGS, int(np.ceil(width / ring)))):
        border = pairs[mask[pairs[:, 0]] != mask[pairs[:, 1]]]
        mask[border] = False
    return mask


def _hashed(rows: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A 64-bit hash of each row of three."""
    hashed = np.zeros(len(rows), dtype=np.uint64)
    for column, prime in enumerate(_PRIMES):
        hashed ^= rows[:, column]
        hashed *= prime
        hashed ^= hashed >> np.uint64(29)
    return hashed
