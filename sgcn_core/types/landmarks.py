"""The landmarks found on one surface, and the names of the sets they come from. NumPy only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgcn_core.types.arrays import read_only
from sgcn_core.types.landmark_sets import (
    EXPECTED_USE,
    LANDMARK_SETS,
    SIDES,
    Landmark,
    LandmarkSet,
    mirror_label,
    place_of,
)
from sgcn_core.types.units import checked_frame, checked_unit, flip_frame

__all__ = [
    "EXPECTED_USE",
    "LANDMARK_SETS",
    "SIDES",
    "STATUSES",
    "Landmark",
    "LandmarkResult",
    "LandmarkSet",
    "mirror_label",
    "plain",
]

STATUSES: tuple[str, ...] = ("found", "uncertain", "missing")

CONFIDENT_WITHIN_MM = 4.0
"""Confidence is the probability that a landmark lies within so many millimetres of its true position."""

ERRORS_HOLD_OBSERVERS = "errors_hold_observers"
"""Entry of ``info``: true where the stated errors hold what trained observers disagree by, besides the detector's."""

UNCERTAIN_BY_DEFINITION = "uncertain_by_definition"
"""Entry of ``info``: labels that are uncertain for no reason but their definition, which is so on every scan."""


def _unknown() -> NDArray[np.float64]:
    return np.array(np.nan)


@dataclass(frozen=True, eq=False)
class LandmarkResult:
    """Landmarks on one surface, in the surface's own frame and unit.

    Parameters
    ----------
    labels : sequence of str
        L different labels.
    positions : array_like (L, 3)
        NaN in the rows of missing landmarks (whatever is passed there), finite elsewhere.
    confidence : array_like (L,)
        In [0, 1]: the probability that the landmark lies within 4 mm of its true position.
    status : sequence of {"found", "uncertain", "missing"}
    unit : {"um", "mm", "cm", "m", "in"} or a length such as "7.3mm"
    frame : {"LPS", "RAS"}
    info : dict
        Provenance that JSON can hold: pose, timings, model, version, seed.
    expected_error, error_bound : array_like (L,), optional
        Expected (mean) error and 90 % error bound; millimetres, whatever the unit
        of the positions. NaN for missing landmarks and where unknown; all NaN by default.

    Raises
    ------
    ValueError
        Lengths that differ, duplicate labels, values out of range.
    """

    labels: tuple[str, ...]
    positions: NDArray[np.float64]
    confidence: NDArray[np.float64]
    status: tuple[str, ...]
    unit: str = "mm"
    frame: str = "LPS"
    info: dict[str, Any] = field(default_factory=dict)
    expected_error: NDArray[np.float64] = field(default_factory=_unknown)
    error_bound: NDArray[np.float64] = field(default_factory=_unknown)

    def __post_init__(self) -> None:
        labels, status = tuple(self.labels), tuple(self.status)
        positions = np.array(self.positions, dtype=np.float64)
        confidence = np.array(self.confidence, dtype=np.float64)
        _check_columns(labels, positions, confidence, status)
        missing = np.array([state == "missing" for state in status], dtype=bool)
        positions[missing] = np.nan
        _check_values(labels, positions, confidence, missing)
        errors = {
            name: _checked_errors(getattr(self, name), labels, missing, name)
            for name in ("expected_error", "error_bound")
        }
        for name, value in (
            ("labels", labels),
            ("positions", positions),
            ("confidence", confidence),
            ("status", status),
            ("unit", checked_unit(self.unit)),
            ("frame", checked_frame(self.frame)),
            *errors.items(),
        ):
            object.__setattr__(self, name, read_only(value) if isinstance(value, np.ndarray) else value)

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        counts = ", ".join(f"{self.status.count(state)} {state}" for state in STATUSES)
        return f"LandmarkResult({counts}; {self.unit}, {self.frame})"

    @property
    def errors_mm(self) -> NDArray[np.float64]:
        """Expected error and its 90 % bound side by side, (L, 2), millimetres, NaN where unknown."""
        return np.stack([self.expected_error, self.error_bound], axis=1)

    @property
    def to_check(self) -> tuple[str, ...]:
        """Labels that are uncertain for a reason that lies in this scan, not in the landmark's definition."""
        return labels_to_check(self.labels, self.status, self.info)

    @property
    def uncertain_by_definition(self) -> tuple[str, ...]:
        """The other uncertain labels: the point is defined so loosely that it is uncertain on every scan."""
        uncertain = (label for label, status in zip(self.labels, self.status, strict=True) if status == "uncertain")
        to_check = self.to_check
        return tuple(label for label in uncertain if label not in to_check)

    def index(self, label: str) -> int:
        """Place of a label; ValueError, with similar labels, if it is not there."""
        return place_of({name: place for place, name in enumerate(self.labels)}, label, "result")

    def position(self, label: str) -> NDArray[np.float64]:
        """Position of one landmark, shape (3,); NaN if it is missing."""
        position: NDArray[np.float64] = self.positions[self.index(label)].copy()
        return position

    def select(self, labels: Sequence[str]) -> LandmarkResult:
        """The landmarks with these labels, in this order."""
        places = [self.index(label) for label in labels]
        return replace(
            self,
            labels=tuple(labels),
            positions=self.positions[places],
            confidence=self.confidence[places],
            status=tuple(self.status[place] for place in places),
            expected_error=self.expected_error[places],
            error_bound=self.error_bound[places],
        )

    def in_frame(self, frame: str) -> LandmarkResult:
        """The same landmarks in "LPS" or "RAS": x and y change sign."""
        target = checked_frame(frame)
        if target == self.frame:
            return self
        return replace(self, positions=flip_frame(self.positions), frame=target)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; the position of a missing landmark is None, and so are errors that are not known."""
        columns = (self.positions.tolist(), self.confidence.tolist(), plain(self.errors_mm), self.status)
        rows, to_check = zip(self.labels, *columns, strict=True), self.to_check
        return {
            "unit": self.unit,
            "frame": self.frame,
            "landmarks": [
                {
                    "label": label,
                    "position": None if status == "missing" else position,
                    "confidence": confidence,
                    "status": status,
                    "expected_error_mm": expected,
                    "error_bound_mm": bound,
                    "to_check": label in to_check,
                }
                for label, position, confidence, (expected, bound), status in rows
            ],
            "info": plain(self.info),
        }


def labels_to_check(labels: Sequence[str], status: Sequence[str], info: Mapping[str, Any]) -> tuple[str, ...]:
    """The uncertain labels, less those that the provenance calls so on every scan, by their definition."""
    on_every_scan = frozenset(info.get(UNCERTAIN_BY_DEFINITION) or ())
    return tuple(
        label for label, each in zip(labels, status, strict=True) if each == "uncertain" and label not in on_every_scan
    )


def plain(value: Any) -> Any:
    """NumPy values, tuples and paths as JSON values; numbers that are not finite become None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist())
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value if value is None or isinstance(value, (str, int, bool)) else str(value)


