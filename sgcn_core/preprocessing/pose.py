"""A first estimate of the head's pose: many hypotheses, registered to the mean face all at once.

Every hypothesis is a rotation (the file's axes in all 24 right-handed arrangements, and the same about the principal
axes) and a place for the nose tip. A quick score keeps the best; trimmed iterative closest points with compatible
normals refine those. The template is matched to the scan, not the scan to the template: shoulders, hair and clothes
of the scan then cost nothing, and what the scan lacks is trimmed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from sgcn_core.mean_face import mean_face
from sgcn_core.preprocessing.normalise import Similarity

FloatArray = NDArray[np.float64]

_REACH = 15.0  # millimetres; a template point further from the scan than this counts as missing
_NORMAL_COST = 8.0  # millimetres that opposed normals cost
_SEEDS = 64  # places tried for the nose tip
_FACING = 0.2  # least cosine between the normal there and the head's forward axis
_KEEP = (24, 6)  # hypotheses registered roughly, and finely
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
    coarse: NDArray[np.int64]


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
    return _Template(centroids[chosen], face.face_normals[chosen], centroids[chosen[0]], np.arange(80))


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
    template = _template()
    tree = cKDTree(points)
    rotations, scales, places = _seeds(points, normals, template)
    coarse = template.coarse
    misfits = _misfits(tree, normals, template, coarse[::2], rotations, scales, places)
    for keep, chosen, iterations in ((_KEEP[0], coarse, 8), (_KEEP[1], np.arange(len(template.points)), 14)):
        order = np.argsort(misfits, kind="stable")[: keep if keep == _KEEP[1] else 3 * keep]
        order = order if keep == _KEEP[1] else _spread(order, rotations, places, keep)
        rotations, scales, places = rotations[order], scales[order], places[order]
        for _ in range(iterations):
            rotations, scales, places = _register(tree, normals, template, chosen, rotations, scales, places)
        misfits = _misfits(tree, normals, template, chosen, rotations, scales, places)
    return _distinct(rotations, scales, places, misfits, best)


def _seeds(points: FloatArray, normals: FloatArray, template: _Template) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Starting rotations (H, 3, 3), scales (H,) and translations (H, 3) of the template into the scan."""
    frames = np.concatenate([axis_rotations(), _principal_axes(points) @ axis_rotations()])
    spread = _farthest(points, _SEEDS)
    rotations, places = [], []
    for rotation in frames:
        forward = rotation[:, 2]
        # The skin at the nose tip looks forward, and the nose tip protrudes: the furthest point is tried as well.
        facing = spread[normals[spread] @ forward > _FACING]
        tips = points[np.append(facing, np.argmax(points @ forward))]
        rotations.append(np.broadcast_to(rotation, (len(tips), 3, 3)))
        places.append(tips - rotation @ template.nose_tip)
    starts = np.concatenate(rotations)
    return starts, np.ones(len(starts)), np.concatenate(places)


@lru_cache(maxsize=1)
def axis_rotations() -> FloatArray:
    """The 24 rotations (24, 3, 3) that permute and flip the axes; the identity first."""
    found = []
    for order in permutations(range(3)):
        for signs in product((1.0, -1.0), repeat=3):
            matrix = np.zeros((3, 3))
            matrix[range(3), order] = signs
            if np.linalg.det(matrix) > 0:
                found.append(matrix)
    found.sort(key=lambda matrix: -np.trace(matrix))
    return np.array(found)


def _principal_axes(points: FloatArray) -> FloatArray:
    """Right-handed principal axes as columns."""
    _, vectors = np.linalg.eigh(np.cov(points.T))
    vectors = vectors[:, ::-1].copy()
    vectors[:, 2] = np.cross(vectors[:, 0], vectors[:, 1])
    return vectors


def _farthest(points: FloatArray, count: int) -> NDArray[np.int64]:
    """Ids of well-spread points (farthest-point sampling)."""
    chosen = [0]
    distance = np.full(len(points), np.inf)
    for _ in range(count - 1):
        distance = np.minimum(distance, ((points - points[chosen[-1]]) ** 2).sum(1))
        chosen.append(int(distance.argmax()))
    return np.array(chosen)


