"""The paper's tables on a dataset: Table 1 (each test set), Fig. 10 and 14 (groups and expressions), Table 3."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sgcn_core.datasets.base import Experiment, Face, FaceDataset, Sample
from sgcn_core.datasets.dad3dheads import PAPER_LANDMARKS
from sgcn_core.datasets.splits import Split
from sgcn_core.detector import LandmarkDetector
from sgcn_core.errors import FaceNotFoundError, FileFormatError, LandmarkError, SurfaceError
from sgcn_core.evaluation.groups import GROUPS
from sgcn_core.evaluation.metrics import THRESHOLDS, summarise
from sgcn_core.evaluation.tables import Cell, Table
from sgcn_core.types.units import in_mm

FloatArray = NDArray[np.float64]

WHOLE, CROPPED = "whole", "paper"
# Table 3 of the paper: 2S-SGCN, 122 landmarks.
_PAPER_NME = {"overall": 0.0073, "pose": 0.0076, "expression": 0.0078, "occlusions": 0.0072}
# Which items each column of Table 3 takes: attribute and value. Of the three poses "atypical" is taken for Pose.
_CONDITIONS = {"pose": ("pose", "atypical"), "expression": ("expression", "true"), "occlusions": ("occlusions", "true")}


@dataclass(frozen=True, eq=False)
class Measured:
    """One test face.

    Attributes
    ----------
    sample : Sample
    crop : "whole" or "paper"
    errors : (L,), millimetres; NaN where the landmark was not found or has no truth, or the face was refused
    known : (L,), whether there is a truth
    refused : the reason, if there was no detection
    nme : normalised mean error in the image (DAD-3DHeads), else NaN
    nme3d : mean distance over half the largest extent of the mesh
    """

    sample: Sample
    crop: str
    errors: FloatArray
    known: NDArray[np.bool_]
    refused: str | None = None
    nme: float = float("nan")
    nme3d: float = float("nan")


def measure(
    detector: LandmarkDetector,
    dataset: FaceDataset,
    split: Split,
    *,
    crops: Sequence[str] = (WHOLE,),
    most: int | None = None,
    refine: str | None = None,
    seed: int = 0,
    report: Callable[[str, float], None] | None = None,
) -> Iterator[Measured]:
    """Detect on the faces of the test subjects that an experiment of the dataset tests.

    Parameters
    ----------
    crops : of ``("whole", "paper")``
    most : at most so many test subjects, the first by name

    Raises
    ------
    LandmarkError
        The weights know none of the dataset's landmarks, or the dataset has no crop of the paper.
    """
    _check(detector, dataset, crops)
    people = set(split.test[:most])
    wanted = {
        condition for experiment in dataset.experiments for test in experiment.tests.values() for condition in test
    }
    samples = [each for each in dataset.samples if each.subject in people and (not wanted or each.condition in wanted)]
    for number, sample in enumerate(samples):
        if report is not None:
            report(sample.key, number / len(samples))
        for crop in crops:
            yield _measured(detector, dataset, sample, crop, refine=refine, seed=seed)


def table_one(dataset: FaceDataset, measured: Sequence[Measured], split: Split, note: str) -> Table:
    """A row for each test set and crop, as Table 1 of the paper."""
    rows: list[dict[str, Cell]] = []
    for experiment, test, crop, faces in _sets(dataset, measured):
        errors = [face.errors[face.known] for face in faces]
        summary = summarise(np.concatenate(errors))
        of_faces = [float(np.nanmean(each)) for each in errors if np.isfinite(each).any()]
        rates = {f"SDR@{limit:g} %": 100.0 * rate for limit, rate in zip(THRESHOLDS, summary.rates, strict=True)}
        rows.append(
            {
                "train": experiment.name,
                "test": test,
                "crop": crop,
                "faces": len(faces),
                "mean mm": summary.mean,
                "SD": summary.deviation,
                "SD of faces": float(np.std(of_faces)) if of_faces else None,
                "median": summary.median,
                "95 %": summary.high,
                **rates,
                "> 10 mm": summary.failures,
                "missing": summary.missing - _of_refused(faces),
                "refused": sum(face.refused is not None for face in faces),
                "paper, 2S-SGCN": experiment.paper.get(test, "-"),
            }
        )
    title = (
        f"{dataset.title}: errors on the test subjects, millimetres (Table 1 of the paper). Split: {split.rule}. The "
        "column train names what the paper trained on, not these weights. Success rates count what was not found as "
        f"beyond. {note}"
    )
    return Table("dataset", title, rows)


def group_table(dataset: FaceDataset, measured: Sequence[Measured], note: str) -> Table | None:
    """Mean error of the paper's groups of the 68 points (Fig. 10); None for other landmarks."""
    if not all(label.startswith("ibug") for label in dataset.labels):
        return None
    rows: list[dict[str, Cell]] = []
    for experiment, test, crop, faces in _sets(dataset, measured):
        errors = np.array([face.errors for face in faces])
        means = {name: _mean(errors[:, list(points)]) for name, points in GROUPS.items()}
        rows.append({"train": experiment.name, "test": test, "crop": crop, **means})
    return Table(
        "dataset_groups",
        f"{dataset.title}: mean error by group, millimetres (Fig. 10); contour and brows have other "
        f"definitions in other sets. {note}",
        rows,
    )


