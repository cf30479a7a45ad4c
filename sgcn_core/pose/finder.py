"""Finds heads on a surface in any pose: patches of the surface vote, first everywhere, then near heads.

The landmark network decides between the poses found here (``pose.refine``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from sgcn_core.geometry.similarity import Similarity
from sgcn_core.graph.crop import CROP_CENTRE
from sgcn_core.graph.fine import spatial_order
from sgcn_core.pose.network import PoseNetwork
from sgcn_core.pose.patches import DEPTH, RADIUS, polar_patches
from sgcn_core.pose.probe import SurfaceProbe, farthest_points
from sgcn_core.types.arrays import ReadOnlyArrays

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Square millimetres of surface for one point, and fewest points.
_PER_POINT, _FEWEST_POINTS = 25.0, 1500
# Square millimetres for one patch of the first look, fewest and most of them.
_PER_PATCH, _PATCHES = 3000.0, (64, 1024)
# A glimpse: square millimetres for one patch, so that two or three lie on any face, and the probability from which a
# vote counts (on faces the best vote has 0.9 and more).
_PER_GLIMPSE, _LIKELY = 24_000.0, 0.5
# Square millimetres of surface for one point of the probe: beyond, a dozen points lie on a face, too few to show it
# (a head before a wall is found with up to 1300).
_SPARSEST = 3000.0
# Second look: patches within this distance of the middle of the best faces.
_NEAR, _NEAR_PATCHES, _BEST = 100.0, 64, 3
_FEWEST_VOTERS = 12
_CHUNK = 64
# Two votes agree fully at 0, half at about one of these.
_TURN, _SHIFT = np.deg2rad(16.0), 16.0
# Votes this close to a chosen pose are its own, and found no other.
_OWN_TURN, _OWN_SHIFT = np.deg2rad(35.0), 40.0
_LEAST_SHARE = 0.03  # of probability: what is less is no vote
_VOTES_PER_PATCH = 2
_LEAST_SUPPORT = 0.08  # of the best pose's


@dataclass(frozen=True, eq=False)
class PoseHypothesis:
    """A candidate pose of a head.

    Attributes
    ----------
    to_head : Similarity
        From the scan (millimetres) to the head frame of the mean head (millimetres; heads come out equally large).
    confidence : float
        Share of the places on this face that vote for it, 0 to 1.
    """

    to_head: Similarity
    confidence: float


class HeadFinder:
    """Finds heads by the votes of a network.

    Parameters
    ----------
    network : PoseNetwork
    device : torch.device of it
    """

    def __init__(self, network: PoseNetwork, device: torch.device) -> None:
        self.network, self.device = network.to(device).eval(), device

    def find(self, probe: SurfaceProbe, *, most: int = 4) -> list[PoseHypothesis]:
        """Poses of heads, best first, at most ``most``; none if no place on the surface is recognised as a face.

        Parameters
        ----------
        probe : SurfaceProbe, millimetres
        """
        if probe.area > _SPARSEST * len(probe.points):
            return []
        points, normals = _thinned(probe)
        everywhere = farthest_points(points, _patches(probe.area))
        votes = self._votes(points, normals, everywhere)
        near = _near_any(points, agreements(votes)[:_BEST])
        again = near[farthest_points(points[near], _NEAR_PATCHES)]
        votes = votes.joined(self._votes(points, normals, again))
        looked = np.concatenate([everywhere, again])
        found = [_hypothesis(agreed, points[looked], normals[looked]) for agreed in agreements(votes)]
        return sorted(found, key=lambda hypothesis: -hypothesis.confidence)[:most]

    def glimpse(self, probe: SurfaceProbe) -> bool:
        """Whether `find` may find anything: from a few patches at a fraction of its cost, or True where it is cheap.

        Parameters
        ----------
        probe : SurfaceProbe, millimetres
        """
        if probe.area > _SPARSEST * len(probe.points):
            return False
        few, all_patches = _patches(probe.area, per_patch=_PER_GLIMPSE), _patches(probe.area)
        if few > all_patches // 2:
            return True
        points, normals = _thinned(probe)
        votes = self._votes_by_chunk(points, normals, farthest_points(points, few))
        return any((chunk.weights >= _LIKELY).any() for chunk in votes)

    def _votes(self, points: FloatArray, normals: FloatArray, centres: IntArray) -> Votes:
        votes = Votes.none()
        for more in self._votes_by_chunk(points, normals, centres):
            votes = votes.joined(more)
        return votes

    def _votes_by_chunk(self, points: FloatArray, normals: FloatArray, centres: IntArray) -> Iterator[Votes]:
        for chunk in _neighbourhoods(points, centres):
            around = np.flatnonzero(_beside(points, points[chunk]))
            patches = polar_patches(points[around], normals[around], np.searchsorted(around, chunk))
            said = self.network.vote(torch.tensor(patches.images, device=self.device))
            share, place, axes, size = (
                part.cpu().double().numpy() for part in (said.share, said.place, said.axes, said.log_size)
            )
            yield votes_of(share, place, axes, size, patches.frames, patches.origins)


@dataclass(frozen=True, eq=False)
class Votes(ReadOnlyArrays):
    """V votes.

    Attributes
    ----------
    rotations : (V, 3, 3), columns: the head's axes in the axes of the scan
    middles : (V, 3), of the face, millimetres of the scan
    log_sizes : (V,), of the head against the average one
    weights : (V,), probabilities
    """

    rotations: FloatArray
    middles: FloatArray
    log_sizes: FloatArray
    weights: FloatArray

    @classmethod
    def none(cls) -> Votes:
        return cls(np.empty((0, 3, 3)), np.empty((0, 3)), np.empty(0), np.empty(0))

    def joined(self, other: Votes) -> Votes:
        return Votes(
            np.concatenate([self.rotations, other.rotations]),
            np.concatenate([self.middles, other.middles]),
            np.concatenate([self.log_sizes, other.log_sizes]),
            np.concatenate([self.weights, other.weights]),
        )


@dataclass(frozen=True, eq=False)
class Agreement:
    """A pose on which votes agree: ``to_head`` from scan to head frame, ``support`` the sum of their weights."""

    to_head: Similarity
    support: float


def votes_of(
    share: FloatArray,
    place: FloatArray,
    axes: FloatArray,
    log_size: FloatArray,
    frames: FloatArray,
    origins: FloatArray,
) -> Votes:
    """The best votes of every patch, in the axes of the scan.

    Parameters
    ----------
    share, place, axes, log_size : (P, A), (P, A, 3), (P, A, 3, 3), (P, A), see ``PoseVotes``
    frames, origins : (P, 3, 3), (P, 3), see ``PolarPatches``
    """
    peak = (share >= np.roll(share, 1, 1)) & (share > np.roll(share, -1, 1))
    # What lies beside a peak says the same.
    height = np.where(peak, share + np.roll(share, 1, 1) + np.roll(share, -1, 1), 0.0)
    angle = np.argsort(-height, axis=1)[:, :_VOTES_PER_PATCH]
    patch, rank = np.nonzero(np.take_along_axis(height, angle, 1) > _LEAST_SHARE)
    sector = angle[patch, rank]
    turned = frames[patch] @ _about_normal(sector * (2.0 * np.pi / share.shape[1]))
    return Votes(
        rotations=turned @ axes[patch, sector],
        middles=origins[patch] + (turned @ place[patch, sector][..., None])[..., 0],
        log_sizes=log_size[patch, sector],
        weights=height[patch, sector],
    )


def agreements(votes: Votes, *, most: int = 6) -> list[Agreement]:
    """Poses that votes agree on, the best supported first, at most ``most``; none without a vote."""
    cosine = (np.einsum("aij,bij->ab", votes.rotations, votes.rotations) - 1.0) / 2.0
    turn = np.arccos(np.clip(cosine, -1.0, 1.0))
    shift = np.linalg.norm(votes.middles[:, None] - votes.middles[None], axis=2)
    agree = np.exp2(-((turn / _TURN) ** 2) - (shift / _SHIFT) ** 2)
    own = (turn < _OWN_TURN) & (shift < _OWN_SHIFT)
    left = votes.weights.copy()
    found: list[Agreement] = []
    while len(found) < most and left.any():
        support = agree @ left
        best = int(np.argmax(support))
        if found and support[best] < _LEAST_SUPPORT * found[0].support:
            break
        found.append(Agreement(_mean_pose(votes, agree[best] * left), float(support[best])))
        left[own[best]] = 0.0
    return found


def _thinned(probe: SurfaceProbe) -> tuple[FloatArray, FloatArray]:
    """As many points as patches need. The points of a probe are in random order."""
    count = int(max(probe.area / _PER_POINT, _FEWEST_POINTS))
    return probe.points[:count], probe.normals[:count]


def _patches(area: float, *, per_patch: float = _PER_PATCH) -> int:
    fewest, most = _PATCHES
    return int(min(max(area / per_patch, fewest), most))


def _near_any(points: FloatArray, agreed: list[Agreement]) -> IntArray:
    """Ids of the points near the middle of one of the faces."""
    near = np.zeros(len(points), dtype=bool)
    for agreement in agreed:
        near |= _apart(points, agreement.to_head) < _NEAR
    return np.flatnonzero(near)


def _apart(points: FloatArray, to_head: Similarity) -> FloatArray:
    apart: FloatArray = np.linalg.norm(to_head.apply(points) - np.array(CROP_CENTRE), axis=1)
    return apart


def _hypothesis(agreed: Agreement, places: FloatArray, normals: FloatArray) -> PoseHypothesis:
    """The confidence is the share of the votes that agree, of the patches (their centres, normals) on that face."""
    forward = agreed.to_head.rotation[2]
    voters = np.count_nonzero((_apart(places, agreed.to_head) < _NEAR) & (normals @ forward > 0.0))
    return PoseHypothesis(agreed.to_head, agreed.support / max(int(voters), _FEWEST_VOTERS))


def _neighbourhoods(points: FloatArray, centres: IntArray) -> list[IntArray]:
    """The centres in lots of neighbours."""
    if len(centres) <= _CHUNK:
        return [centres] if len(centres) else []
    ordered = centres[spatial_order(points[centres])]
    return [ordered[start : start + _CHUNK] for start in range(0, len(ordered), _CHUNK)]


def _beside(points: FloatArray, centres: FloatArray) -> NDArray[np.bool_]:
    """Points that may lie in a patch around one of the centres."""
    reach = np.hypot(RADIUS, DEPTH)
    inside: NDArray[np.bool_] = ((points >= centres.min(0) - reach) & (points <= centres.max(0) + reach)).all(1)
    return inside


def _mean_pose(votes: Votes, weights: FloatArray) -> Similarity:
    """Chordal mean of the rotations, means of the rest."""
    weights = weights / weights.sum()
    left, _, right = np.linalg.svd(np.einsum("v,vij->ij", weights, votes.rotations))
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(left) * np.linalg.det(right))])
    scale = float(np.exp(-weights @ votes.log_sizes))
    rotation = ((left * signs) @ right).T
    return Similarity(scale, rotation, np.array(CROP_CENTRE) - scale * rotation @ (weights @ votes.middles))


def _about_normal(angles: FloatArray) -> FloatArray:
    """Turns (V, 3, 3) about the third axis."""
    turn = np.zeros((len(angles), 3, 3))
    turn[:, 0, 0] = turn[:, 1, 1] = np.cos(angles)
    turn[:, 1, 0], turn[:, 0, 1] = np.sin(angles), -np.sin(angles)
    turn[:, 2, 2] = 1.0
    return turn
