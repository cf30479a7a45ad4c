"""`sgcn-landmarks train --prepared`: weights from the graphs of a dataset."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from sgcn_core.cli.console import note, say
from sgcn_core.io.atomic import FileState

if TYPE_CHECKING:
    from lightning.fabric import Fabric

    from sgcn_core.training.config import TrainingConfig


def train_on_graphs(
    prepared: Path,
    run_folder: Path,
    *,
    conditions: list[str] | None,
    config: TrainingConfig | None,
    epochs: int,
    seed: int,
    device: str,
    output: Path,
    state: FileState,
) -> None:
    """Train from random weights, or go on with the run in ``run_folder``, and write the weights.

    Every process of a run that ``torchrun`` started calls this; the first one writes and speaks.
    """
    from sgcn_core.datasets.graphs import FaceGraphs
    from sgcn_core.datasets.training import sources, trained_checkpoint
    from sgcn_core.training.config import paper_config
    from sgcn_core.training.run import TrainingRun
    from sgcn_core.weights.checkpoint import save_checkpoint

    train, test = (FaceGraphs(prepared, part=part, conditions=conditions) for part in ("train", "test"))
    settings = train.manifest["settings"]
    size = {"nodes": settings["nodes"], "neighbours": settings["neighbours"]}
    config = paper_config(len(train), epochs=epochs, seed=seed, **size) if config is None else config
    fabric = fabric_of(device)
    run = TrainingRun(
        config, *sources(train, test, config, device=fabric.device), run_folder, fabric=fabric, report=note
    )
    run.train()
    if fabric.is_global_zero:
        save_checkpoint(trained_checkpoint(run), output, unless_changed_since=state)
        say(f"{output}: {run.step} steps on {len(train)} faces; {run_folder} has the errors on {len(test)} test faces")


def fabric_of(device: str) -> Fabric:
    """Lightning's Fabric on a device such as ``cuda`` or ``cuda:1``, or on those of ``torchrun``'s processes."""
    from lightning.fabric import Fabric

    accelerator, _, index = device.partition(":")
    here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    machines = int(os.environ.get("WORLD_SIZE", "1")) // here
    fabric = Fabric(accelerator=accelerator, devices=[int(index)] if index else here, num_nodes=machines)
    fabric.launch()
    return fabric
