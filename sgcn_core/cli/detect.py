"""`sgcn-landmarks detect`: landmarks of scans."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sgcn_core.batch import (
    ExitCode,
    Job,
    Models,
    Outcome,
    PlanError,
    Request,
    describe,
    exit_code,
    plan,
    run_job,
    totals,
    write_table,
)
from sgcn_core.cli.console import end, note, print_json, progress_bar, reporting_errors, say, usage_errors
from sgcn_core.cli.options import Debug, Device, Json, Refine, Seed, Series, Weights, one_of
from sgcn_core.cli.outputs import checked_states
from sgcn_core.errors import SgcnError
from sgcn_core.io.atomic import FileState
from sgcn_core.io.csv_cells import CSV_DIALECTS
from sgcn_core.io.formats import WRITABLE_LANDMARK_SUFFIXES
from sgcn_core.settings import PRESETS, DetectionSettings
from sgcn_core.types.landmark_sets import LANDMARK_SETS
from sgcn_core.types.units import UNITS_TO_MM

if TYPE_CHECKING:
    from sgcn_core.detector import LandmarkDetector

_FORMATS = [suffix.lstrip(".") for suffix in WRITABLE_LANDMARK_SUFFIXES]


def detect(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT...",
            help="Mesh (OBJ, PLY, STL, VTK, VTP, OFF, GLB, glTF) or volume (NIfTI, NRRD, MHA); or a folder, searched "
            "recursively for such files and DICOM series.",
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Landmark file, for a single input.")
    ] = None,
    output_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder of the landmark files, with the inputs' subfolders; by default beside each input.",
        ),
    ] = None,
    file_format: Annotated[
        str | None,
        typer.Option(
            "--format", metavar=one_of(_FORMATS), help="Landmark file format; by default that of --output, or mrk.json."
        ),
    ] = None,
    landmark_set: Annotated[
        str, typer.Option("--set", metavar=one_of(LANDMARK_SETS), help="Landmarks to detect.")
    ] = "all",
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Overwrite existing landmark files and pictures; the file of -o is always overwritten."
        ),
    ] = False,
    picture: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Picture: a .png file, or a folder for several inputs.")
    ] = None,
    table: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CSV file with the landmarks of all inputs.")
    ] = None,
    anonymous: Annotated[
        bool, typer.Option("--anonymous", help="Leave the input's file name out of landmark files and pictures.")
    ] = False,
    seed: Seed = 0,
    preset: Annotated[
        str, typer.Option(metavar=one_of(PRESETS), help="Method preset: that of the weights, or as published.")
    ] = "default",
    refine: Refine = None,
    weights: Weights = None,
    unit: Annotated[
        str | None,
        typer.Option(
            metavar=one_of(UNITS_TO_MM),
            help="Unit of the coordinates; by default the file's, or inferred from head size.",
        ),
    ] = None,
    mm_per_unit: Annotated[
        float | None,
        typer.Option(metavar="X", help="Millimetres of one unit of the coordinates, if it is none of --unit."),
    ] = None,
    series: Series = None,
    csv_dialect: Annotated[
        str,
        typer.Option(
            metavar=one_of(CSV_DIALECTS),
            help="CSV files and --table: with commas, or as Excel reads them in most of Europe (semicolons between "
            "the cells, decimal commas).",
        ),
    ] = "default",
    initial_landmarks: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Landmark file with ex_r, ex_l (outer corners of the subject's eyes) and prn (tip of the nose), "
            "placed by hand: gives the head pose if detection finds none. For a single input.",
        ),
    ] = None,
    device: Device = "cpu",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Detect facial landmarks on 3D surfaces.

    Of a volume, the skin surface is extracted. A file that fails is reported and does not stop the others.
    """
    also_read = tuple(path for path in (weights, initial_landmarks) if path is not None)
    suffix = None if file_format is None else f".{file_format}"
    request = Request(
        tuple(inputs), output, output_dir, suffix, picture, overwrite, table, also_read, search_below=True
    )
    with usage_errors(SgcnError, OSError):
        settings = DetectionSettings(
            landmark_set=landmark_set,
            preset=preset,
            refine=refine,
            seed=seed,
            unit=unit,
            mm_per_unit=mm_per_unit,
            series=series,
            initial_landmarks=initial_landmarks,
            weights=weights,
            device=device,
        )
        jobs = plan(request)
        if initial_landmarks is not None and len(jobs) > 1:
            raise PlanError(f"--initial-landmarks belongs to one scan, but there are {len(jobs)} inputs")
        before = checked_states({"--table": table}, (), overwrite=overwrite).get("--table")
    if csv_dialect not in CSV_DIALECTS:
        raise typer.BadParameter(f"unknown --csv-dialect {csv_dialect!r}; use one of {', '.join(CSV_DIALECTS)}")
    with reporting_errors(debug=debug):
        with progress_bar(len(jobs)) as start:
            options = {"anonymous": anonymous, "csv_dialect": csv_dialect, "debug": debug}
            outcomes = run_jobs(jobs, settings, start=start, quiet=as_json, **options)
        code = exit_code(outcomes)
        if (
            table is not None
            and before is not None
            and not _written(outcomes, table, before, csv_dialect)
            and code == ExitCode.OK
        ):
            code = ExitCode.PICTURE_FAILED
        if as_json:
            print_json(_document(outcomes, code))
        elif len(outcomes) > 1:
            say(totals(outcomes))
    raise end(code)


