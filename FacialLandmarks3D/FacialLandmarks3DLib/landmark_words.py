"""What is said about a landmark in words. Needs sgcn_core, whose landmark sets load nothing but NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_STATUS = {
    "found": "found",
    "uncertain": "uncertain: check its position before use",
    "missing": "missing: not found on this surface",
}


def describe(landmark: Mapping[str, Any]) -> str:
    """Name, definition, status and expected error of a landmark of the worker's result, for people.

    A label of no landmark set, as other weights may bring, has no name and no definition.
    """
    from sgcn_core.types.landmark_sets import LandmarkSet

    known = LandmarkSet.load("all")
    label, expected = landmark["label"], landmark.get("expected_error_mm")
    parts = [] if label not in known else [f"{known[label].name}: {known[label].definition.rstrip('.')}"]
    parts.append(_STATUS[landmark["status"]])
    if expected is not None:
        parts.append(f"expected error {expected:.1f} mm")
    return "; ".join(parts)