def condition_table(dataset: FaceDataset, measured: Sequence[Measured], note: str) -> Table | None:
    """Mean error by expression (Fig. 14); None where there is one."""
    rows: list[dict[str, Cell]] = []
    for crop in dict.fromkeys(face.crop for face in measured):
        for condition in sorted({face.sample.condition for face in measured}):
            faces = [face for face in measured if (face.crop, face.sample.condition) == (crop, condition)]
            errors = np.array([face.errors for face in faces])
            refused = sum(face.refused is not None for face in faces)
            row: dict[str, Cell] = {"expression": condition or "-", "crop": crop, "faces": len(faces)}
            rows.append({**row, "mean mm": _mean(errors), "refused": refused})
    if len({row["expression"] for row in rows}) < 2:
        return None
    return Table(
        "dataset_expressions", f"{dataset.title}: mean error by expression, millimetres (Fig. 14). {note}", rows
    )


def faces_table(dataset: FaceDataset, measured: Sequence[Measured], note: str) -> Table:
    """A row for each face, for the file."""
    rows: list[dict[str, Cell]] = []
    for face in measured:
        summary = summarise(face.errors[face.known])
        rows.append(
            {
                "face": face.sample.key,
                "subject": face.sample.subject,
                "condition": face.sample.condition,
                "crop": face.crop,
                "landmarks": summary.count,
                "mean mm": summary.mean,
                "95 %": summary.high,
                "missing": summary.missing if face.refused is None else None,
                "NME": face.nme,
                "refused": "" if face.refused is None else face.refused.replace(str(dataset.root), "."),
            }
        )
    return Table("dataset_faces", f"{dataset.title}: errors of every face, millimetres. {note}", rows)


def nme_table(dataset: FaceDataset, measured: Sequence[Measured], note: str) -> Table | None:
    """Normalised mean errors as Table 3 of the paper; None for datasets without images."""
    faces = [face for face in measured if np.isfinite(face.nme)]
    if not faces:
        return None
    rows: list[dict[str, Cell]] = []
    for crop in dict.fromkeys(face.crop for face in faces):
        for column in _PAPER_NME:
            name, value = _CONDITIONS.get(column, ("", ""))
            chosen = [
                face for face in faces if face.crop == crop and (not name or face.sample.attributes.get(name) == value)
            ]
            rows.append(
                {
                    "images": column,
                    "crop": crop,
                    "|L|": len(dataset.labels),
                    "faces": len(chosen),
                    "NME": _rounded([face.nme for face in chosen]),
                    "NME in 3D": _rounded([face.nme3d for face in chosen]),
                    f"paper, 2S-SGCN, {PAPER_LANDMARKS} points": str(_PAPER_NME[column]),
                }
            )
    title = (
        f"{dataset.title}: normalised mean error (Table 3). NME: in the image, over the root of the area of the "
        "head's box, as in the dataset's benchmark; in 3D: over half the largest extent of the mesh. The paper does "
        f"not say what it divides by. {note}"
    )
    return Table("dataset_nme", title, rows)


