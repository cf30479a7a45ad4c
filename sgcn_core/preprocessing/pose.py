"""A first estimate of the head's pose: many hypotheses, registered to the mean face all at once.

Every hypothesis is a rotation (the file's axes in all 24 right-handed arrangements; if that is not clear, the same
about the principal axes, and many evenly spread ones) and a place for the nose tip. A quick score keeps the best;
trimmed iterative closest points with compatible normals refine those. The template is matched to the scan, not the scan
to the template: shoulders, hair and clothes of the scan then cost nothing, and what the scan lacks is trimmed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from sgcn_core.canonical import CROP_CENTRE
from sgcn_core.mean_face import mean_face
from sgcn_core.preprocessing.normalise import Similarity
from sgcn_core.preprocessing.rotations import axis_rotations, principal_axes, spread_rotations

FloatArray = NDArray[np.float64]

_REACH = 15.0  # millimetres; a template point further from the scan than this counts as missing
_NORMAL_COST = 8.0  # millimetres that opposed normals cost
_SEEDS = 64  # places tried for the nose tip
_FACING = 0.2  # least cosine between the normal there and the head's forward axis
_KEEP = (36, 6)  # hypotheses registered roughly, and finely
_PER_ROTATION = 4  # of them at most from one starting rotation
_SPREAD = 96  # rotations tried where the axes of the file lead to no clear answer
_CLEAR, _MARGIN = 4.6, 1.5  # a misfit below the first, and better than the second best by the second, is clear
_SCALES = (0.75, 1.3)  # sizes of heads against the mean face: a child's, and a scan somewhat too large


@dataclass(frozen=True, eq=False)
class PoseHypothesis:
    """A head pose and how well the mean face fits the scan there.

    Attributes
    ----------
    to_head : Similarity
        From the scan (millimetres) to the head frame of the mean head (millimetres; heads come out equally large).
    misfit : float
        Mean distance from template to scan in millimetres, each at most ``15``; normals that disagree add to it.
    """

    to_head: Similarity
    misfit: float


@dataclass(frozen=True, eq=False)
class _Template:
    points: FloatArray
    normals: FloatArray
    nose_tip: FloatArray
    screening: NDArray[np.int64]
    coarse: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Scan:
    """Samples of the scan: points, normals (N, 3), a tree of the points, and the ids of a few well-spread ones."""

    points: FloatArray
    normals: FloatArray
    tree: cKDTree
    spread: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Poses:
    """Poses of the template in the scan: rotations (H, 3, 3), scales (H,), places (H, 3)."""

    rotations: FloatArray
    scales: FloatArray
    places: FloatArray

    def take(self, which: NDArray[np.int64]) -> _Poses:
        return _Poses(self.rotations[which], self.scales[which], self.places[which])

    def inverse(self, i: int) -> Similarity:
        """From the scan to the head frame."""
        return Similarity(float(self.scales[i]), self.rotations[i], self.places[i]).inverse()


@lru_cache(maxsize=1)
def _template(count: int = 320) -> _Template:
    """Points of the mean face between hairline, ears and chin, the first quarter of them well spread already."""
    face = mean_face()
    corners = face.vertices[face.faces]
    centroids, areas = corners.mean(1), face.face_areas
    x, y, z = centroids.T
    front = (np.abs(x) < 75.0) & (y > -88.0) & (y < 80.0) & (z > 15.0)
    chosen = [int(np.flatnonzero(front)[np.argmax(z[front])])]
    distance = np.full(len(centroids), np.inf)
    for _ in range(count - 1):
        distance = np.minimum(distance, np.linalg.norm(centroids - centroids[chosen[-1]], axis=1))
        chosen.append(int(np.argmax(np.where(front & (areas > 0), distance, -1.0))))
    return _Template(centroids[chosen], face.face_normals[chosen], centroids[chosen[0]], np.arange(28), np.arange(80))


def estimate_pose(points: FloatArray, normals: FloatArray, *, best: int = 3) -> list[PoseHypothesis]:
    """Poses of the head, best first, at most ``best`` that differ by more than 20 degrees or 20 mm.

    Parameters
    ----------
    points : (N, 3) array
        Samples of the scan's surface in millimetres; some thousands.
    normals : (N, 3) array
        Outward unit normals.
    best : int

    Returns
    -------
    list of PoseHypothesis
        Never empty, every rotation with determinant +1. What is no face gets a large misfit, it is not refused here.
    """
    scan = _Scan(points, normals, cKDTree(points), _farthest(points, _SEEDS))
    found = _search(scan, axis_rotations())
    if not _clear(found):
        frames = np.concatenate([principal_axes(points) @ axis_rotations(), spread_rotations(_SPREAD)])
        found = _distinct(found + _search(scan, frames))
    return found[:best]


def _clear(hypotheses: list[PoseHypothesis]) -> bool:
    """Whether the best hypothesis fits as faces do, and none of the others nearly as well."""
    misfits = [hypothesis.misfit for hypothesis in hypotheses]
    return misfits[0] < _CLEAR and (len(misfits) == 1 or misfits[1] > misfits[0] + _MARGIN)


def _search(scan: _Scan, frames: FloatArray) -> list[PoseHypothesis]:
    """The best poses that lie near the given rotations (R, 3, 3), best first."""
    template = _template()
    everything = np.arange(len(template.points))
    pose = _seeds(scan, frames, template)
    misfits = _misfits(scan, template, template.screening, pose)
    for keep, chosen, iterations in ((_KEEP[0], template.coarse, 8), (_KEEP[1], everything, 26)):
        pose = pose.take(_spread(misfits, pose, keep))
        for _ in range(iterations):
            pose = _register(scan, template, chosen, pose)
        misfits = _misfits(scan, template, chosen, pose)
    return _distinct([PoseHypothesis(pose.inverse(i), float(misfits[i])) for i in range(len(misfits))])


def _seeds(scan: _Scan, frames: FloatArray, template: _Template) -> _Poses:
    """Starting poses: each rotation with each place where the nose tip may be."""
    rotations, places = [], []
    for rotation in frames:
        forward = rotation[:, 2]
        # The skin at the nose tip looks forward, and the nose tip protrudes: the furthest point is tried as well.
        facing = scan.spread[scan.normals[scan.spread] @ forward > _FACING]
        tips = scan.points[np.append(facing, np.argmax(scan.points @ forward))]
        rotations.append(np.broadcast_to(rotation, (len(tips), 3, 3)))
        places.append(tips - rotation @ template.nose_tip)
    starts = np.concatenate(rotations)
    return _Poses(starts, np.ones(len(starts)), np.concatenate(places))


def _farthest(points: FloatArray, count: int) -> NDArray[np.int64]:
    """Ids of well-spread points (farthest-point sampling)."""
    chosen = [0]
    distance = np.full(len(points), np.inf)
    for _ in range(count - 1):
        distance = np.minimum(distance, ((points - points[chosen[-1]]) ** 2).sum(1))
        chosen.append(int(distance.argmax()))
    return np.array(chosen)


def _match(
    scan: _Scan, template: _Template, chosen: NDArray[np.int64], pose: _Poses
) -> tuple[FloatArray, NDArray[np.int64]]:
    """Cost (H, T) and nearest scan point (H, T) of the chosen template points under each hypothesis."""
    turned = pose.rotations.transpose(0, 2, 1)
    moved = pose.scales[:, None, None] * (template.points[chosen] @ turned) + pose.places[:, None]
    distance, nearest = scan.tree.query(moved.reshape(-1, 3), distance_upper_bound=3.0 * _REACH)
    missing = ~np.isfinite(distance)
    nearest = np.where(missing, 0, nearest).reshape(moved.shape[:2])
    distance = np.where(missing, 3.0 * _REACH, distance).reshape(moved.shape[:2])
    agreement = ((template.normals[chosen] @ turned) * scan.normals[nearest]).sum(2)
    return distance + _NORMAL_COST * (1.0 - agreement) / 2.0, nearest


def _misfits(scan: _Scan, template: _Template, chosen: NDArray[np.int64], pose: _Poses) -> FloatArray:
    cost, _ = _match(scan, template, chosen, pose)
    misfit: FloatArray = np.minimum(cost, _REACH).mean(1)
    return misfit


def _register(scan: _Scan, template: _Template, chosen: NDArray[np.int64], pose: _Poses) -> _Poses:
    """One step of trimmed ICP of all hypotheses: Umeyama's similarity on the better 75 % of the matches."""
    cost, nearest = _match(scan, template, chosen, pose)
    limit = np.quantile(cost, 0.75, axis=1, keepdims=True)
    weight = (cost <= limit).astype(np.float64)
    weight /= weight.sum(1, keepdims=True)
    source = np.broadcast_to(template.points[chosen], (len(cost), len(chosen), 3))
    target = scan.points[nearest]
    source_mean, target_mean = (weight[..., None] * source).sum(1), (weight[..., None] * target).sum(1)
    source, target = source - source_mean[:, None], target - target_mean[:, None]
    u, values, vt = np.linalg.svd(np.einsum("ht,hti,htj->hij", weight, target, source))
    signs = np.ones_like(values)
    signs[:, 2] = np.sign(np.linalg.det(u) * np.linalg.det(vt))
    rotations = (u * signs[:, None, :]) @ vt
    spread = (weight * (source**2).sum(2)).sum(1)
    scales = np.clip((values * signs).sum(1) / spread, *_SCALES)
    return _Poses(rotations, scales, target_mean - scales[:, None] * np.einsum("hij,hj->hi", rotations, source_mean))


