"""Fit the error model to what was found on generated scans, and measure how far its statements hold."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from research.training.calibration_data import ModeData
from sgcn_core.uncertainty.error_model import BOUND_SHARE, EDGES, ErrorModel

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

ABSENT = len(EDGES) - 1
"""The class of landmarks that the scan does not show."""


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """Size of the error model and how it is fitted.

    Parameters
    ----------
    hidden : units
    own : numbers that are particular to each landmark
    steps, rate : of Adam on all landmarks at once
    decay : weight of the squared parameters
    members : networks, from other random numbers each, whose scores are averaged: one alone says anything of what it
        has not seen
    folds : the bound's factor and the limit of absence come from predictions of models that did not see the scan
    found_missing : share of the landmarks cut away that shall be reported missing
    lost : share of the landmarks present that may be reported missing for that
    """

    hidden: int = 32
    own: int = 4
    steps: int = 400
    rate: float = 0.02
    decay: float = 2e-3
    members: int = 4
    folds: int = 3
    found_missing: float = 0.97
    lost: float = 0.04
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Samples:
    """M landmarks: features (M, F); (M,) each: which one, class of error, error, scan, whether covered."""

    features: FloatArray
    label: IntArray
    target: IntArray
    error: FloatArray
    scan: IntArray
    covered: NDArray[np.bool_]

    @classmethod
    def of(cls, data: ModeData) -> Samples:
        scan, label = np.nonzero(data.known)
        error = data.error[scan, label]
        target = np.clip(np.searchsorted(EDGES, np.nan_to_num(error), side="right") - 1, 0, ABSENT - 1)
        target = np.where(data.absent[scan, label], ABSENT, target)
        return cls(data.features[scan, label], label, target, error, scan, data.covered[scan, label])

    def where(self, chosen: NDArray[np.bool_]) -> Samples:
        return Samples(
            self.features[chosen],
            self.label[chosen],
            self.target[chosen],
            self.error[chosen],
            self.scan[chosen],
            self.covered[chosen],
        )


def fit_error_model(data: ModeData, options: FitOptions | None = None) -> ErrorModel:
    """The error model of these scans.

    The probabilities come from the fit itself; the factor on the bound and the limit of absence from folds over the
    scans, so that both hold for scans that the fit did not see.
    """
    options = options or FitOptions()
    samples, labels = Samples.of(data), data.known.shape[1]
    fold = samples.scan % options.folds
    bound, absence = np.zeros(len(samples.scan)), np.zeros(len(samples.scan))
    for part in range(options.folds):
        model = _fitted(samples.where(fold != part), labels, options)
        rest = samples.where(fold == part)
        estimate = model.estimate(rest.features, within=1.0, labels=rest.label)
        bound[fold == part], absence[fold == part] = estimate.bound, estimate.absent
    absent = samples.target == ABSENT
    limit = missing_limit(absence[absent & ~samples.covered], absence[~absent], options)
    told = ~absent & (absence <= limit)
    stretch = float(np.quantile(samples.error[told] / bound[told], BOUND_SHARE)) if told.any() else 1.0
    model = _fitted(samples, labels, options)
    return replace(model, stretch=np.array([stretch]), missing_above=np.array([limit]))


def missing_limit(cut_away: FloatArray, present: FloatArray, options: FitOptions) -> float:
    """Probability of absence above which a landmark is reported missing.

    As many of those cut away exceed it as ``options`` asks for, but not more of those present than it allows; 0.5 where
    there are too few to tell.
    """
    if len(cut_away) < 20:
        return 0.5
    wanted = np.quantile(cut_away, 1.0 - options.found_missing)
    allowed = np.quantile(present, 1.0 - options.lost)
    return float(np.clip(max(wanted, allowed), 0.02, 0.9))


def _fitted(samples: Samples, labels: int, options: FitOptions) -> ErrorModel:
    """All members as one model: their units side by side, each with its own numbers of the landmarks."""
    members = [_member(samples, labels, options, number) for number in range(options.members)]
    features, own = len(members[0].centre), options.own
    hidden = np.zeros((features + own * len(members), options.hidden * len(members)))
    for number, member in enumerate(members):
        units = slice(options.hidden * number, options.hidden * (number + 1))
        hidden[:features, units] = member.hidden[:features]
        hidden[features + own * number : features + own * (number + 1), units] = member.hidden[features:]
    return replace(
        members[0],
        label=np.concatenate([member.label for member in members], axis=1),
        hidden=hidden,
        hidden_bias=np.concatenate([member.hidden_bias for member in members]),
        output=np.concatenate([member.output for member in members]) / len(members),
        output_bias=np.mean([member.output_bias for member in members], axis=0),
    )


def _member(samples: Samples, labels: int, options: FitOptions, number: int) -> ErrorModel:
    """Cross-entropy over the classes of error, all samples at once."""
    generator = torch.Generator().manual_seed(options.members * options.seed + number)
    centre, scale = samples.features.mean(0), samples.features.std(0) + 1e-6
    inputs = torch.from_numpy((samples.features - centre) / scale).float().clamp(-8.0, 8.0)
    label, target = torch.from_numpy(samples.label), torch.from_numpy(samples.target)
    width = inputs.shape[1] + options.own

    def drawn(deviation: float, *shape: int) -> torch.Tensor:
        return (torch.randn(shape, generator=generator) * deviation).requires_grad_()

    own, hidden = drawn(0.3, labels, options.own), drawn(width**-0.5, width, options.hidden)
    output = drawn(options.hidden**-0.5, options.hidden, ABSENT + 1)
    hidden_bias, output_bias = drawn(0.1, options.hidden), drawn(0.0, ABSENT + 1)
    parameters = [own, hidden, output, hidden_bias, output_bias]
    optimiser = torch.optim.Adam(parameters, lr=options.rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, options.steps)
    for _ in range(options.steps):
        optimiser.zero_grad()
        scores = torch.tanh(torch.cat([inputs, own[label]], 1) @ hidden + hidden_bias) @ output + output_bias
        penalty = options.decay * (hidden.square().sum() + output.square().sum() + own.square().sum() / labels)
        (torch.nn.functional.cross_entropy(scores, target) + penalty / 10.0).backward()
        optimiser.step()
        schedule.step()
    arrays = [value.detach().double().numpy() for value in parameters]
    return ErrorModel(
        centre=centre,
        scale=scale,
        label=arrays[0],
        hidden=arrays[1],
        hidden_bias=arrays[3],
        output=arrays[2],
        output_bias=arrays[4],
        typical=_typical(samples),
        stretch=np.ones(1),
        missing_above=np.array([0.5]),
    )


def _typical(samples: Samples) -> FloatArray:
    """Mean error of each class; its middle where there is none."""
    middles = (np.array(EDGES[:-1]) + np.array(EDGES[1:])) / 2.0
    middles[-1] = 1.5 * EDGES[-2]
    found = [samples.error[samples.target == number] for number in range(ABSENT)]
    return np.array([errors.mean() if len(errors) else middle for errors, middle in zip(found, middles, strict=True)])
