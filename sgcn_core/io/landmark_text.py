"""Descriptions of landmarks in landmark files, and checks shared by the readers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sgcn_core.types.landmarks import (
    CONFIDENT_WITHIN_MM,
    EXPECTED_USE,
    UNCERTAIN_BY_DEFINITION,
    LandmarkResult,
    LandmarkSet,
)

# Expected error and its bound in millimetres, None where a file has none.
Errors = tuple[float | None, float | None]

ASSUMED = "assumed"
"""Entry of ``info``: which of unit and frame the landmark file does not state."""

CONFIDENCE_TEXT = f"probability that the landmark lies within {CONFIDENT_WITHIN_MM:g} mm of its true position"

_STATUS_TEXT = {
    "found": "found",
    "uncertain": "uncertain: check its position before use",
    "missing": "missing: not found on this surface",
}

BY_DEFINITION = "uncertain: loosely defined, on every scan"
"""In the description of what is uncertain for no reason that lies in the scan."""


def description(label: str, status: str, *, to_check: bool = True) -> str:
    """Full name, status and expected use, for people, such as shown in Slicer's table of control points."""
    known = LandmarkSet.load("all")
    told = _STATUS_TEXT[status] if to_check or status != "uncertain" else BY_DEFINITION
    if label not in known:
        return told
    landmark = known[label]
    return f"{landmark.name}; {told}; {EXPECTED_USE[landmark.reproducibility]}"


def input_of(info: Mapping[str, Any]) -> tuple[str, str]:
    """Name and SHA-256 of the input as a result's ``info`` states them; empty where it does not."""
    source = info.get("input")
    if not isinstance(source, Mapping):
        return "", ""
    return str(source.get("name", "")), str(source.get("sha256", ""))


def input_info(name: str, sha256: str) -> dict[str, Any]:
    """The reverse of :func:`input_of`."""
    source = {key: value for key, value in (("name", name), ("sha256", sha256)) if value}
    return {"input": source} if source else {}


def finite_position(values: Any, label: str) -> tuple[float, float, float]:
    """Three finite numbers, or ValueError naming the landmark."""
    if isinstance(values, str) or not isinstance(values, Sequence) or len(values) != 3:
        raise ValueError(f"the position of landmark {label!r} is not three numbers but {values!r}")
    x, y, z = (float(value) for value in values)
    if not all(math.isfinite(value) for value in (x, y, z)):
        raise ValueError(f"the position of landmark {label!r} is not finite: {values!r}")
    return x, y, z


class Rows:
    """Gathers landmarks one by one into a LandmarkResult."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, tuple[float, float, float], float, str, Errors]] = []
        self._by_definition = list[str]()

    def add(
        self,
        label: str,
        position: Any,
        confidence: float,
        status: str,
        errors: Errors = (None, None),
        *,
        to_check: bool = True,
    ) -> None:
        """Add one landmark; `position` is ignored if the status is "missing".

        `errors` are the expected error and its bound in millimetres, None where the file has none. Without `to_check`
        an uncertain landmark is uncertain by its definition.
        """
        if status == "uncertain" and not to_check:
            self._by_definition.append(label)
        nowhere = (math.nan, math.nan, math.nan)
        place = nowhere if status == "missing" else finite_position(position, label)
        self._rows.append((label, place, confidence, status, errors))

    def result(
        self, *, unit: str | None = None, frame: str | None = None, info: dict[str, Any] | None = None
    ) -> LandmarkResult:
        """The landmarks gathered; ValueError if there are none or a value is out of range.

        Where the file states no unit or no frame, millimetres and LPS are assumed, as of a mesh without a declaration,
        and the entry ``ASSUMED`` of ``info`` says so: what compares the landmarks with a mesh takes them as lying in
        the mesh file's own coordinates instead.
        """
        if not self._rows:
            raise ValueError("it holds no landmarks")
        labels, positions, confidence, status, errors = zip(*self._rows, strict=True)
        expected, bound = np.array(errors, dtype=np.float64).T
        assumed = [name for name, stated in (("unit", unit), ("frame", frame)) if stated is None]
        more = {ASSUMED: assumed, UNCERTAIN_BY_DEFINITION: self._by_definition}
        return LandmarkResult(
            labels,
            np.array(positions),
            np.array(confidence),
            status,
            unit="mm" if unit is None else unit,
            frame="LPS" if frame is None else frame,
            info=(info or {}) | {name: labels for name, labels in more.items() if labels},
            expected_error=expected,
            error_bound=bound,
        )
