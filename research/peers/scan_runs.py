"""Every method on one scan: where it puts the landmarks in common, and the processor time it takes."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from research.kept import ENTRY, check_weights
from research.peers.mediapipe_faces import POINTS
from research.peers.meshmonk_transfer import POSITIONING, atlas_landmarks, registered_atlas
from research.peers.multiview import FindPixels, multi_view_landmarks
from research.training.annotated_scans import annotator_of
from research.training.calibration_data import places_of
from sgcn_core.analysis.dense_model import dense_model
from sgcn_core.detector import LandmarkDetector
from sgcn_core.errors import FaceNotFoundError
from sgcn_core.evaluation.truth import landmark_file, read_truth
from sgcn_core.geometry.similarity import Similarity
from sgcn_core.io.meshes import read_surface
from sgcn_core.types.surface import Surface
from sgcn_core.types.units import in_mm

FloatArray = NDArray[np.float64]

OURS, MULTI_VIEW, MESHMONK = "2S-SGCN", "multi-view MediaPipe", "MeshMonk"
METHODS = (OURS, MULTI_VIEW, MESHMONK)


def common_labels() -> tuple[str, ...]:
    """Landmarks that all three methods have."""
    return tuple(label for label in POINTS if label in dense_model().labels)


@dataclass(frozen=True, eq=False)
class ScanRun:
    """What the methods found on one scan; millimetres along the axes of the mesh.

    Attributes
    ----------
    folder, name, annotator : str
    labels : the landmarks in common
    truth : (L, 3), NaN where nobody placed one
    found : method -> (L, 3), NaN where it has none; a method that found no face is NaN throughout
    seconds : method -> processor seconds, NaN where it was not run
    to_head : (3, 3) rotation from the axes of the mesh to those of the head
    """

    folder: str
    name: str
    annotator: str
    labels: tuple[str, ...]
    truth: FloatArray
    found: Mapping[str, FloatArray]
    seconds: Mapping[str, float]
    to_head: FloatArray

    def has_face(self, method: str) -> bool:
        """Whether the method found a face."""
        return bool(np.isfinite(self.found[method]).any())

    def displacements(self, method: str) -> FloatArray:
        """From the truth to what the method found, (L, 3), along the axes of the head frame."""
        off: FloatArray = (self.found[method] - self.truth) @ self.to_head.T
        return off

    def save(self, path: Path, weights: str) -> None:
        """Write an uncompressed .npz file; ``weights`` is the hash of those that our landmarks are of."""
        entries: dict[str, Any] = {ENTRY: weights}
        np.savez(
            path,
            **entries,
            about=np.array([self.folder, self.name, self.annotator]),
            labels=np.array(self.labels),
            truth=self.truth,
            to_head=self.to_head,
            methods=np.array(list(self.found)),
            found=np.array(list(self.found.values())),
            seconds=np.array([self.seconds[method] for method in self.found]),
        )

    @classmethod
    def load(cls, path: Path, weights: str) -> ScanRun:
        """Read what was kept with the weights of this hash; with others the other methods began elsewhere, too."""
        with np.load(path) as kept:
            check_weights(path, kept, weights)
            folder, name, annotator = (str(part) for part in kept["about"])
            methods = [str(method) for method in kept["methods"]]
            return cls(
                folder=folder,
                name=name,
                annotator=annotator,
                labels=tuple(str(label) for label in kept["labels"]),
                truth=kept["truth"],
                found=dict(zip(methods, kept["found"], strict=True)),
                seconds=dict(zip(methods, (float(value) for value in kept["seconds"]), strict=True)),
                to_head=kept["to_head"],
            )


def run_scan(mesh: Path, detector: LandmarkDetector, find: FindPixels) -> ScanRun:
    """Run every method on one scan.

    Multi-view looks at the scan in the pose of our detection, MeshMonk begins with five of its landmarks; their times
    are without it. Where our detection finds no face nothing can be compared, and nobody has found any.

    Parameters
    ----------
    find : picture -> column and row (478, 2) of MediaPipe's points, None without a face
    """
    labels = common_labels()
    surface = read_surface(mesh)
    nowhere = np.full((len(labels), 3), np.nan)
    found = dict.fromkeys(METHODS, nowhere)
    seconds = dict.fromkeys(METHODS, float("nan"))
    began = processor_seconds()
    truth, to_head = nowhere, np.eye(3)
    try:
        result = detector.detect(surface)
    except FaceNotFoundError:
        result = None
    if result is not None:
        seconds[OURS] = processor_seconds() - began
        factor = in_mm(result.unit)
        head = Similarity.from_matrix(np.array(result.info["pose"]))
        to_head = head.rotation
        ours = {label: factor * place for label, place in zip(result.labels, result.positions, strict=True)}
        found[OURS] = places_of(ours, labels)
        truth = _truth(mesh, surface, result.unit, labels)
        faces = np.asarray(surface.faces, dtype=np.int64)
        began = processor_seconds()
        seen = multi_view_landmarks(head.apply(surface.vertices), faces, find)
        if seen is not None:
            back = {label: seen[list(points)].mean(0) for label, points in POINTS.items()}
            found[MULTI_VIEW] = factor * head.inverse().apply(places_of(back, labels))
        seconds[MULTI_VIEW] = processor_seconds() - began
        began = processor_seconds()
        if all(np.isfinite(ours[label]).all() for label in POSITIONING):
            atlas = registered_atlas(factor * surface.vertices, faces, ours)
            found[MESHMONK] = places_of(atlas_landmarks(atlas), labels)
        seconds[MESHMONK] = processor_seconds() - began
    who = annotator_of(mesh).name
    return ScanRun(mesh.parent.name, mesh.name, who, labels, truth, found, seconds, to_head)


def processor_seconds() -> float:
    """Of this process, all its threads and the processes that it waited for."""
    children = os.times()
    return time.process_time() + children.children_user + children.children_system


def _truth(mesh: Path, surface: Surface, unit: str, labels: tuple[str, ...]) -> FloatArray:
    """The landmarks of the file beside a mesh; of one that says nothing of units they are in the mesh's ``unit``."""
    table = landmark_file(mesh)
    if table is None:
        return np.full((len(labels), 3), np.nan)
    truth = read_truth(table, surface)
    factor = in_mm(truth.unit or unit)
    return places_of({label: factor * place for label, place in truth.positions.items()}, labels)
