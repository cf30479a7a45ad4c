"""`sgcn-landmarks evaluate`: how good the landmarks are on annotated scans, or on the test part of a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sgcn_core.batch import ExitCode
from sgcn_core.cli.console import end, note, progress_bar, reporting_errors, say, usage_errors
from sgcn_core.cli.options import Debug, Device, Overwrite, Refine, Seed, Weights
from sgcn_core.cli.prepare import SplitFile, Unit
from sgcn_core.errors import FileFormatError
from sgcn_core.settings import DetectionSettings

if TYPE_CHECKING:
    from sgcn_core.detector import LandmarkDetector
    from sgcn_core.evaluation.scans import ScanErrors
    from sgcn_core.evaluation.tables import Table


def evaluate(
    scans: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER",
            help="Scans with landmark files (.mrk.json, .fcsv, .csv, .json, .pp, .landmarkAscii, .pts, .ljson, .txt) "
            "beside them, or the folder of a dataset.",
        ),
    ],
    dataset: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="facescape, facescape-multiview, headspace, dad3dheads, bu3dfe or folder."),
    ] = None,
    weights: Weights = None,
    out: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Folder of the tables (.csv).")] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A page (.html) with its tables as CSV beside it, to send.")
    ] = None,
    show_name: Annotated[
        bool, typer.Option("--show-name", help="Name the files in the report; they may tell who the person is.")
    ] = False,
    refine: Refine = None,
    without: Annotated[
        list[str] | None, typer.Option(metavar="LABEL", help="Landmark to leave out; may be repeated.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Names, one a line, for formats that number the landmarks.")
    ] = None,
    split: SplitFile = None,
    crop: Annotated[
        list[str] | None, typer.Option(metavar="[whole|paper]", help="Of a dataset; may be given twice.")
    ] = None,
    subjects: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Of a dataset: so many test subjects, else all.")
    ] = None,
    unit: Unit = None,
    seed: Seed = 0,
    overwrite: Overwrite = False,
    device: Device = "cpu",
    debug: Debug = False,
) -> None:
    """Measure landmark errors on annotated scans."""
    with usage_errors():
        settings = DetectionSettings(refine=refine, seed=seed, weights=weights, device=device)
    if dataset is None and (split, crop, subjects, unit) != (None, None, None, None):
        raise typer.BadParameter("--split, --crop, --subjects and --unit are for a dataset; give --dataset NAME")
    if dataset is not None and (report, without, labels) != (None, None, None):
        raise typer.BadParameter("--report, --without and --labels are for a folder of scans; leave --dataset out")
    with reporting_errors(debug=debug), progress_bar(1) as start:
        if out is not None and out.exists() and out.samefile(scans):
            raise FileFormatError(f"--out would mix the tables with the landmark files of {scans}; name another folder")
        advance, code = start(0, "evaluate"), ExitCode.OK
        if dataset is not None:
            options = {"split": split, "crops": crop, "most": subjects, "unit": unit}
            tables = _of_dataset(dataset, scans, settings, options, out, advance)
        else:
            files = _report_files(report, overwrite=overwrite)
            code, tables = _of_folder(scans, settings, tuple(without or ()), labels, files, show_name=show_name)
        for table in tables:
            print_and_write(table, out)
    raise end(code)


def print_and_write(table: Table, out: Path | None) -> None:
    """Print a table, and write it where a folder is given."""
    say(f"{table.title}\n\n{table.markdown()}\n")
    if out is not None:
        table.write(out)


def _report_files(report: Path | None, *, overwrite: bool) -> Any:
    """The page and its tables, checked before the work; None without a report."""
    if report is None:
        return None
    from sgcn_core.report.evaluation import checked_files

    return checked_files(report, overwrite=overwrite)


def _of_folder(
    folder: Path,
    settings: DetectionSettings,
    without: tuple[str, ...],
    labels: Path | None,
    files: Any,
    *,
    show_name: bool,
) -> tuple[ExitCode, list[Table]]:
    from sgcn_core.cli.detect import load_detector
    from sgcn_core.evaluation.scans import bounds_table, evaluate_folder, landmarks_table, scans_table
    from sgcn_core.evaluation.truth import read_names

    names = None if labels is None else read_names(labels)
    detector = load_detector(settings)
    text = _note(detector, settings)
    scans = list(
        evaluate_folder(
            detector, folder, without=without, refine=settings.refine, seed=settings.seed, names=names, keep_going=True
        )
    )
    for scan in scans:
        _notes_on(scan)
    if files is not None:
        from sgcn_core.report.evaluation import write_evaluation

        page = write_evaluation(scans, files, detector=detector, settings=settings, folder=folder, show_name=show_name)
        note(f"report: {page}")
    code = ExitCode.SOME_FAILED if any(scan.problem for scan in scans) else ExitCode.OK
    if not any(scan.errors for scan in scans):
        note("error: no landmark could be compared; labels have to be those of the weights (docs/definitions.md)")
        code = ExitCode.ALL_FAILED
    return code, [scans_table(scans, text), landmarks_table(scans, text), bounds_table(scans, text)]


def _notes_on(scan: ScanErrors) -> None:
    if scan.refused or scan.problem:
        note(f"warning: {scan.name}: {scan.refused or scan.problem}")
    if scan.off_surface and not scan.problem:
        far = ", ".join(f"{label} ({distance:.0f} mm)" for label, distance in scan.off_surface.items())
        note(f"warning: {scan.name}: landmarks of the file far from the scan: {far}")
    if scan.unmatched:
        note(f"note: {scan.name}: landmarks unknown to the weights: {', '.join(scan.unmatched)}")


def _of_dataset(
    name: str, root: Path, settings: DetectionSettings, options: dict[str, Any], out: Path | None, advance: Any
) -> list[Table]:
    """The tables to print; that of the single faces is only written."""
    from sgcn_core.cli.detect import load_detector
    from sgcn_core.datasets.catalogue import open_dataset
    from sgcn_core.datasets.splits import read_split, split_subjects
    from sgcn_core.datasets.tables import (
        WHOLE,
        condition_table,
        faces_table,
        group_table,
        measure,
        nme_table,
        table_one,
    )

    dataset = open_dataset(name, root, unit=options["unit"])
    people = [sample.subject for sample in dataset.samples]
    split = split_subjects(people, seed=settings.seed) if options["split"] is None else read_split(options["split"])
    detector = load_detector(settings)
    measured = list(
        measure(
            detector,
            dataset,
            split,
            crops=tuple(dict.fromkeys(options["crops"] or (WHOLE,))),
            most=options["most"],
            refine=settings.refine,
            seed=settings.seed,
            report=advance,
        )
    )
    for face in measured:
        if face.refused:
            note(f"warning: {face.sample.key}: {face.refused}")
    text = _note(detector, settings)
    if out is not None:
        faces_table(dataset, measured, text).write(out)
    others = [make(dataset, measured, text) for make in (group_table, condition_table, nme_table)]
    return [table_one(dataset, measured, split, text), *(table for table in others if table is not None)]


def _note(detector: LandmarkDetector, settings: DetectionSettings) -> str:
    from sgcn_core.evaluation.metrics import OBSERVERS

    return f"Weights {detector.checkpoint.sha256[:16]}, seed {settings.seed}. {OBSERVERS}"
