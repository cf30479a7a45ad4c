"""Command line of the training: ``python -m research.training --config FILE --model FILE --run DIR``."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from sgcn_core.training.config import TrainingConfig
    from sgcn_core.training.source import Source


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m research.training", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="JSON file, see research/configs/")
    parser.add_argument("--model", type=Path, required=True, help="ict_facekit.npz, to generate faces from")
    parser.add_argument("--clinical", type=Path, help="JSON: clinical label -> vertex; ours by default")
    parser.add_argument("--makehuman", type=Path, help="folder of MakeHuman's base mesh and targets, for more people")
    parser.add_argument("--gnm", type=Path, help="gnm_head.npz, for yet more people")
    parser.add_argument(
        "--run", type=Path, required=True, help="folder of the run; continued where it has a checkpoint"
    )
    parser.add_argument("--start", type=Path, help="weights (safetensors) that a new run begins with")
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop after this long, ready to continue")
    parser.add_argument("--accelerator", default="auto", help="of Lightning Fabric: auto, cpu, cuda, mps")
    parser.add_argument("--devices", default="1", help="number of devices, or auto")
    parser.add_argument("--nodes", type=int, default=1, help="machines of a run that torchrun starts on several")
    parser.add_argument("--precision", default="32-true", help="of Lightning Fabric, e.g. 32-true, bf16-mixed")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 leaves torch's default")
    parser.add_argument("--export", type=Path, help="write the averaged weights here at the end (safetensors)")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Train, then export the averaged weights."""
    options = parse(arguments)

    # After the options are read, so that --help is quick.
    import torch
    from lightning.fabric import Fabric

    from research.training.export import export_weights
    from sgcn_core.training.config import TrainingConfig
    from sgcn_core.training.run import TrainingRun

    if options.threads:
        torch.set_num_threads(options.threads)
    devices = options.devices if options.devices == "auto" else int(options.devices)
    fabric = Fabric(
        accelerator=options.accelerator, devices=devices, num_nodes=options.nodes, precision=options.precision
    )
    fabric.launch()
    config = TrainingConfig.load(options.config)
    run = TrainingRun(config, *generated_faces(options, config, fabric.device), options.run, fabric=fabric)
    if options.start:
        run.start_from(options.start)
    run.train(minutes=options.minutes)
    if options.export and fabric.is_global_zero:
        export_weights(run, options.export)


def generated_faces(
    options: argparse.Namespace, config: TrainingConfig, device: torch.device
) -> tuple[Source, Mapping[str, Source]]:
    """What to train on and to measure on, generated from the face models."""
    from research.synthesis.face_model import CLINICAL_VERTICES, FaceModel
    from research.synthesis.populations import load_others
    from research.training.data import training_data

    model = FaceModel.load(options.model, options.clinical or CLINICAL_VERTICES, device=device)
    children = "children" in (config.populations or {})
    others = load_others(options.makehuman, options.gnm, children=children, device=device)
    return training_data(config, model, others)


if __name__ == "__main__":
    main()
