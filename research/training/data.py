"""The data that a configuration names: generated scans, or the fixed people of the paper's experiments."""

from __future__ import annotations

from collections.abc import Mapping

from research.synthesis.face_model import FaceModel
from research.synthesis.generator import FaceGenerator, GeneratorOptions
from research.synthesis.mixed import MixedGenerator
from research.synthesis.paper_faces import PaperFaces
from research.synthesis.population import Population
from sgcn_core.training.config import TrainingConfig

Source = FaceGenerator | MixedGenerator | PaperFaces


# The name of the population that the others are labelled and cropped like.
FIRST = "ict"


def training_data(
    config: TrainingConfig, model: FaceModel, others: Mapping[str, Population] | None = None
) -> tuple[Source, dict[str, Source]]:
    """What to train on, and what to measure the error on by name.

    Other populations, by name, give their shares of the generated faces (``TrainingConfig.shares``). The paper's people
    are measured on others of their kind: their own batches of the validation stream.
    """
    if config.data == "generator":
        generator = _generator(config, model, others or {})
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


def _generator(
    config: TrainingConfig, model: FaceModel, others: Mapping[str, Population]
) -> FaceGenerator | MixedGenerator:
    shares = config.shares([FIRST, *others])
    first = FaceGenerator(model, neighbours=config.neighbours, pools=config.pools, seed=config.seed)
    if not others:
        return first
    sources = {
        name: FaceGenerator(
            population,
            neighbours=config.neighbours,
            pools=config.pools,
            seed=config.seed,
            prototype=first.prototype,
        )
        for name, population in others.items()
    }
    return MixedGenerator({FIRST: first, **sources}, shares)
