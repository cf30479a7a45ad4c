"""Features and true errors of landmarks found on generated scans, on the detector's own path, by refinement mode."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from research.kept import ENTRY, check_weights, network_hash
from research.synthesis.generated_scan import GeneratedScan, ScanMaker
from research.synthesis.partial_scan import PartMaker
from research.synthesis.scan_store import stored_scan
from sgcn_core.cleaning.clean import clean_surface
from sgcn_core.errors import FaceNotFoundError
from sgcn_core.geometry.similarity import Similarity
from sgcn_core.model.network import StratifiedGCN
from sgcn_core.pipeline import Pipeline
from sgcn_core.pose.finder import PoseHypothesis
from sgcn_core.pose.search import STATED, Located
from sgcn_core.settings import DetectionSettings
from sgcn_core.uncertainty.assess import refuse_without_face

FloatArray = NDArray[np.float64]

# What the estimate of the pose leaves: standard deviations in degrees, millimetres and of the log scale.
_RESIDUE = (8.0, 6.0, 0.06)


@dataclass(frozen=True, eq=False)
class CalibrationData:
    """What was found on S scans of L landmarks in M refinement modes.

    Attributes
    ----------
    modes : (M,), their names
    features : (S, M, L, F)
    error : (S, M, L), millimetres of the head frame; NaN where the landmark is absent or its place unknown
    absent : (S, L), whether the scan does not show it
    covered : (S, L), whether it lies under something that the scan does show
    known : (S, L), whether the generated person has this landmark at all
    size : (S,), millimetres of the person for one of the head frame
    seen : (S, L), confidence by the heatmap alone
    number : (S,), of the scan
    refused : (R,), numbers of the scans on which no face was found
    """

    modes: NDArray[np.str_]
    features: FloatArray
    error: FloatArray
    absent: NDArray[np.bool_]
    covered: NDArray[np.bool_]
    known: NDArray[np.bool_]
    size: FloatArray
    seen: FloatArray
    number: NDArray[np.int64]
    refused: NDArray[np.int64]

    def save(self, path: Path, network: StratifiedGCN) -> None:
        """Write a compressed .npz file that tells whose detections it holds."""
        arrays: dict[str, Any] = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        np.savez_compressed(path, **arrays | {ENTRY: network_hash(network)})

    @classmethod
    def load(cls, path: Path, network: StratifiedGCN) -> CalibrationData:
        """Read what :meth:`save` wrote for the same network; calibration changes all the rest of a weights file."""
        with np.load(path, allow_pickle=False) as archive:
            check_weights(path, archive, network_hash(network))
            return cls(**{entry.name: archive[entry.name] for entry in fields(cls)})

    def part(self, chosen: NDArray[np.bool_]) -> CalibrationData:
        """Some of the scans."""
        whole: dict[str, Any] = {"modes": self.modes, "refused": self.refused}
        rows = {entry.name: getattr(self, entry.name)[chosen] for entry in fields(self) if entry.name not in whole}
        return CalibrationData(**rows, **whole)

    def joined(self, other: CalibrationData) -> CalibrationData:
        """These scans and those of ``other``, which have the same modes."""
        named = {entry.name: (getattr(self, entry.name), getattr(other, entry.name)) for entry in fields(self)}
        rows = {name: np.concatenate(both) for name, both in named.items() if name != "modes"}
        return CalibrationData(modes=self.modes, **rows)

    def of_mode(self, mode: str) -> ModeData:
        """What was found in one refinement mode."""
        column = list(self.modes).index(mode)
        return ModeData(
            self.features[:, column],
            self.error[:, column],
            self.absent,
            self.covered,
            self.known,
            self.size,
            self.refused,
        )


@dataclass(frozen=True, eq=False)
class ModeData:
    """`CalibrationData` of one refinement mode: features (S, L, F), error (S, L); the rest as there."""

    features: FloatArray
    error: FloatArray
    absent: NDArray[np.bool_]
    covered: NDArray[np.bool_]
    known: NDArray[np.bool_]
    size: FloatArray
    refused: NDArray[np.int64]


def collect(
    pipeline: Pipeline,
    makers: Sequence[ScanMaker | PartMaker],
    modes: Sequence[str],
    scans: int,
    *,
    searched: float = 0.1,
    kept: Path | None = None,
    pose_confidence: float | None = None,
    report: Callable[[int], None] = lambda number: None,
) -> CalibrationData:
    """Detect the landmarks of ``scans`` scans, taken from the makers in turn.

    Parameters
    ----------
    pipeline : Pipeline
        Its weights must hold shape statistics.
    modes : refinement modes to collect for
    searched : share of scans whose pose is searched for as in use; the others start from the true pose with the
        residue that such a search leaves, which takes a fraction of the time
    kept : folder in which scans are kept for other weights, see ``stored_scan``
    pose_confidence : how clearly the head is said to be found, without which no part of a face is accepted
    report : called with the number of each scan that is done
    """
    rows: list[dict[str, object]] = []
    refused: list[int] = []
    for number in range(scans):
        generated = stored_scan(makers[number % len(makers)], number, kept)
        rng = np.random.default_rng((number, 17))
        try:
            row = _row(pipeline, generated, modes, rng, search=rng.random() < searched, pose_confidence=pose_confidence)
            rows.append({**row, "number": number})
        except FaceNotFoundError:
            refused.append(number)
        report(number)
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return CalibrationData(**columns, modes=np.array(modes), refused=np.array(refused, dtype=np.int64))


def _row(
    pipeline: Pipeline,
    generated: GeneratedScan,
    modes: Sequence[str],
    rng: np.random.Generator,
    *,
    search: bool,
    pose_confidence: float | None,
) -> dict[str, object]:
    """One scan on the detector's path, the last step once for each mode."""
    settings = DetectionSettings(seed=int(rng.integers(2**31)), unit="mm")
    clean = clean_surface(generated.surface)
    near = located_near(generated, rng)
    located = pipeline.locate(clean, settings) if search else near
    posed = pipeline.pose(clean, located, seed=settings.seed)
    heatmaps = pipeline.heatmaps(pipeline.graph(posed))
    labels = pipeline.checkpoint.labels
    truth = places_of(generated.landmarks, labels)
    absent = np.array([label in generated.absent for label in labels])
    features, errors = [], []
    for mode in modes:
        placed = pipeline.place(heatmaps, pipeline.method.but(refine=mode))
        if mode == modes[0]:
            refuse_without_face(placed.seen, pipeline.checkpoint.thresholds, pose_confidence=pose_confidence)
            seen, boundary = placed.seen.confidence, pipeline.boundary(placed)
        features.append(pipeline.features(placed, boundary, pipeline.expected(placed)))
        errors.append(np.linalg.norm(placed.in_input - truth, axis=1) / posed.size)
    return {
        "features": features,
        "error": errors,
        "absent": absent,
        "covered": np.array([label in generated.covered for label in labels]),
        "known": absent | np.isfinite(truth).all(1),
        "size": posed.size,
        "seen": seen,
    }


def places_of(landmarks: Mapping[str, FloatArray], labels: Sequence[str]) -> FloatArray:
    """Positions (L, 3) of these labels, NaN where there is none."""
    nowhere = np.full(3, np.nan)
    return np.array([landmarks.get(label, nowhere) for label in labels])


def located_near(generated: GeneratedScan, rng: np.random.Generator) -> Located:
    """The true pose of a generated scan with what a search would leave."""
    return Located("mm", STATED, [PoseHypothesis(residue(rng) @ generated.to_head, 1.0)])


def residue(rng: np.random.Generator) -> Similarity:
    """A small random motion about the origin of the head frame."""
    angle, shift, stretch = _RESIDUE
    turn = Rotation.from_rotvec(rng.normal(0.0, np.deg2rad(angle) / 3**0.5, 3)).as_matrix()
    return Similarity(float(np.exp(rng.normal(0.0, stretch))), turn, rng.normal(0.0, shift / 3**0.5, 3))
