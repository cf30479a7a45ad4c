"""Cross-validation by scan: when to stop, how far to believe the head, and the errors that are stated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from sgcn_core.geometry.surface_index import SurfaceIndex
from sgcn_core.own.head import OwnHead
from sgcn_core.own.landmarks import OwnLandmarks
from sgcn_core.own.place import OwnPlaced, blended, place_own
from sgcn_core.pipeline import Pipeline
from sgcn_core.training.own.examples import Example, Sides
from sgcn_core.training.own.fit import OwnOptions, mean_places, train_head
from sgcn_core.training.own.scans import OwnScan

FloatArray = NDArray[np.float64]

SHARES: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Shares of the head in a position that are tried; 0 is the baseline, the transfer alone."""

BOUND_SHARE = 0.9
# A landmark's mean error counts so many errors of the average landmark besides its own.
_PRIOR = 4.0
# Share of the held-out scans whose heatmap may be lower than what is stored as usual.
_LOW_PEAKS = 0.05


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """What held-out scans show; S scans, L landmarks.

    Attributes
    ----------
    names : S names
    fold : (S,), in which each scan was held out
    errors : (S, K, L), millimetres, for each of ``SHARES``; NaN where there is no annotation
    stated : (S, L), millimetres, by the shares that the other folds choose: the honest figure
    share : (L,), chosen by all folds
    disagreement : (S, L), millimetres between head and transfer
    peak : (L,), exceeded by the heatmaps of 95 % of the held-out scans that show the landmark, both sides together
    stop : steps of the early stopping
    curve : (stop, mean error in millimetres) of the head on held-out scans
    """

    names: tuple[str, ...]
    fold: NDArray[np.int64]
    errors: FloatArray
    stated: FloatArray
    share: FloatArray
    disagreement: FloatArray
    peak: FloatArray
    stop: int
    curve: tuple[tuple[int, float], ...]

    @property
    def transfer(self) -> FloatArray:
        """Errors (S, L) of the baseline."""
        return self.errors[:, 0]

    @property
    def head(self) -> FloatArray:
        """Errors (S, L) of the network alone."""
        return self.errors[:, -1]


def cross_validate(
    pipeline: Pipeline,
    scans: Sequence[OwnScan],
    examples: Mapping[str, Sequence[Example]],
    labels: tuple[str, ...],
    sides: Sides,
    options: OwnOptions,
    *,
    report: Callable[[str, float], None] = lambda name, share: None,
) -> CrossValidation:
    """Train without each fold in turn and measure on it.

    Parameters
    ----------
    pipeline : Pipeline of the network that the heads read
    scans, examples : of all folds, by name
    labels, sides : L names, and which exchange
    options : OwnOptions
    report : called with what is done and the share of the work
    """
    fold = folds(len(scans), options)
    stops = options.stops()
    placed: dict[int, list[OwnPlaced | None]] = {stop: [None] * len(scans) for stop in stops}
    for number in range(int(fold.max()) + 1):
        report(f"fold {number + 1} of {int(fold.max()) + 1}", number / (int(fold.max()) + 1))
        rest = [scan for scan, its in zip(scans, fold, strict=True) if its != number]
        places = mean_places(rest, labels)
        heads = train_head(examples, rest, labels, places, options, sigma=pipeline.checkpoint.sigma, stops=stops)
        for row in np.flatnonzero(fold == number).tolist():
            for stop, found in place_with(pipeline, scans[row], labels, places, heads).items():
                placed[stop][row] = found
    truth = np.array([scan.places(labels) for scan in scans])
    size = np.array([scan.millimetres for scan in scans])
    by_head = {
        stop: size[:, None]
        * np.linalg.norm(np.array([found.by_head for found in rows if found is not None]) - truth, axis=2)
        for stop, rows in placed.items()
    }
    curve = tuple((stop, float(np.nanmean(errors))) for stop, errors in by_head.items())
    stop = min(curve, key=lambda point: point[1])[0]
    best = [found for found in placed[stop] if found is not None]
    errors = np.array([share_errors(scan, found, labels) for scan, found in zip(scans, best, strict=True)])
    return CrossValidation(
        names=tuple(scan.name for scan in scans),
        fold=fold,
        errors=errors,
        stated=nested(errors, fold, sides),
        share=choose_shares(errors, sides),
        disagreement=size[:, None] * np.array([found.disagreement for found in best]),
        peak=low_peaks(np.where(np.isnan(truth[:, :, 0]), np.nan, [found.peak for found in best]), sides),
        stop=stop,
        curve=curve,
    )


def folds(count: int, options: OwnOptions) -> NDArray[np.int64]:
    """The fold (S,) of each scan: of equal size up to one, shuffled by the seed."""
    order = np.random.default_rng((options.seed, 7)).permutation(count)
    fold = np.empty(count, dtype=np.int64)
    fold[order] = np.arange(count) % min(options.folds, count)
    return fold


