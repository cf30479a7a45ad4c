"""Whether the distances between the landmarks found are those of real people.

``python -m research.experiments.plausibility FOLDER --people FILE`` detects on every mesh of a folder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from sgcn_core.cli.console import note, progress_bar, reporting_errors
from sgcn_core.cli.evaluate import print_and_write
from sgcn_core.detector import LandmarkDetector
from sgcn_core.errors import FileFormatError
from sgcn_core.evaluation.metrics import OBSERVERS
from sgcn_core.evaluation.scans import evaluate_folder
from sgcn_core.evaluation.tables import Cell, Table
from sgcn_core.pose.search import HUMAN_SIZES
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.units import in_mm

FloatArray = NDArray[np.float64]

LABELS = (
    *("prn", "ac_l", "ac_r", "sn", "se", "n", "ex_l", "ex_r", "en_l", "en_r", "t_l", "t_r"),
    *("ls", "cph_l", "cph_r", "ch_l", "ch_r", "sto", "li", "sl", "gn", "obi_l", "obi_r"),
)
"""Order of the 23 landmarks in the array of real people."""

DISTANCES = (
    *(("en_r", "en_l"), ("ex_r", "ex_l"), ("en_r", "ex_r"), ("en_l", "ex_l"), ("ch_r", "ch_l"), ("ac_r", "ac_l")),
    *(("cph_r", "cph_l"), ("se", "gn"), ("se", "sn"), ("se", "prn"), ("sn", "prn"), ("sn", "gn"), ("sn", "ls")),
    *(("ls", "li"), ("prn", "ex_r"), ("prn", "ex_l"), ("prn", "ch_r"), ("prn", "ch_l")),
)
"""Pairs of landmarks whose distance is checked. ``gn`` of the array lies on the front of the chin."""

MOST = 3.0
"""Largest plausible number of standard deviations from the mean."""


def read_people(path: Path) -> FloatArray:
    """Landmarks (23, 3, people) of real people, millimetres.

    Raises
    ------
    FileFormatError
        The file is not such an array.
    """
    try:
        people = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise FileFormatError(f"{path} is not a NumPy array: {error}") from error
    if people.ndim != 3 or people.shape[:2] != (len(LABELS), 3) or people.shape[2] < 3:
        raise FileFormatError(f"{path} must hold an array ({len(LABELS)}, 3, people); it is {people.shape}")
    checked: FloatArray = np.asarray(people, dtype=np.float64)
    return checked


def distance_statistics(people: FloatArray) -> dict[tuple[str, str], tuple[float, float]]:
    """Mean and standard deviation of each of ``DISTANCES`` over the people."""
    statistics = {}
    for first, second in DISTANCES:
        lengths = np.linalg.norm(people[LABELS.index(first)] - people[LABELS.index(second)], axis=0)
        statistics[first, second] = (float(np.nanmean(lengths)), float(np.nanstd(lengths, ddof=1)))
    return statistics


def plausibility_table(results: Mapping[str, LandmarkResult], people: FloatArray, about: str) -> Table:
    """One row per scan and distance: its number of standard deviations from the mean of real people."""
    statistics = distance_statistics(people)
    rows = [row for name, result in results.items() for row in _rows(name, result, statistics)]
    return Table("plausibility", f"Distances between landmarks, {people.shape[2]} real people. {about}", rows)


def implausible(table: Table) -> Sequence[Mapping[str, Cell]]:
    """The rows beyond ``MOST`` standard deviations."""
    return [row for row in table.rows if row["plausible"] == "no"]


def plausibility_summary(table: Table) -> Table:
    """One row per scan: number of distances, of implausible ones, and the one furthest from the mean."""
    rows: list[dict[str, Cell]] = []
    for scan in dict.fromkeys(row["scan"] for row in table.rows):
        of_scan = [row for row in table.rows if row["scan"] == scan]
        worst = max(of_scan, key=lambda row: abs(float(row["SDs away"] or 0.0)))
        rows.append(
            {
                "scan": scan,
                "distances": len(of_scan),
                "implausible": ", ".join(str(row["distance"]) for row in of_scan if row["plausible"] == "no") or "none",
                "furthest": str(worst["distance"]),
                "SDs away": worst["SDs away"],
            }
        )
    return Table("plausibility_summary", table.title, rows)


def _rows(
    name: str, result: LandmarkResult, statistics: Mapping[tuple[str, str], tuple[float, float]]
) -> list[dict[str, Cell]]:
    rows: list[dict[str, Cell]] = []
    for (first, second), (mean, deviation) in statistics.items():
        if first not in result.labels or second not in result.labels:
            continue
        length = float(np.linalg.norm(result.position(first) - result.position(second))) * in_mm(result.unit)
        if np.isnan(length):
            continue
        away = (length - mean) / deviation
        rows.append(
            {
                "scan": name,
                "distance": f"{first}-{second}",
                "mm": length,
                "real mean": mean,
                "real SD": deviation,
                "SDs away": away,
                "plausible": "yes" if abs(away) <= MOST else "no",
            }
        )
    return rows


def of_human_size(result: LandmarkResult) -> bool:
    """Whether the head is as large as people's; distances on others, such as sculptures, cannot be compared."""
    low, high = HUMAN_SIZES
    return bool(low < result.info["size_ratio"] < high)


def compare(
    scans: Annotated[Path, typer.Argument(metavar="FOLDER", help="Meshes of heads.")],
    people: Annotated[Path, typer.Option(metavar="FILE", help="Array (23, 3, people) of real people's landmarks, mm.")],
    out: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Folder of the tables (.csv).")] = None,
    weights: Annotated[Path | None, typer.Option(metavar="FILE", help="Other weights than the shipped ones.")] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Random seed of the surface sampling.")] = 0,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Compare distances between detected landmarks with those of real people."""
    with reporting_errors(debug=debug), progress_bar(1) as start:
        start(0, "plausibility")
        real = read_people(people)
        detector = LandmarkDetector.from_pretrained(weights)
        results = {}
        for scan in evaluate_folder(detector, scans, seed=seed, every=True):
            if scan.refused:
                note(f"warning: {scan.name}: {scan.refused}")
            elif scan.result is not None and of_human_size(scan.result):
                results[scan.name] = scan.result
        about = f"Weights {detector.checkpoint.sha256[:16]}, seed {seed}. {OBSERVERS}"
        table = plausibility_table(results, real, about)
        for each in (plausibility_summary(table), table):
            print_and_write(each, out)


if __name__ == "__main__":
    typer.run(compare)
