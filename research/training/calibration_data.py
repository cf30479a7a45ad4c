"""Evidence and true errors of landmarks found on generated scans, in the way the detector finds them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from research.synthesis.generated_scan import GeneratedScan, ScanMaker
from research.synthesis.scan_store import stored_scan
from sgcn_core.cleaning.clean import clean_surface
from sgcn_core.detector import LandmarkDetector
from sgcn_core.errors import FaceNotFoundError
from sgcn_core.geometry.similarity import Similarity
from sgcn_core.geometry.surface_index import SurfaceIndex
from sgcn_core.pipeline.network_pass import NetworkPass, Scan
from sgcn_core.pose.finder import PoseHypothesis
from sgcn_core.pose.probe import probe_surface
from sgcn_core.pose.refine import settle_pose
from sgcn_core.refinement.shape_model import LandmarkShape
from sgcn_core.uncertainty.assess import refuse_without_face, scan_evidence, scan_rim
from sgcn_core.weights.checkpoint import Checkpoint

FloatArray = NDArray[np.float64]

# What the estimate of the pose leaves: standard deviations in degrees, millimetres and of the log scale.
_RESIDUE = (8.0, 6.0, 0.06)


@dataclass(frozen=True, eq=False)
class CalibrationData:
    """What was found on S scans of L landmarks.

    Attributes
    ----------
    evidence : (S, L, F)
    error : (S, L), millimetres of the head frame; NaN where the landmark is absent or its place unknown
    absent : (S, L), whether the scan does not show it
    covered : (S, L), whether it lies under something that the scan does show
    known : (S, L), whether the generated person has this landmark at all
    size : (S,), millimetres of the person for one of the head frame
    recognition : (S, L), the old measure of trust
    number : (S,), of the scan
    refused : (R,), numbers of the scans on which no face was recognised
    """

    evidence: FloatArray
    error: FloatArray
    absent: NDArray[np.bool_]
    covered: NDArray[np.bool_]
    known: NDArray[np.bool_]
    size: FloatArray
    recognition: FloatArray
    number: NDArray[np.int64]
    refused: NDArray[np.int64]

    def save(self, path: Path) -> None:
        """Write a compressed .npz file."""
        np.savez_compressed(path, **{entry.name: getattr(self, entry.name) for entry in fields(self)})

    @classmethod
    def load(cls, path: Path) -> CalibrationData:
        with np.load(path, allow_pickle=False) as archive:
            return cls(**{entry.name: archive[entry.name] for entry in fields(cls)})

    def part(self, chosen: NDArray[np.bool_]) -> CalibrationData:
        """Some of the scans."""
        rows = {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name != "refused"}
        return CalibrationData(**{name: values[chosen] for name, values in rows.items()}, refused=self.refused)


@dataclass(frozen=True, eq=False)
class _Found:
    """Evidence (L, F), recognition (L,) and positions (L, 3) in the scan's frame; size as in ``CalibrationData``."""

    evidence: FloatArray
    recognition: FloatArray
    positions: FloatArray
    size: float


def collect(
    detector: LandmarkDetector,
    makers: Sequence[ScanMaker],
    shape: LandmarkShape,
    scans: int,
    *,
    searched: float = 0.1,
    kept: Path | None = None,
    report: Callable[[int], None] = lambda number: None,
) -> CalibrationData:
    """Detect the landmarks of ``scans`` scans, taken from the makers in turn.

    Parameters
    ----------
    searched : share of scans whose pose is searched for as in use; the others start from the true pose with the
        residue that such a search leaves, which takes a fraction of the time
    kept : folder in which scans are kept for other weights, see ``stored_scan``
    report : called with the number of each scan that is done
    """
    rows: list[dict[str, object]] = []
    refused: list[int] = []
    network = NetworkPass(detector.checkpoint, torch.device("cpu"))
    for number in range(scans):
        generated = stored_scan(makers[number % len(makers)], number, kept)
        rng = np.random.default_rng((number, 17))
        try:
            found = _detect(detector, network, generated, shape, rng, search=rng.random() < searched)
            rows.append({**_row(detector.checkpoint, generated, found), "number": number})
        except FaceNotFoundError:
            refused.append(number)
        report(number)
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return CalibrationData(**columns, refused=np.array(refused, dtype=np.int64))


def _detect(
    detector: LandmarkDetector,
    network: NetworkPass,
    generated: GeneratedScan,
    shape: LandmarkShape,
    rng: np.random.Generator,
    *,
    search: bool,
) -> _Found:
    """The detector's passes on one scan."""
    surface, seed = clean_surface(generated.surface).surface, int(rng.integers(2**31))
    probe = probe_surface(surface.vertices, surface.faces, seed=seed)
    scan = Scan(surface.vertices, surface.faces, seed)
    near = PoseHypothesis(_residue(rng) @ generated.to_head, 1.0)
    hypotheses = detector.finder.find(probe) if search else [near]
    to_head = settle_pose(network, scan, hypotheses, detector.coarse_nodes)
    graph = network.graph(scan, to_head, detector.nodes)
    heatmaps = network.heatmaps(graph)
    index = SurfaceIndex(graph.vertices, graph.faces)
    refined, recognition = network.landmarks(heatmaps, graph, detector.refine, index=index)
    refuse_without_face(recognition)
    rim = scan_rim(detector.checkpoint, graph)
    evidence = scan_evidence(detector.checkpoint, shape, refined, heatmaps, graph, rim)
    places = network.positions(refined, index, "guided", shape=shape)
    positions = (network.standardise @ to_head).inverse().apply(places)
    return _Found(evidence, recognition.confidence, positions, 1.0 / to_head.scale)


def _row(checkpoint: Checkpoint, generated: GeneratedScan, found: _Found) -> dict[str, object]:
    nowhere = np.full(3, np.nan)
    truth = np.array([generated.landmarks.get(label, nowhere) for label in checkpoint.labels])
    absent = np.array([label in generated.absent for label in checkpoint.labels])
    return {
        "evidence": found.evidence,
        "error": np.linalg.norm(found.positions - truth, axis=1) / found.size,
        "absent": absent,
        "covered": np.array([label in generated.covered for label in checkpoint.labels]),
        "known": absent | np.isfinite(truth).all(1),
        "size": found.size,
        "recognition": found.recognition,
    }


def _residue(rng: np.random.Generator) -> Similarity:
    """A small random motion about the origin of the head frame."""
    angle, shift, stretch = _RESIDUE
    turn = Rotation.from_rotvec(rng.normal(0.0, np.deg2rad(angle) / 3**0.5, 3)).as_matrix()
    return Similarity(float(np.exp(rng.normal(0.0, stretch))), turn, rng.normal(0.0, shift / 3**0.5, 3))
