"""Settings of a detection, shared by Python, command line, worker, CLI module and panel."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sgcn_core.errors import SettingsError
from sgcn_core.refinement.modes import MODES
from sgcn_core.types.landmark_sets import LANDMARK_SETS, initial_positions
from sgcn_core.types.units import UNITS_TO_MM, canonical_unit, unit_of

PRESETS: tuple[str, ...] = ("default", "paper")
"""``"paper"``: the published method as printed, see ``sgcn_core.paper`` and ``docs/paper.md``."""

DEVICES: tuple[str, ...] = ("cpu", "cuda", "mps", "auto")


@dataclass(frozen=True, kw_only=True)
class DetectionSettings:
    """Settings of a detection.

    Attributes
    ----------
    landmark_set : str
        ``"ibug68"``, ``"clinical"`` or ``"all"`` landmarks of the weights.
    preset : str
        ``"default"``, or ``"paper"`` for the method as published.
    refine : str or None
        Refinement mode (``sgcn_core.refinement.modes``); None for that of the preset or the weights.
    seed : int
        Random seed of the surface sampling; the same input and seed give the same landmarks.
    unit : str or None
        Of the input's coordinates: ``"um"``, ``"mm"``, ``"cm"``, ``"m"``, ``"in"``. None: what the file says where a
        head is seen in it, else the unit in which the head has the size of one.
    mm_per_unit : float or None
        Millimetres of one unit, instead of `unit`, for coordinates of any other scale.
    series : str or None
        Of a DICOM folder: UID or number of the series. None: that with most slices.
    initial_landmarks : mapping of label to (x, y, z), path of a landmark file, or None
        Show the head's pose where it is not found; in the frame and unit of the input (a file states its own frame). At
        least ``sgcn_core.types.landmark_sets.INITIAL_LANDMARKS``.
    weights : path or None
        A weights file; None for the shipped one.
    device : str
        Compute device: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"`` or ``"auto"``.

    Raises
    ------
    SettingsError
        If a value is invalid; the message names it and the valid ones.
    LandmarkError
        If one of the three initial landmarks is missing or not finite.
    """

    landmark_set: str = "all"
    preset: str = "default"
    refine: str | None = None
    seed: int = 0
    unit: str | None = None
    mm_per_unit: float | None = None
    series: str | None = None
    initial_landmarks: Mapping[str, Sequence[float]] | str | os.PathLike[str] | None = None
    weights: str | os.PathLike[str] | None = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        _one_of("landmark set", self.landmark_set, LANDMARK_SETS)
        _one_of("preset", self.preset, PRESETS)
        _one_of("compute device", str(self.device).partition(":")[0], DEVICES)
        if self.refine is not None:
            _one_of("refinement mode", self.refine, tuple(MODES))
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise SettingsError(f"the random seed must be an integer, 0 or more; received {self.seed!r}")
        if self.unit is not None and canonical_unit(self.unit) is None:
            raise SettingsError(f"unknown unit {self.unit!r}; use one of {', '.join(UNITS_TO_MM)}, or mm_per_unit")
        _check_scale(self.unit, self.mm_per_unit)
        if self.weights is not None and not Path(self.weights).is_file():
            raise SettingsError(f"weights file {os.fspath(self.weights)!r} does not exist; choose another one")
        if isinstance(self.initial_landmarks, Mapping):
            initial_positions(self.initial_landmarks)

    @property
    def stated_unit(self) -> str | None:
        """The unit that is stated, by name or in millimetres; None if none is."""
        return self.unit if self.mm_per_unit is None else unit_of(self.mm_per_unit)


def _check_scale(unit: str | None, mm_per_unit: float | None) -> None:
    if mm_per_unit is None:
        return
    if unit is not None:
        raise SettingsError(f"state the unit once: received unit {unit!r} and mm_per_unit {mm_per_unit!r}")
    number = isinstance(mm_per_unit, (int, float)) and not isinstance(mm_per_unit, bool)
    if not (number and 0.0 < mm_per_unit < math.inf):
        raise SettingsError(f"the millimetres of one unit must be a positive number; received {mm_per_unit!r}")


def _one_of(what: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise SettingsError(f"unknown {what} {value!r}; use one of {', '.join(allowed)}")
