"""One prepared face: its graph with its landmarks, from the dataset's files to a file that appears whole."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from sgcn_core.datasets.base import Face, FaceDataset, Sample
from sgcn_core.datasets.manifest import FORMAT
from sgcn_core.datasets.pose import Frame, posed_by
from sgcn_core.errors import SettingsError
from sgcn_core.geometry.similarity import Similarity, scaling, standardise_paper
from sgcn_core.graph.face_graph import build_face_graph
from sgcn_core.graph.fine import fine_neighbours, spatial_order
from sgcn_core.io.atomic import replacing
from sgcn_core.sampling.poisson_disk import sample_poisson_disk
from sgcn_core.types.units import in_mm

FloatArray = NDArray[np.float64]

CROPS: tuple[str, ...] = ("canonical", "paper")
"""``canonical``: upright by its landmarks, what is within the crop of this package, a fixed scale, as detection sees a
face. ``paper``: the dataset's own axes and crop, each face scaled into [-1, 1] (section 3.2)."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How the graphs are made.

    Attributes
    ----------
    nodes : |V|, 8000 in the paper
    neighbours : k of the fine graph, the node itself included
    crop : one of ``CROPS``
    seed : of the sampling
    """

    nodes: int = 8000
    neighbours: int = 16
    crop: str = "canonical"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.crop not in CROPS:
            raise SettingsError(f"unknown crop {self.crop!r}; choose from {', '.join(CROPS)}")
        if not self.neighbours <= self.nodes <= 2**16:
            raise SettingsError(f"nodes must be {self.neighbours} (the neighbours) to 65536; received {self.nodes}")


@dataclass(frozen=True, eq=False)
class CaseMaker:
    """Makes the graphs of a dataset's faces.

    Attributes
    ----------
    dataset : FaceDataset
    frame : Frame
        Of the dataset (:func:`sgcn_core.datasets.pose.frame_of`).
    settings : Settings
    """

    dataset: FaceDataset
    frame: Frame
    settings: Settings

    @cached_property
    def _common(self) -> str:
        """What all faces are made with."""
        dataset = self.dataset
        paths = (dataset.root / name for name in dataset.shared)
        files = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths if path.is_file()]
        return json.dumps([FORMAT, dataset.name, dataset.unit, asdict(self.settings), self.frame.digest, files])

    def stamp(self, sample: Sample) -> str:
        """Hash of the input files and of all that decides what is made of them."""
        digest = hashlib.sha256(self._common.encode())
        for path in (sample.file, *sample.more):
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def case(self, sample: Sample) -> dict[str, NDArray[Any]]:
        """The arrays of a face's file."""
        face = self.dataset.read(sample, cropped=self.settings.crop == "paper" and bool(self.dataset.paper_crop))
        factor = in_mm(face.surface.unit or "mm")
        make = self._paper if self.settings.crop == "paper" else self._canonical
        nodes, normals, to_normalised = make(face, factor)
        return {
            "nodes": nodes.astype(np.float32),
            "normals": normals.astype(np.float32),
            "neighbours": fine_neighbours(nodes, self.settings.neighbours).astype(np.uint16),
            "landmarks": to_normalised.apply(face.landmarks),
            "to_normalised": to_normalised.as_matrix(),
            "millimetres": np.array(factor / to_normalised.scale),
        }

    def _canonical(self, face: Face, factor: float) -> tuple[FloatArray, FloatArray, Similarity]:
        """Upright by the landmarks, cropped around the mean ones, scaled by the crop's radius."""
        to_head = posed_by(factor * face.landmarks, self.frame.reference)
        to_normalised = self.frame.from_head @ to_head @ scaling(factor)
        graph = build_face_graph(
            face.surface.vertices,
            face.surface.faces,
            to_normalised,
            self.frame.from_head.apply(self.frame.reference[np.isfinite(self.frame.reference).all(axis=1)]),
            margin=self.frame.margin / self.frame.radius,
            count=self.settings.nodes,
            neighbours=self.settings.neighbours,
            seed=self.settings.seed,
        )
        return graph.nodes, graph.normals, to_normalised

    def _paper(self, face: Face, factor: float) -> tuple[FloatArray, FloatArray, Similarity]:
        """The whole surface in its own axes, by the mean and the largest coordinate of its nodes."""
        samples = sample_poisson_disk(
            face.surface.vertices, face.surface.faces, self.settings.nodes, seed=self.settings.seed
        )
        samples = samples.take(spatial_order(samples.points))
        to_normalised = standardise_paper(samples.points)
        return to_normalised.apply(samples.points), samples.normals, to_normalised


def write_case(path: Path, arrays: dict[str, NDArray[Any]], stamp: str) -> None:
    """Write the arrays of a face with the stamp of what they were made from."""
    with replacing(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, stamp=np.array(stamp), **arrays)  # type: ignore[arg-type]


def stamp_of(path: Path) -> str | None:
    """What a file was made from; None where there is none, or a damaged one."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return str(archive["stamp"])
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None


def landmarks_of(path: Path) -> FloatArray:
    """Normalised landmarks (L, 3) of a prepared face."""
    with np.load(path, allow_pickle=False) as archive:
        return np.asarray(archive["landmarks"], dtype=np.float64)
