"""From a training run to the weights file that the package ships."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import torch

from research.synthesis.alignment import aligned
from research.synthesis.effect_mask import EffectMask
from research.synthesis.generator import FaceGenerator
from research.synthesis.mixed import MixedGenerator
from research.synthesis.paper_faces import PaperFaces
from research.synthesis.random_tensors import Draw
from research.training.data import FIRST, Source
from research.training.record import CREDITS, in_one
from sgcn_core.graph.crop import CROP_CENTRE, CROP_MARGIN, CROP_RADIUS
from sgcn_core.training.run import TrainingRun
from sgcn_core.weights.checkpoint import Checkpoint, save_checkpoint


def export_weights(run: TrainingRun, path: Path) -> None:
    """Write the averaged weights of ``run`` with prototype, shape statistics, crop and training record.

    ``begun_from`` of the record is that of the weights which the run began with, None for random ones.
    """
    config = run.config
    generator = cast(Source, run.generator)
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
                "data": f"faces generated from {_populations(generator)}, no real person's scan",
                "steps": run.step,
                "faces": sum(config.size_at(step)[1] for step in range(run.step)),
                "hours": round(run.seconds / 3600.0, 2),
                "device": str(run.fabric.device.type),
                "seed": config.seed,
                "training": config.as_dict(),
                "begun_from": in_one(run.begun_from),
            },
        ),
        path,
    )


def _populations(generator: Source) -> str:
    names = list(generator.sources) if isinstance(generator, MixedGenerator) else [FIRST]
    *before, last = (CREDITS.get(name, name) for name in names)
    return f"{', '.join(before)} and {last}" if before else last


def landmark_deviation(generator: Source, people: int = 512) -> np.ndarray:
    """Root mean square distance (L,) of each landmark from the prototype after Procrustes, millimetres.

    The people of the paper's experiments stand upright already and are not aligned.
    """
    if isinstance(generator, PaperFaces):
        return generator.deviation.double().cpu().numpy()
    sources = list(generator.sources.values()) if isinstance(generator, MixedGenerator) else [generator]
    off = torch.cat([_distances(source, people // len(sources)) for source in sources])
    return off.square().nanmean(0).double().sqrt().cpu().numpy()


def _distances(source: FaceGenerator, people: int, at_once: int = 32) -> torch.Tensor:
    """Distance (people, L) of every person's landmarks from the prototype, NaN where the population cannot tell."""
    draw = Draw(torch.Generator(source.model.device).manual_seed(source.seed + 1))
    known, target = source.model.known, source.prototype
    found = []
    for _ in range(people // at_once):
        landmarks = source.people(draw, EffectMask(draw, at_once, source.options.quiet))[1]
        landmarks = aligned(landmarks, landmarks[:, known], target[known])[0]
        found.append((landmarks - target).norm(dim=2).masked_fill(~known, torch.nan))
    return torch.cat(found)
