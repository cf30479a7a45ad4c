"""`sgcn-landmarks train --data`: landmarks of one's own from a few annotated scans."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sgcn_core.batch import ExitCode
from sgcn_core.cli.console import note, progress_bar, say
from sgcn_core.io.atomic import FileState
from sgcn_core.settings import DetectionSettings

if TYPE_CHECKING:
    from sgcn_core.training.own.fit import OwnOptions
    from sgcn_core.training.own.train import OwnTraining


def train_on_scans(
    data: Path,
    options: OwnOptions,
    *,
    start_from: Path | None,
    without: list[str],
    keep: Path | None,
    output: Path,
    card: Path,
    states: Mapping[str, FileState],
) -> ExitCode:
    """Train, write the weights and the model card where they are as in ``states``, and print the errors."""
    from sgcn_core.cli.detect import load_detector
    from sgcn_core.io.atomic import write_text
    from sgcn_core.report.model_card import model_card
    from sgcn_core.training.own.train import train_own
    from sgcn_core.weights.checkpoint import save_checkpoint

    detector = load_detector(DetectionSettings(weights=start_from))
    with progress_bar(1) as start:
        progress = start(0, data.name)
        training = train_own(detector, data, options, without=without, kept=keep, report=progress)
    page = model_card(training, title=output.stem)
    save_checkpoint(training.checkpoint, output, unless_changed_since=states["--output"])
    write_text(card, page, unless_changed_since=states["--card"])
    print_training(training)
    say(f"{output}, {card}")
    return ExitCode.SOME_FAILED if training.data.left_out else ExitCode.OK


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
