"""`sgcn-landmarks train`: landmarks of one's own from a few annotated scans, or weights from a prepared dataset."""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer

from sgcn_core.batch import ExitCode, PlanError
from sgcn_core.cli.console import end, reporting_errors, usage_errors
from sgcn_core.cli.options import Debug, Overwrite, one_of
from sgcn_core.cli.outputs import checked_states
from sgcn_core.errors import InstallationError
from sgcn_core.settings import DEVICES, DetectionSettings
from sgcn_core.training.config import TrainingConfig

SHIPPED = "face"
_NEEDED = ("lightning", "torch_geometric", "jinja2")
_DATA, _PREPARED = "With --data", "With --prepared"


def _with_data(metavar: str, text: str, **checks: Any) -> Any:
    """An option of the training on annotated scans."""
    return typer.Option(metavar=metavar, help=text, rich_help_panel=_DATA, **checks)


def _with_prepared(metavar: str, text: str, **checks: Any) -> Any:
    """An option of the training on a prepared dataset."""
    return typer.Option(metavar=metavar, help=text, rich_help_panel=_PREPARED, **checks)


def train(
    context: typer.Context,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Weights to write (.safetensors).")],
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Scans with landmark files (.mrk.json, .fcsv, .csv, .json) beside them: 10 or more, better 20.",
        ),
    ] = None,
    prepared: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Graphs of a dataset that `sgcn-landmarks prepare` wrote.")
    ] = None,
    init: Annotated[
        str, _with_data("face|FILE", "Weights to start from: the shipped ones, or those of a file.")
    ] = SHIPPED,
    card: Annotated[Path | None, _with_data("FILE", "Model card (.html); by default beside the weights.")] = None,
    without: Annotated[list[str] | None, _with_data("LABEL", "Landmark to leave out; may be repeated.")] = None,
    folds: Annotated[int, _with_data("N", "Folds of the cross-validation.", min=2)] = 5,
    keep: Annotated[
        Path | None, _with_data("FOLDER", "Keep detections here: the same command goes on where it was stopped.")
    ] = None,
    run: Annotated[
        Path | None,
        _with_prepared("FOLDER", "Checkpoints and errors; the same command goes on from the last checkpoint."),
    ] = None,
    conditions: Annotated[
        list[str] | None, _with_prepared("NAME", "Only these, such as neutral; may be repeated.")
    ] = None,
    config: Annotated[Path | None, _with_prepared("FILE", "Training configuration (.json), else the paper's.")] = None,
    epochs: Annotated[int, _with_prepared("N", "Of the paper's configuration.", min=1)] = 500,
    device: Annotated[str, _with_prepared(one_of(DEVICES), "Compute device; also cuda:1.")] = "auto",
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Random seed of folds, examples and weights.")] = 0,
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """Learn landmarks of your own from annotated scans, or train the network on a prepared dataset.

    With --data, prints the held-out error of each landmark beside that of the transfer through the mean face, and
    writes weights for detect --weights, batch and the panel, with a model card. With --prepared, trains from random
    weights. Needs the extra `train`.
    """
    start_from = None if init == SHIPPED else Path(init)
    with usage_errors():
        _check_options(context, data, prepared)
        if output.suffix.lower() != ".safetensors":
            raise PlanError(f"--output must end in .safetensors, received {output}")
        card = None if prepared is not None else card or output.with_suffix(".html")
        states = checked_states({"--output": output, "--card": card}, [start_from], overwrite=overwrite)
        settings = DetectionSettings(weights=start_from, device=device)
        chosen = None if config is None else _read_config(config)
    with reporting_errors(debug=debug):
        require_training()
        if data is not None:
            from sgcn_core.cli.train_own import train_on_scans
            from sgcn_core.training.own.fit import OwnOptions

            assert card is not None
            code = train_on_scans(
                data,
                OwnOptions(folds=folds, seed=seed),
                start_from=start_from,
                without=without or [],
                keep=keep,
                output=output,
                card=card,
                states=states,
            )
        else:
            from sgcn_core.cli.train_prepared import train_on_graphs

            assert prepared is not None and run is not None
            train_on_graphs(
                prepared,
                run,
                conditions=conditions,
                config=chosen,
                epochs=epochs,
                seed=seed,
                device=str(settings.device),
                output=output,
                state=states["--output"],
            )
            code = ExitCode.OK
    raise end(code)


def _check_options(context: typer.Context, data: Path | None, prepared: Path | None) -> None:
    """Raise PlanError unless the options are those of one kind of training."""
    if (data is None) == (prepared is None):
        raise PlanError("give --data (your annotated scans) or --prepared (graphs of a dataset)")
    foreign, kind = (_DATA, "--data") if data is None else (_PREPARED, "--prepared")
    sources = {name: context.get_parameter_source(name) for name in context.params}
    given = {name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"}
    panels = {option.name: getattr(option, "rich_help_panel", None) for option in context.command.params}
    if wrong := [f"--{name}" for name, panel in panels.items() if panel == foreign and name in given]:
        raise PlanError(f"{', '.join(wrong)}: only with {kind}")
    if prepared is not None and "run" not in given:
        raise PlanError("--prepared needs --run FOLDER, for the checkpoints")
    if "config" in given and (wrong := [f"--{name}" for name in ("epochs", "seed") if name in given]):
        raise PlanError(f"{', '.join(wrong)}: the file of --config has it")


def _read_config(path: Path) -> TrainingConfig:
    """The configuration of a file; PlanError where it cannot be used."""
    try:
        return TrainingConfig.load(path)
    except (OSError, ValueError) as error:
        raise PlanError(f"--config {path}: {error}") from error


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
