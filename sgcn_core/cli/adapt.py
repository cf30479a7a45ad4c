"""`sgcn-landmarks adapt`: learn an annotator's definitions from corrected scans."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sgcn_core.batch import ExitCode, PlanError
from sgcn_core.cli.console import end, note, progress_bar, reporting_errors, say, usage_errors
from sgcn_core.cli.options import Debug, Device, Overwrite, Seed, Weights
from sgcn_core.cli.outputs import checked_states
from sgcn_core.errors import SgcnError
from sgcn_core.io.atomic import FileState
from sgcn_core.settings import DetectionSettings

if TYPE_CHECKING:
    from sgcn_core.adaptation.sources import CorrectedFiles


def adapt(
    corrected: Annotated[
        list[Path],
        typer.Argument(
            metavar="CORRECTED...",
            help="Corrected scans: a scan with its landmark file beside it, a landmark file of which the scan lies "
            "beside it or in --scans, or a folder of these.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Weights file to write (.safetensors).")
    ],
    scans: Annotated[
        list[Path] | None,
        typer.Option(metavar="FOLDER", help="Folder of the scans that landmark files name; may be repeated."),
    ] = None,
    weights: Weights = None,
    overwrite: Overwrite = False,
    seed: Seed = 0,
    device: Device = "cpu",
    debug: Debug = False,
) -> None:
    """Learn your definitions of landmarks from a few corrected scans.

    The weights file that is written places landmarks as you do: give it to the other commands with --weights.
    """
    with usage_errors(SgcnError, OSError):
        from sgcn_core.adaptation.sources import corrected_files

        settings = DetectionSettings(seed=seed, weights=weights, device=device)
        if output.suffix.lower() != ".safetensors":
            raise PlanError(f"--output must end in .safetensors, received {output}")
        pairs = corrected_files(corrected, scans or [])
        read = [path for pair in pairs for path in (pair.scan, pair.landmarks)]
        before = checked_states({"--output": output}, [*read, weights], overwrite=overwrite)["--output"]
    with reporting_errors(debug=debug):
        code = _learn_and_write(pairs, settings, output, before)
    raise end(code)


def _learn_and_write(
    pairs: list[CorrectedFiles], settings: DetectionSettings, output: Path, before: FileState
) -> ExitCode:
    from sgcn_core.adaptation.learn import Correction, learn
    from sgcn_core.cli.detect import load_detector
    from sgcn_core.weights.checkpoint import save_checkpoint

    with progress_bar(len(pairs)) as start:
        learnt = learn(
            load_detector(settings),
            [Correction.of_files(pair.scan, pair.landmarks) for pair in pairs],
            seed=settings.seed,
            progress=lambda number, name: start(number, name)("comparing", 0.0),
        )
    for name, reason in learnt.refused.items():
        note(f"error: {name}: {reason}")
    for text in learnt.notes:
        note(f"note: {text}")
    save_checkpoint(learnt.adapted.checkpoint, output, unless_changed_since=before)
    table = learnt.adapted.table()
    say(f"{table.title}\n\n{table.markdown()}\n\n{learnt.adapted.sentence()}\n{output}")
    return ExitCode.SOME_FAILED if learnt.refused else ExitCode.OK
