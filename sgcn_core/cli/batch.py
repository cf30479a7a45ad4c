"""`sgcn-landmarks batch`: landmarks of thousands of scans."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from sgcn_core.batch import ExitCode, code_of
from sgcn_core.cli.console import end, note, print_json, reporting_errors, say, shows_progress, usage_errors
from sgcn_core.cli.options import Debug, Device, Json, Refine, Seed, Weights, one_of
from sgcn_core.cohort import CaseRecord, Cohort, cases_of, run_cohort
from sgcn_core.errors import SgcnError
from sgcn_core.io.formats import WRITABLE_LANDMARK_SUFFIXES
from sgcn_core.settings import DetectionSettings
from sgcn_core.types.landmark_sets import LANDMARK_SETS
from sgcn_core.types.units import UNITS_TO_MM

_FORMATS = [suffix.lstrip(".") for suffix in WRITABLE_LANDMARK_SUFFIXES]


def batch(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT",
            help="Folder, searched recursively for meshes, volumes and DICOM series; or a text file (.txt) that lists "
            "such, one a line.",
        ),
    ],
    output: Annotated[Path, typer.Argument(metavar="OUTPUT_DIR", help="Folder of the results and the summary.")],
    workers: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Worker processes, 0.5 GB each; by default one a core, at most 8."),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Work on the machines of a Dask scheduler, such as tcp://node1:8786."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted batch.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Begin anew and replace results.")] = False,
    pictures: Annotated[bool, typer.Option("--pictures", help="Draw a picture of every case.")] = False,
    report: Annotated[
        bool, typer.Option("--report", help="Write index.html, a page of all cases, the worst first.")
    ] = False,
    file_format: Annotated[
        str, typer.Option("--format", metavar=one_of(_FORMATS), help="Landmark file format.")
    ] = _FORMATS[0],
    landmark_set: Annotated[
        str, typer.Option("--set", metavar=one_of(LANDMARK_SETS), help="Landmarks to detect.")
    ] = "all",
    anonymous: Annotated[
        bool, typer.Option("--anonymous", help="Leave the inputs' file names out of landmark files and the summary.")
    ] = False,
    seed: Seed = 0,
    refine: Refine = None,
    weights: Weights = None,
    unit: Annotated[
        str | None,
        typer.Option(metavar=one_of(UNITS_TO_MM), help="Unit of all inputs; by default found for each of them."),
    ] = None,
    device: Device = "cpu",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Detect the landmarks of many scans with several processes or machines.

    Writes one landmark file a case and summary.csv, the worst case first; with --report a page of all cases, too. A
    batch that was interrupted, in whatever way, goes on with --resume.
    """
    with usage_errors(SgcnError, OSError):
        settings = DetectionSettings(
            landmark_set=landmark_set, refine=refine, seed=seed, unit=unit, weights=weights, device=device
        )
        cases = cases_of(
            [source],
            output,
            suffix=f".{file_format}",
            pictures=pictures,
            overwrite=overwrite,
            anonymous=anonymous,
            also_read=() if weights is None else (weights,),
        )
    cohort = Cohort(
        cases=tuple(cases),
        folder=output,
        settings=settings,
        workers=workers or min(os.cpu_count() or 1, 8),
        scheduler=scheduler,
        resume=resume,
        overwrite=overwrite,
        report=report,
        debug=debug,
    )
    with reporting_errors(debug=debug):
        try:
            with _bar(len(cases)) as (started, advance):
                records = run_cohort(cohort, on_start=started, on_record=advance)
        except KeyboardInterrupt:
            note("interrupted; go on with --resume")
            raise end(ExitCode.INTERRUPTED) from None
        code = _exit_code(records)
        if as_json:
            print_json({"exit_code": int(code), "cases": [record.as_dict() for record in records]})
        else:
            say(_totals(records, output))
    raise end(code)


def _exit_code(records: list[CaseRecord]) -> ExitCode:
    failed, lacking = sum(not record.done for record in records), any(record.error for record in records)
    return code_of(inputs=len(records), failed=failed, picture_lacking=lacking)


def _totals(records: list[CaseRecord], folder: Path) -> str:
    done, check = sum(record.done for record in records), sum(record.status == "check" for record in records)
    return f"{done} done, {len(records) - done} failed, {check} to check; {folder / 'summary.csv'}"


@contextmanager
def _bar(total: int) -> Iterator[tuple[Callable[[int], None], Callable[[CaseRecord], None]]]:
    """A progress bar with rate and time left on a terminal; errors are printed as they come."""

    def told(record: CaseRecord) -> None:
        if record.error:
            note(f"{'warning' if record.done else 'error'}: {record.case}: {record.error}")

    if not shows_progress():
        yield lambda done: None, told
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        *(TextColumn("cases"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}")),
        *(TimeRemainingColumn(), TextColumn("left")),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total, rate="")

        def started(done: int) -> None:
            bar.update(task, completed=done)

        def advance(record: CaseRecord) -> None:
            told(record)
            bar.advance(task)
            speed = bar.tasks[0].speed
            bar.update(task, rate="" if not speed else f"{60 * speed:.1f} a minute")

        yield started, advance
