"""``python -m research.experiments.statuses``: do statuses hang on the seed, and is what was cut away called missing?

Each scan is detected with several seeds: a landmark flips if one seed finds it and another calls it missing. Then parts
of it are cut away: by its uncut detection a landmark is gone if it lies more than 6 mm from what is left, and still
there if it lies within 4 mm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from scipy.spatial import cKDTree

from research.criteria import Criterion, criteria_table
from research.robustness.parts import CUT_FRONT, GONE, LEFT, PARTS
from sgcn_core.cli.console import note, progress_bar, reporting_errors
from sgcn_core.cli.detect import load_detector
from sgcn_core.cli.evaluate import print_and_write
from sgcn_core.cli.machine import processor
from sgcn_core.detector import LandmarkDetector
from sgcn_core.errors import SgcnError
from sgcn_core.geometry.similarity import Similarity
from sgcn_core.io.formats import MESH_SUFFIXES
from sgcn_core.settings import DetectionSettings
from sgcn_core.skin.extract import read_scan
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.surface import Surface
from sgcn_core.types.units import in_mm

Report = Callable[[str, float], None]


def statuses(
    scans: Annotated[Path, typer.Argument(metavar="FOLDER", help="Real scans.")],
    only: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only these; may be repeated.")] = None,
    seeds: Annotated[int, typer.Option(min=2, metavar="N", help="Seeds from 0 on.")] = 4,
    weights: Annotated[Path | None, typer.Option(metavar="FILE", help="Other weights than the shipped ones.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FOLDER", help="For the table (.csv).")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Measure how statuses depend on the seed, and what becomes of landmarks that are cut away."""
    with reporting_errors(debug=debug), progress_bar(1) as start:
        detector = load_detector(DetectionSettings(weights=weights))
        files = [file for file in sorted(scans.iterdir()) if file.suffix.lower() in MESH_SUFFIXES]
        chosen = [file for file in files if not only or file.stem in only]
        criteria = measure(detector, chosen, seeds=range(seeds), report=start(0, "statuses"))
        names = ", ".join(file.stem for file in chosen)
        known = f"seeds 0 to {seeds - 1}; weights {detector.checkpoint.sha256[:16]}"
        title = f"Statuses. Scans {names}; {known}. {processor()}."
        print_and_write(criteria_table("statuses", title, criteria), out)


def measure(
    detector: LandmarkDetector, files: Sequence[Path], *, seeds: Sequence[int], report: Report
) -> list[Criterion]:
    """Criteria over all scans; a note for each scan."""
    flips, to_uncertain, landmarks, cut = 0, 0, 0, Cut()
    for number, file in enumerate(files):
        report(file.name, number / len(files))
        scan = read_scan(file)
        results = [detector.detect(scan, seed=seed) for seed in seeds]
        of_file, uncertain = flipped(results)
        parts = [of_part(detector, scan, results[0], part, seed=seeds[0]) for part in PARTS]
        note(f"{file.name}: {of_file} flip, {uncertain} between found and uncertain; {sum(parts, Cut())}")
        flips, to_uncertain, landmarks = flips + of_file, to_uncertain + uncertain, landmarks + len(results[0])
        cut = sum(parts, cut)
    over = f"over seeds {seeds[0]} to {seeds[-1]}, {landmarks} landmarks of {len(files)} scans"
    gone_share = cut.missing / max(cut.gone, 1)
    lost_share = cut.lost / max(cut.left, 1)
    return [
        Criterion(f"found with one seed, missing with another, {over}", "0", str(flips), flips == 0),
        Criterion(f"found with one seed, uncertain with another, {over}", "-", str(to_uncertain), None),
        Criterion(
            f"cut away ({', '.join(PARTS)}), called missing",
            ">= 95 %",
            f"{100 * gone_share:.1f} % of {cut.gone}; {cut.refused} of {cut.parts} parts refused",
            gone_share >= 0.95,
        ),
        Criterion(
            "there on a part and found on the whole, called missing",
            "<= 2 %",
            f"{100 * lost_share:.1f} % of {cut.left}",
            lost_share <= 0.02,
        ),
    ]


def flipped(results: Sequence[LandmarkResult]) -> tuple[int, int]:
    """How many landmarks are found in one result and missing in another; found in one and uncertain in another."""
    seen = [set(states) for states in zip(*(result.status for result in results), strict=True)]
    both = sum({"found", "missing"} <= states for states in seen)
    return both, sum({"found", "uncertain"} <= states and "missing" not in states for states in seen)


@dataclass(frozen=True)
class Cut:
    """Counts over parts of scans: landmarks gone and those of them called missing, left and those of them lost."""

    parts: int = 0
    refused: int = 0
    gone: int = 0
    missing: int = 0
    left: int = 0
    lost: int = 0

    def __add__(self, other: Cut) -> Cut:
        return Cut(*(mine + its for mine, its in zip(vars(self).values(), vars(other).values(), strict=True)))

    def __str__(self) -> str:
        return (
            f"parts: {self.missing} of {self.gone} cut away missing, {self.lost} of {self.left} there called missing, "
            f"{self.refused} of {self.parts} refused"
        )


def of_part(detector: LandmarkDetector, scan: Surface, whole: LandmarkResult, part: str, *, seed: int) -> Cut:
    """Cut a part off a scan, by the pose found on the whole, and detect on what is left."""
    factor = in_mm(whole.unit)
    place = Similarity.from_matrix(whole.info["pose"]).apply(scan.vertices[scan.faces].mean(1))
    surface = scan.clipped(PARTS[part](place) & (place[:, 2] > CUT_FRONT)).compacted()
    apart = factor * cKDTree(surface.vertices).query(np.nan_to_num(whole.positions))[0]
    found = np.array([status == "found" for status in whole.status])
    gone, left = found & (apart > GONE), found & (apart < LEFT)
    try:
        missing = np.array(
            [status == "missing" for status in detector.detect(surface, seed=seed, unit=whole.unit).status]
        )
    except SgcnError:
        return Cut(parts=1, refused=1)
    return Cut(1, 0, int(gone.sum()), int((gone & missing).sum()), int(left.sum()), int((left & missing).sum()))


if __name__ == "__main__":
    typer.run(statuses)
