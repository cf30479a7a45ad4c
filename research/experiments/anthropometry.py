"""How good measurements are, and how many of their 95 % intervals hold.

``python -m research.experiments.anthropometry --model FILE --scans FOLDER --cache FOLDER`` detects on generated scans,
whose landmarks are known, and on annotated real scans, and compares what is measured on the detected landmarks with
what is measured on the known ones.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from sgcn_core.analysis import AnalysisCase, Definitions, MeasurementTable, measure
from sgcn_core.analysis.formula import parse_formula
from sgcn_core.analysis.measuring import NORMAL_95
from sgcn_core.cli.console import note, progress_bar, reporting_errors
from sgcn_core.cli.evaluate import print_and_write
from sgcn_core.detector import LandmarkDetector
from sgcn_core.errors import SgcnError
from sgcn_core.evaluation.tables import Cell, Table
from sgcn_core.evaluation.truth import landmark_file, meshes, read_truth
from sgcn_core.io.markups import read_landmarks, write_landmarks
from sgcn_core.io.meshes import read_surface
from sgcn_core.types.landmark_sets import without_side
from sgcn_core.types.landmarks import LandmarkResult

WELL_DEFINED = frozenset({"en", "ex", "al", "ch", "n", "sn", "prn", "ls", "li"})
"""Landmarks, without side, of the distances for which there is a bar."""

AVERAGES = frozenset({"template_female", "template_male"})
"""Averages of scans, made symmetric: no person's face."""

PRODUCT_OF_OTHERS = frozenset({"bust_with_shirt"})
"""Scans whose landmarks were placed by another detector."""


@dataclass(frozen=True, eq=False)
class Pair:
    """Detected and true landmarks of one scan."""

    name: str
    found: LandmarkResult
    truth: LandmarkResult


