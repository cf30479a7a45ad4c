"""Fit of the statistical face to a scan: landmarks first, then the skin, then what no statistical face has.

Gauss-Newton on the distances to the tangent planes of the scan, with a normal prior for every unknown and weights that
leave out what does not fit. The landmarks lose their weight as the skin takes over.

References
----------
V. Blanz, T. Vetter, "A morphable model for the synthesis of 3D faces", SIGGRAPH 1999.
B. Amberg, S. Romdhani, T. Vetter, "Optimal step nonrigid ICP algorithms for surface registration", CVPR 2007.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags, identity
from scipy.sparse.linalg import spsolve
from scipy.spatial.transform import Rotation

from sgcn_core.analysis.dense_model import DenseModel
from sgcn_core.analysis.skin_target import SkinTarget
from sgcn_core.errors import LandmarkError, SurfaceError
from sgcn_core.geometry.procrustes import align_to_prototype
from sgcn_core.geometry.similarity import Similarity
from sgcn_core.geometry.triangles import vertex_normals

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

FEWEST_LANDMARKS = 6
_FEWEST_PLACES = 200

# Of each round: how far a place of the scan may be, mm; the distance at which a place has half of its weight; the share
# of the landmarks' weight that is left; whether smooth displacements are free; whether places on triangles are used.
_ROUNDS: tuple[tuple[float, float, float, bool, bool], ...] = (
    (20.0, 5.0, 1.0, False, False),
    (15.0, 4.0, 0.5, False, False),
    (12.0, 3.0, 0.25, False, False),
    (10.0, 2.0, 0.1, False, False),
    (8.0, 2.0, 0.05, False, False),
    (8.0, 2.0, 0.05, False, False),
    (8.0, 2.0, 0.02, True, False),
    (7.0, 2.0, 0.02, True, False),
    (6.0, 1.5, 0.0, True, False),
    (5.0, 1.5, 0.0, True, False),
    (5.0, 1.0, 0.0, True, False),
    (5.0, 1.0, 0.0, True, True),
)
_LANDMARK_ROUNDS = 4
_LANDMARK_SD = 2.0  # mm, of a landmark against the model's vertex, beside its own error
_SKIN_SD, _PATCH = 0.5, 25.0  # mm, mm^2: error of the skin, and of how much of it one observation is
_SIZE_SD = 0.1  # of the logarithm of the size
_ALIGNED = 0.5  # smallest cosine between the normals of counterparts
_STIFF = 0.02  # of the last displacements along the normals against their neighbours'


@dataclass(frozen=True, eq=False)
class FittedModel:
    """Where the model ended: its pose, its weights, and what lies beside them.

    Attributes
    ----------
    pose : Similarity
        From the head frame of the model to the scan.
    coefficients : ndarray (K,)
    smooth : ndarray (S, 3)
        Weights of the smooth displacements.
    vertices : ndarray (M, 3)
        In the frame of the scan.
    """

    pose: Similarity
    coefficients: FloatArray
    smooth: FloatArray
    vertices: FloatArray


def pose_from_landmarks(model: DenseModel, labels: tuple[str, ...], positions: FloatArray) -> Similarity:
    """The similarity from the model to the landmarks (L, 3), NaN where they are missing.

    Raises
    ------
    LandmarkError
        Too few landmarks of the model, or they lie on a line.
    """
    rows, present = _landmark_rows(model, labels, positions)
    if len(rows) < FEWEST_LANDMARKS:
        raise LandmarkError(
            f"the statistical face needs {FEWEST_LANDMARKS} landmarks to start from; there are {len(rows)} of "
            f"{', '.join(model.labels[:10])} ...; detect or place more"
        )
    ones = np.ones(len(rows))
    try:
        return align_to_prototype(positions[present], ones, model.mean[rows], 5.0 * ones).inverse()
    except ValueError as error:
        raise LandmarkError(f"the landmarks do not place the statistical face: {error}") from error


def fit_model(
    model: DenseModel,
    target: SkinTarget,
    labels: tuple[str, ...],
    positions: FloatArray,
    covariance: FloatArray,
    start: Similarity,
) -> FittedModel:
    """Fit pose, weights and smooth displacements of the model to the skin.

    Parameters
    ----------
    model : DenseModel
    target : SkinTarget
        The scan, millimetres.
    labels, positions, covariance
        Landmarks: L names, (L, 3) and (L, 3, 3); NaN where missing or unknown.
    start : Similarity
        As of `pose_from_landmarks`.

    Raises
    ------
    SurfaceError
        The scan shows too little of the face.
    """
    rows, present = _landmark_rows(model, labels, positions)
    variance = np.trace(covariance[present], axis1=1, axis2=2) / 3.0
    landmarks = _Landmarks(rows, positions[present], np.where(np.isfinite(variance), variance, 0.0) + _LANDMARK_SD**2)
    fit = FittedModel(start, np.zeros(len(model.modes)), np.zeros((len(model.smooth), 3)), start.apply(model.mean))
    for _ in range(_LANDMARK_ROUNDS):
        system = _System(model, fit, smooth=False)
        landmarks.add_to(system, fit, 1.0)
        fit = system.solved(start)
    for reach, half, share, smooth, exact in _ROUNDS:
        system = _System(model, fit, smooth=smooth)
        if share > 0:
            landmarks.add_to(system, fit, share)
        places, directions, weight = _counterparts(model, target, fit.vertices, reach, half, exact=exact)
        system.add_planes(np.flatnonzero(weight), places, directions, weight)
        fit = system.solved(start)
    return fit


def moved_onto_skin(model: DenseModel, target: SkinTarget, vertices: FloatArray) -> FloatArray:
    """Vertices (M, 3) moved smoothly along their normals onto the skin; where there is none, as their neighbours.

    The displacements u minimise sum w (u - d)^2 + stiffness |L u|^2, d the distances to the skin along the normals,
    and L the difference of each vertex from the mean of its neighbours.
    """
    places, directions, weight = _counterparts(model, target, vertices, 5.0, 2.0, exact=True)
    normals = vertex_normals(vertices, model.faces)
    along = (normals * directions).sum(axis=1)
    distance = np.where(weight > 0, ((places - vertices) * directions).sum(axis=1) / np.maximum(along, _ALIGNED), 0.0)
    edges = _neighbours(model)
    laplacian = identity(len(vertices), format="csr") - diags(1.0 / np.asarray(edges.sum(axis=1)).ravel()) @ edges
    # Far from any skin only smoothness speaks; the second term keeps holes from running away.
    system = diags(weight) + _STIFF * (laplacian.T @ laplacian) + 1e-4 * identity(len(vertices))
    moved: FloatArray = vertices + spsolve(system.tocsc(), weight * distance)[:, None] * normals
    return moved


@dataclass(frozen=True, eq=False)
class _Landmarks:
    rows: IntArray
    positions: FloatArray
    variance: FloatArray

    def add_to(self, system: _System, fit: FittedModel, share: float) -> None:
        """The distances of the landmarks in three directions; one far off counts less (Cauchy)."""
        off = np.linalg.norm(fit.vertices[self.rows] - self.positions, axis=1) / np.sqrt(self.variance)
        weight = share / self.variance / (1.0 + (off / 3.0) ** 2)
        for axis in np.eye(3):
            system.add(self.rows, self.positions, np.broadcast_to(axis, self.positions.shape), weight)


class _System:
    """Normal equations of a Gauss-Newton step: rotation, shift, logarithm of the size, modes, smooth displacements."""

    def __init__(self, model: DenseModel, fit: FittedModel, *, smooth: bool) -> None:
        self.model, self.fit, self.smooth = model, fit, smooth
        self.centre = fit.vertices.mean(axis=0)
        modes, components = len(model.modes), 3 * len(model.smooth) * smooth
        self.information = np.zeros((7 + modes + components,) * 2)
        self.gradient = np.zeros(len(self.information))

    def add_planes(self, rows: IntArray, places: FloatArray, directions: FloatArray, weight: FloatArray) -> None:
        share = self.model.area / (_PATCH * _SKIN_SD**2) * weight
        self.add(rows, places[rows], directions[rows], share[rows])

    def add(self, rows: IntArray, places: FloatArray, directions: FloatArray, weight: FloatArray) -> None:
        """Weighted distances of vertices from places along directions (n, 3)."""
        model, pose = self.model, self.fit.pose
        from_centre = self.fit.vertices[rows] - self.centre
        size = (from_centre * directions).sum(axis=1, keepdims=True)
        local = (pose.scale * (directions @ pose.rotation)).astype(np.float32)
        blocks = [np.cross(from_centre, directions), directions, size]
        blocks.append(np.einsum("knc,nc->nk", model.modes[:, rows], local))
        if self.smooth:
            components = model.smooth[:, rows].T
            blocks += [components * local[:, axis : axis + 1] for axis in range(3)]
        jacobian = np.concatenate(blocks, axis=1, dtype=np.float32, casting="unsafe")
        root = np.sqrt(weight).astype(np.float32)
        jacobian *= root[:, None]
        distance = ((places - self.fit.vertices[rows]) * directions).sum(axis=1)
        self.information += jacobian.T @ jacobian
        self.gradient += jacobian.T @ (root * distance.astype(np.float32))

    def solved(self, start: Similarity) -> FittedModel:
        """The fit after the step, held by the prior of everything but rotation and shift."""
        model, fit = self.model, self.fit
        count = len(model.modes)
        weights = np.concatenate([fit.coefficients, fit.smooth.T.ravel() if self.smooth else []])
        prior = np.concatenate([np.full(6, 1e-6), [_SIZE_SD**-2], np.ones(len(weights))])
        drawn = np.concatenate([np.zeros(6), [np.log(fit.pose.scale / start.scale)], weights])
        step = np.linalg.solve(self.information + np.diag(prior), self.gradient - prior * drawn)
        turn, factor = Rotation.from_rotvec(step[:3]).as_matrix(), float(np.exp(step[6]))
        shift = self.centre - factor * turn @ self.centre + step[3:6]
        pose = Similarity(factor, turn, shift) @ fit.pose
        coefficients = fit.coefficients + step[7 : 7 + count]
        smooth = fit.smooth + step[7 + count :].reshape(3, -1).T if self.smooth else fit.smooth
        shape = model.shape(coefficients) + model.smooth.T @ smooth
        return FittedModel(pose, coefficients, smooth, pose.apply(shape))


def _counterparts(
    model: DenseModel, target: SkinTarget, vertices: FloatArray, reach: float, half: float, *, exact: bool
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Places and normals (M, 3) of the skin, and the weight (M,) of each: 0 where it has no counterpart.

    Raises
    ------
    SurfaceError
        There are hardly any.
    """
    normals = vertex_normals(vertices, model.faces)
    places, directions, found = (target.closest if exact else target.closest_vertices)(vertices, normals)
    squared = ((places - vertices) ** 2).sum(axis=1)
    aligned = (normals * directions).sum(axis=1) > _ALIGNED
    off = ((places - vertices) * directions).sum(axis=1)
    weight = np.where(found & aligned & (squared < reach**2), 1.0 / (1.0 + (off / half) ** 2), 0.0)
    if np.count_nonzero(weight) < _FEWEST_PLACES:
        raise SurfaceError(
            f"only {np.count_nonzero(weight)} of {len(weight)} places of the face have skin of the scan beside them; "
            "check that the landmarks belong to the scan and that it shows the face"
        )
    return places, directions, weight


def _landmark_rows(model: DenseModel, labels: tuple[str, ...], positions: FloatArray) -> tuple[IntArray, IntArray]:
    """Vertices of the landmarks that model and case share and that are not missing, and their rows in the case."""
    known = dict(zip(model.labels, model.landmarks.tolist(), strict=True))
    present = [row for row, label in enumerate(labels) if label in known and np.isfinite(positions[row]).all()]
    return np.array([known[labels[row]] for row in present], dtype=np.int64), np.array(present, dtype=np.int64)


def _neighbours(model: DenseModel) -> csr_matrix:
    """Adjacency (M, M) of the vertices."""
    start, end = model.faces.ravel(), np.roll(model.faces, -1, axis=1).ravel()
    count = len(model.mean)
    both = csr_matrix((np.ones(2 * len(start)), (np.r_[start, end], np.r_[end, start])), shape=(count, count))
    both.data[:] = 1.0
    return both
