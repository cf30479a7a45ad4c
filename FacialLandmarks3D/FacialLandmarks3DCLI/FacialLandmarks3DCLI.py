#!/usr/bin/env python-real
"""Facial landmarks without the panel: a scan, a volume or a folder of them in, markups and tables out.

Runs as a CLI module of 3D Slicer and with any Python that has sgcn_core. Progress goes to standard output in the tags
that Slicer reads; standard error stays empty unless something fails. Of a folder, cases that have landmarks already are
left as they are, so that a run can be repeated; summary.csv lists the outcome of each.

Exit codes: 0 everything was done, 1 some cases failed, 2 the command line was wrong, 3 every case failed, 5 the model
cannot be loaded.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape


@dataclass(frozen=True)
class Case:
    """One input.

    Attributes
    ----------
    job : Job of sgcn_core, which writes its landmarks
    table : Path or None, to write as well
    entry : Case of the panel's batch, for the summary of a folder; None for a single input
    """

    job: Any
    table: Path | None
    entry: Any = None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run with the given command line; returns the exit code."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    find_package()
    from FacialLandmarks3DLib.worker.python import other_python

    try:
        python = other_python()
    except RuntimeError as error:
        complain(str(error))
        return 5
    if python is not None and not same_file(python, sys.executable):
        return run_in(python, sys.argv[1:] if arguments is None else arguments)
    from sgcn_core.batch import ExitCode, PlanError
    from sgcn_core.child_process import interrupt_on_termination

    interrupt_on_termination()
    try:
        cases = plan_cases(options)
    except (PlanError, OSError) as error:
        parser.error(str(error))
    with warnings_on_stdout():
        try:
            detector = load_detector(options)
        except (Exception, SystemExit) as error:  # a broken installation can fail in any way
            complain(f"the model cannot be loaded: {error}")
            return int(ExitCode.NOT_USABLE)
        failed = 0
        for number, case in enumerate(cases):
            failed += not run_case(detector, case, options, Report(number, len(cases)))
            write_summary(cases)
    if failed:
        return int(ExitCode.ALL_FAILED if failed == len(cases) else ExitCode.SOME_FAILED)
    return int(ExitCode.OK)


def make_parser() -> argparse.ArgumentParser:
    """The parameters of FacialLandmarks3DCLI.xml, whose names Slicer allows no hyphens; people may use them."""
    parser = argparse.ArgumentParser(
        prog="FacialLandmarks3DCLI", description=(__doc__ or "").partition("\n\n")[2], allow_abbrev=False
    )
    parser.add_argument(
        "--input-model", "--inputModel", type=some_path, metavar="FILE", help="surface of a face or a head"
    )
    parser.add_argument(
        "--input-volume", "--inputVolume", type=some_path, metavar="FILE", help="CT, CBCT or MR volume, or label map"
    )
    parser.add_argument(
        "--input-folder",
        "--inputFolder",
        action=ChosenFolder,
        metavar="FOLDER",
        help="of scans, volumes or DICOM files; a model or a volume goes before it",
    )
    parser.add_argument(
        "--output-landmarks", "--outputLandmarks", type=some_path, metavar="FILE", help=".mrk.json, for a single input"
    )
    parser.add_argument(
        "--output-table", "--outputTable", type=some_path, metavar="FILE", help=".csv, for a single input"
    )
    parser.add_argument(
        "--output-folder", "--outputFolder", action=ChosenFolder, metavar="FOLDER", help="for --input-folder"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace landmark files in a folder that exist")
    parser.add_argument("--landmark-set", "--landmarkSet", choices=("clinical", "ibug68", "all"), default="clinical")
    parser.add_argument("--device", default="cpu", metavar="NAME", help="cpu, auto, cuda, cuda:1, mps")
    parser.add_argument("--seed", type=natural_number, default=0, metavar="N", help="of the surface sampling")
    parser.add_argument("--weights", type=some_path, metavar="FILE", help="other weights than the shipped ones")
    return parser


def some_path(text: str) -> Path | None:
    """None for the empty text with which Slicer says that nothing was chosen."""
    return Path(text) if text else None


class ChosenFolder(argparse.Action):
    """A folder; from Slicer's panel, whose button for a folder cannot be empty, "." means that none was chosen."""

    def __call__(
        self, parser: Any, namespace: argparse.Namespace, value: Any, option_string: str | None = None
    ) -> None:
        """Note the folder; Slicer uses the options without hyphens."""
        from_panel = "-" not in (option_string or "").removeprefix("--")
        setattr(namespace, self.dest, None if from_panel and value == "." else some_path(value))