def _check(detector: LandmarkDetector, dataset: FaceDataset, crops: Sequence[str]) -> None:
    known = {label.casefold() for label in detector.checkpoint.reported}
    if not any(label.casefold() in known for label in dataset.labels):
        raise LandmarkError(
            f"the weights know none of the {len(dataset.labels)} landmarks of {dataset.title} "
            f"({', '.join(dataset.labels[:3])} ...); give weights that were trained on them"
        )
    if CROPPED in crops and not dataset.paper_crop:
        raise LandmarkError(f"the paper crops nothing of {dataset.title}; leave --crop out")


def _measured(
    detector: LandmarkDetector, dataset: FaceDataset, sample: Sample, crop: str, *, refine: str | None, seed: int
) -> Measured:
    count = len(dataset.labels)
    nothing = np.full(count, np.nan)
    reported = {label.casefold() for label in detector.checkpoint.reported}
    try:
        face = dataset.read(sample, cropped=crop == CROPPED)
    except (FileFormatError, SurfaceError) as error:
        return Measured(sample, crop, nothing, np.zeros(count, dtype=bool), refused=str(error))
    factor = in_mm(face.surface.unit or "mm")
    known = np.asarray(np.isfinite(face.landmarks).all(axis=1))
    known = known & np.array([label.casefold() in reported for label in dataset.labels])
    try:
        result = detector.detect(face.surface, refine=refine, seed=seed, mm_per_unit=factor)
    except (FaceNotFoundError, SurfaceError) as error:
        return Measured(sample, crop, nothing, known, refused=str(error))
    nowhere = np.full(3, np.nan)
    places = {label.casefold(): place for label, place in zip(result.labels, result.positions, strict=True)}
    found = np.array([places.get(label.casefold(), nowhere) for label in dataset.labels])
    distance = np.where(known, np.linalg.norm(found - face.landmarks, axis=1), np.nan)
    nme, nme3d = _normalised(face, found, distance)
    return Measured(sample, crop, factor * distance, known, nme=nme, nme3d=nme3d)


def _normalised(face: Face, found: FloatArray, distance: FloatArray) -> tuple[float, float]:
    """NME in the image and in 3D; NaN without an image."""
    seen = np.isfinite(distance)
    if face.camera is None or not seen.any():
        return float("nan"), float("nan")
    in_image = face.camera.normalised_error(found[seen], face.landmarks[seen])
    return in_image, float(distance[seen].mean() / (face.surface.extent.max() / 2))


def _sets(dataset: FaceDataset, measured: Sequence[Measured]) -> Iterator[tuple[Experiment, str, str, list[Measured]]]:
    """Experiment, test set, crop and its faces, of the sets that have any."""
    crops = dict.fromkeys(face.crop for face in measured)
    for experiment in dataset.experiments:
        for test, conditions in experiment.tests.items():
            for crop in crops:
                faces = [
                    face
                    for face in measured
                    if face.crop == crop and (not conditions or face.sample.condition in conditions)
                ]
                if faces:
                    yield experiment, test, crop, faces


def _of_refused(faces: Sequence[Measured]) -> int:
    """Landmarks of the faces on which nothing was detected."""
    return sum(int(face.known.sum()) for face in faces if face.refused is not None)


def _mean(errors: FloatArray) -> float | None:
    return float(np.nanmean(errors)) if np.isfinite(errors).any() else None


def _rounded(values: Sequence[float]) -> str:
    """Four digits, for tables whose numbers have two."""
    return f"{np.mean(values):.4f}" if len(values) else "-"