def _check_columns(
    labels: tuple[str, ...], positions: NDArray[np.float64], confidence: NDArray[np.float64], status: tuple[str, ...]
) -> None:
    count = len(labels)
    if positions.shape != (count, 3) or confidence.shape != (count,) or len(status) != count:
        raise ValueError(
            f"{count} labels need positions ({count}, 3), confidence ({count},) and {count} statuses; received "
            f"positions {positions.shape}, confidence {confidence.shape}, {len(status)} statuses"
        )
    if len(set(labels)) != count:
        repeated = sorted({label for label in labels if labels.count(label) > 1})
        raise ValueError(f"duplicate labels: {', '.join(repeated[:5])}")
    unknown = sorted(set(status) - set(STATUSES))
    if unknown:
        raise ValueError(f"unknown status {unknown[0]!r}; use one of {', '.join(STATUSES)}")


def _check_values(
    labels: tuple[str, ...],
    positions: NDArray[np.float64],
    confidence: NDArray[np.float64],
    missing: NDArray[np.bool_],
) -> None:
    lost = np.flatnonzero(~missing & ~np.isfinite(positions).all(axis=1))
    if lost.size:
        raise ValueError(f"landmark {labels[lost[0]]!r} has no finite position; give it the status 'missing'")
    outside = np.flatnonzero(~((confidence >= 0) & (confidence <= 1)))
    if outside.size:
        raise ValueError(f"landmark {labels[outside[0]]!r} has confidence {confidence[outside[0]]}, outside [0, 1]")


def _checked_errors(
    values: NDArray[np.float64], labels: tuple[str, ...], missing: NDArray[np.bool_], name: str
) -> NDArray[np.float64]:
    """Errors (L,) in millimetres, NaN where there is no landmark."""
    errors = np.array(values, dtype=np.float64)
    if errors.shape == ():
        errors = np.full(len(labels), float(errors))
    if errors.shape != (len(labels),):
        raise ValueError(f"{len(labels)} labels need {name} ({len(labels)},); received {errors.shape}")
    errors[missing] = np.nan
    wrong = np.flatnonzero((errors < 0) | np.isinf(errors))
    if wrong.size:
        raise ValueError(
            f"landmark {labels[wrong[0]]!r} has {name} {errors[wrong[0]]}; it cannot be negative or infinite"
        )
    return errors