def natural_number(text: str) -> int:
    """0, 1, 2, ..."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"expected an integer, 0 or more; received {text}")
    return number


def same_file(first: str, second: str) -> bool:
    """Whether two paths are the same interpreter; a link into another environment is another one."""
    return os.path.abspath(first) == os.path.abspath(second)


def run_in(python: str, arguments: Sequence[str]) -> int:
    """Run this script with another Python, outside of what Slicer's launcher has set; returns its exit code."""
    from FacialLandmarks3DLib.worker.python import PYTHON_VARIABLE, environment_outside_slicer

    environment = environment_outside_slicer()
    environment.pop(PYTHON_VARIABLE, None)
    command = [python, os.path.abspath(__file__), *arguments]
    sys.stdout.flush()
    if os.name == "posix":  # the process stays the one that Slicer cancels
        os.execve(python, command, environment)
    return subprocess.run(command, env=environment, check=False).returncode


def find_package() -> None:
    """Make sgcn_core and the module's parts importable, beside Slicer's scripted modules or in a source checkout."""
    here = Path(__file__).resolve().parent
    for name, checkout in (("FacialLandmarks3DLib", here.parent), ("sgcn_core", here.parents[1])):
        found = importlib.util.find_spec(name)
        if found is not None and found.origin is not None:
            continue
        folders = (here.parent / "qt-scripted-modules", checkout)
        folder = next((folder for folder in folders if (folder / name / "__init__.py").is_file()), None)
        if folder is None:
            complain(f"{name} was not found, neither installed nor near {here}; install the extension again")
            sys.exit(5)
        sys.path.insert(0, str(folder))


def plan_cases(options: argparse.Namespace) -> list[Case]:
    """What is read and written, decided before any work; PlanError where the options do not go together."""
    from sgcn_core.batch import PlanError, Request, plan

    given = [path for path in (options.input_model, options.input_volume) if path is not None]
    from_folder = not given and options.input_folder is not None
    if from_folder:
        given = [options.input_folder]
    if len(given) != 1:
        raise PlanError(f"give one of --input-model, --input-volume and --input-folder; received {len(given)}")
    if not given[0].exists():
        raise PlanError(f"there is no {given[0]}; check the path")
    single = [path for path in (options.output_landmarks, options.output_table) if path is not None]
    if from_folder:
        if single:
            raise PlanError(f"{single[0]} is for a single input; for a folder give --output-folder")
        jobs = plan(Request((options.input_folder,), output_dir=options.output_folder, overwrite=options.overwrite))
        return [Case(job, table_beside(job.landmarks), summary_entry(job)) for job in jobs]
    if not single:
        raise PlanError("give --output-landmarks or --output-table: nothing would be kept")
    (job,) = plan(Request((given[0],), output=single[0]))
    return [Case(job, single[1] if len(single) == 2 else None)]


def table_beside(landmarks: Path) -> Path:
    """face.csv for face.mrk.json."""
    return landmarks.with_name(landmarks.name.removesuffix(".mrk.json") + ".csv")


def load_detector(options: argparse.Namespace) -> Any:
    """The detector; errors name PyTorch, the device or the weights as the cause."""
    from sgcn_core.batch import Models, fastest_device

    device = fastest_device() if options.device == "auto" else options.device
    return Models().get(None if options.weights is None else str(options.weights), device).detector


