"""One head trained on the examples of some scans, with the training loop of the package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from lightning.fabric import Fabric
from numpy.typing import NDArray

from sgcn_core.errors import LandmarkError
from sgcn_core.own.head import HeadConfig, OwnHead
from sgcn_core.training.config import Stage, TrainingConfig
from sgcn_core.training.own.examples import Example, ExampleSource
from sgcn_core.training.own.scans import OwnScan
from sgcn_core.training.run import TrainingRun

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class OwnOptions:
    """How heads are trained.

    Parameters
    ----------
    folds : of the cross-validation
    seed : of folds, examples and weights
    blocks : of the network, whose outputs the head reads
    passes : over all scans together; each scan is passed over 4 to 16 times
    rows : nodes of an example
    batch : examples of a step
    steps : optimiser steps at most
    looks : how often on the way the error of the held-out scans is measured, for early stopping
    rate : learning rate at the start, falling to a tenth
    weight_decay : of AdamW
    hidden : width of the head
    """

    folds: int = 5
    seed: int = 0
    blocks: tuple[int, ...] = (4, 9, 14, 20)
    passes: int = 160
    rows: int = 1000
    batch: int = 6
    steps: int = 300
    looks: int = 5
    rate: float = 3e-3
    weight_decay: float = 0.1
    hidden: int = 64

    def passes_of(self, scans: int) -> int:
        """Passes over each of so many scans, an even number: every other one is mirrored."""
        return 2 * int(np.clip(self.passes // (2 * scans), 2, 8))

    def stops(self) -> tuple[int, ...]:
        """The steps after which the held-out scans are looked at."""
        return tuple(int(step) for step in np.linspace(0, self.steps, self.looks + 1)[1:])

    def configuration(self, sigma: float) -> TrainingConfig:
        """Of the training loop."""
        stage = Stage(
            steps=self.steps, sizes=((self.rows, self.batch),), sigma=sigma, rate=(self.rate, 0.1 * self.rate)
        )
        return TrainingConfig(
            stages=(stage,),
            seed=self.seed,
            warmup=20,
            optimiser="adamw",
            weight_decay=self.weight_decay,
            ema=0.98,
            validate_every=self.steps + 1,
        )


def mean_places(scans: Sequence[OwnScan], labels: Sequence[str]) -> FloatArray:
    """Mean places (L, 3) of the landmarks in the mean face, each scan's carried over by the network's landmarks.

    Raises
    ------
    LandmarkError
        If a landmark is on none of these scans.
    """
    carried = []
    for scan in scans:
        truth = scan.places(labels)
        there = ~np.isnan(truth).any(axis=1)
        places = np.full_like(truth, np.nan)
        if there.any():
            places[there] = scan.guides.to_mean(truth[there])
        carried.append(places)
    stacked = np.array(carried)
    absent = np.flatnonzero(np.isnan(stacked[:, :, 0]).all(axis=0))
    if len(absent):
        names = [labels[number] for number in absent.tolist()]
        raise LandmarkError(
            f"{', '.join(names)}: all annotations are in one fold of the cross-validation; annotate more scans, or "
            "choose another seed"
        )
    mean: FloatArray = np.nanmean(stacked, axis=0)
    return mean


def train_head(
    examples: Mapping[str, Sequence[Example]],
    scans: Sequence[OwnScan],
    labels: tuple[str, ...],
    places: FloatArray,
    options: OwnOptions,
    *,
    sigma: float,
    stops: Sequence[int],
) -> dict[int, OwnHead]:
    """Train on these scans and keep the head, its weights averaged, at each of the stops.

    Parameters
    ----------
    examples : name of a scan -> its examples
    scans : those to train on
    labels : L names
    places : (L, 3), of :func:`mean_places` of these scans
    options : OwnOptions
    sigma : width of the heatmaps, normalised
    stops : steps, ascending
    """
    drawn = [example for scan in scans for example in examples[scan.name]]
    source = ExampleSource(drawn, labels, places, options.seed)
    torch.manual_seed(options.seed)
    embedding = drawn[0].embedding.shape[1]
    config = HeadConfig(landmarks=len(labels), blocks=options.blocks, embedding=embedding, hidden=options.hidden)
    head = OwnHead(config)
    head.standardise(torch.cat([source.features(example) for example in drawn[:: max(1, len(drawn) // 40)]]))
    kept: dict[int, OwnHead] = {}
    with TemporaryDirectory() as folder:
        run = TrainingRun(
            options.configuration(sigma),
            source,
            {},
            Path(folder),
            fabric=Fabric(accelerator="cpu", devices=1),
            report=lambda line: None,
            network=head,
        )
        for stop in stops:
            run.train(until=stop)
            averaged = run.averaged()
            assert isinstance(averaged, OwnHead)
            kept[stop] = averaged
    return kept
