"""`sgcn-landmarks train`: landmarks of one's own from a few annotated scans."""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sgcn_core.batch import ExitCode, PlanError, check_outputs
from sgcn_core.cli.console import end, note, progress_bar, reporting_errors, say
from sgcn_core.cli.options import Debug, Overwrite
from sgcn_core.errors import InstallationError
from sgcn_core.io.atomic import file_state
from sgcn_core.settings import DetectionSettings

if TYPE_CHECKING:
    from sgcn_core.training.own.train import OwnTraining

SHIPPED = "face"
_NEEDED = ("lightning", "torch_geometric", "jinja2")


def train(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Weights to write (.safetensors).")],
    data: Annotated[
        Path,
        typer.Option(
            metavar="FOLDER",
            help="Scans with landmark files (.mrk.json, .fcsv, .csv, .json) beside them: 10 or more, better 20.",
        ),
    ],
    init: Annotated[
        str, typer.Option(metavar="face|FILE", help="Weights to start from: the shipped ones, or those of a file.")
    ] = SHIPPED,
    card: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Model card (.html); by default beside the weights.")
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option(metavar="LABEL", help="Landmark to leave out; may be repeated.")
    ] = None,
    folds: Annotated[int, typer.Option(min=2, metavar="N", help="Folds of the cross-validation.")] = 5,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Random seed of folds, examples and weights.")] = 0,
    keep: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Keep detections here: the same command goes on where it was stopped."),
    ] = None,
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """Learn landmarks of your own from annotated scans.

    Prints the held-out error of each landmark beside that of the transfer through the mean face, and writes weights for
    detect --weights, batch and the panel, with a model card. Needs the extra `train`.
    """
    card = output.with_suffix(".html") if card is None else card
    if output.suffix.lower() != ".safetensors":
        raise typer.BadParameter(f"--output must end in .safetensors, received {output}")
    start_from = None if init == SHIPPED else Path(init)
    try:
        check_outputs([output, card], [] if start_from is None else [start_from])
    except PlanError as error:
        raise typer.BadParameter(str(error)) from error
    states = {"--output": file_state(output), "--card": file_state(card)}
    for path, state in zip((output, card), states.values(), strict=True):
        if state.exists and not overwrite:
            raise typer.BadParameter(f"{path} exists; give --overwrite to replace it, or another name")
    with reporting_errors(debug=debug):
        require_training()
        from sgcn_core.cli.detect import load_detector
        from sgcn_core.io.atomic import write_text
        from sgcn_core.report.model_card import model_card
        from sgcn_core.training.own.fit import OwnOptions
        from sgcn_core.training.own.train import train_own
        from sgcn_core.weights.checkpoint import save_checkpoint

        detector = load_detector(DetectionSettings(weights=start_from))
        with progress_bar(1) as start:
            progress = start(0, data.name)
            training = train_own(
                detector, data, OwnOptions(folds=folds, seed=seed), without=without or (), kept=keep, report=progress
            )
        page = model_card(training, title=output.stem)
        save_checkpoint(training.checkpoint, output, unless_changed_since=states["--output"])
        write_text(card, page, unless_changed_since=states["--card"])
        print_training(training)
        say(f"{output}, {card}")
    raise end(ExitCode.SOME_FAILED if training.data.left_out else ExitCode.OK)


def require_training() -> None:
    """Raise InstallationError where a package of the extra `train` is lacking."""
    for package in _NEEDED:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of the libraries about each other
                importlib.import_module(package)
        except ImportError as error:
            raise InstallationError(
                f"training needs the package {package}, which cannot be imported ({error}); install it with "
                "pip install 'sgcn-core[train]'"
            ) from error


def print_training(training: OwnTraining) -> None:
    """The errors of the cross-validation, what was left out, and how the bound came about."""
    from sgcn_core.report.model_card import baseline_text, bound_text, landmark_table

    for name, reason in training.data.left_out:
        note(f"warning: {name} is left out: {reason}")
    table = landmark_table(training)
    say(f"{table.title}, millimetres\n\n| {' | '.join(column.name for column in table.columns)} |")
    say(f"|{'---|' * len(table.columns)}")
    for row in range(len(table.rows)):
        say(f"| {' | '.join(table.shown(row, column) for column in table.columns)} |")
    if about := baseline_text(training):
        say(f"\n{about}")
    say(f"\n{bound_text(training)}")
    say(f"Processor time {training.processor_minutes:.1f} minutes, seed {training.own.info['options']['seed']}.")
