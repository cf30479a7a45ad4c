"""Real scans that people annotated, for the calibration: detections, true errors, who placed the landmarks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from research.training.calibration_data import CalibrationData, places_of
from sgcn_core.detector import LandmarkDetector
from sgcn_core.errors import FaceNotFoundError
from sgcn_core.evaluation.truth import landmark_file, meshes, read_truth
from sgcn_core.io.meshes import read_surface
from sgcn_core.pipeline import Pipeline
from sgcn_core.stages import Heatmaps
from sgcn_core.types.surface import Surface
from sgcn_core.types.units import in_mm
from sgcn_core.uncertainty.assess import Assessment

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Annotator:
    """Who placed the landmarks of some scans.

    Attributes
    ----------
    name : str
    scans : regular expression of the mesh files' names
    ours : their label -> ours, where one label names two points: the definition counts, not the name
    """

    name: str
    scans: str
    ours: Mapping[str, str]


ANNOTATORS = (
    Annotator("face3d", r"(liberty|template_\w+)\.ply", {}),
    Annotator("Rvcg", r"(humface|mannequin)\.ply", {}),
    Annotator("menpo3d", r"james\.obj", {}),
    Annotator("3DFacialMeasurement", r"bust_with_shirt\.ply", {}),
    # Their "Nasion/Radix" lies at the sellion, their "Menton/Gnathion" at the gnathion (the note beside the data).
    Annotator("rhinoplasty surgeons", r"rhino_\w+-\d+\.ply", {"n": "se", "me": "gn"}),
)
"""Of the development data; scans of others are by the annotator ``FOLDER``."""


@dataclass(frozen=True, eq=False)
class AnnotatedScan:
    """One scan and what the network sees on it.

    Attributes
    ----------
    folder, name, annotator : str
    surface : Surface
    heatmaps : Heatmaps
    size : millimetres of the person for one of the head frame
    pose_confidence : float
    truth : our label -> (3,), millimetres in the axes of the mesh
    """

    folder: str
    name: str
    annotator: str
    surface: Surface
    heatmaps: Heatmaps
    size: float
    pose_confidence: float
    truth: Mapping[str, FloatArray]


def annotated_scans(
    detector: LandmarkDetector, folders: Sequence[Path], *, by_definition: bool = True
) -> Iterator[AnnotatedScan]:
    """Detect on every mesh of the folders that has a landmark file; those without a face are left out.

    Parameters
    ----------
    by_definition : whether an annotator's label is compared with the landmark of ours that has its definition; else
        with the one of its name
    """
    known = {label.casefold(): label for label in detector.checkpoint.labels}
    for folder in folders:
        for mesh in meshes(folder):
            if (table := landmark_file(mesh)) is None:
                continue
            surface, seen = read_surface(mesh), list[Heatmaps]()
            truth = read_truth(table, surface)
            try:
                result = detector.detect(surface, observe=seen.append)
            except FaceNotFoundError:
                continue
            who = annotator_of(mesh)
            scale = in_mm(truth.unit or result.unit)
            ours = who.ours if by_definition else {}
            named = {ours.get(label, label): scale * place for label, place in truth.positions.items()}
            yield AnnotatedScan(
                folder=mesh.parent.name,
                name=mesh.name,
                annotator=who.name,
                surface=surface,
                heatmaps=seen[-1],
                size=float(result.info["size_ratio"]),
                pose_confidence=float(result.info["pose_confidence"]),
                truth={known[label.casefold()]: place for label, place in named.items() if label.casefold() in known},
            )


def annotator_of(mesh: Path) -> Annotator:
    """Who placed the landmarks of a mesh file."""
    found = (who for who in ANNOTATORS if re.fullmatch(who.scans, mesh.name))
    return next(found, Annotator(mesh.parent.name, "", {}))


def displacements(pipeline: Pipeline, scan: AnnotatedScan, mode: str) -> FloatArray:
    """From the truth to what was found, (L, 3), millimetres along the axes of the head frame; NaN without truth."""
    placed = pipeline.place(scan.heatmaps, pipeline.method.but(refine=mode))
    to_normalised = scan.heatmaps.graph.to_normalised
    truth = to_normalised.apply(places_of(scan.truth, pipeline.checkpoint.labels))
    off: FloatArray = (placed.positions - truth) / to_normalised.scale
    return off


def errors(pipeline: Pipeline, scan: AnnotatedScan, mode: str) -> FloatArray:
    """Errors (L,) in millimetres; NaN where there is no truth."""
    distance: FloatArray = np.linalg.norm(displacements(pipeline, scan, mode), axis=1)
    return distance


def assessment(pipeline: Pipeline, scan: AnnotatedScan) -> Assessment:
    """What the pipeline says about the landmarks of the scan."""
    placed = pipeline.place(scan.heatmaps)
    return pipeline.assess(placed, scan.surface, size=scan.size, pose_confidence=scan.pose_confidence)


def as_calibration_data(pipeline: Pipeline, scans: Sequence[AnnotatedScan], modes: Sequence[str]) -> CalibrationData:
    """Features and errors of annotated scans; a landmark without annotation counts as unknown."""
    features, error, seen = [], [], []
    for scan in scans:
        rows = []
        for mode in modes:
            placed = pipeline.place(scan.heatmaps, pipeline.method.but(refine=mode))
            rows.append(pipeline.features(placed, pipeline.boundary(placed), pipeline.expected(placed)))
        features.append(rows)
        error.append([errors(pipeline, scan, mode) / scan.size for mode in modes])
        seen.append(placed.seen.confidence)
    distances = np.array(error)
    known = np.isfinite(distances[:, 0])
    return CalibrationData(
        modes=np.array(modes),
        features=np.array(features),
        error=distances,
        absent=np.zeros(known.shape, dtype=bool),
        covered=np.zeros(known.shape, dtype=bool),
        known=known,
        size=np.array([scan.size for scan in scans]),
        seen=np.array(seen),
        number=np.arange(len(scans)),
        refused=np.empty(0, dtype=np.int64),
    )
