"""All commands. Heavy imports happen inside the commands, so that `--help` is fast."""

from __future__ import annotations

from typing import Annotated

import typer

from sgcn_core import __version__
from sgcn_core.batch import EXIT_CODE_MEANINGS
from sgcn_core.child_process import interrupt_on_termination
from sgcn_core.cli.adapt import adapt
from sgcn_core.cli.batch import batch
from sgcn_core.cli.compare import compare
from sgcn_core.cli.demo import demo
from sgcn_core.cli.detect import detect
from sgcn_core.cli.doctor import doctor
from sgcn_core.cli.evaluate import evaluate
from sgcn_core.cli.measure import measure
from sgcn_core.cli.morphometrics import morphometrics
from sgcn_core.cli.observers import observers
from sgcn_core.cli.prepare import prepare
from sgcn_core.cli.report import report
from sgcn_core.cli.skin import skin
from sgcn_core.cli.symmetry import symmetry
from sgcn_core.cli.train import train

EPILOG = "Exit codes: " + "; ".join(f"{code.value} {meaning}" for code, meaning in EXIT_CODE_MEANINGS.items()) + "."

app = typer.Typer(
    name="sgcn-landmarks",
    help="Facial landmarks on 3D surfaces (2S-SGCN). Research use, not a medical device.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS = (
    *(detect, batch, skin, demo, doctor),
    *(measure, symmetry, compare, observers, report, morphometrics),
    *(evaluate, prepare, adapt, train),
)
for command in COMMANDS:
    app.command(epilog=EPILOG)(command)


@app.command(epilog=EPILOG)
def worker() -> None:
    """Serve another program, such as 3D Slicer: requests on stdin, answers on stdout, JSON lines (docs/worker.md)."""
    from sgcn_core.worker.server import serve

    serve()


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sgcn-landmarks {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None: ...


def main() -> None:
    """Entry point of the console script."""
    interrupt_on_termination()
    app()
