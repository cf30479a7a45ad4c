"""One corruption at a time, on whole scans of generated people in any pose: no average hides a collapse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from research.experiments.summaries import summary_cells
from research.synthesis.generated_scan import GeneratedScan, ScanMaker
from research.synthesis.options import ITEMS, GeneratorOptions
from research.synthesis.population import Population
from sgcn_core.detector import LandmarkDetector
from sgcn_core.errors import FaceNotFoundError
from sgcn_core.evaluation.metrics import summarise
from sgcn_core.evaluation.tables import Cell, Table

CLEAN, ALL = "(none)", "(all, at their usual shares)"

# Corruptions of samples that a mesh does not have, see ``ScanMaker``.
_NOT_ON_MESHES = ("open_mouth", "density", "no_face", "facets", "normal_noise")


@dataclass(frozen=True, eq=False)
class ScanOutcome:
    """One scan: errors in millimetres of the landmarks it shows, NaN where reported missing; and how many are absent,
    and of these reported missing.

    ``errors`` is None where no face was found.
    """

    errors: np.ndarray | None
    absent: int
    absent_reported: int


def corruption_names() -> tuple[str, ...]:
    """Rows of the table: none, all, and each that a mesh can have."""
    return (CLEAN, ALL, *(item for item in ITEMS if item not in _NOT_ON_MESHES))


def options_of(name: str) -> GeneratorOptions:
    """The generator's options for a row."""
    if name == CLEAN:
        return GeneratorOptions.clean()
    return GeneratorOptions() if name == ALL else GeneratorOptions.only(name)


def outcome(detector: LandmarkDetector, scan: GeneratedScan, *, seed: int) -> ScanOutcome:
    """Detect on one scan, pose unknown."""
    try:
        result = detector.detect(scan.surface, seed=seed)
    except FaceNotFoundError:
        return ScanOutcome(None, len(scan.absent), 0)
    known = set(result.labels)
    errors = [np.linalg.norm(result.position(name) - place) for name, place in scan.landmarks.items() if name in known]
    absent = [name for name in scan.absent if name in known]
    reported_missing = sum(result.status[result.index(name)] == "missing" for name in absent)
    return ScanOutcome(np.array(errors), len(absent), reported_missing)


def corruptions_table(
    detector: LandmarkDetector,
    population: Population,
    *,
    scans: int,
    seed: int,
    note: str,
    report: Callable[[str, float], None],
    names: Sequence[str] | None = None,
) -> Table:
    """``scans`` scans of each corruption, the same people each time as far as the corruption leaves them."""
    rows = []
    chosen = names or corruption_names()
    for number, name in enumerate(chosen):
        report(name, number / len(chosen))
        maker = ScanMaker(population, options=options_of(name), seed=seed)
        rows.append(_row(name, [outcome(detector, maker.scan(i), seed=seed) for i in range(scans)]))
    return Table(
        "corruptions", f"Full detection, any pose, {scans} scans a row, seed {seed}, millimetres. {note}", rows
    )


def _row(name: str, outcomes: Sequence[ScanOutcome]) -> dict[str, Cell]:
    known = [one for one in outcomes if one.errors is not None]
    errors = np.concatenate([one.errors for one in known if one.errors is not None] or [np.empty(0)])
    summary = summarise(errors)
    absent = sum(one.absent for one in known)
    reported_missing = sum(one.absent_reported for one in known)
    return {
        "corruption": name,
        "scans": len(outcomes),
        "refused": len(outcomes) - len(known),
        "landmarks": summary.count,
        **summary_cells(summary),
        "reported missing": summary.missing,
        "absent": absent,
        "absent reported missing %": 100.0 * reported_missing / absent if absent else None,
    }
