"""Two populations in one batch."""

from __future__ import annotations

import dataclasses

import pytest
import torch

pytest.importorskip("torch_geometric", reason="the training extra carries samples in torch-geometric's Data")

from tiny_face_model import tiny_face_model

from research.synthesis.generator import FaceGenerator
from research.synthesis.mixed import MixedGenerator
from research.synthesis.options import GeneratorOptions

NODES = 200


class Lacking:
    """The made-up model, without the first landmark."""

    def __init__(self) -> None:
        self._model = tiny_face_model()
        self.known = torch.ones(len(self._model.labels), dtype=torch.bool)
        self.known[0] = False
        self.landmarks = self._model.landmarks.masked_fill(~self.known, -1)

    def __getattr__(self, name: str) -> object:
        return getattr(self._model, name)


def mixed(share: float) -> MixedGenerator:
    first = FaceGenerator(tiny_face_model(), nodes=NODES, pools=2, pool_size=1500, options=GeneratorOptions.clean())
    second = FaceGenerator(
        Lacking(), nodes=NODES, pools=2, pool_size=1500, options=GeneratorOptions.clean(), prototype=first.prototype
    )
    return MixedGenerator({"a": first, "b": second}, {"a": 1.0 - share, "b": share})


def from_second(generator: MixedGenerator, step: int, count: int) -> int:
    return int((~generator.batch(step, count).known[:, 0]).sum())


def test_the_share_of_the_second_population_is_kept_on_average() -> None:
    generator = mixed(0.3)
    taken = [from_second(generator, step, 2) for step in range(60)]
    assert 0.15 < sum(taken) / 120 < 0.45
    assert from_second(mixed(0.0), 0, 3) == 0
    assert from_second(mixed(1.0), 0, 3) == 3


def test_batches_are_those_of_the_sources_and_repeat() -> None:
    generator = mixed(0.5)
    batch, again = generator.batch(4, 4), generator.batch(4, 4)
    assert torch.equal(batch.x, again.x)
    alone = generator.first.batch(4, 2)
    assert torch.equal(batch.x[: 2 * NODES], alone.x)
    assert batch.num_graphs == 4 and int(batch.neighbours.max()) < NODES


def test_unknown_landmarks_are_marked_and_have_no_position() -> None:
    batch = mixed(0.5).batch(1, 4)
    assert batch.known[:2].all() and not batch.known[2:, 0].any() and batch.known[2:, 1:].all()
    assert batch.landmarks[2:, 0].isnan().all() and not batch.landmarks[:2].isnan().any()


def test_nodes_and_options_reach_both_sources() -> None:
    generator = mixed(0.5)
    generator.nodes = 50
    assert generator.batch(0, 2).x.shape == (100, 6)
    other = generator.with_options(dataclasses.replace(GeneratorOptions.clean(), extrema=False))
    assert not any(source.options.extrema for source in other.sources.values()) and generator.options.extrema


def test_populations_with_other_landmarks_are_refused() -> None:
    generator = mixed(0.5)
    generator.sources["b"].model = dataclasses.replace(tiny_face_model(), labels=("other",) * 30)
    with pytest.raises(ValueError, match="different landmarks"):
        MixedGenerator(generator.sources, generator.shares)


def test_three_populations_get_their_shares() -> None:
    two = mixed(0.5)
    three = MixedGenerator({**two.sources, "c": two.sources["b"]}, {"a": 2.0, "b": 1.0, "c": 1.0})
    drawn = [three.counts(step, 3) for step in range(400)]
    assert all(sum(taken.values()) == 3 and min(taken.values()) >= 0 for taken in drawn)
    for name, share in (("a", 0.5), ("b", 0.25), ("c", 0.25)):
        assert abs(sum(taken[name] for taken in drawn) / 1200 - share) < 0.03
    assert three.batch(0, 5).num_graphs == 5


def test_shares_that_make_no_sense_are_refused() -> None:
    sources = mixed(0.5).sources
    with pytest.raises(ValueError, match="shares are given for"):
        MixedGenerator(sources, {"a": 1.0})
    with pytest.raises(ValueError, match="must not be negative"):
        MixedGenerator(sources, {"a": 1.5, "b": -0.5})
