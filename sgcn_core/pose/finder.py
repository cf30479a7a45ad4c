"""Where on a surface there is a head, in whatever pose: patches of the surface vote, first everywhere, then near heads.

The landmark network decides between the poses found here (``pipeline.alignment``).
"""

from __future__ import annotations

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
from sgcn_core.pose.votes import Agreement, Votes, agreements, votes_of

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Square millimetres of surface for one point, and fewest points.
_PER_POINT, _FEWEST_POINTS = 25.0, 1500
# Square millimetres for one patch of the first look, fewest and most of them.
_PER_PATCH, _PATCHES = 3000.0, (64, 1024)
# Second look: patches within this distance of the middle of the best faces.
_NEAR, _NEAR_PATCHES, _BEST = 100.0, 64, 3
_FEWEST_VOTERS = 12
_CHUNK = 64


@dataclass(frozen=True, eq=False)
class PoseHypothesis:
    """A pose in which a head may stand.

    Attributes
    ----------
    to_head : Similarity
        From the scan (millimetres) to the head frame of the mean head (millimetres; heads come out equally large).
    confidence : float
        Share of the places on this face that say so, 0 to 1.
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
        """Poses of heads, best first, at most ``most``; none where no place on the surface looks like a face.

        Parameters
        ----------
        probe : SurfaceProbe, millimetres
        """
        points, normals = _thinned(probe)
        everywhere = farthest_points(points, _patches(probe.area))
        votes = self._votes(points, normals, everywhere)
        near = _near_any(points, agreements(votes)[:_BEST])
        again = near[farthest_points(points[near], _NEAR_PATCHES)]
        votes = votes.joined(self._votes(points, normals, again))
        looked = np.concatenate([everywhere, again])
        found = [_hypothesis(agreed, points[looked], normals[looked]) for agreed in agreements(votes)]
        return sorted(found, key=lambda hypothesis: -hypothesis.confidence)[:most]

    def _votes(self, points: FloatArray, normals: FloatArray, centres: IntArray) -> Votes:
        votes = Votes.none()
        for chunk in _neighbourhoods(points, centres):
            around = np.flatnonzero(_beside(points, points[chunk]))
            patches = polar_patches(points[around], normals[around], np.searchsorted(around, chunk))
            said = self.network.vote(torch.from_numpy(patches.images).to(self.device))
            share, place, axes, size = (
                part.cpu().double().numpy() for part in (said.share, said.place, said.axes, said.log_size)
            )
            votes = votes.joined(votes_of(share, place, axes, size, patches.frames, patches.origins))
        return votes


def _thinned(probe: SurfaceProbe) -> tuple[FloatArray, FloatArray]:
    """As many points as patches need. The points of a probe are in random order."""
    count = int(max(probe.area / _PER_POINT, _FEWEST_POINTS))
    return probe.points[:count], probe.normals[:count]


def _patches(area: float) -> int:
    fewest, most = _PATCHES
    return int(min(max(area / _PER_PATCH, fewest), most))


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
