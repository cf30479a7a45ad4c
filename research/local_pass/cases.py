"""Scans with the first pass' landmarks and the truth, kept on disk: what every second pass is judged on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from research.kept import ENTRY, check_weights
from research.synthesis.generated_scan import ScanMaker
from research.training.annotated_scans import annotated_scans
from research.training.calibration_data import located_near, places_of
from sgcn_core.cleaning.clean import clean_surface
from sgcn_core.detector import LandmarkDetector
from sgcn_core.errors import FaceNotFoundError
from sgcn_core.pipeline import Pipeline
from sgcn_core.stages import Placed

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Case:
    """One scan after the first pass; coordinates normalised as the network sees them.

    Attributes
    ----------
    group, name, labels
    vertices (P, 3), faces (F, 3) : the original surface around the crop
    first : (L, 3), landmarks of the first pass
    truth : (L, 3), NaN where unknown or absent
    unit : millimetres of the person for one normalised unit
    """

    group: str
    name: str
    labels: tuple[str, ...]
    vertices: FloatArray
    faces: NDArray[np.int64]
    first: FloatArray
    truth: FloatArray
    unit: float

    def save(self, path: Path, weights: str) -> None:
        """Write an uncompressed .npz file; ``weights`` is the hash of those of the first pass."""
        arrays: dict[str, Any] = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        np.savez(path, **arrays | {ENTRY: weights})

    @classmethod
    def load(cls, path: Path, weights: str) -> Case:
        """Read what :meth:`save` wrote with the weights of this hash."""
        with np.load(path, allow_pickle=False) as stored:
            check_weights(path.parent, stored, weights)
            values = {entry.name: stored[entry.name] for entry in fields(cls)}
        values |= {name: str(values[name]) for name in ("group", "name")}
        return cls(**{**values, "labels": tuple(values["labels"].tolist()), "unit": float(values["unit"])})


def load_cases(folder: Path, weights: str) -> list[Case]:
    """All cases of a folder, by name, of a first pass with the weights of this hash."""
    return [Case.load(path, weights) for path in sorted(folder.glob("*.npz"))]


def real_cases(detector: LandmarkDetector, folders: Sequence[Path]) -> Iterator[Case]:
    """Annotated scans, labels compared by definition."""
    pipeline = detector.pipeline
    for scan in annotated_scans(detector, folders):
        placed = pipeline.place(scan.heatmaps)
        yield _case(scan.folder, scan.name, placed, scan.truth)


def generated_cases(pipeline: Pipeline, group: str, maker: ScanMaker, count: int) -> Iterator[Case]:
    """Generated scans; the pose starts from the true one with what a search leaves."""
    for number in range(count):
        scan = maker.scan(number)
        near = located_near(scan, np.random.default_rng((number, 17)))
        try:
            posed = pipeline.pose(clean_surface(scan.surface), near, seed=number)
            placed = pipeline.place(pipeline.heatmaps(pipeline.graph(posed)))
        except FaceNotFoundError:
            continue
        yield _case(group, f"{group}-{number:03d}", placed, scan.landmarks)


def _case(group: str, name: str, placed: Placed, truth: Mapping[str, FloatArray]) -> Case:
    graph, labels = placed.heatmaps.graph, placed.heatmaps.labels
    return Case(
        group=group,
        name=name,
        labels=labels,
        vertices=graph.vertices,
        faces=graph.faces,
        first=placed.positions,
        truth=graph.to_normalised.apply(places_of(truth, labels)),
        unit=1.0 / graph.to_normalised.scale,
    )
