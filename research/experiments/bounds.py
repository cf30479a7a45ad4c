"""Do the stated errors hold? ``python -m research.experiments.bounds --annotated FOLDER ...``.

Coverage of the 90 % bound, mean stated and actual error, on annotated real scans of two annotators or more. No scan
calibrates itself: in each column the domain of the error model is fitted again without the scan, or without all scans
of its annotator.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console

from research.training.annotated_scans import (
    AnnotatedScan,
    annotated_scans,
    as_calibration_data,
    assessment,
    displacements,
)
from research.training.calibration_data import ModeData
from research.training.calibration_report import GROSS, area_under_curve
from research.training.domain_fit import DomainSamples, fit_domain
from sgcn_core.detector import LandmarkDetector
from sgcn_core.evaluation.tables import Cell, Table
from sgcn_core.pipeline import Pipeline
from sgcn_core.types.landmarks import CONFIDENT_WITHIN_MM
from sgcn_core.uncertainty.domain import well_defined
from sgcn_core.uncertainty.error_model import ErrorModel
from sgcn_core.uncertainty.thresholds import FOUND, MISSING, UNCERTAIN

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_GROUPS = ("well-defined", "loosely defined")
NETWORK, SCAN, ANNOTATOR = "network alone", "scan left out", "annotator left out"
_LIMITS = ((3.5, 4.0, 4.5, 5.0, 6.0, 8.0), (7.5, 8.5, 9.5, 10.5, 12.0))


@dataclass(frozen=True, eq=False)
class Stated:
    """What was stated about M landmarks, and what was so; (M,) each, millimetres.

    Attributes
    ----------
    name : of the set of scans
    annotator : who placed the landmarks
    loose : whether the landmark is loosely defined
    error : NaN where nobody annotated it
    expected, bound, within : stated
    status : found, uncertain or missing
    """

    name: NDArray[np.str_]
    annotator: NDArray[np.str_]
    loose: BoolArray
    error: FloatArray
    expected: FloatArray
    bound: FloatArray
    within: FloatArray
    status: NDArray[np.str_]

    def where(self, chosen: BoolArray) -> Stated:
        return Stated(**{name: values[chosen] for name, values in vars(self).items()})


def joined(parts: Sequence[Stated]) -> Stated:
    """All of them in one."""
    return Stated(**{name: np.concatenate([vars(part)[name] for part in parts]) for name in vars(parts[0])})


@dataclass(frozen=True, eq=False)
class Evidence:
    """Detections on annotated scans, in the refinement mode of the weights."""

    detector: LandmarkDetector
    scans: tuple[AnnotatedScan, ...]
    real: ModeData

    @property
    def base(self) -> ErrorModel:
        """The error model without domain."""
        model = self.detector.pipeline.error_model
        assert model is not None
        return replace(model, domain=None)

    def fitted(self, kept: Sequence[bool]) -> ErrorModel:
        """The error model with a domain fitted on the scans that are kept."""
        chosen = np.array(kept, dtype=bool)
        names = sorted({scan.annotator for scan in self.scans})
        numbers = [names.index(scan.annotator) for scan, it in zip(self.scans, chosen, strict=True) if it]
        samples = DomainSamples.of(self.base, [(part(self.real, chosen), numbers)])
        return fit_domain(self.base, samples, self.detector.checkpoint.labels)

    def on_scan(self, scan: AnnotatedScan, model: ErrorModel) -> Stated:
        """What the pipeline states about one scan with this error model."""
        pipeline = self.detector.pipeline
        calibration = pipeline.checkpoint.calibration
        assert calibration is not None
        with_model = replace(calibration, models={**calibration.models, pipeline.method.refine: model})
        path = Pipeline(
            replace(pipeline.checkpoint, calibration=with_model),
            pipeline.method,
            pipeline.device,
            finder=pipeline.finder,
        )
        stated = assessment(path, scan)
        return Stated(
            name=np.full(len(stated.status), scan.folder),
            annotator=np.full(len(stated.status), scan.annotator),
            loose=self.loose,
            error=np.linalg.norm(displacements(path, scan, path.method.refine), axis=1),
            expected=stated.expected_error,
            bound=stated.error_bound,
            within=stated.confidence,
            status=np.array(stated.status),
        )

    @property
    def loose(self) -> BoolArray:
        return np.array([not well_defined(label) for label in self.detector.checkpoint.labels])


def part(data: ModeData, chosen: BoolArray) -> ModeData:
    """Some of the scans."""
    whole = {"refused"}
    return ModeData(**{name: values if name in whole else values[chosen] for name, values in vars(data).items()})


def columns(evidence: Evidence) -> dict[str, Stated]:
    """What is stated in each way of calibrating; no scan calibrates itself."""
    stated: dict[str, list[Stated]] = {NETWORK: [], SCAN: [], ANNOTATOR: []}
    without: dict[str, ErrorModel] = {}
    for scan in evidence.scans:
        if scan.annotator not in without:
            without[scan.annotator] = evidence.fitted([each.annotator != scan.annotator for each in evidence.scans])
        alone = evidence.fitted([each is not scan for each in evidence.scans])
        for column, model in ((NETWORK, evidence.base), (SCAN, alone), (ANNOTATOR, without[scan.annotator])):
            stated[column].append(evidence.on_scan(scan, model))
    return {column: joined(parts) for column, parts in stated.items()}


def choices(stated: Stated) -> Iterator[tuple[str, str, BoolArray]]:
    """Set, group and landmarks of the rows of a table."""
    for name in dict.fromkeys(stated.name.tolist()):
        here = (stated.name == name) & np.isfinite(stated.error)
        yield name, "all", here
        for number, group in enumerate(_GROUPS):
            yield name, group, here & (stated.loose == bool(number))


def coverage_rows(stated: dict[str, Stated]) -> list[dict[str, Cell]]:
    """Coverage and stated error by set, group and status; the status is that of the scan left out."""
    rows = []
    judged = stated[SCAN]
    for name, group, chosen in choices(judged):
        for status in ("all", FOUND, UNCERTAIN):
            these = chosen & (judged.status != MISSING) & ((judged.status == status) | (status == "all"))
            if not these.any():
                continue
            row: dict[str, Cell] = {"scans": name, "group": group, "status": status, "landmarks": int(these.sum())}
            row["mean error"] = float(judged.error[these].mean())
            for column, each in stated.items():
                told = each.where(these & (each.status != MISSING))
                row[f"{column}: holds"] = float((told.error <= told.bound).mean())
                row[f"{column}: stated"] = float(told.expected.mean())
            rows.append(row)
    return rows


def found_rows(stated: dict[str, Stated]) -> list[dict[str, Cell]]:
    """How far *found* can be relied on, by set, group and way of calibrating."""
    rows: list[dict[str, Cell]] = []
    for name, group, chosen in choices(stated[SCAN]):
        for column, each in stated.items():
            told = each.where(chosen)
            found, there = told.status == FOUND, told.status != MISSING
            rows.append(
                {
                    "scans": name,
                    "group": group,
                    "calibration": column,
                    "annotated": len(told.error),
                    "called missing": int((~there).sum()),
                    "found": float(found.mean()),
                    "found, > 5 mm off": float((told.error[found] > GROSS).mean()) if found.any() else None,
                    "AUROC > 5 mm": area_under_curve(told.expected[there], told.error[there] > GROSS),
                    "within 4 mm": float((told.error <= CONFIDENT_WITHIN_MM).mean()),
                    "stated": float(told.within.mean()),
                }
            )
    return rows


def limit_rows(stated: Stated) -> list[dict[str, Cell]]:
    """What other limits on the bound would make of *found*."""
    told = stated.where(np.isfinite(stated.error) & (stated.status != MISSING))
    rows: list[dict[str, Cell]] = []
    for loose, group in enumerate(_GROUPS):
        own = told.where(told.loose == bool(loose))
        for limit in _LIMITS[loose]:
            error = own.error[own.bound <= limit]
            off: dict[str, Cell] = {
                f"found, > {far:.0f} mm off": float((error > far).mean()) if len(error) else None
                for far in (GROSS, 2.0 * GROSS)
            }
            rows.append({"group": group, "limit mm": limit, "found": len(error) / len(own.error), **off})
    return rows


def annotator_rows(stated: dict[str, Stated], evidence: Evidence) -> list[dict[str, Cell]]:
    """Well-defined landmarks by annotator, and what is left of the errors without the mean offset of each landmark.

    That offset, of an annotator with three scans or more, is a matter of definition: no feature of a scan can tell it.
    """
    rows: list[dict[str, Cell]] = []
    path, told = evidence.detector.pipeline, stated[ANNOTATOR]
    for who in dict.fromkeys(scan.annotator for scan in evidence.scans):
        own = told.where((told.annotator == who) & np.isfinite(told.error) & ~told.loose)
        loose = told.where((told.annotator == who) & np.isfinite(told.error) & told.loose)
        found = own.status == FOUND
        scans = [scan for scan in evidence.scans if scan.annotator == who]
        off = np.array([displacements(path, scan, path.method.refine) for scan in scans])[:, ~evidence.loose]
        usual = np.array([[np.isfinite(off).all(2).sum(0) >= 3]]).reshape(-1, 1)
        mean = np.where(usual, np.nanmean(np.where(np.isfinite(off), off, np.nan), axis=0), 0.0)
        rest = np.linalg.norm(off - mean, axis=2)[np.isfinite(off).all(2)]
        rows.append(
            {
                "annotator": who,
                "scans": len(scans),
                "landmarks": len(own.error),
                "mean error": float(own.error.mean()),
                "annotator left out: holds": float((own.error <= own.bound).mean()),
                "found": float(found.mean()),
                "found, > 5 mm off": int((own.error[found] > GROSS).sum()),
                "> 5 mm off": int((own.error > GROSS).sum()),
                "without mean offsets": int((rest > GROSS).sum()) if len(scans) >= 3 else None,
                "loosely defined": len(loose.error),
                "of these holds": float((loose.error <= loose.bound).mean()) if len(loose.error) else None,
            }
        )
    return rows


def scan_rows(stated: dict[str, Stated], evidence: Evidence) -> list[dict[str, Cell]]:
    """Mean errors of each annotated scan, and the mean of these for each set; ``gn`` is a matter of definition."""
    labels = np.array(evidence.detector.checkpoint.labels)
    errors = stated[SCAN].error.reshape(-1, len(labels))
    groups = {"all but gn": labels != "gn", "well-defined": ~evidence.loose}
    means = {group: np.nanmean(np.where(chosen, errors, np.nan), axis=1) for group, chosen in groups.items()}
    folders = np.array([scan.folder for scan in evidence.scans])
    rows: list[dict[str, Cell]] = []
    for folder in dict.fromkeys(folders.tolist()):
        here = np.flatnonzero(folders == folder)
        for row in here:
            rows.append({"scan": evidence.scans[row].name, **{group: float(v[row]) for group, v in means.items()}})
        rows.append({"scan": f"mean of {folder}", **{group: float(v[here].mean()) for group, v in means.items()}})
    return rows


def visible_rows(stated: dict[str, Stated]) -> list[dict[str, Cell]]:
    """Share of the landmarks not missing that are found, annotated or not."""
    rows = []
    for name in dict.fromkeys(stated[SCAN].name.tolist()):
        for number, group in enumerate(_GROUPS):
            row: dict[str, Cell] = {"scans": name, "group": group}
            for column in (NETWORK, SCAN):
                each = stated[column]
                there = (each.name == name) & (each.loose == bool(number)) & (each.status != MISSING)
                row[f"{column}: found"] = float((each.status[there] == FOUND).mean())
            rows.append(row)
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m research.experiments.bounds", description=__doc__)
    parser.add_argument("--weights", type=Path, help="weights (safetensors), default the shipped ones")
    parser.add_argument("--annotated", type=Path, nargs="+", required=True, help="folders of annotated scans")
    parser.add_argument("--by-name", action="store_true", help="compare labels of one name, whatever they mean")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    detector = LandmarkDetector.from_pretrained(options.weights)
    scans = tuple(annotated_scans(detector, options.annotated, by_definition=not options.by_name))
    if len({scan.annotator for scan in scans}) < 2:
        raise SystemExit("the scans of one annotator are left out at a time: give scans of two annotators or more")
    mode = detector.pipeline.method.refine
    real = as_calibration_data(detector.pipeline, scans, (mode,)).of_mode(mode)
    evidence = Evidence(detector, scans, real)
    stated = columns(evidence)
    counts = ", ".join(f"{len(list(each.glob('*.csv')))} in {each.name}" for each in options.annotated)
    note = (
        f"Weights {detector.checkpoint.sha256[:16]}, mode {mode}, seed 0; annotated scans: {counts}"
        f"; labels by {'name' if options.by_name else 'definition'}."
    )
    by_annotator = annotator_rows(stated, evidence)
    console = Console(width=240, highlight=False, soft_wrap=True)
    for table in (
        Table("bounds", f"How often the 90 % bound holds, and the mean error, mm. {note}", coverage_rows(stated)),
        Table("found", f"Found, yet far off. {note}", found_rows(stated)),
        Table("limits", "Limit on the bound, scan left out.", limit_rows(stated[SCAN])),
        Table("annotators", "Well-defined landmarks by annotator, and bounds of the others.", by_annotator),
        Table("scans", "Mean error of each scan, mm.", scan_rows(stated, evidence)),
        Table("visible", "Share of the landmarks not missing that are found.", visible_rows(stated)),
    ):
        console.print(f"\n{table.title}\n\n{table.markdown()}")


if __name__ == "__main__":
    main()
