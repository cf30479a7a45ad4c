"""Calibration in the weights file: shape statistics, and an error model per refinement mode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgcn_core.refinement.shape_model import LandmarkShape
from sgcn_core.types.arrays import under
from sgcn_core.types.landmark_sets import LandmarkSet
from sgcn_core.uncertainty.error_model import ErrorModel
from sgcn_core.uncertainty.features import FEATURES

FloatArray = NDArray[np.float64]

_SHAPE, _MODEL = "shape.", "error."
_SHAPE_ARRAYS = ("mean", "modes", "noise", "finding")


@dataclass(frozen=True, eq=False)
class Calibration:
    """Shape statistics and error models, fitted by ``python -m research.training.calibration``.

    Attributes
    ----------
    shape : LandmarkShape
    models : refinement mode -> ErrorModel; of a mode without one no error is stated
    info : dict, what they were fitted on and how well they hold
    """

    shape: LandmarkShape
    models: Mapping[str, ErrorModel] = field(default_factory=dict)
    info: dict[str, Any] = field(default_factory=dict)

    def symmetric(self, labels: Sequence[str]) -> Calibration:
        """The calibration whose error models say the same of the right and the left landmark of these L labels."""
        known = LandmarkSet.load("all")
        place = {label: number for number, label in enumerate(labels)}
        sides = [known[label].mirror if label in known else label for label in labels]
        mirror = np.array([place.get(side, number) for number, side in enumerate(sides)], dtype=np.int64)
        return replace(self, models={mode: model.symmetric(mirror) for mode, model in self.models.items()})

    def arrays(self) -> dict[str, FloatArray]:
        """All numbers, by name."""
        named = {_SHAPE + name: getattr(self.shape, name) for name in _SHAPE_ARRAYS}
        for mode, model in self.models.items():
            named |= {f"{_MODEL}{mode}.{name}": values for name, values in model.arrays().items()}
        return named

    def settings(self) -> dict[str, Any]:
        """All else, as JSON holds it."""
        return {"features": list(FEATURES), "modes": list(self.models), "info": self.info}

    @classmethod
    def from_stored(cls, settings: Mapping[str, Any], arrays: Mapping[str, NDArray[np.floating]]) -> Calibration:
        """The calibration of ``settings()`` and ``arrays()``.

        Raises
        ------
        ValueError
            If it was fitted on other features than this version computes.
        """
        if tuple(settings["features"]) != FEATURES:
            raise ValueError(f"it is calibrated for the features {', '.join(settings['features'])}; calibrate it again")
        shape = {name: np.asarray(arrays[_SHAPE + name], dtype=np.float64) for name in _SHAPE_ARRAYS}
        models = {mode: ErrorModel.from_arrays(under(arrays, f"{_MODEL}{mode}.")) for mode in settings["modes"]}
        return cls(LandmarkShape(**shape), models, dict(settings["info"]))
