"""What a report says about the landmarks: verdict, what to check, and the table with definitions and errors."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sgcn_core.report.tables import Cell, Column, Table
from sgcn_core.types.landmark_sets import Landmark, LandmarkSet
from sgcn_core.types.landmarks import CONFIDENT_WITHIN_MM, LandmarkResult

_COLUMNS = (
    Column(name="Landmark"),
    Column(name="Name"),
    Column(name="Definition"),
    Column(name="Class"),
    Column(name="Status"),
    Column(name="Expected error", unit="mm", decimals=1),
    Column(name="90 % bound", unit="mm", decimals=1),
    Column(name="Confidence", decimals=2),
    Column(name="x", decimals=3, on_page=False),
    Column(name="y", decimals=3, on_page=False),
    Column(name="z", decimals=3, on_page=False),
    Column(name="Unit", on_page=False),
    Column(name="Frame", on_page=False),
)


def verdict(result: LandmarkResult) -> str:
    """One line: ``128 of 130 placed, median expected error 1.0 mm; check 2, 60 are loosely defined (4.0 mm)``."""
    placed = len(result) - result.status.count("missing")
    error, loose_error = typical_errors(result)
    parts = [f"{placed} of {len(result)} placed"]
    if error is not None:
        parts.append(f"median expected error {error:.1f} mm")
    elif loose_error is None:
        parts.append("expected error not known")
    check = f"check {len(result.to_check)}" if result.to_check else "none to check"
    if loose := len(result.uncertain_by_definition):
        check += f", {loose} {'is' if loose == 1 else 'are'} loosely defined"
        check += "" if loose_error is None else f" ({loose_error:.1f} mm)"
    return f"{', '.join(parts)}; {check}"


def typical_errors(result: LandmarkResult) -> tuple[float | None, float | None]:
    """Median expected error, mm, of the landmarks but the loosely defined, and of these; None where none is known.

    Apart, since half of all landmarks are loosely defined: their errors are the same on every scan.
    """
    loose = np.isin(result.labels, result.uncertain_by_definition)
    known = np.isfinite(result.expected_error)
    well, loosely = (result.expected_error[known & group] for group in (~loose, loose))
    return _median(well), _median(loosely)


def badness(result: LandmarkResult) -> tuple[float, ...]:
    """Sorts cases: the larger, the more there is to look at. Share to check or missing, then the expected error."""
    doubtful = (len(result.to_check) + result.status.count("missing")) / max(len(result), 1)
    error, _ = typical_errors(result)
    return doubtful, math.inf if error is None else error


def _median(values: NDArray[np.float64]) -> float | None:
    return float(np.median(values)) if len(values) else None


def landmark_table(result: LandmarkResult) -> Table:
    """Every landmark with its definition, status and errors; positions, in the result's frame and unit, in files."""
    rows: list[tuple[Cell, ...]] = []
    groups, to_check = [], frozenset(result.to_check)
    for place, (label, status) in enumerate(zip(result.labels, result.status, strict=True)):
        landmark = _known(label)
        position: tuple[Cell, ...] = (None,) * 3 if status == "missing" else tuple(result.positions[place].tolist())
        errors = (_or_none(result.expected_error[place]), _or_none(result.error_bound[place]))
        confidence = None if status == "missing" else float(result.confidence[place])
        about = (landmark.name, landmark.definition, landmark.reproducibility) if landmark else ("", "", "")
        rows.append((label, *about, status, *errors, confidence, *position, result.unit, result.frame))
        groups.append(_group(label, landmark))
    return Table(
        key="landmarks",
        title="Landmarks",
        columns=_COLUMNS,
        rows=tuple(rows),
        flags=tuple(
            "check" if label in to_check else "none" if status == "missing" else ""
            for label, status in zip(result.labels, result.status, strict=True)
        ),
        groups=tuple(groups),
        page_rows=tuple(sorted(range(len(rows)), key=lambda row: result.labels[row].startswith("ibug"))),
        note=(
            "Class: how well human observers agree, A 0.4-0.9 mm, B 0.8-1.5 mm, C 1.5 mm and more. Nine of ten errors "
            f"stay below the bound. Confidence: probability of an error below {CONFIDENT_WITHIN_MM:g} mm. Right and "
            "left are the subject's."
        ),
    )


def check_table(result: LandmarkResult, *, name: str = "") -> Table | None:
    """The landmarks to check; None where there are none. `name`: of one case of two."""
    whole = landmark_table(result)
    chosen = [row for row in range(len(whole.rows)) if whole.flag(row) == "check"]
    if not chosen:
        return None
    names = ("Landmark", "Name", "Definition", "Expected error", "90 % bound")
    places = [[column.name for column in whole.columns].index(name) for name in names]
    return Table(
        key="check",
        title=f"Landmarks to check: {name}" if name else "Landmarks to check",
        columns=tuple(whole.columns[place] for place in places),
        rows=tuple(tuple(whole.rows[row][place] for place in places) for row in chosen),
        flags=tuple(whole.flag(row) for row in chosen),
    )


def missing_text(result: LandmarkResult, *, name: str = "") -> str:
    """``Missing: me, go_r.``; empty where every landmark is placed."""
    labels = [label for label, status in zip(result.labels, result.status, strict=True) if status == "missing"]
    return f"Missing{f' {name}' if name else ''}: {', '.join(labels)}." if labels else ""


def _known(label: str) -> Landmark | None:
    known = LandmarkSet.load("all")
    return known.landmarks[known.index(label)] if label in known else None


def _group(label: str, landmark: Landmark | None) -> str:
    if landmark is None:
        return "other"
    return f"{landmark.group} (iBUG 68)" if label.startswith("ibug") else landmark.group


def _or_none(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
