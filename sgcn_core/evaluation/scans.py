"""Errors on annotated scans: meshes with landmark files beside them, matched by label."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgcn_core.detector import LandmarkDetector
from sgcn_core.errors import FaceNotFoundError, FileFormatError, SurfaceError
from sgcn_core.evaluation.metrics import summarise
from sgcn_core.evaluation.tables import Cell, Table
from sgcn_core.evaluation.truth import Truth, distances_from, landmark_file, meshes, read_truth
from sgcn_core.io.formats import LANDMARK_SUFFIXES
from sgcn_core.io.meshes import read_surface
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.surface import Surface
from sgcn_core.types.units import in_mm
from sgcn_core.uncertainty.domain import well_defined

FloatArray = NDArray[np.float64]

OFF_SURFACE = 20.0
"""A landmark further than this from its scan, millimetres, is in another frame or unit, or of another scan."""

CORE = ("en", "ex", "prn", "sn", "ch", "ls", "li", "cph")
"""Well-defined points, whose mean is given separately; both sides where there are two."""


@dataclass(frozen=True, eq=False)
class ScanErrors:
    """Errors on one scan.

    Attributes
    ----------
    name : str
    errors : label -> distance in millimetres, NaN where the landmark was reported missing; empty if refused or where
        there is no truth
    unmatched : labels of the landmark file that are unknown to the weights
    refused : the reason, if no face was found
    result : what the detector returned
    off_surface : label -> distance from the scan in millimetres, of the landmarks of the file beyond ``OFF_SURFACE``
    problem : why the landmark file was not compared; there are no errors then
    """

    name: str
    errors: Mapping[str, float]
    unmatched: tuple[str, ...] = ()
    refused: str | None = None
    result: LandmarkResult | None = None
    off_surface: Mapping[str, float] = field(default_factory=dict)
    problem: str | None = None


def scan_errors(
    detector: LandmarkDetector,
    name: str,
    surface: Surface,
    truth: Truth,
    *,
    refine: str | None = None,
    seed: int = 0,
) -> ScanErrors:
    """Detect and compare with the truth, by label without regard to case."""
    try:
        result = detector.detect(surface, refine=refine, seed=seed)
    except (FaceNotFoundError, SurfaceError) as error:
        return ScanErrors(name, {}, refused=str(error))
    factor, scale = in_mm(result.unit), in_mm(truth.unit or result.unit)
    off = _off_surface(surface, factor, {label: scale * place for label, place in truth.positions.items()})
    if truth.positions and 2 * len(off) > len(truth.positions):
        middle = float(np.median(list(off.values())))
        problem = (
            f"{len(off)} of its {len(truth.positions)} landmarks lie more than {OFF_SURFACE:g} mm from the scan "
            f"(median {middle:.0f} mm): another scan, frame or unit; nothing was compared"
        )
        return ScanErrors(name, {}, result=result, off_surface=off, problem=problem)
    known = {label.casefold(): label for label in result.labels}
    errors = {
        label: float(np.linalg.norm(factor * result.position(known[label.casefold()]) - scale * position))
        for label, position in truth.positions.items()
        if label.casefold() in known
    }
    unmatched = tuple(label for label in truth.positions if label not in errors)
    return ScanErrors(name, errors, unmatched, result=result, off_surface=off)


def _off_surface(surface: Surface, factor: float, places: Mapping[str, FloatArray]) -> dict[str, float]:
    """Label -> distance in millimetres of those of the places (millimetres) that lie beyond ``OFF_SURFACE``."""
    if not places:
        return {}
    away = distances_from(surface, np.array(list(places.values())), factor)
    return {label: float(value) for label, value in zip(places, away, strict=True) if value > OFF_SURFACE}


def evaluate_folder(
    detector: LandmarkDetector,
    folder: Path,
    *,
    without: Sequence[str] = (),
    refine: str | None = None,
    seed: int = 0,
    every: bool = False,
    names: Sequence[str] | None = None,
    keep_going: bool = False,
) -> Iterator[ScanErrors]:
    """Every annotated scan of a folder.

    Parameters
    ----------
    without : labels to leave out
    every : also the scans without a landmark file, which have no errors
    names : of the landmarks of formats that only number them
    keep_going : a file that cannot be read is the ``problem`` of its scan and stops nothing

    Raises
    ------
    FileFormatError
        If no scan has a landmark file, or a file cannot be read.
    """
    annotated = False
    for path in meshes(folder):
        try:
            table = landmark_file(path)
            annotated = annotated or table is not None
            if table is None and not every:
                continue
            surface = read_surface(path)
            truth = read_truth(table, surface).named(names) if table else Truth({})
        except (FileFormatError, SurfaceError, OSError) as error:
            if not keep_going:
                raise
            annotated = True
            yield ScanErrors(path.name, {}, problem=str(error))
            continue
        yield scan_errors(detector, path.name, surface, truth.without(without), refine=refine, seed=seed)
    if not annotated and not every:
        raise FileFormatError(f"no mesh in {folder} has a landmark file ({', '.join(LANDMARK_SUFFIXES)}) of its name")


def scans_table(scans: Sequence[ScanErrors], note: str) -> Table:
    """One row per scan, and one over all."""
    rows = [_row(scan.name, list(scan.errors.items()), int(scan.refused is not None)) for scan in scans]
    if len(scans) > 1:
        together = [pair for scan in scans for pair in scan.errors.items()]
        rows.append(_row("all", together, sum(scan.refused is not None for scan in scans)))
    return Table("scans", f"Errors on annotated scans, millimetres. {note}", rows)


def landmarks_table(scans: Sequence[ScanErrors], note: str) -> Table:
    """One row per landmark, over all scans that show it."""
    labels = dict.fromkeys(label for scan in scans for label in scan.errors)
    rows = [
        _row(label, [(label, scan.errors[label]) for scan in scans if label in scan.errors], None) for label in labels
    ]
    return Table("scan_landmarks", f"Errors of each landmark over all scans, millimetres. {note}", rows)


def core_errors(errors: Iterable[tuple[str, float]]) -> list[float]:
    """Of labels with their errors those of the points in ``CORE``."""
    return [error for label, error in errors if label.casefold().rsplit("_", 1)[0] in CORE]


@dataclass(frozen=True, eq=False)
class Stated:
    """Errors of M landmarks and what the detector stated about them; millimetres.

    Attributes
    ----------
    scan : (M,), number of the scan
    label : M names
    loose : (M,), whether the landmark is loosely defined (``sgcn_core.uncertainty.domain``)
    error : (M,), of the landmarks that were placed
    expected, bound : (M,), NaN where the weights state none
    status : M of "found" and "uncertain"
    """

    scan: NDArray[np.int64]
    label: tuple[str, ...]
    loose: NDArray[np.bool_]
    error: FloatArray
    expected: FloatArray
    bound: FloatArray
    status: tuple[str, ...]

    def bound_holds(self, chosen: NDArray[np.bool_]) -> float | None:
        """Per cent of some landmarks (M,) whose error is within its bound; None where none has a bound."""
        these = chosen & np.isfinite(self.bound)
        return 100.0 * float((self.error[these] <= self.bound[these]).mean()) if these.any() else None


def stated_errors(scans: Sequence[ScanErrors]) -> Stated:
    """The landmarks of all scans that were placed and have a truth."""
    rows = []
    for number, scan in enumerate(scans):
        if scan.result is None:
            continue
        places = {label.casefold(): place for place, label in enumerate(scan.result.labels)}
        for label, error in scan.errors.items():
            place = places[label.casefold()]
            if np.isfinite(error):
                own = scan.result.labels[place]
                stated = (scan.result.expected_error[place], scan.result.error_bound[place])
                rows.append((number, own, not well_defined(own), error, *stated, scan.result.status[place]))
    columns: list[tuple[Any, ...]] = list(zip(*rows, strict=True)) or [()] * 7
    return Stated(
        scan=np.array(columns[0], dtype=np.int64),
        label=columns[1],
        loose=np.array(columns[2], dtype=bool),
        error=np.array(columns[3], dtype=np.float64),
        expected=np.array(columns[4], dtype=np.float64),
        bound=np.array(columns[5], dtype=np.float64),
        status=columns[6],
    )


def bounds_table(scans: Sequence[ScanErrors], note: str) -> Table:
    """How often the stated 90 % bound holds, by group of landmarks and status."""
    stated = stated_errors(scans)
    status = np.array(stated.status, dtype=str)
    rows: list[dict[str, Cell]] = []
    groups = {"all": np.ones(len(status), dtype=bool), "well defined": ~stated.loose, "loosely defined": stated.loose}
    for group, chosen in groups.items():
        for wanted in ("all", "found", "uncertain"):
            these = chosen & np.isfinite(stated.bound) & ((status == wanted) | (wanted == "all"))
            if (holds := stated.bound_holds(these)) is None:
                continue
            rows.append(
                {
                    "group": group,
                    "status": wanted,
                    "landmarks": int(these.sum()),
                    "bound holds %": holds,
                    "mean error": float(stated.error[these].mean()),
                    "mean stated": float(stated.expected[these].mean()),
                }
            )
    return Table("scan_bounds", f"How often the stated 90 % bound holds, errors in millimetres. {note}", rows)


def _row(name: str, errors: Sequence[tuple[str, float]], refused: int | None) -> dict[str, Cell]:
    summary = summarise([error for _, error in errors])
    cells: dict[str, Cell] = {
        "what": name,
        "landmarks": summary.count,
        "mean mm": summary.mean,
        "median": summary.median,
        "95 %": summary.high,
        "> 10 mm": summary.failures,
        "missing": summary.missing,
    }
    if refused is None:
        return cells
    core = summarise(core_errors(errors))
    return {**cells, "well defined, mean": core.mean, "refused": refused}
