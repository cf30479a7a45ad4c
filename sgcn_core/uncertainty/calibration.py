"""What the weights file holds about the trust in landmarks, and the verdict that follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgcn_core.refinement.shape_model import LandmarkShape
from sgcn_core.types.landmarks import CONFIDENT_WITHIN_MM
from sgcn_core.uncertainty.error_model import ErrorModel
from sgcn_core.uncertainty.features import FEATURES
from sgcn_core.uncertainty.recognition import FOUND, MISSING, UNCERTAIN, Confidence

FloatArray = NDArray[np.float64]

UNCERTAIN_BEYOND = 5.0
"""A landmark whose 90 % bound is larger than this, in millimetres, is uncertain."""

_SHAPE, _MODEL = "shape.", "error."
_SHAPE_ARRAYS = ("mean", "modes", "noise", "finding")


@dataclass(frozen=True, eq=False)
class Calibration:
    """Shape statistics and error model, fitted by ``python -m research.training.calibration``.

    Attributes
    ----------
    shape : LandmarkShape
    model : ErrorModel
    info : dict, what it was fitted on and how well it holds
    """

    shape: LandmarkShape
    model: ErrorModel
    info: dict[str, Any] = field(default_factory=dict)

    def arrays(self) -> dict[str, FloatArray]:
        """All numbers, by name."""
        shape = {name: getattr(self.shape, name) for name in _SHAPE_ARRAYS}
        return {
            **{_SHAPE + name: value for name, value in shape.items()},
            **{_MODEL + name: value for name, value in self.model.arrays().items()},
        }

    def settings(self) -> dict[str, Any]:
        """All else, as JSON holds it."""
        return {"features": list(FEATURES), "info": self.info}

    @classmethod
    def from_stored(cls, settings: Mapping[str, Any], arrays: Mapping[str, NDArray[np.floating]]) -> Calibration:
        """The calibration of ``settings()`` and ``arrays()``; ValueError if this version counts other features."""
        if tuple(settings["features"]) != FEATURES:
            raise ValueError(f"it is calibrated for the features {', '.join(settings['features'])}; calibrate it again")
        shape = {name: np.asarray(arrays[_SHAPE + name], dtype=np.float64) for name in _SHAPE_ARRAYS}
        model = {name.removeprefix(_MODEL): value for name, value in arrays.items() if name.startswith(_MODEL)}
        return cls(LandmarkShape(**shape), ErrorModel.from_arrays(model), dict(settings["info"]))


@dataclass(frozen=True, eq=False)
class Verdict:
    """What is reported about L landmarks.

    Attributes
    ----------
    confidence : (L,), probability that the landmark is there and lies within 4 mm of where it belongs
    status : (L,)
    expected_error, error_bound : (L,), millimetres of the person; NaN where the weights are not calibrated
    """

    confidence: FloatArray
    status: tuple[str, ...]
    expected_error: FloatArray
    error_bound: FloatArray


def verdict_of(model: ErrorModel, evidence: FloatArray, near_rim: NDArray[np.bool_], *, size: float) -> Verdict:
    """Status and errors from the evidence.

    Missing where the landmark is probably not on the scan; uncertain where the bound exceeds ``UNCERTAIN_BEYOND`` or
    the scan ends close by; found otherwise.

    Parameters
    ----------
    model : ErrorModel
    evidence : (L, F), see ``gather_evidence``
    near_rim : (L,)
    size : millimetres of the person for one of the head frame
    """
    estimate = model.estimate(evidence, within=CONFIDENT_WITHIN_MM, size=size)
    doubtful = near_rim | (estimate.bound > UNCERTAIN_BEYOND)
    status = np.where(estimate.absent > model.missing_above[0], MISSING, np.where(doubtful, UNCERTAIN, FOUND))
    return Verdict(estimate.within, tuple(status.tolist()), estimate.expected, estimate.bound)


def uncalibrated(recognition: Confidence) -> Verdict:
    """The verdict of weights without calibration: the height of the heatmap and the thresholds on it."""
    unknown = np.full(len(recognition.status), np.nan)
    return Verdict(recognition.confidence, recognition.status, unknown, unknown)