def load_detector(settings: DetectionSettings) -> LandmarkDetector:
    """The detector with the weights and on the device of the settings."""
    weights = None if settings.weights is None else str(settings.weights)
    return Models().get(weights, settings.device).detector


def run_jobs(
    jobs: Sequence[Job], settings: DetectionSettings, *, start: Any, quiet: bool, **options: Any
) -> list[Outcome]:
    """Load the model once and run all jobs (`options` of ``run_job``); every outcome is printed as soon as known."""
    detector = load_detector(settings)
    outcomes = []
    for number, job in enumerate(jobs):
        progress = start(number, job.source.name)
        outcome = run_job(detector, job, settings, progress=progress, **options)
        outcomes.append(outcome)
        print_outcome(outcome, quiet=quiet)
    return outcomes


def print_outcome(outcome: Outcome, *, quiet: bool) -> None:
    """Print errors and warnings to stderr, written files to stdout unless quiet."""
    job = outcome.job
    if outcome.error is not None:
        message = outcome.error if str(job.source) in outcome.error else f"{job.source}: {outcome.error}"
        note(f"error: {message}")
        return
    if outcome.picture_error is not None:
        note(f"warning: {job.source}: no picture: {outcome.picture_error}")
    if outcome.result is not None:
        for remark in outcome.result.info.get("notes", ()):
            note(f"note: {job.source}: {remark}")
    if not quiet:
        counts = ", ".join(f"{outcome.count(status)} {status}" for status in ("found", "uncertain", "missing"))
        drawn = f", {job.picture}" if job.picture and outcome.picture_error is None else ""
        say(f"{job.source} -> {job.landmarks}{drawn}  ({counts}; {outcome.seconds:.1f} s)")


def _written(outcomes: Sequence[Outcome], table: Path, before: FileState, dialect: str) -> bool:
    try:
        write_table(outcomes, table, csv_dialect=dialect, unless_changed_since=before)
    except OSError as error:  # the landmarks are written already
        note(f"warning: no table: {describe(error)}")
        return False
    return True


def _document(outcomes: Sequence[Outcome], code: ExitCode) -> dict[str, Any]:
    from sgcn_core import __version__

    return {
        "sgcn_core": __version__,
        "exit_code": int(code),
        "results": [outcome.as_dict() for outcome in outcomes],
    }
