"""Landmark sets: names, definitions and sides of the landmarks, read from the package's resources."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, cached_property
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import LandmarkError

SIDES: tuple[str, ...] = ("left", "right", "midline")
LANDMARK_SETS: tuple[str, ...] = ("ibug68", "clinical", "all")
INITIAL_LANDMARKS: tuple[str, ...] = ("ex_r", "ex_l", "prn")
"""Points of a manual pose: the outer corners of the subject's right and left eye, and the tip of the nose."""

EXPECTED_USE: dict[str, str] = {
    "A": "well defined, fit for single measurements",
    "B": "fit for measurements with some care",
    "C": "ill defined, for orientation and averages only",
}


@dataclass(frozen=True)
class Landmark:
    """One anatomical point.

    Parameters
    ----------
    label : str
        Short name, unique over all sets.
    name : str
        Full name, with the side.
    definition : str
        Where the point lies.
    side : {"left", "right", "midline"}
        The subject's own side.
    group : str
        Part of the face, such as "eyes".
    reproducibility : {"A", "B", "C"}
        How well human observers agree: A 0.4-0.9 mm, B 0.8-1.5 mm, C 1.5 mm and more.
    mirror : str
        Label of the same point on the other side; the label itself in the midline.
    """

    label: str
    name: str
    definition: str
    side: str
    group: str
    reproducibility: str
    mirror: str


@dataclass(frozen=True)
class LandmarkSet:
    """A named, ordered selection of landmarks.

    Examples
    --------
    >>> LandmarkSet.load("clinical")["prn"].name
    'pronasale'
    """

    name: str
    landmarks: tuple[Landmark, ...]

    @classmethod
    def load(cls, name: str) -> LandmarkSet:
        """One of the sets that come with the package: "ibug68", "clinical", or "all" (both, in this order).

        Raises
        ------
        ValueError
            The set is unknown.
        """
        if name not in LANDMARK_SETS:
            raise ValueError(f"unknown landmark set {name!r}; use one of {', '.join(LANDMARK_SETS)}")
        return _load(name)

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels in order, L of them."""
        return tuple(landmark.label for landmark in self.landmarks)

    @property
    def names(self) -> tuple[str, ...]:
        """Full names in order."""
        return tuple(landmark.name for landmark in self.landmarks)

    @property
    def definitions(self) -> tuple[str, ...]:
        """Definitions in order."""
        return tuple(landmark.definition for landmark in self.landmarks)

    @property
    def sides(self) -> tuple[str, ...]:
        """Sides in order, the subject's own."""
        return tuple(landmark.side for landmark in self.landmarks)

    @property
    def groups(self) -> tuple[str, ...]:
        """Parts of the face in order."""
        return tuple(landmark.group for landmark in self.landmarks)

    def __len__(self) -> int:
        return len(self.landmarks)

    def __contains__(self, label: object) -> bool:
        return label in self._index

    def __getitem__(self, label: str) -> Landmark:
        return self.landmarks[self.index(label)]

    def index(self, label: str) -> int:
        """Place of a label in the set; ValueError, with similar labels, if it is not there."""
        return place_of(self._index, label, f"landmark set {self.name!r}")

    @cached_property
    def _index(self) -> dict[str, int]:
        return {landmark.label: place for place, landmark in enumerate(self.landmarks)}


def without_side(label: str) -> str:
    """The label without the mark of its side: ``en_r`` -> ``en``."""
    return label.removesuffix("_r").removesuffix("_l")


def mirror_label(label: str) -> str:
    """Label of the same point on the other side of the face: ``en_r`` -> ``en_l``, ``ibug36`` -> ``ibug45``.

    Raises
    ------
    ValueError
        The label is in no landmark set.
    """
    return LandmarkSet.load("all")[label].mirror


def place_of(places: Mapping[str, int], label: str, where: str) -> int:
    """Place of a label in a mapping; ValueError with similar labels if it is not there."""
    if label not in places:
        similar = get_close_matches(label, places, n=3)
        hint = f"; similar: {', '.join(similar)}" if similar else ""
        raise ValueError(f"no landmark {label!r} in the {where}{hint}")
    return places[label]


@cache
def _load(name: str) -> LandmarkSet:
    if name == "all":
        return LandmarkSet("all", (*_load("ibug68").landmarks, *_load("clinical").landmarks))
    file = resources.files("sgcn_core") / "resources" / "landmark_sets" / f"{name}.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    return LandmarkSet(name, tuple(Landmark(**entry) for entry in content["landmarks"]))


def initial_positions(points: Mapping[str, Sequence[float]]) -> dict[str, NDArray[np.float64]]:
    """Initial landmarks (3,) by label, checked.

    Raises
    ------
    LandmarkError
        If one of `INITIAL_LANDMARKS` is missing, or a point is not three finite numbers.
    """
    if lacking := [label for label in INITIAL_LANDMARKS if label not in points]:
        raise LandmarkError(
            f"initial landmarks missing: {', '.join(lacking)}; place {', '.join(INITIAL_LANDMARKS)}: the "
            "outer corners of the subject's right and left eye, and the tip of the nose"
        )
    return {label: _point(label, value) for label, value in points.items()}


def _point(label: str, value: Sequence[float]) -> NDArray[np.float64]:
    try:
        point = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise LandmarkError(f"initial landmark {label!r} must be three numbers, received {value!r}") from error
    if point.shape != (3,) or not np.isfinite(point).all():
        raise LandmarkError(f"initial landmark {label!r} must be three finite numbers, received {value!r}")
    return point
