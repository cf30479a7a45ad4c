"""From a folder of annotated scans to weights with landmarks of a user's own."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgcn_core import __version__
from sgcn_core.detector import LandmarkDetector
from sgcn_core.errors import LandmarkError
from sgcn_core.own.landmarks import OwnLandmarks
from sgcn_core.pipeline import Pipeline
from sgcn_core.training.own.cross_validation import CrossValidation, cross_validate, stated_errors
from sgcn_core.training.own.examples import Example, Sides, make_examples
from sgcn_core.training.own.fit import OwnOptions, mean_places, train_head
from sgcn_core.training.own.scans import OwnData, read_own_scans
from sgcn_core.training.own.store import ScanStore
from sgcn_core.weights.checkpoint import Checkpoint

FloatArray = NDArray[np.float64]
Report = Callable[[str, float], None]

# Millimetres from the nearest landmark of the network: the scan is cropped at 42.
_REACH_MM = 40.0
# Part of the work that is done when each step begins.
_READ, _EXAMPLES, _FOLDS, _FINAL = 0.0, 0.35, 0.6, 0.95


@dataclass(frozen=True, eq=False)
class OwnTraining:
    """What a training gave.

    Attributes
    ----------
    checkpoint : Checkpoint with the landmarks
    data : OwnData
    validation : CrossValidation
    processor_minutes : of the whole training
    """

    checkpoint: Checkpoint
    data: OwnData
    validation: CrossValidation
    processor_minutes: float

    @property
    def own(self) -> OwnLandmarks:
        """The landmarks; the checkpoint always holds them."""
        assert self.checkpoint.own is not None
        return self.checkpoint.own


def train_own(
    detector: LandmarkDetector,
    folder: Path,
    options: OwnOptions | None = None,
    *,
    without: Sequence[str] = (),
    kept: Path | None = None,
    report: Report = lambda name, share: None,
) -> OwnTraining:
    """Learn landmarks of one's own from a folder of annotated scans.

    The network stays as it is and finds pose and its own landmarks; these carry each new landmark from the mean face
    to the scan (the baseline), and a head on the network's embedding finds it there. How far the head is believed, when
    training stops and which errors are stated follows from cross-validation by scan, landmark by landmark.

    Parameters
    ----------
    detector : LandmarkDetector with the weights to start from
    folder : Path, meshes with landmark files beside them
    options : OwnOptions
    without : labels to leave out
    kept : Path, optional; a folder in which detections are kept, so that a training that was stopped goes on
    report : called with what is done and the share of the work

    Raises
    ------
    FileNotFoundError, LandmarkError
        As of :func:`read_own_scans`; a landmark that lies where the detector does not look.
    """
    began, options = time.process_time(), options or OwnOptions()
    base = replace(detector.checkpoint, own=None, offsets=None)
    detector = LandmarkDetector(base, device=detector.device)
    data = read_own_scans(
        detector,
        folder,
        without=without,
        seed=options.seed,
        kept=None if kept is None else ScanStore(kept, weights=base.sha256, seed=options.seed, without=tuple(without)),
        report=lambda name, share: report(name, _READ + (_EXAMPLES - _READ) * share),
    )
    return fit_own(detector.pipeline, data, options, began=began, report=report)


def fit_own(
    pipeline: Pipeline, data: OwnData, options: OwnOptions, *, began: float, report: Report = lambda name, share: None
) -> OwnTraining:
    """The same from scans that have been read; ``began`` is the processor time at the start."""
    base, labels, scans = pipeline.checkpoint, data.labels, data.scans
    places = mean_places(scans, labels)
    _check_places(base, labels, places)
    sides = Sides.of(labels, base.labels, places, base.crop_radius)
    examples: dict[str, list[Example]] = {}
    for number, scan in enumerate(scans):
        report(f"examples of {scan.name}", _EXAMPLES + (_FOLDS - _EXAMPLES) * number / len(scans))
        examples[scan.name] = make_examples(
            pipeline,
            scan,
            labels,
            sides,
            options.blocks,
            passes=options.passes_of(len(scans)),
            rows=options.rows,
            rng=np.random.default_rng((options.seed, number)),
        )
    validation = cross_validate(
        pipeline,
        scans,
        examples,
        labels,
        sides,
        options,
        report=lambda name, share: report(name, _FOLDS + (_FINAL - _FOLDS) * share),
    )
    report("all scans", _FINAL)
    stop = validation.stop
    head = train_head(examples, scans, labels, places, options, sigma=base.sigma, stops=(stop,))[stop]
    errors = stated_errors(validation.stated, sides)
    minutes = (time.process_time() - began) / 60.0
    own = OwnLandmarks(
        labels=labels,
        prototype=places,
        head=head.eval(),
        share=validation.share,
        expected=errors.expected,
        bound=errors.bound,
        disagreement=np.nanmax(validation.disagreement, axis=0),
        peak=validation.peak,
        ratios=errors.ratios,
        info=_record(base, data, validation, options, minutes),
    )
    return OwnTraining(replace(base, own=own, landmark_set="all"), data, validation, minutes)


def _check_places(base: Checkpoint, labels: Sequence[str], places: FloatArray) -> None:
    """Refuse landmarks where the detector does not look."""
    from scipy.spatial import cKDTree

    away = base.crop_radius * np.asarray(cKDTree(base.prototype).query(places)[0])
    beyond = [
        f"{label} {distance:.0f} mm" for label, distance in zip(labels, away, strict=True) if distance > _REACH_MM
    ]
    if beyond:
        raise LandmarkError(
            f"landmarks too far from the face: {', '.join(beyond)} from the nearest landmark of the weights, where the "
            f"detector does not look (limit {_REACH_MM:g} mm); leave them out (--without)"
        )


def _record(
    base: Checkpoint, data: OwnData, validation: CrossValidation, options: OwnOptions, minutes: float
) -> dict[str, Any]:
    """For the weights file and the model card."""
    return {
        "version": __version__,
        "init_sha256": base.sha256,
        "scans": len(data.scans),
        "left_out": len(data.left_out),
        "options": asdict(options) | {"blocks": list(options.blocks)},
        "stop": validation.stop,
        "curve": [list(point) for point in validation.curve],
        "held_out_mean_mm": float(np.nanmean(validation.stated)),
        "held_out_transfer_mm": float(np.nanmean(validation.transfer)),
        "held_out_head_mm": float(np.nanmean(validation.head)),
        "processor_minutes": round(minutes, 1),
    }