def run_case(detector: Any, case: Case, options: argparse.Namespace, report: Report) -> bool:
    """Detect and write the files of one case; whether that worked. Its failure is told and stops no other case."""
    from sgcn_core.batch import run_job
    from sgcn_core.settings import DetectionSettings

    report.start(case.job.source)
    if case.entry is not None and case.entry.can_be_reviewed:
        say(f"{case.job.source}: {case.job.landmarks} is kept; it may hold corrections")
        report.end()
        return True
    settings = DetectionSettings(landmark_set=options.landmark_set, seed=options.seed)
    outcome = run_job(detector, case.job, settings, progress=report.progress)
    error = outcome.error or write_table(outcome.result, case.table)
    if error is None:
        say(f"{case.job.source} -> {case.job.landmarks} {outcome.result!r}")
    else:
        complain(f"{case.job.source}: {error}")
    if case.entry is not None:
        note_outcome(case.entry, outcome, error)
    report.end()
    return error is None


def summary_entry(job: Any) -> Any:
    """The row of a case in the summary; one that has landmarks from before is done."""
    from FacialLandmarks3DLib.batch.cases import OK, recall
    from FacialLandmarks3DLib.batch.cases import Case as Entry

    entry = Entry(job.source, job.landmarks)
    if job.landmarks.exists() and not job.may_replace:
        recall(entry, job.landmarks.parent)
        entry.status, entry.reason = OK, "existing landmarks kept"
    return entry


def note_outcome(entry: Any, outcome: Any, error: str | None) -> None:
    """Take what has become of a case into its row."""
    from FacialLandmarks3DLib.batch.cases import FAILED, OK, REFUSED, counts_of

    entry.seconds = outcome.seconds
    if error is None:
        entry.status, entry.counts = OK, counts_of(outcome.result.as_dict()["landmarks"])
    else:
        entry.status, entry.reason = REFUSED if outcome.refused else FAILED, error


def write_summary(cases: Sequence[Case]) -> None:
    """The table of a folder, with the cases that have ended; one that cannot be written costs no landmarks."""
    from FacialLandmarks3DLib.batch.cases import write_summary as write

    entries = [case.entry for case in cases if case.entry is not None]
    if not entries:
        return
    try:
        write(entries[0].landmarks.parent, entries)
    except OSError as error:
        complain(f"the summary cannot be written: {error}")


def write_table(result: Any, table: Path | None) -> str | None:
    """Write the table where one is wanted; returns what went wrong."""
    from sgcn_core import write_landmarks

    try:
        if table is not None:
            write_landmarks(result, table)
    except (OSError, ValueError) as error:
        return str(error)
    return None


class Report:
    """Progress of one of several cases, as Slicer reads it from standard output.

    Parameters
    ----------
    number, count : int, which case of how many
    """

    def __init__(self, number: int, count: int) -> None:
        self._number, self._count = number, count
        self._began = time.perf_counter()

    def start(self, source: Path) -> None:
        """Name the case."""
        say(
            "<filter-start><filter-name>Facial landmarks</filter-name>"
            f"<filter-comment>{escape(str(source))}</filter-comment></filter-start>"
        )
        self.progress("read", 0.0)

    def progress(self, stage: str, fraction: float) -> None:
        """How far this case is, 0 to 1."""
        overall = (self._number + min(max(fraction, 0.0), 1.0)) / self._count
        say(f"<filter-progress>{overall:.4f}</filter-progress>")
        say(f"<filter-stage-progress>{fraction:.4f}</filter-stage-progress>")

    def end(self) -> None:
        """The case is done, well or badly."""
        self.progress("done", 1.0)
        seconds = time.perf_counter() - self._began
        say(
            "<filter-end><filter-name>Facial landmarks</filter-name>"
            f"<filter-time>{seconds:.2f}</filter-time></filter-end>"
        )


@contextmanager
def warnings_on_stdout() -> Iterator[None]:
    """Slicer takes every line on standard error for an error; warnings are none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        warnings.showwarning = lambda message, *_, **__: say(f"note: {message}")  # type: ignore[assignment]
        yield


def say(line: str) -> None:
    """A line on standard output, at once."""
    print(line, flush=True)


def complain(message: str) -> None:
    """An error on standard error."""
    print(f"error: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
