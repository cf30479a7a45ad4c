"""Which landmarks of a case are pairs and which lie in the midline, by their labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sgcn_core.types.landmark_sets import LandmarkSet

_RIGHT, _LEFT = "_r", "_l"


@dataclass(frozen=True)
class Pair:
    """A landmark of both sides: its name and both labels, the subject's right and left."""

    name: str
    right: str
    left: str


def pairs_of(labels: Iterable[str]) -> tuple[Pair, ...]:
    """The pairs both of whose landmarks are among the labels, in the order of the labels.

    Landmarks of the package's sets by their definition; others if their labels end in ``_r`` and ``_l``.
    """
    present, found = dict.fromkeys(labels), []
    for label in present:
        right, left = sides_of(label)
        if right == label and left in present:
            found.append(Pair(_name(right, left), right, left))
    return tuple(found)


def midline_of(labels: Iterable[str]) -> tuple[str, ...]:
    """Labels of the package's landmarks in the midline, in the order of the labels."""
    known = LandmarkSet.load("all")
    return tuple(label for label in labels if label in known and known[label].side == "midline")


def reproducibility(labels: Sequence[str]) -> str:
    """The worst class of reproducibility (A, B or C) among labels; C for those of no landmark set."""
    known = LandmarkSet.load("all")
    return max(known[label].reproducibility if label in known else "C" for label in labels)


def group_of(label: str) -> str:
    """Part of the face that a landmark belongs to, such as "eyes"; "other" for a label of no landmark set."""
    known = LandmarkSet.load("all")
    return known[label].group if label in known else "other"


def sides_of(label: str) -> tuple[str, str]:
    """Labels of the right and the left landmark of a label's pair, by definition or ending; twice empty without one."""
    if label in (known := LandmarkSet.load("all")):
        landmark = known[label]
        if landmark.side == "midline":
            return "", ""
        return (label, landmark.mirror) if landmark.side == "right" else (landmark.mirror, label)
    stem, side = label[:-2], label[-2:]
    return (stem + _RIGHT, stem + _LEFT) if stem and side in (_RIGHT, _LEFT) else ("", "")


def _name(right: str, left: str) -> str:
    return right[:-2] if right.endswith(_RIGHT) else f"{right}/{left}"
