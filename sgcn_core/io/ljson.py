"""Landmarks of menpo (.ljson), versions 1 to 3."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sgcn_core.io.landmark_text import Rows
from sgcn_core.types.landmarks import LandmarkResult


def parse_ljson(text: str) -> LandmarkResult:
    """Read the points of one group on a mesh, ``[x, y, z]`` each; null coordinates are a landmark not placed.

    Points have no names of their own in this format: the one point of a label has the label's name, those of a label
    with several are "label 1", "label 2", ... in their order, and a point without a label is its number, from 1. It
    states neither unit nor frame: points lie in the coordinates of the mesh.

    References
    ----------
    The importer of menpo (``menpo/io/input/landmark.py``).
    """
    content = json.loads(text)
    version = content.get("version") if isinstance(content, dict) else None
    if version not in (1, 2, 3):
        raise ValueError(f"its version is {version!r}, not 1, 2 or 3; it is no .ljson file of menpo")
    rows = Rows()
    for name, point in _first_version(content) if version == 1 else _named(_group(content, version)):
        _add(rows, name, point)
    return rows.result()


def _first_version(content: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for group in content["groups"]:
        points, label = group["landmarks"], str(group["label"])
        for place, entry in enumerate(points, start=1):
            yield label if len(points) == 1 else f"{label} {place}", entry["point"]


def _group(content: dict[str, Any], version: int) -> dict[str, Any]:
    if version == 2:
        return content
    groups: dict[str, dict[str, Any]] = content["groups"]
    if len(groups) != 1:
        raise ValueError(
            f"it holds {len(groups)} groups of landmarks ({', '.join(list(groups)[:5])}); save one in a file"
        )
    return next(iter(groups.values()))


def _named(group: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Points of versions 2 and 3; of a point with several labels the first one counts."""
    points, names = group["landmarks"]["points"], dict[int, str]()
    for entry in group.get("labels", ()):
        mask, label = [int(place) for place in entry["mask"]], str(entry["label"])
        for number, place in enumerate(mask, start=1):
            if not 0 <= place < len(points):
                raise ValueError(f"the label {label!r} refers to point {place} of {len(points)}")
            names.setdefault(place, label if len(mask) == 1 else f"{label} {number}")
    for place, point in enumerate(points):
        yield names.get(place, str(place + 1)), point


def _add(rows: Rows, name: str, point: Any) -> None:
    if isinstance(point, list) and len(point) == 2:
        raise ValueError("its points have two coordinates; landmarks of an image cannot be used on a surface")
    missing = isinstance(point, list) and len(point) == 3 and all(value is None for value in point)
    rows.add(name, point, 1.0, "missing" if missing else "found")
