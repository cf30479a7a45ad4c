"""Training on prepared graphs with the loop of ``sgcn_core.training``, and the weights file that comes out."""

from __future__ import annotations

import numpy as np
import torch

from sgcn_core.datasets.graphs import FaceGraphs, GraphSource
from sgcn_core.errors import FileFormatError
from sgcn_core.method import Method
from sgcn_core.training.config import TrainingConfig
from sgcn_core.training.run import TrainingRun
from sgcn_core.weights.checkpoint import Checkpoint


def sources(
    train: FaceGraphs, test: FaceGraphs, config: TrainingConfig, *, device: str | torch.device = "cpu"
) -> tuple[GraphSource, dict[str, GraphSource]]:
    """What to train on, and the test subjects, on whom the error is logged; nothing is chosen by it.

    Raises
    ------
    FileFormatError
        The graphs have fewer nodes, or other numbers of neighbours, than the configuration asks for; or they do not
        stand in the head frame, which detection needs.
    """
    folder, manifest = train.folder, train.manifest
    settings, crop = manifest["settings"], manifest["crop"]
    if not isinstance(crop, dict) or crop["upright by"] == "axes":
        raise FileFormatError(
            f"{folder} was prepared in the axes of its files, which detection does not know; prepare it with "
            "--crop canonical from faces that `sgcn-landmarks detect` finds"
        )
    if settings["nodes"] < config.most_nodes or settings["neighbours"] != config.neighbours:
        raise FileFormatError(
            f"the configuration asks for {config.most_nodes} nodes and {config.neighbours} neighbours, {folder} has "
            f"{settings['nodes']} and {settings['neighbours']}; prepare it with --nodes and --neighbours"
        )
    trained, tested = (GraphSource(part, device=device, seed=config.seed) for part in (train, test))
    return trained, {"test": tested}


def trained_checkpoint(run: TrainingRun) -> Checkpoint:
    """The averaged weights of a run on the sources above, with their mean landmarks, crop and training record.

    They have no calibration: what they find has no expected errors, and the status of a landmark says less.
    """
    source = run.generator
    assert isinstance(source, GraphSource)
    manifest, config = source.graphs.manifest, run.config
    crop = manifest["crop"]
    x, y, z = (float(value) for value in crop["centre"])
    return Checkpoint(
        network=run.averaged_network().cpu(),
        labels=source.graphs.labels,
        prototype=source.graphs.prototype,
        deviation=np.array(manifest["deviation"]),
        sigma=config.stage_at(max(run.step - 1, 0))[0].sigma,
        neighbours=config.neighbours,
        crop_centre=(x, y, z),
        crop_radius=float(crop["radius"]),
        crop_margin=float(crop["margin"]),
        info={
            "data": f"{manifest['title']}, {len(source.graphs)} faces, split: {manifest['split']['rule']}",
            "dataset": manifest["sha256"],
            "steps": run.step,
            "hours": round(run.seconds / 3600.0, 2),
            "seed": config.seed,
            "training": config.as_dict(),
        },
        method=Method(nodes=config.most_nodes),
    )
