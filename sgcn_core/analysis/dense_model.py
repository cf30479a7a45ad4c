"""The statistical face that is fitted to scans: ICT-FaceKit reduced to the skin of the face, and what it needs.

Source: R. Li et al., "Learning formation of physically-based face attributes", CVPR 2020 (ICT-FaceKit, MIT; its licence
lies beside the file). Made by ``research/synthesis/reduce_ict_facekit.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from sgcn_core.geometry.triangles import triangle_areas
from sgcn_core.types.arrays import ReadOnlyArrays

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Smooth displacements beside those of the model: a Gaussian process of this standard deviation and length, mm, known by
# its values at so many control vertices of the right half, and as many of the left.
_SMOOTH_SD, _SMOOTH_LENGTH, _CONTROLS = 3.0, 28.0, 64
_SMALLEST = 1e-3  # share of the largest variance, below which a component is left out


@dataclass(frozen=True, eq=False, kw_only=True)
class DenseModel(ReadOnlyArrays):
    """A linear statistical face: mean + sum of weights x modes, weights N(0, 1).

    Head frame: +x the subject's left, +y up, +z out of the face; millimetres.

    Attributes
    ----------
    mean : ndarray (M, 3)
        Exactly symmetric.
    modes : ndarray (K, M, 3) of float32
        Identity, then expression; each symmetric or antisymmetric.
    signs : ndarray (K,)
        +1 for symmetric modes, -1 for antisymmetric ones: the weights of the mirrored face are those of the face times
        this.
    identities : int
        How many of the modes are of the identity.
    smooth : ndarray (S, M) of float32
        Components of a Gaussian process, for each axis: what a person's face has that the modes have not, as an
        asymmetry (M. Luethi et al., "Gaussian process morphable models", IEEE TPAMI 40(8), 2018).
    faces : ndarray (F, 3)
    mirror : ndarray (M,) of int64
        The vertex that corresponds to each on the other side; itself in the midline.
    area : ndarray (M,)
        Of the mean face around each vertex, mm^2.
    labels : tuple of str
        Landmarks of the model.
    landmarks : ndarray (L,) of int64
        Their vertices.
    """

    mean: FloatArray
    modes: NDArray[np.float32]
    signs: FloatArray
    identities: int
    smooth: NDArray[np.float32]
    faces: IntArray
    mirror: IntArray
    area: FloatArray
    labels: tuple[str, ...]
    landmarks: IntArray

    def shape(self, coefficients: FloatArray) -> FloatArray:
        """Vertices (M, 3) of weights (K,) in the head frame."""
        weights = coefficients.astype(np.float32)
        found: FloatArray = self.mean + (weights @ self.modes.reshape(len(weights), -1)).reshape(-1, 3)
        return found


@cache
def dense_model() -> DenseModel:
    """The model of the package."""
    file = resources.files("sgcn_core") / "resources" / "dense_face" / "face.npz"
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
        data = {name: archive[name] for name in archive.files}
    half, paired = data["half"].astype(np.float64), data["paired"].astype(np.int64)
    mean = np.concatenate([half, half[paired] * (-1.0, 1.0, 1.0)])
    mirror = np.concatenate([np.arange(len(half)), paired])
    mirror[paired] = len(half) + np.arange(len(paired))
    signs = np.concatenate([data["identity_sign"], data["expression_sign"]]).astype(np.float64)
    right = np.concatenate([data["identity"], data["expression"]]).astype(np.float32)
    left = right[:, paired] * np.array([-1, 1, 1], dtype=np.float32) * signs[:, None, None].astype(np.float32)
    faces = data["faces"].astype(np.int64)
    thirds = np.repeat(triangle_areas(mean, faces) / 3.0, 3)
    return DenseModel(
        mean=mean,
        modes=np.concatenate([right, left], axis=1),
        signs=signs,
        identities=len(data["identity"]),
        smooth=_smooth_components(mean, mirror, len(half)),
        faces=faces,
        mirror=mirror,
        area=np.bincount(faces.ravel(), thirds, minlength=len(mean)).astype(np.float64),
        labels=tuple(str(label) for label in data["labels"]),
        landmarks=data["landmarks"].astype(np.int64),
    )


def _smooth_components(mean: FloatArray, mirror: IntArray, half: int) -> NDArray[np.float32]:
    """Components (S, M) of the Gaussian process (Nystroem), one standard deviation each."""
    chosen = [int(np.argmin(mean[:half, 0]))]
    distance = np.linalg.norm(mean[:half] - mean[chosen[0]], axis=1)
    while len(chosen) < _CONTROLS:  # the farthest vertex from those chosen
        chosen.append(int(np.argmax(distance)))
        distance = np.minimum(distance, np.linalg.norm(mean[:half] - mean[chosen[-1]], axis=1))
    controls = np.unique(np.concatenate([chosen, mirror[chosen]]))
    values, vectors = np.linalg.eigh(_kernel(mean[controls], mean[controls]))
    used = values > _SMALLEST * values[-1]
    components = _kernel(mean, mean[controls]) @ (vectors[:, used] / np.sqrt(values[used]))
    found: NDArray[np.float32] = np.ascontiguousarray(components.T, dtype=np.float32)
    return found


def _kernel(points: FloatArray, others: FloatArray) -> FloatArray:
    squared = ((points[:, None] - others[None]) ** 2).sum(axis=2)
    found: FloatArray = _SMOOTH_SD**2 * np.exp(-squared / (2.0 * _SMOOTH_LENGTH**2))
    return found
