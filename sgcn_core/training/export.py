"""From a training run to the weights file that the package ships."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from sgcn_core.canonical import CROP_CENTRE, CROP_MARGIN, CROP_RADIUS
from sgcn_core.datasets.generator import aligned_landmarks
from sgcn_core.datasets.paper_faces import PaperFaces
from sgcn_core.datasets.random_tensors import Draw
from sgcn_core.model.checkpoint import Checkpoint, save_checkpoint
from sgcn_core.training.data import Source
from sgcn_core.training.run import TrainingRun


def export_weights(run: TrainingRun, path: Path) -> None:
    """Write the averaged weights of ``run`` with prototype, shape statistics, crop and training record."""
    config = run.config
    generator = run.generator
    prototype = (generator.prototype.cpu().double().numpy() - CROP_CENTRE) / CROP_RADIUS
    save_checkpoint(
        Checkpoint(
            network=run.averaged_network().cpu(),
            labels=run.model.labels,
            prototype=prototype,
            deviation=landmark_deviation(generator) / CROP_RADIUS,
            sigma=config.stage_at(max(run.step - 1, 0))[0].sigma,
            neighbours=config.neighbours,
            crop_centre=CROP_CENTRE,
            crop_radius=CROP_RADIUS,
            crop_margin=CROP_MARGIN,
            info={
                "data": "faces generated from ICT-FaceKit Light (USC ICT, MIT), no real person's scan",
                "steps": run.step,
                "faces": sum(config.size_at(step)[1] for step in range(run.step)),
                "hours": round(run.seconds / 3600.0, 2),
                "device": str(run.fabric.device.type),
                "seed": config.seed,
                "training": config.as_dict(),
            },
        ),
        path,
    )


def landmark_deviation(generator: Source, people: int = 512) -> np.ndarray:
    """Root mean square distance (L,) of each landmark from the prototype after Procrustes, millimetres.

    The people of the paper's experiments stand upright already and are not aligned.
    """
    if isinstance(generator, PaperFaces):
        return generator.deviation.double().cpu().numpy()
    model, target = generator.model, generator.prototype
    draw = Draw(torch.Generator(model.device).manual_seed(generator.seed + 1))
    landmarks = aligned_landmarks(model, generator.options.shape, draw, target, people)
    deviation: np.ndarray = (landmarks - target).square().sum(2).double().mean(0).sqrt().cpu().numpy()
    return deviation
