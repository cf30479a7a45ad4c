"""``python -m research.robustness``: poses, units, parts of faces, negatives, damaged surfaces and files, limits."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from research.criteria import Criterion, criteria_table
from research.robustness.run import Inputs, measure
from sgcn_core.cli.console import note, progress_bar, reporting_errors
from sgcn_core.cli.detect import load_detector
from sgcn_core.cli.evaluate import print_and_write
from sgcn_core.cli.machine import processor
from sgcn_core.settings import DetectionSettings


class Part(str, Enum):
    """Parts of the measurement."""

    POSES = "poses"
    UNITS = "units"
    REFUSAL = "refusal"
    PARTS = "parts"
    DAMAGE = "damage"
    VOLUMES = "volumes"
    FILES = "files"
    LIMITS = "limits"


def robustness(
    model: Annotated[
        Path | None, typer.Option(metavar="FILE", help="ict_facekit.npz, to generate people; see docs/training.md.")
    ] = None,
    makehuman: Annotated[Path | None, typer.Option(metavar="FOLDER", help="MakeHuman's base mesh and targets.")] = None,
    scans: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Real scans.")] = None,
    volumes: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Head volumes.")] = None,
    part: Annotated[list[Part] | None, typer.Option(help="Only this part; may be repeated.")] = None,
    share: Annotated[
        float, typer.Option(min=0.001, max=1.0, metavar="X", help="Share of the full number of cases.")
    ] = 1.0,
    weights: Annotated[Path | None, typer.Option(metavar="FILE", help="Other weights than the shipped ones.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FOLDER", help="For the table (.csv).")] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seed of the sampling and the generated scans.")] = 0,
    device: Annotated[str, typer.Option(metavar="NAME", help="cpu, cuda, cuda:1, mps.")] = "cpu",
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Measure robustness as far as data is given. All of it takes an hour; see --share and --part."""
    with reporting_errors(debug=debug), progress_bar(1) as start:
        detector = load_detector(DetectionSettings(weights=weights, device=device))
        inputs = Inputs(detector, model, makehuman, scans, volumes, share, seed)
        criteria: list[Criterion] = []
        for criterion in measure(inputs, [chosen.value for chosen in part or Part], start(0, "robustness")):
            note(f"{criterion.what}: {criterion.measured}")
            criteria.append(criterion)
        title = f"Robustness. Weights {detector.checkpoint.sha256[:16]}, seed {seed}, share {share:g}. {processor()}."
        print_and_write(criteria_table("robustness", title, criteria), out)


if __name__ == "__main__":
    typer.run(robustness)
