"""``python -m research.peers.step_times``: processor time of the steps of a configuration, 3DFA-GCN's and ours.

Both take real training steps in turn, some of every stage; the time of the whole configuration follows from its steps.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from lightning.fabric import Fabric
from numpy.typing import NDArray

from research.peers.dfa_training import Training
from research.synthesis.face_model import FaceModel
from research.training.data import training_data
from sgcn_core.cli.console import reporting_errors
from sgcn_core.cli.evaluate import print_and_write
from sgcn_core.evaluation.tables import Cell, Table
from sgcn_core.training.config import TrainingConfig
from sgcn_core.training.run import TrainingRun

FloatArray = NDArray[np.float64]

# They are made before the steps that are timed.
_POOLS = 2


def step_times(
    config: Annotated[Path, typer.Option(metavar="FILE", help="research/configs/reduced_*.json.")],
    model: Annotated[Path, typer.Option(metavar="FILE", help="ict_facekit.npz, to generate people.")],
    repeats: Annotated[int, typer.Option(min=1, metavar="N", help="Steps of each stage.")] = 3,
    out: Annotated[Path | None, typer.Option(metavar="FOLDER", help="For the table (.csv).")] = None,
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 1,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Time the training steps of 3DFA-GCN and of our network."""
    torch.set_num_threads(threads)
    with reporting_errors(debug=debug), tempfile.TemporaryDirectory() as folder:
        plan, faces = replace(TrainingConfig.load(config), pools=_POOLS), FaceModel.load(model)
        peer = Training(plan, faces, Path(folder) / "peer")
        fabric = Fabric(accelerator="cpu", devices=1)
        ours = TrainingRun(plan, *training_data(plan, faces), Path(folder) / "ours", fabric=fabric, report=_silent)

        rows: list[dict[str, Cell]] = []
        first, totals = 0, np.zeros(2)
        for stage in plan.stages:
            seconds = np.array([_seconds(run, first, repeats) for run in (peer, ours)])
            totals += stage.steps * seconds
            nodes, graphs = stage.sizes[0]
            rows.append(_row(f"{graphs} faces of {nodes} nodes", stage.steps, seconds, seconds * stage.steps))
            first += stage.steps
        rows.append(_row("all", plan.total_steps, None, totals))
        print_and_write(Table("peers_steps", f"Processor seconds of a training step, {config.name}.", rows), out)


def _seconds(run: Training | TrainingRun, first: int, repeats: int) -> float:
    """Processor time of a step, mean of some after one that is not counted."""
    run.step = first
    run.train(until=first + 1)
    began = time.process_time()
    run.train(until=first + 1 + repeats)
    return (time.process_time() - began) / repeats


def _row(what: str, steps: int, seconds: FloatArray | None, together: FloatArray) -> dict[str, Cell]:
    each: tuple[Cell, ...] = (None, None) if seconds is None else tuple(seconds.tolist())
    return {
        "stage": what,
        "steps": steps,
        "3DFA-GCN, s a step": each[0],
        "ours, s a step": each[1],
        "3DFA-GCN, minutes": float(together[0]) / 60.0,
        "ours, minutes": float(together[1]) / 60.0,
    }


def _silent(text: str) -> None:
    pass


if __name__ == "__main__":
    typer.run(step_times)
