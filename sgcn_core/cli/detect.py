"""`sgcn-landmarks detect`: landmarks of scans."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sgcn_core.cli.console import note, print_json, progress_bar, reporting_errors, say
from sgcn_core.cli.exit_codes import ExitCode
from sgcn_core.cli.jobs import Job, PlanError, Request, plan
from sgcn_core.cli.options import Format, LandmarkSetName, LengthUnit, Refinement
from sgcn_core.cli.running import Outcome, Settings, run_job
from sgcn_core.cli.sentences import describe

if TYPE_CHECKING:
    from sgcn_core.detector import LandmarkDetector


def detect(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT...",
            help="OBJ, PLY, STL, VTK, VTP, OFF, GLB, glTF, NIfTI, NRRD, MHA files, or folders of them or of DICOM.",
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Landmark file, for a single input.")
    ] = None,
    output_dir: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="For the landmark files; beside each input if not given.")
    ] = None,
    file_format: Annotated[
        Format | None, typer.Option("--format", help="Landmark file format; that of --output, or mrk.json.")
    ] = None,
    landmark_set: Annotated[LandmarkSetName, typer.Option("--set", help="Which landmarks.")] = LandmarkSetName.ALL,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace landmark files that exist; --output always does.")
    ] = False,
    picture: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Picture: a .png file, or a folder for several inputs.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seed of the surface sampling.")] = 0,
    refine: Annotated[
        Refinement | None, typer.Option(help="From heatmap to position; the model's own if not given.")
    ] = None,
    weights: Annotated[Path | None, typer.Option(metavar="FILE", help="Other weights than the shipped ones.")] = None,
    unit: Annotated[
        LengthUnit | None,
        typer.Option(help="Unit of the coordinates; the file's, or that in which the head has the size of one."),
    ] = None,
    initial_landmarks: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Landmark file with ex_r, ex_l (the subject's outer eye corners) and prn (nose tip), placed by hand: "
            "shows the head's pose where it is not found. For a single input.",
        ),
    ] = None,
    device: Annotated[str, typer.Option(metavar="NAME", help="cpu, cuda, cuda:1, mps.")] = "cpu",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Detect facial landmarks on 3D surfaces.

    A folder stands for the meshes and volumes in it, or for a DICOM series; of a volume the skin is
    taken. A file that fails is reported and does not stop the others.
    """
    suffix = f".{file_format.value}" if file_format else None
    try:
        jobs = plan(Request(tuple(inputs), output, output_dir, suffix, picture, overwrite))
    except (PlanError, OSError) as error:
        raise typer.BadParameter(str(error) if isinstance(error, PlanError) else describe(error)) from error
    if initial_landmarks is not None and len(jobs) > 1:
        raise typer.BadParameter(f"--initial-landmarks belongs to one scan, but there are {len(jobs)} inputs")
    settings = Settings(
        landmark_set.value,
        seed,
        refine.value if refine else None,
        unit.value if unit else None,
        initial_landmarks,
    )
    with reporting_errors(debug=debug):
        with progress_bar(len(jobs)) as start:
            outcomes = run_jobs(jobs, settings, weights=weights, device=device, start=start, quiet=as_json, debug=debug)
        code = exit_code(outcomes)
        if as_json:
            print_json(_document(outcomes, code))
    raise typer.Exit(code)


def load_detector(weights: Path | None, device: str) -> LandmarkDetector:
    """The detector with the given or the shipped weights."""
    from sgcn_core.detector import LandmarkDetector

    return LandmarkDetector.from_pretrained(weights, device=device)


def run_jobs(
    jobs: Sequence[Job], settings: Settings, *, weights: Path | None, device: str, start: Any, quiet: bool, debug: bool
) -> list[Outcome]:
    """Load the model once and go through all jobs; every outcome is told as soon as it is known."""
    detector = load_detector(weights, device)
    outcomes = []
    for number, job in enumerate(jobs):
        outcome = run_job(detector, job, settings, progress=start(number, job.source.name), debug=debug)
        outcomes.append(outcome)
        tell(outcome, quiet=quiet)
    return outcomes


def tell(outcome: Outcome, *, quiet: bool) -> None:
    """Errors and warnings to stderr; what was written to stdout, unless quiet."""
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
    if not quiet and outcome.result is not None:
        status = outcome.result.status
        counts = ", ".join(f"{status.count(s)} {s}" for s in ("found", "uncertain", "missing"))
        drawn = f", {job.picture}" if job.picture and outcome.picture_error is None else ""
        say(f"{job.source} -> {job.landmarks}{drawn}  ({counts}; {outcome.seconds:.1f} s)")


def exit_code(outcomes: Sequence[Outcome]) -> ExitCode:
    """The exit code that sums up all outcomes."""
    failed = sum(outcome.error is not None for outcome in outcomes)
    if failed:
        return ExitCode.ALL_FAILED if failed == len(outcomes) else ExitCode.SOME_FAILED
    if any(outcome.picture_error is not None for outcome in outcomes):
        return ExitCode.PICTURE_FAILED
    return ExitCode.OK


def _document(outcomes: Sequence[Outcome], code: ExitCode) -> dict[str, Any]:
    from sgcn_core import __version__

    return {
        "sgcn_core": __version__,
        "exit_code": int(code),
        "results": [outcome.as_dict() for outcome in outcomes],
    }