def _spread(misfits: FloatArray, pose: _Poses, keep: int) -> NDArray[np.int64]:
    """The best ``keep`` hypotheses, of those that start from one rotation only a few."""
    taken: dict[bytes, int] = {}
    chosen: list[int] = []
    for i in np.argsort(misfits, kind="stable"):
        key = pose.rotations[i].tobytes()
        taken[key] = taken.get(key, 0) + 1
        if taken[key] <= _PER_ROTATION and len(chosen) < keep:
            chosen.append(int(i))
    return np.array(chosen)


def _distinct(hypotheses: list[PoseHypothesis]) -> list[PoseHypothesis]:
    """Best first, without those that say the same as a better one."""
    kept: list[PoseHypothesis] = []
    for hypothesis in sorted(hypotheses, key=lambda candidate: candidate.misfit):
        if not any(_alike(hypothesis.to_head, other.to_head) for other in kept):
            kept.append(hypothesis)
    return kept


def _alike(first: Similarity, second: Similarity) -> bool:
    """Less than 20 degrees and, at the middle of the face, 20 mm apart."""
    cosine = (np.trace(first.rotation.T @ second.rotation) - 1.0) / 2.0
    middle = np.array(CROP_CENTRE)
    apart = np.linalg.norm(second.apply(first.inverse().apply(middle)) - middle)
    return bool(cosine > np.cos(np.deg2rad(20.0)) and apart < 20.0)
