"""Console: progress and errors on stderr, results on stdout."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import typer

from sgcn_core.batch import ExitCode, PlanError, Progress, describe
from sgcn_core.errors import NOT_USABLE, SettingsError, SgcnError
from sgcn_core.io.provenance import printable

_lost: list[str] = []


def say(message: str) -> None:
    """Print a line of the result to stdout; if that cannot be written, the work goes on without it."""
    if _lost:
        return
    try:
        typer.echo(_lines(message))
    except OSError as error:
        _lost.append(str(error))
        if not isinstance(error, BrokenPipeError):
            note(f"warning: standard output cannot be written ({error.strerror}); the work goes on")
        with suppress(OSError, ValueError):  # what is left in the buffer fails once more at the end
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, sys.stdout.fileno())
            os.close(nothing)


def note(message: str) -> None:
    """Print a warning or an error to stderr."""
    with suppress(OSError):
        typer.echo(_lines(message), err=True)


def print_json(document: Any) -> None:
    """Print the JSON document of a `--json` run."""
    say(json.dumps(document, indent=2, allow_nan=False))


def end(code: ExitCode) -> typer.Exit:
    """Exit code to raise at the end of a command, or that of a lost report if all else succeeded."""
    lost = bool(_lost)
    _lost.clear()
    return typer.Exit(ExitCode.REPORT_LOST if lost and code == ExitCode.OK else code)


def _lines(message: str) -> str:
    """Without control characters and undecodable bytes, which file names may bring."""
    return "\n".join(printable(line) for line in message.split("\n"))


@contextmanager
def usage_errors(*others: type[Exception]) -> Iterator[None]:
    """What is wrong with the command line becomes a usage error: wrong options and outputs, and errors of `others`."""
    described: tuple[type[Exception], ...] = (SettingsError, *others)
    try:
        yield
    except (PlanError, FileExistsError) as error:
        raise typer.BadParameter(str(error)) from error
    except described as error:
        raise typer.BadParameter(describe(error)) from error


@contextmanager
def reporting_errors(*, debug: bool) -> Iterator[None]:
    """Turn errors into one line and an exit code; with `debug` the traceback is shown as well.

    Warnings become notes, and every one is shown once.
    """
    shown: set[str] = set()

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        if str(message) not in shown:
            shown.add(str(message))
            note(f"note: {message}")

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.showwarning = show
            yield
    except KeyboardInterrupt:
        note("interrupted")
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    except (SgcnError, OSError, MemoryError, UnicodeError) as error:
        if debug:
            raise
        note(f"error: {describe(error)}")
        raise typer.Exit(ExitCode.NOT_USABLE if isinstance(error, NOT_USABLE) else ExitCode.ALL_FAILED) from None


def shows_progress() -> bool:
    """Whether somebody watches a progress bar."""
    return sys.stderr.isatty()


@contextmanager
def progress_bar(total: int, *, shown: bool | None = None) -> Iterator[Callable[[int, str], Progress]]:
    """A progress bar on stderr if that is a terminal, else nothing.

    Yields
    ------
    callable
        Called with an input's number and name, gives the function that takes its stages and fractions.
    """
    if not (shows_progress() if shown is None else shown):
        yield lambda number, name: lambda stage, fraction: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    # Lines of the result appear above the bar on a terminal, and go where they were sent otherwise.
    redirect = sys.stdout.isatty()
    with Bar(*columns, console=Console(stderr=True), transient=True, redirect_stdout=redirect) as bar:
        task = bar.add_task("loading the model", total=float(total))

        def start(number: int, name: str) -> Progress:
            shown_name = printable(name)

            def advance(stage: str, fraction: float) -> None:
                description = f"{shown_name}: {stage}"
                bar.update(task, description=description, completed=number + min(max(fraction, 0.0), 1.0))

            advance("reading", 0.0)
            return advance

        yield start
