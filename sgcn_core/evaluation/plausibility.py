"""Whether the distances between the landmarks found are those of real people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import FileFormatError
from sgcn_core.evaluation.tables import Cell, Table
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.units import UNITS_TO_MM

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
"""Pairs of landmarks whose distance is looked at. ``gn`` of the array lies on the front of the chin."""

MOST = 3.0
"""Largest plausible number of standard deviations from the mean."""


def read_people(path: Path) -> FloatArray:
    """Landmarks (23, 3, people) of real people, millimetres.

    Raises
    ------
    FileFormatError
        If the file is no such array.
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


def plausibility_table(results: Mapping[str, LandmarkResult], people: FloatArray, note: str) -> Table:
    """A row a scan and distance with its number of standard deviations from the mean of real people."""
    statistics = distance_statistics(people)
    rows = [row for name, result in results.items() for row in _rows(name, result, statistics)]
    return Table("plausibility", f"Distances between landmarks, {people.shape[2]} real people. {note}", rows)


def implausible(table: Table) -> Sequence[Mapping[str, Cell]]:
    """The rows beyond ``MOST`` standard deviations."""
    return [row for row in table.rows if row["plausible"] == "no"]


def plausibility_summary(table: Table) -> Table:
    """A row a scan: how many distances there are, how many are implausible, and the one furthest from the mean."""
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
        length = float(np.linalg.norm(result.position(first) - result.position(second))) * UNITS_TO_MM[result.unit]
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
