"""Regions of the face by name: their landmarks, and the skin around these."""

from __future__ import annotations

import json
from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from sgcn_core.analysis.case import AnalysisCase
from sgcn_core.errors import LandmarkError, SettingsError

BoolArray = NDArray[np.bool_]

FACE_REACH_MM = 25.0
"""Skin counts as the face within so many millimetres of a landmark that is not of the ear."""


def region_names() -> tuple[str, ...]:
    """Names of all regions."""
    return tuple(_regions())


def region_landmarks(names: Iterable[str]) -> tuple[str, ...]:
    """Labels of the landmarks of regions, each once.

    Raises
    ------
    SettingsError
        A region is unknown.
    """
    return tuple(dict.fromkeys(label for name in names for label in region_of(name)[0]))


def region_mask(case: AnalysisCase, names: Iterable[str]) -> BoolArray:
    """Which vertices (P,) of a case's surface belong to regions: those near one of their landmarks.

    Raises
    ------
    SettingsError
        A region is unknown.
    LandmarkError
        The case has no surface, or no landmark of a region.
    """
    if case.surface is None:
        raise LandmarkError("a region of skin needs a surface; give the scan the landmarks were placed on")
    mask = np.zeros(len(case.surface.vertices), dtype=bool)
    for name in names:
        labels, radius = region_of(name)
        places = [case.position(label) for label in labels if case.has(label)]
        if not places:
            raise LandmarkError(
                f"the case has no landmark of the region {name!r} ({', '.join(labels)}); detect or place one"
            )
        mask |= near(case, np.array(places), radius)
    return mask


def face_mask(case: AnalysisCase, *, reach: float = FACE_REACH_MM) -> BoolArray:
    """Which vertices (P,) of a case's surface lie near a landmark of the face, the ears not counted."""
    ears = set(region_landmarks(("right ear", "left ear")))
    places = [place for label, place in zip(case.labels, case.positions, strict=True) if label not in ears]
    placed = np.array(places).reshape(-1, 3)
    return near(case, placed[np.isfinite(placed).all(axis=1)], reach)


def near(case: AnalysisCase, places: NDArray[np.float64], reach: float) -> BoolArray:
    """Which vertices (P,) of the surface lie within ``reach`` millimetres of one of the places (n, 3)."""
    from scipy.spatial import cKDTree

    if case.surface is None:
        raise LandmarkError("a region of skin needs a surface; give the scan the landmarks were placed on")
    if not len(places):
        return np.zeros(len(case.surface.vertices), dtype=bool)
    distances = cKDTree(places).query(case.surface.vertices, distance_upper_bound=reach)[0]
    mask: BoolArray = np.isfinite(distances)
    return mask


def region_of(name: str) -> tuple[tuple[str, ...], float]:
    """Landmarks of a region, and how far around them its skin reaches, millimetres.

    Raises
    ------
    SettingsError
        The region is unknown.
    """
    if name not in _regions():
        similar = get_close_matches(name, _regions(), n=3)
        hint = f"; similar: {', '.join(similar)}" if similar else ""
        raise SettingsError(f"unknown region {name!r}{hint}; use one of {', '.join(_regions())}")
    return _regions()[name]


@cache
def _regions() -> dict[str, tuple[tuple[str, ...], float]]:
    file = resources.files("sgcn_core") / "resources" / "analysis" / "regions.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    return {name: (tuple(entry["landmarks"]), float(entry["radius_mm"])) for name, entry in content["regions"].items()}