def place_with(
    pipeline: Pipeline, scan: OwnScan, labels: tuple[str, ...], places: FloatArray, heads: Mapping[int, OwnHead]
) -> dict[int, OwnPlaced]:
    """The landmarks of a scan, by each of several heads."""
    blocks = next(iter(heads.values())).config.blocks
    embedding = pipeline.embedding(scan.graph, blocks)
    return {stop: place_on(pipeline, scan, untried(labels, places, head), embedding) for stop, head in heads.items()}


def place_on(pipeline: Pipeline, scan: OwnScan, own: OwnLandmarks, embedding: torch.Tensor) -> OwnPlaced:
    """Own landmarks on a scan that was read, from the embedding (N, E) of its nodes."""
    method = pipeline.method
    return place_own(
        own, scan.graph, embedding, scan.guides, sigma=pipeline.checkpoint.sigma, t=method.t, gamma=method.gamma
    )


def untried(labels: tuple[str, ...], places: FloatArray, head: OwnHead) -> OwnLandmarks:
    """Own landmarks whose errors are not known yet."""
    unknown = np.full(len(labels), np.nan)
    return OwnLandmarks(labels, places, head, np.ones(len(labels)), unknown, unknown, unknown, unknown, np.empty(0))


def share_errors(scan: OwnScan, placed: OwnPlaced, labels: Sequence[str]) -> FloatArray:
    """Errors (K, L) in millimetres for each of ``SHARES``."""
    index, truth = SurfaceIndex(scan.graph.vertices, scan.graph.faces), scan.places(labels)
    rows = []
    for share in SHARES:
        positions = blended(placed.transferred, placed.by_head, np.full(len(truth), share), index)
        rows.append(scan.millimetres * np.linalg.norm(positions - truth, axis=1))
    return np.array(rows)


def choose_shares(errors: FloatArray, sides: Sides) -> FloatArray:
    """The share (L,) of the smallest mean error of both sides together; the transfer where nothing is better.

    Parameters
    ----------
    errors : (S, K, L), for each of ``SHARES``
    sides : Sides, whose pairs get one share
    """
    pooled = np.array([np.nanmean(_both_sides(errors, sides, number), axis=(0, 2)) for number in range(len(sides.own))])
    chosen: FloatArray = np.array(SHARES)[pooled.argmin(axis=1)]
    return chosen


def low_peaks(peaks: FloatArray, sides: Sides) -> FloatArray:
    """The peak (L,) that 95 % of the held-out ones (S, L) of both sides together exceed."""
    pools = [_both_sides(peaks[:, None, :], sides, number) for number in range(peaks.shape[1])]
    return np.array([np.nanquantile(pool, _LOW_PEAKS, method="lower") for pool in pools])


def nested(errors: FloatArray, fold: NDArray[np.int64], sides: Sides) -> FloatArray:
    """Errors (S, L) of each scan with the shares that the scans of the other folds choose."""
    stated = np.empty((len(errors), errors.shape[2]))
    for number in np.unique(fold):
        held = fold == number
        chosen = [SHARES.index(share) for share in choose_shares(errors[~held], sides)]
        stated[held] = errors[held][:, chosen, np.arange(errors.shape[2])]
    return stated


@dataclass(frozen=True, eq=False)
class StatedErrors:
    """What is said of L landmarks, millimetres; see ``OwnLandmarks``."""

    expected: FloatArray
    bound: FloatArray
    ratios: FloatArray


def stated_errors(stated: FloatArray, sides: Sides) -> StatedErrors:
    """Expected errors and 90 % bounds from the held-out errors (S, L).

    Few errors of a landmark say little about its tail, so the landmarks are pooled: each error is divided by the mean
    of its landmark without its own scan, and the bound is the landmark's mean times the 90 % conformal quantile of
    these ratios. It is never less than the 90 % quantile of the landmark's own errors, rounded up to an error that
    occurred. Both sides of the face count together.
    """
    count = stated.shape[1]
    overall = float(np.nanmean(stated))
    expected, own_bound, ratios = np.empty(count), np.empty(count), []
    for number in range(count):
        pool = _both_sides(stated[:, None, :], sides, number)[:, 0, :]
        expected[number] = _shrunk(pool, overall)
        own_bound[number] = np.nanquantile(pool, BOUND_SHARE, method="higher")
        for scan in np.flatnonzero(~np.isnan(stated[:, number])):
            rest = np.delete(pool, scan, axis=0)
            ratios.append(stated[scan, number] / _shrunk(rest, overall))
    ordered = np.sort(np.array(ratios))
    rank = min(int(np.ceil(BOUND_SHARE * (len(ordered) + 1))), len(ordered)) - 1
    return StatedErrors(expected, np.maximum(ordered[rank] * expected, own_bound), ordered)


def _shrunk(errors: FloatArray, overall: float) -> float:
    found = errors[~np.isnan(errors)]
    return float((found.sum() + _PRIOR * overall) / (len(found) + _PRIOR))


def _both_sides(errors: FloatArray, sides: Sides, number: int) -> FloatArray:
    """Columns (S, K, 1 or 2) of a landmark and its mirror image."""
    return errors[:, :, sorted({number, int(sides.own[number])} - {-1})]
