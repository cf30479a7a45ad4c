"""The upright pose of the faces of a dataset, by their landmarks: training sees them as detection does."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgcn_core.datasets.base import FaceDataset, Sample
from sgcn_core.detector import LandmarkDetector
from sgcn_core.errors import FaceNotFoundError, FileFormatError, SurfaceError
from sgcn_core.geometry.procrustes import procrustes
from sgcn_core.geometry.similarity import Similarity, from_crop
from sgcn_core.graph.crop import CROP_CENTRE, CROP_MARGIN, CROP_RADIUS
from sgcn_core.types.units import in_mm

FloatArray = NDArray[np.float64]

# Labels shared with the shipped weights, from which these tell how a head is turned.
_ENOUGH = 4
# Faces that the mean landmarks of a dataset with labels of its own are taken from, and rounds of their alignment.
_FACES, _ROUNDS = 64, 4
# Faces that the shipped weights are shown, and how many of them are enough.
_TRIES, _FOUND = 10, 3


@dataclass(frozen=True, eq=False)
class Frame:
    """Mean landmarks in the head frame, and the crop around them; millimetres.

    Attributes
    ----------
    reference : (L, 3), NaN for a landmark that says nothing about the pose
    centre : (3,)
    radius, margin : float
    source : {"labels", "detection", "axes"}
        What says how the heads are turned: landmarks known to the shipped weights, faces found by these, or the axes of
        the dataset's files.
    """

    reference: FloatArray
    centre: FloatArray
    radius: float
    source: str
    margin: float = CROP_MARGIN

    @property
    def from_head(self) -> Similarity:
        """To the coordinates of the network."""
        return from_crop(self.centre, self.radius)

    @property
    def digest(self) -> str:
        """Hash of all numbers."""
        numbers = np.concatenate([self.reference.ravel(), self.centre, [self.radius, self.margin]])
        return hashlib.sha256(np.round(numbers, 6).tobytes()).hexdigest()[:16]

    def as_dict(self) -> dict[str, Any]:
        """For a manifest."""
        crop = {"centre": self.centre.tolist(), "radius": self.radius, "margin": self.margin}
        return {**crop, "upright by": self.source}


def frame_of(dataset: FaceDataset, samples: Sequence[Sample], crop: str) -> Frame:
    """The frame in which the faces of a dataset are prepared.

    Where four of the labels or more are those of the shipped weights, their mean landmarks say what is upright; the
    other landmarks follow from the training faces. Otherwise the shipped weights are asked how a few of the faces are
    turned; where they find none, the dataset's own axes are those of the head.

    Parameters
    ----------
    samples : of the training subjects
    crop : one of ``sgcn_core.datasets.cases.CROPS``; "paper" needs no frame
    """
    if crop == "paper":
        return Frame(np.full((len(dataset.labels), 3), np.nan), np.zeros(3), 1.0, "axes")
    detector = LandmarkDetector.from_pretrained()
    known = _shipped(detector, dataset.labels)
    if np.isfinite(known).all(axis=1).sum() >= _ENOUGH:
        return Frame(_mean(dataset, samples, known), np.array(CROP_CENTRE), CROP_RADIUS, "labels")
    if (found := _detected(detector, dataset, samples)) is not None:
        return _around(_mean(dataset, samples, found), "detection")
    if dataset.upright:
        return _around(_mean(dataset, samples, None), "axes")
    raise FileFormatError(
        f"{np.isfinite(known).all(axis=1).sum()} of the {len(known)} labels in {dataset.root} are landmarks of this "
        f"package, at least {_ENOUGH} are needed to tell how the heads are turned, and no face was found on the scans; "
        "rename the landmarks, or name them in labels.txt"
    )


def posed_by(landmarks: FloatArray, reference: FloatArray) -> Similarity:
    """The rigid map of landmarks (L, 3) onto the reference (L, 3), by those that both have; it never mirrors.

    Raises
    ------
    FileFormatError
        They have fewer than three in common.
    """
    both = np.isfinite(landmarks).all(axis=1) & np.isfinite(reference).all(axis=1)
    try:
        return procrustes(landmarks[both], reference[both], scaling=False)
    except ValueError as error:
        raise FileFormatError(
            f"{both.sum()} landmarks tell how the head is turned, which is too few ({error})"
        ) from error


def _around(mean: FloatArray, source: str) -> Frame:
    """The frame whose crop holds the mean landmarks and what is around them."""
    low, high = np.nanmin(mean, axis=0) - CROP_MARGIN, np.nanmax(mean, axis=0) + CROP_MARGIN
    return Frame(mean, (low + high) / 2, float((high - low).max() / 2), source)


def _detected(detector: LandmarkDetector, dataset: FaceDataset, samples: Sequence[Sample]) -> FloatArray | None:
    """Mean landmarks (L, 3) of the first faces that the shipped weights find, in the head frame; None without any."""
    found: list[FloatArray] = []
    for sample in samples[:_TRIES]:
        try:
            face = dataset.read(sample)
            result = detector.detect(face.surface)
            found.append(Similarity.from_matrix(result.info["pose"]).apply(face.landmarks))
        except (FileFormatError, SurfaceError, FaceNotFoundError, OSError):
            continue
        if len(found) == _FOUND:
            break
    return _nanmean(np.array(found)) if found else None


def _shipped(detector: LandmarkDetector, labels: Sequence[str]) -> FloatArray:
    """Mean landmarks (L, 3) of the shipped weights in the head frame, millimetres; NaN for other labels."""
    checkpoint = detector.checkpoint
    places = checkpoint.prototype * checkpoint.crop_radius + np.array(checkpoint.crop_centre)
    known = {label.casefold(): place for label, place in zip(checkpoint.labels, places, strict=True)}
    nowhere = np.full(3, np.nan)
    return np.array([known.get(label.casefold(), nowhere) for label in labels])


def _mean(dataset: FaceDataset, samples: Sequence[Sample], target: FloatArray | None) -> FloatArray:
    """Mean landmarks (L, 3) of some training faces, millimetres: aligned to the target, or to each other."""
    faces = _some(dataset, samples)
    if target is not None:
        moved = np.array([posed_by(face, target).apply(face) for face in faces])
        return _nanmean(moved)
    moved = np.array([face - np.nanmean(face, axis=0) for face in faces])
    mean = _nanmean(moved)
    for _ in range(_ROUNDS):
        moved = np.array([posed_by(face, mean).apply(face) for face in moved])
        mean = _nanmean(moved)
    return mean


def _some(dataset: FaceDataset, samples: Sequence[Sample]) -> list[FloatArray]:
    """Landmarks of training faces at even distances in their list; those that cannot be read are left out."""
    found: list[FloatArray] = []
    reason = "the split has none of them"
    for place in np.unique(np.linspace(0, len(samples) - 1, min(len(samples), _FACES)).round().astype(int)).tolist():
        try:
            face = dataset.read(samples[place])
        except (FileFormatError, SurfaceError, OSError) as error:
            reason = str(error)
            continue
        found.append(in_mm(face.surface.unit or "mm") * face.landmarks)
    if not found:
        raise FileFormatError(f"no face of the training subjects in {dataset.root} can be read: {reason}")
    return found


def _nanmean(values: FloatArray) -> FloatArray:
    """Mean over the faces, NaN where no face has the landmark."""
    present = np.isfinite(values)
    count = present.sum(axis=0)
    mean: FloatArray = np.where(count > 0, np.where(present, values, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)
    return mean
