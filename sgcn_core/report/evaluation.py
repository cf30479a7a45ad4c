"""The page of an evaluation on annotated scans, to be sent: one file without scripts or paths, its tables as CSV."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from sgcn_core import __version__
from sgcn_core.detector import LandmarkDetector
from sgcn_core.evaluation.metrics import FAILURE, OBSERVERS, THRESHOLDS, Summary, summarise
from sgcn_core.evaluation.scans import CORE, OFF_SURFACE, ScanErrors, Stated, bounds_table, core_errors, stated_errors
from sgcn_core.io.atomic import FileState, file_state, write_text
from sgcn_core.io.provenance import printable
from sgcn_core.report.evaluation_drawings import error_curve, landmark_errors
from sgcn_core.report.page import Figure, Page, Section, render_page
from sgcn_core.report.requirements import require
from sgcn_core.report.tables import Cell, Column, Table, csv_text
from sgcn_core.settings import DetectionSettings

TABLES: tuple[str, ...] = ("scans", "landmarks", "bounds", "errors")

_NUMBERS = (
    Column(name="Landmarks", decimals=0),
    Column(name="Mean", unit="mm", decimals=2),
    Column(name="Median", unit="mm", decimals=2),
    Column(name="95 %", unit="mm", decimals=2),
    Column(name=f"> {FAILURE:g} mm", decimals=0),
    Column(name="Missing", decimals=0),
    Column(name="Bound holds", unit="%", decimals=0),
)


def checked_files(report: Path, *, overwrite: bool) -> dict[Path, FileState]:
    """The page and its tables with their present states, for :func:`write_evaluation`.

    Raises
    ------
    FileExistsError
        One of them exists, and `overwrite` is false.
    InstallationError
        The package that pages need is lacking.
    """
    require("jinja2")
    page = report if report.suffix.lower() in (".html", ".htm") else report.with_name(f"{report.name}.html")
    before = {path: file_state(path) for path in (page, *(_table_file(page, key) for key in TABLES))}
    existing = [path for path, state in before.items() if state.exists]
    if existing and not overwrite:
        raise FileExistsError(f"{existing[0]} exists; give --overwrite to replace it, or another name")
    return before


def write_evaluation(
    scans: Sequence[ScanErrors],
    files: Mapping[Path, FileState],
    *,
    detector: LandmarkDetector,
    settings: DetectionSettings,
    folder: Path,
    show_name: bool = False,
) -> Path:
    """Write the page and its tables.

    Parameters
    ----------
    scans : what ``sgcn_core.evaluation.scans.evaluate_folder`` gave
    files : of :func:`checked_files`
    detector, settings : what was evaluated
    folder : of the scans; its path is taken out of all messages
    show_name : whether the scans go by their file names, which may tell who the person is; else by numbers

    Returns
    -------
    Path
        The page.
    """
    page = next(iter(files))
    page.parent.mkdir(parents=True, exist_ok=True)
    names = [scan.name if show_name else f"scan {place}" for place, scan in enumerate(scans, start=1)]
    stated = stated_errors(scans)
    tables = {
        "scans": _scans_table(scans, names, stated),
        "landmarks": _landmarks_table(scans, stated),
        "bounds": _bounds_table(scans),
        "errors": _errors_table(names, stated),
    }
    problems = _problems(scans, names, folder)
    content = _page(scans, tables, problems, stated, _provenance(scans, detector, settings))
    write_text(page, render_page(content), unless_changed_since=files[page])
    for key, table in tables.items():
        path = _table_file(page, key)
        write_text(path, csv_text(table), unless_changed_since=files[path])
    return page


def _table_file(page: Path, key: str) -> Path:
    return page.with_name(f"{page.stem}-{key}.csv")


def _page(
    scans: Sequence[ScanErrors],
    tables: Mapping[str, Table],
    problems: Table | None,
    stated: Stated,
    provenance: Section,
) -> Page:
    everything = summarise([error for scan in scans for error in scan.errors.values()])
    refused, unread = sum(scan.refused is not None for scan in scans), sum(scan.problem is not None for scan in scans)
    share = stated.bound_holds(np.ones(len(stated.error), dtype=bool))
    verdict = [_verdict(everything, len(scans))]
    if share is not None:
        verdict.append(f"The stated 90 % bound holds for {share:.0f} % of the landmarks placed.")
    if refused or unread:
        verdict.append(f"No face found on {refused} scans; {unread} could not be compared.")
    found = stated.error
    sections = [
        Section(
            key="overview",
            title="Errors",
            text=("Distance of every landmark from its annotation, over all scans. " + OBSERVERS,),
            figures=(
                Figure(caption="Share of the landmarks within a distance.", svg=error_curve(found)),
                Figure(caption="Each landmark: mean, and 95 % of its errors.", svg=landmark_errors(_by_label(stated))),
            )
            if len(found)
            else (),
            facts=_rates(scans, everything),
        ),
        Section(key="scans", title="Scans", tables=(tables["scans"],)),
        Section(key="landmarks", title="Landmarks", tables=(tables["landmarks"],)),
        Section(key="bounds", title="Stated errors", tables=(tables["bounds"],)),
    ]
    if problems is not None:
        sections.append(Section(key="problems", title="To look at", tables=(problems,)))
    return Page(
        title="Landmark errors on annotated scans",
        kind="Evaluation",
        subtitle=f"sgcn_core {__version__}",
        verdict=tuple(verdict),
        doubtful=bool(refused or unread or not everything.count),
        sections=(*sections, provenance),
    )


def _verdict(errors: Summary, scans: int) -> str:
    if not errors.count:
        return f"No landmark of {scans} scans could be compared."
    numbers = f"mean error {errors.mean:.2f} mm, median {errors.median:.2f} mm, 95 % below {errors.high:.2f} mm"
    return f"{errors.count} landmarks on {scans} scans: {numbers}."


def _rates(scans: Sequence[ScanErrors], everything: Summary) -> tuple[tuple[str, str], ...]:
    """Success rates, and the mean of the well-defined points."""
    annotated = everything.count + everything.missing
    if not annotated:
        return ()
    core = core_errors(pair for scan in scans for pair in scan.errors.items())
    rates = zip(THRESHOLDS, everything.rates, strict=True)
    facts = [(f"Within {limit:g} mm", f"{100.0 * rate:.0f} %") for limit, rate in rates]
    if core:
        facts.append((f"Mean of {', '.join(CORE)}", f"{summarise(core).mean:.2f} mm"))
    return (*facts, ("Landmarks placed", f"{everything.count} of {annotated}"))


def _scans_table(scans: Sequence[ScanErrors], names: Sequence[str], stated: Stated) -> Table:
    rows: list[tuple[Cell, ...]] = []
    flags = []
    for number, (scan, name) in enumerate(zip(scans, names, strict=True)):
        summary = summarise(list(scan.errors.values()))
        core = summarise(core_errors(scan.errors.items()))
        outcome = "no face found" if scan.refused else "not compared" if scan.problem else "compared"
        rows.append((name, *_cells(summary, stated.bound_holds(stated.scan == number)), _known(core.mean), outcome))
        flags.append("" if outcome == "compared" else "check")
    columns = (
        Column(name="Scan"),
        *_NUMBERS,
        Column(name="Well defined", unit="mm", decimals=2),
        Column(name="Outcome"),
    )
    note = f"Well defined: mean of {', '.join(CORE)}. Missing: annotated, and reported missing by the detector."
    return Table(key="scans", title="Scans", columns=columns, rows=tuple(rows), flags=tuple(flags), note=note)


def _landmarks_table(scans: Sequence[ScanErrors], stated: Stated) -> Table:
    """By mean error, the largest first."""
    labels = dict.fromkeys(label for scan in scans for label in scan.errors)
    own = np.array([label.casefold() for label in stated.label], dtype=str)
    rows = []
    for label in labels:
        summary = summarise([scan.errors[label] for scan in scans if label in scan.errors])
        rows.append((label, *_cells(summary, stated.bound_holds(own == label.casefold()))))
    rows.sort(key=lambda row: -1.0 if row[2] is None else float(row[2]), reverse=True)
    return Table(
        key="each-landmark",
        title="Landmarks, the largest mean error first",
        columns=(Column(name="Landmark"), *_NUMBERS),
        rows=tuple(rows),
        note="An annotator's definition may differ from this package's (docs/definitions.md); the error holds it.",
    )


def _bounds_table(scans: Sequence[ScanErrors]) -> Table:
    rows = bounds_table(scans, "").rows
    columns = (
        Column(name="Group"),
        Column(name="Status"),
        Column(name="Landmarks", decimals=0),
        Column(name="Bound holds", unit="%", decimals=1),
        Column(name="Mean error", unit="mm", decimals=2),
        Column(name="Mean stated", unit="mm", decimals=2),
    )
    note = "The bound is meant to hold for 90 %. Mean stated: the expected error that the detector states."
    return Table(
        key="bounds",
        title="How often the stated 90 % bound holds",
        columns=columns,
        rows=tuple(tuple(row.values()) for row in rows),
        note=note if rows else "These weights state no errors.",
    )


def _errors_table(names: Sequence[str], stated: Stated) -> Table:
    """Every landmark of every scan; for the file alone."""
    columns = (
        *(Column(name="Scan"), Column(name="Landmark"), Column(name="Status")),
        *(Column(name=name, unit="mm", decimals=3) for name in ("Error", "Expected error", "90 % bound")),
    )
    numbers = zip(stated.error.tolist(), stated.expected.tolist(), stated.bound.tolist(), strict=True)
    rows = [
        (names[scan], label, status, error, _known(expected), _known(bound))
        for scan, label, status, (error, expected, bound) in zip(
            stated.scan.tolist(), stated.label, stated.status, numbers, strict=True
        )
    ]
    return Table(key="errors", title="Errors", columns=columns, rows=tuple(rows))


def _problems(scans: Sequence[ScanErrors], names: Sequence[str], folder: Path) -> Table | None:
    """Scans refused or not compared, landmarks far from their scan, labels that match nothing; None without any."""
    rows: list[tuple[Cell, ...]] = []
    for scan, name in zip(scans, names, strict=True):
        if reason := scan.refused or scan.problem:
            rows.append(
                (name, "no face found" if scan.refused else "not compared", _without_path(reason, folder, scan, name))
            )
        if scan.off_surface and not scan.problem:
            far = ", ".join(f"{label} ({distance:.0f} mm)" for label, distance in scan.off_surface.items())
            rows.append((name, f"more than {OFF_SURFACE:g} mm from the scan", far))
        if scan.unmatched:
            rows.append(
                (name, "labels that the weights do not know", ", ".join(printable(it) for it in scan.unmatched))
            )
    columns = (Column(name="Scan"), Column(name="What"), Column(name="Detail"))
    return (
        Table(key="problems", title="Refused scans, files and labels", columns=columns, rows=tuple(rows))
        if rows
        else None
    )


def _without_path(reason: str, folder: Path, scan: ScanErrors, name: str) -> str:
    """A message without the folders of this machine, and with the scan's name as the page has it."""
    for path in sorted({str(folder.resolve()), str(folder.absolute()), str(folder)}, key=len, reverse=True):
        reason = reason.replace(f"{path}/", "").replace(f"{path}\\", "").replace(path, "the folder")
    if name != scan.name:
        reason = reason.replace(scan.name, name).replace(f"{Path(scan.name).stem}.", f"{name}.")
    return printable(reason)


def _provenance(scans: Sequence[ScanErrors], detector: LandmarkDetector, settings: DetectionSettings) -> Section:
    checkpoint = detector.checkpoint
    facts = (
        ("Program", f"sgcn_core {__version__}"),
        ("Weights, SHA-256", checkpoint.sha256),
        ("Landmarks of the weights", str(len(checkpoint.labels))),
        ("Refinement", settings.refine or detector.method.refine),
        ("Nodes, seed", f"{detector.method.nodes}, {settings.seed}"),
        ("Scans", str(len(scans))),
    )
    notes = (
        "Errors are Euclidean distances in millimetres from the annotations, matched by label without regard to case.",
        "Landmark files that state no unit or frame are taken in the coordinates of their mesh file.",
        "Research use, not a medical device.",
    )
    return Section(key="provenance", title="Provenance and method", facts=facts, notes=notes)


def _cells(summary: Summary, share: float | None) -> tuple[Cell, ...]:
    numbers = (_known(summary.mean), _known(summary.median), _known(summary.high))
    return (summary.count, *numbers, summary.failures, summary.missing, share)


def _by_label(stated: Stated) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for label, error in zip(stated.label, stated.error.tolist(), strict=True):
        found.setdefault(label, []).append(error)
    return found


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
