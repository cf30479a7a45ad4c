"""`sgcn-landmarks evaluate`: how good the landmarks are on annotated scans."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sgcn_core.batch import ExitCode, describe
from sgcn_core.cli.console import end, note, progress_bar, reporting_errors, say
from sgcn_core.cli.options import Debug, Device, Refine, Seed, Weights
from sgcn_core.errors import FileFormatError, SgcnError
from sgcn_core.settings import DetectionSettings

if TYPE_CHECKING:
    from sgcn_core.evaluation.tables import Table


def evaluate(
    scans: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="Scans with landmark files (.mrk.json, .fcsv, .csv, .json) beside them."),
    ],
    weights: Weights = None,
    out: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Folder of the tables (.csv).")] = None,
    refine: Refine = None,
    without: Annotated[
        list[str] | None, typer.Option(metavar="LABEL", help="Landmark to leave out; may be repeated.")
    ] = None,
    seed: Seed = 0,
    device: Device = "cpu",
    debug: Debug = False,
) -> None:
    """Measure landmark errors on annotated scans."""
    try:
        settings = DetectionSettings(refine=refine, seed=seed, weights=weights, device=device)
    except SgcnError as error:
        raise typer.BadParameter(describe(error)) from error
    with reporting_errors(debug=debug), progress_bar(1) as start:
        start(0, "evaluate")
        if out is not None and out.exists() and out.samefile(scans):
            raise FileFormatError(f"--out would mix the tables with the landmark files of {scans}; name another folder")
        for table in _tables(scans, settings, tuple(without or ())):
            print_and_write(table, out)
    raise end(ExitCode.OK)


def print_and_write(table: Table, out: Path | None) -> None:
    """Print a table, and write it where a folder is given."""
    say(f"{table.title}\n\n{table.markdown()}\n")
    if out is not None:
        table.write(out)


def _tables(folder: Path, settings: DetectionSettings, without: tuple[str, ...]) -> list[Table]:
    from sgcn_core.cli.detect import load_detector
    from sgcn_core.evaluation.metrics import OBSERVERS
    from sgcn_core.evaluation.scans import evaluate_folder, landmarks_table, scans_table

    detector = load_detector(settings)
    text = f"Weights {detector.checkpoint.sha256[:16]}, seed {settings.seed}. {OBSERVERS}"
    scans = list(evaluate_folder(detector, folder, without=without, refine=settings.refine, seed=settings.seed))
    for scan in scans:
        if scan.refused:
            note(f"warning: {scan.name}: {scan.refused}")
        if scan.unmatched:
            note(f"note: {scan.name}: landmarks unknown to the weights: {', '.join(scan.unmatched)}")
    return [scans_table(scans, text), landmarks_table(scans, text)]
