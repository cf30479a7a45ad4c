"""The data that a configuration names: generated scans, or the fixed people of the paper's experiments."""

from __future__ import annotations

from research.synthesis.face_model import FaceModel
from research.synthesis.generator import FaceGenerator, GeneratorOptions
from research.synthesis.mixed import MixedGenerator
from research.synthesis.paper_faces import PaperFaces
from research.synthesis.population import Population
from sgcn_core.training.config import TrainingConfig

Source = FaceGenerator | MixedGenerator | PaperFaces


def training_data(
    config: TrainingConfig, model: FaceModel, second: Population | None = None
) -> tuple[Source, dict[str, Source]]:
    """What to train on, and what to measure the error on by name.

    A second population gives ``config.second_share`` of the generated faces. The paper's people are measured on others
    of their kind: their own batches of the validation stream.
    """
    if config.data == "generator":
        generator = _generator(config, model, second)
        return generator, {"clean": generator.with_options(GeneratorOptions.clean()), "corrupted": generator}
    faces = PaperFaces(
        model,
        config.data,
        neighbours=config.neighbours,
        pools=config.pools,
        pool_size=max(10_000, round(1.6 * config.most_nodes)),  # enough that every crop holds all nodes
        seed=config.seed,
    )
    return faces, {config.data: faces}


def _generator(config: TrainingConfig, model: FaceModel, second: Population | None) -> FaceGenerator | MixedGenerator:
    first = FaceGenerator(model, neighbours=config.neighbours, pools=config.pools, seed=config.seed)
    if second is None:
        return first
    other = FaceGenerator(
        second, neighbours=config.neighbours, pools=config.pools, seed=config.seed, prototype=first.prototype
    )
    return MixedGenerator(first, other, share=config.second_share)