@dataclass
class Comparison:
    """Detected minus true values of one measurement, and its intervals, without values that are not reliable.

    Whether the intervals of those hold is kept apart; the scores, errors in standard deviations, are of all values.
    """

    differences: list[float] = field(default_factory=list)
    held: list[bool] = field(default_factory=list)
    widths: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    held_not_reliable: list[bool] = field(default_factory=list)

    def factor(self) -> float | None:
        """By how much standard deviations would have to grow (or may shrink) for 95 of 100 intervals to hold."""
        known = np.abs(self.scores)[np.isfinite(self.scores)]
        return float(np.quantile(known, 0.95, method="higher")) / NORMAL_95 if len(known) else None

    def row(self, name: str, unit: str) -> dict[str, Cell]:
        """Cells of the table."""
        away = np.abs(self.differences)
        every = self.held + self.held_not_reliable
        return {
            "what": name,
            "unit": unit,
            "values": len(away),
            "mean absolute error": float(away.mean()) if len(away) else None,
            "95 % of errors": float(np.quantile(away, 0.95)) if len(away) else None,
            "interval holds, %": 100.0 * float(np.mean(self.held)) if self.held else None,
            "mean half width": float(np.mean(self.widths)) if self.widths else None,
            "not reliable, %": 100.0 * len(self.held_not_reliable) / len(every) if every else None,
            "with those: interval holds, %": 100.0 * float(np.mean(every)) if every else None,
            "factor for 95 %": self.factor(),
        }


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Values of every measurement on detected and on true landmarks."""

    pairs: Sequence[Pair]

    @cached_property
    def by_name(self) -> dict[str, Comparison]:
        found: dict[str, Comparison] = {}
        for pair in self.pairs:
            detected, known = self._table(pair.found), self._table(pair.truth)
            for value, truth in zip(detected.values, known.values, strict=True):
                if value.value is None or truth.value is None or value.low is None or value.high is None:
                    continue
                entry = found.setdefault(value.name, Comparison())
                entry.scores.append((value.value - truth.value) / (value.sd or np.nan))
                holds = value.low <= truth.value <= value.high
                if value.status != "ok":
                    entry.held_not_reliable.append(holds)
                    continue
                entry.differences.append(value.value - truth.value)
                entry.held.append(holds)
                entry.widths.append((value.high - value.low) / 2.0)
        return found

    def _table(self, result: LandmarkResult) -> MeasurementTable:
        return measure(AnalysisCase.from_result(result))

    def together(self, name: str, unit: str, chosen: Callable[[str], bool]) -> dict[str, Cell]:
        """One row over all measurements that are chosen."""
        whole = Comparison()
        for each, comparison in self.by_name.items():
            if chosen(each):
                whole.differences += comparison.differences
                whole.held += comparison.held
                whole.widths += comparison.widths
                whole.scores += comparison.scores
                whole.held_not_reliable += comparison.held_not_reliable
        return whole.row(name, unit)


def generated_pairs(detector: LandmarkDetector, model: Path, cache: Path, count: int, seed: int) -> Iterable[Pair]:
    """Detections on generated scans, from the cache where they are there."""
    from research.synthesis.face_model import FaceModel
    from research.synthesis.generated_scan import ScanMaker
    from research.synthesis.scan_store import stored_scan

    maker = ScanMaker(FaceModel.load(model), seed=seed)
    for number in range(count):
        scan = stored_scan(maker, number, cache / "scans")
        kept = cache / f"generated-{seed}-{number:05d}.json"
        if not kept.exists():
            try:
                write_landmarks(detector.detect(scan.surface, seed=0), kept)
            except SgcnError as error:
                note(f"warning: generated scan {number}: {error}")
                continue
        found = read_landmarks(kept)
        yield Pair(f"generated {number}", found, _hand_placed(found, scan.landmarks))


def annotated_pairs(detector: LandmarkDetector, folder: Path, cache: Path) -> Iterable[Pair]:
    """Detections on real scans with landmarks placed by hand."""
    for mesh in meshes(folder):
        table = landmark_file(mesh)
        if table is None or mesh.stem in PRODUCT_OF_OTHERS:
            continue
        surface = read_surface(mesh)
        kept = cache / f"scan-{mesh.stem}.json"
        if not kept.exists():
            try:
                write_landmarks(detector.detect(surface, seed=0), kept)
            except SgcnError as error:
                note(f"warning: {mesh.name}: {error}")
                continue
        found = read_landmarks(kept)
        yield Pair(mesh.stem, found, _hand_placed(found, read_truth(table, surface).positions))


def _hand_placed(found: LandmarkResult, positions: Mapping[str, np.ndarray]) -> LandmarkResult:
    """True landmarks in the unit and frame of the detected ones; only those that both have."""
    labels = tuple(label for label in positions if label in found.labels or label == "sto")
    return LandmarkResult(
        labels=labels,
        positions=np.array([positions[label] for label in labels]).reshape(-1, 3),
        confidence=np.ones(len(labels)),
        status=("found",) * len(labels),
        unit=found.unit,
        frame=found.frame,
    )


def tables(pairs: Sequence[Pair], name: str, about: str) -> list[Table]:
    """Over all measurements together, and of each."""
    definitions = Definitions.load().measurements
    evaluation = Evaluation(pairs)

    def of_unit(unit: str) -> Callable[[str], bool]:
        return lambda each: definitions[each].unit == unit

    rows = [
        evaluation.together("distances of en, ex, al, ch, n, sn, prn, ls, li", "mm", is_well_defined),
        evaluation.together("all lengths", "mm", of_unit("mm")),
        evaluation.together("all angles", "deg", of_unit("deg")),
        evaluation.together("all indices", "%", of_unit("%")),
        evaluation.together("all ratios", "", of_unit("ratio")),
        evaluation.together("all", "", lambda each: True),
    ]
    each = [comparison.row(key, definitions[key].unit) for key, comparison in evaluation.by_name.items()]
    said = f"{about} {len(pairs)} scans."
    return [Table(f"{name}_summary", said, rows), Table(name, said, each)]


def by_scan(pairs: Sequence[Pair], about: str) -> Table:
    """All measurements of each scan, and those of its well-defined distances."""
    rows = []
    for pair in pairs:
        evaluation = Evaluation([pair])
        rows.append(evaluation.together(pair.name, "", lambda each: True))
        rows.append(evaluation.together(f"{pair.name}, well-defined distances", "mm", is_well_defined))
    return Table("measurements_by_scan", f"{about} Each scan with landmarks placed by hand.", rows)


def is_well_defined(measurement: str) -> bool:
    """Whether a measurement is a distance between two landmarks of `WELL_DEFINED`."""
    formula = Definitions.load().measurements[measurement].formula
    return formula.startswith("distance(") and formula.count("(") == 1 and bases(formula) <= WELL_DEFINED


def bases(formula: str) -> set[str]:
    """Landmarks of a formula without their side."""
    return {without_side(name) for name in parse_formula(formula).names}


def anthropometry(
    model: Annotated[Path, typer.Option(metavar="FILE", help="ict_facekit.npz, to generate people.")],
    scans: Annotated[Path, typer.Option(metavar="FOLDER", help="Real scans with landmark files beside them.")],
    cache: Annotated[Path, typer.Option(metavar="FOLDER", help="For generated scans and detections.")],
    people: Annotated[int, typer.Option(min=1, metavar="N", help="Generated scans.")] = 40,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seed of the generated scans.")] = 4711,
    weights: Annotated[Path | None, typer.Option(metavar="FILE", help="Other weights than the shipped ones.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Folder of the tables (.csv).")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Measurements on detected landmarks against those on known ones."""
    with reporting_errors(debug=debug), progress_bar(1) as start:
        start(0, "anthropometry")
        detector = LandmarkDetector.from_pretrained(weights)
        about = f"Weights {detector.checkpoint.sha256[:16]}."
        generated = list(generated_pairs(detector, model, cache, people, seed))
        annotated = annotated_pairs(detector, scans, cache)
        real = [pair for pair in annotated if Evaluation([pair]).by_name]  # not those of the 68 points alone
        people_alone = [pair for pair in real if pair.name not in AVERAGES]
        for found in (
            *tables(generated, "measurements_generated", f"{about} Generated, seed {seed}."),
            *tables(real, "measurements_real", f"{about} Landmarks placed by hand."),
            *tables(people_alone, "measurements_real_scans", f"{about} Without averages of scans.")[:1],
            by_scan(real, about),
        ):
            print_and_write(found, out)
        (cache / "weights.json").write_text(json.dumps(detector.checkpoint.sha256), encoding="utf-8")


if __name__ == "__main__":
    typer.run(anthropometry)
