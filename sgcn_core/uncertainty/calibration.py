"""Calibration in the weights file: shape statistics, and an error model per refinement mode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgcn_core.refinement.shape_model import LandmarkShape
from sgcn_core.uncertainty.error_model import ErrorModel
from sgcn_core.uncertainty.features import FEATURES

FloatArray = NDArray[np.float64]

_SHAPE, _MODEL = "shape.", "error."
_SHAPE_ARRAYS = ("mean", "modes", "noise", "finding")
_FIRST_MODE = "guided"  # of files that hold a single model, whose arrays name no mode


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
        modes = settings.get("modes")
        prefixes = {mode: f"{_MODEL}{mode}." for mode in modes} if modes is not None else {_FIRST_MODE: _MODEL}
        models = {mode: ErrorModel.from_arrays(_with_prefix(arrays, prefix)) for mode, prefix in prefixes.items()}
        return cls(LandmarkShape(**shape), models, dict(settings["info"]))


def _with_prefix(arrays: Mapping[str, NDArray[np.floating]], prefix: str) -> dict[str, NDArray[np.floating]]:
    return {name.removeprefix(prefix): values for name, values in arrays.items() if name.startswith(prefix)}
