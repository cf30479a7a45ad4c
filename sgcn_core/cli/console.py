"""Talking to the user: progress and errors on stderr, results on stdout."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer

from sgcn_core.cli.exit_codes import ExitCode
from sgcn_core.cli.sentences import Progress, describe
from sgcn_core.errors import ModelError, SgcnError

__all__ = ["Progress", "describe", "note", "print_json", "progress_bar", "reporting_errors", "say"]


def say(message: str) -> None:
    """A line of the result, on stdout."""
    typer.echo(message)


def note(message: str) -> None:
    """A warning or an error, on stderr."""
    typer.echo(message, err=True)


def print_json(document: Any) -> None:
    """The one JSON document of a `--json` run."""
    typer.echo(json.dumps(document, indent=2, allow_nan=False))


@contextmanager
def reporting_errors(*, debug: bool) -> Iterator[None]:
    """Turn what can go wrong into one line and an exit code; with `debug` the traceback is shown as well.

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
    except (SgcnError, OSError, MemoryError) as error:
        if debug:
            raise
        note(f"error: {describe(error)}")
        code = ExitCode.NOT_USABLE if isinstance(error, ModelError) else ExitCode.ALL_FAILED
        raise typer.Exit(code) from None


@contextmanager
def progress_bar(total: int, *, shown: bool | None = None) -> Iterator[Callable[[int, str], Progress]]:
    """A progress bar on stderr where that is a terminal, nothing anywhere else.

    Yields
    ------
    callable
        Called with an input's number and name, gives the function that takes its stages and fractions.
    """
    if not (sys.stderr.isatty() if shown is None else shown):
        yield lambda number, name: lambda stage, fraction: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    # Lines of the result appear above the bar on a terminal, and go where they were sent otherwise.
    redirect = sys.stdout.isatty()
    with Bar(*columns, console=Console(stderr=True), transient=True, redirect_stdout=redirect) as bar:
        task = bar.add_task("loading the model", total=float(total))

        def start(number: int, name: str) -> Progress:
            def advance(stage: str, fraction: float) -> None:
                bar.update(task, description=f"{name}: {stage}", completed=number + min(max(fraction, 0.0), 1.0))

            advance("reading", 0.0)
            return advance

        yield start
