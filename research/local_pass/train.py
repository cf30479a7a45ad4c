"""Train the network of a region: ``python -m research.local_pass.train --region eye --patches DIR --out FILE``.

A run that is stopped goes on where it was, from the folder beside the file.
"""

from __future__ import annotations

import argparse
import math
from functools import partial
from pathlib import Path

import torch
from lightning.fabric import Fabric
from torch import Tensor

from research.local_pass.regions import REGIONS, LocalRegion
from research.local_pass.source import PatchSource
from sgcn_core.detector import LandmarkDetector
from sgcn_core.training.config import Stage, TrainingConfig
from sgcn_core.training.run import TrainingRun
from sgcn_core.weights.checkpoint import Checkpoint

# Width of the heatmaps, millimetres of the head frame.
SIGMA_MM = 1.9
_HELD_OUT = 6  # files


def region_frame(known: Checkpoint, region: LocalRegion) -> tuple[Tensor, Tensor]:
    """Mean centre of the left (or only) side in the head frame, and its mean landmarks about it; millimetres."""
    places = torch.tensor(known.prototype * known.crop_radius + known.crop_centre)
    own = places[[known.labels.index(label) for label in region.labels]]
    return own.mean(0), own - own.mean(0)


def configuration(region: LocalRegion, *, steps: int, batch: int, rate: float) -> TrainingConfig:
    """A small network; the rate is constant for half of the steps and then falls to zero."""
    stage = partial(Stage, sizes=((region.nodes, batch),), sigma=SIGMA_MM / region.reach)
    return TrainingConfig(
        stages=(stage(steps=steps // 2, rate=(rate, rate)), stage(steps=steps - steps // 2, rate=(rate, 0.0))),
        depth=8,
        channels=48,
        warmup=60,
        ema=0.997,
        validate_every=100,
        validation_faces=48,
    )


def main(arguments: list[str] | None = None) -> None:
    """Train, and write the averaged weights with the network's shape."""
    parser = argparse.ArgumentParser(prog="python -m research.local_pass.train", description=__doc__)
    parser.add_argument("--region", choices=tuple(REGIONS), required=True)
    parser.add_argument("--patches", type=Path, required=True, help="folder, from research.local_pass.patches")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=3200)
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop after this long, ready to continue")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=3e-3)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    region = REGIONS[options.region]
    frame = region_frame(LandmarkDetector.from_pretrained().checkpoint, region)
    run = TrainingRun(
        configuration(region, steps=options.steps, batch=options.batch, rate=options.rate),
        PatchSource(region, options.patches, *frame, files=slice(_HELD_OUT, None)),
        {"unseen": PatchSource(region, options.patches, *frame, files=slice(0, _HELD_OUT))},
        options.out.with_suffix(".run"),
        fabric=Fabric(accelerator="cpu", devices=1),
    )
    if not run.train(minutes=options.minutes):
        print(f"stopped at step {run.step} of {options.steps}; the same command goes on from there")
    network = run.averaged_network()
    part = options.out.with_suffix(".part")
    torch.save({"region": region.name, "network": network.config.as_dict(), "weights": network.state_dict()}, part)
    part.replace(options.out)


if __name__ == "__main__":
    main()
