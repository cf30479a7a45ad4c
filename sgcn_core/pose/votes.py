"""Votes of many places on a surface for the head's pose, and what most of them agree on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sgcn_core.geometry.similarity import Similarity
from sgcn_core.graph.crop import CROP_CENTRE

FloatArray = NDArray[np.float64]

# Two votes agree fully at 0, half at about one of these.
_TURN, _SHIFT = np.deg2rad(16.0), 16.0
# Votes this close to a chosen pose are its own, and found no other.
_OWN_TURN, _OWN_SHIFT = np.deg2rad(35.0), 40.0
_LEAST_SHARE = 0.03  # of probability: what is less is no vote
_PER_PATCH = 2
_LEAST_SUPPORT = 0.08  # of the best pose's


@dataclass(frozen=True, eq=False)
class Votes:
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
    angle = np.argsort(-height, axis=1)[:, :_PER_PATCH]
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
