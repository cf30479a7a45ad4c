"""The settings of one detection, checked when they are made."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LANDMARK_SETS = ("clinical", "ibug68", "all")
DEVICES = ("cpu", "cuda", "mps", "auto")
REFINEMENTS = ("guided", "surface", "amplitude", "paper", "mean")
NEEDED_INITIAL = ("ex_r", "ex_l", "prn")
"""Landmarks that a pose by hand needs: the outer corners of the eyes and the tip of the nose."""


@dataclass(frozen=True)
class DetectionOptions:
    """How to detect.

    Attributes
    ----------
    landmark_set : "clinical", "ibug68" or "all" that the weights know
    device : "cpu", "cuda", "cuda:1", "mps" or "auto"
    seed : of the surface sampling; the same seed gives the same landmarks
    refine : from heatmap to position; None for the usual way
    weights : a weights file; None for the one that comes with the module
    initial_landmarks : label to position in the world (RAS, mm), where the pose is given by hand

    Raises
    ------
    ValueError
        A setting that there is not; the message says what to do.
    """

    landmark_set: str = "clinical"
    device: str = "cpu"
    seed: int = 0
    refine: str | None = None
    weights: str | os.PathLike[str] | None = None
    initial_landmarks: Mapping[str, Sequence[float]] | None = None

    def __post_init__(self) -> None:
        _one_of("landmark set", self.landmark_set, LANDMARK_SETS)
        _one_of("device", str(self.device).partition(":")[0], DEVICES)
        if self.refine is not None:
            _one_of("refinement", self.refine, REFINEMENTS)
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise ValueError(f"The seed must be a whole number, 0 or more; received {self.seed!r}.")
        if self.weights is not None and not Path(self.weights).is_file():
            raise ValueError(f"There is no model file {os.fspath(self.weights)!r}; select another one.")
        if self.initial_landmarks is not None:
            _check_initial(self.initial_landmarks)


def _one_of(what: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise ValueError(f"There is no {what} {value!r}; use one of {', '.join(allowed)}.")


def _check_initial(landmarks: Mapping[str, Sequence[float]]) -> None:
    if absent := [label for label in NEEDED_INITIAL if label not in landmarks]:
        raise ValueError(f"For a pose by hand {', '.join(NEEDED_INITIAL)} are needed; {', '.join(absent)} are missing.")
    for label, position in landmarks.items():
        if len(position) != 3 or not all(math.isfinite(value) for value in position):
            raise ValueError(f"The initial landmark {label!r} needs three finite coordinates; received {position!r}.")