def _match(
    tree: cKDTree,
    normals: FloatArray,
    template: _Template,
    chosen: NDArray[np.int64],
    rotations: FloatArray,
    scales: FloatArray,
    places: FloatArray,
) -> tuple[FloatArray, NDArray[np.int64]]:
    """Cost (H, T) and nearest scan point (H, T) of the chosen template points under each hypothesis."""
    moved = scales[:, None, None] * (template.points[chosen] @ rotations.transpose(0, 2, 1)) + places[:, None]
    distance, nearest = tree.query(moved.reshape(-1, 3), distance_upper_bound=3.0 * _REACH)
    missing = ~np.isfinite(distance)
    nearest = np.where(missing, 0, nearest).reshape(moved.shape[:2])
    distance = np.where(missing, 3.0 * _REACH, distance).reshape(moved.shape[:2])
    facing = template.normals[chosen] @ rotations.transpose(0, 2, 1)
    agreement = (facing * normals[nearest]).sum(2)
    return distance + _NORMAL_COST * (1.0 - agreement) / 2.0, nearest


def _misfits(
    tree: cKDTree, normals: FloatArray, template: _Template, chosen: NDArray[np.int64], *pose: FloatArray
) -> FloatArray:
    cost, _ = _match(tree, normals, template, chosen, *pose)
    misfit: FloatArray = np.minimum(cost, _REACH).mean(1)
    return misfit


def _register(
    tree: cKDTree,
    normals: FloatArray,
    template: _Template,
    chosen: NDArray[np.int64],
    rotations: FloatArray,
    scales: FloatArray,
    places: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """One step of trimmed ICP of all hypotheses: Umeyama's similarity on the better 75 % of the matches."""
    cost, nearest = _match(tree, normals, template, chosen, rotations, scales, places)
    limit = np.quantile(cost, 0.75, axis=1, keepdims=True)
    weight = (cost <= limit).astype(np.float64)
    weight /= weight.sum(1, keepdims=True)
    source = np.broadcast_to(template.points[chosen], (len(scales), len(chosen), 3))
    target = tree.data[nearest]
    source_mean, target_mean = (weight[..., None] * source).sum(1), (weight[..., None] * target).sum(1)
    source, target = source - source_mean[:, None], target - target_mean[:, None]
    u, values, vt = np.linalg.svd(np.einsum("ht,hti,htj->hij", weight, target, source))
    signs = np.ones_like(values)
    signs[:, 2] = np.sign(np.linalg.det(u) * np.linalg.det(vt))
    turned = (u * signs[:, None, :]) @ vt
    spread = (weight * (source**2).sum(2)).sum(1)
    size = np.clip((values * signs).sum(1) / spread, *_SCALES)
    place = target_mean - size[:, None] * np.einsum("hij,hj->hi", turned, source_mean)
    return turned, size, place


def _angle(first: FloatArray, second: FloatArray) -> float:
    return float(np.degrees(np.arccos(np.clip((np.trace(first.T @ second) - 1.0) / 2.0, -1.0, 1.0))))


def _spread(order: NDArray[np.int64], rotations: FloatArray, places: FloatArray, keep: int) -> NDArray[np.int64]:
    """The best ``keep`` hypotheses, no more than a third of them from one rotation."""
    counts: dict[bytes, int] = {}
    chosen = []
    for i in order:
        key = rotations[i].tobytes()
        counts[key] = counts.get(key, 0) + 1
        if counts[key] <= max(keep // 3, 1):
            chosen.append(i)
    return np.array(chosen[:keep])


def _distinct(
    rotations: FloatArray, scales: FloatArray, places: FloatArray, misfits: FloatArray, best: int
) -> list[PoseHypothesis]:
    """Best first, without repetitions, as maps from the scan to the head frame."""
    kept: list[int] = []
    for i in np.argsort(misfits, kind="stable"):
        same = (
            _angle(rotations[i], rotations[j]) < 20.0 and np.linalg.norm(places[i] - places[j]) < 20.0 for j in kept
        )
        if not any(same):
            kept.append(int(i))
    return [
        PoseHypothesis(Similarity(scales[i], rotations[i], places[i]).inverse(), float(misfits[i])) for i in kept[:best]
    ]
