"""What the detector said of each landmark, kept in the node beside what a hand makes of it."""

from __future__ import annotations

import json
from dataclasses import astuple, dataclass
from typing import Any

from ..placed_positions import placed_positions, remember_placed
from ..provenance import PREFIX
from .points import labels_of, point_values
from .surface import remember_surface

ACCEPTED = PREFIX + "accepted"
_DETECTED = PREFIX + "detected"
_STATUS_OF_CODE = {0.0: "missing", 1.0: "uncertain", 2.0: "found"}
_CODE_OF_STATUS = {status: code for code, status in _STATUS_OF_CODE.items()}


@dataclass(frozen=True)
class Detected:
    """One landmark as detected.

    Attributes
    ----------
    status : {"found", "uncertain", "missing"}
    confidence : probability that it lies within 4 mm of where it belongs
    expected_error_mm, error_bound_mm : None where not known
    """

    status: str
    confidence: float = 1.0
    expected_error_mm: float | None = None
    error_bound_mm: float | None = None

    @property
    def code(self) -> float:
        """The status as in the measurement of the same name."""
        return _CODE_OF_STATUS[self.status]


def begin_review(node: Any, model_node: Any) -> None:
    """Keep what has just been detected; what was accepted of an earlier detection no longer counts."""
    node.SetAttribute(_DETECTED, json.dumps({label: astuple(each) for label, each in _measured(node).items()}))
    node.RemoveAttribute(ACCEPTED)
    remember_surface(node, model_node)


def adopt(node: Any) -> None:
    """Take the landmarks of a file, which has measurements but no attributes, as they are now as those detected.

    Nothing happens where the node knows already, or where no detector has had a hand in it.
    """
    if not placed_positions(node) and point_values(node, "status") is not None:
        remember_placed(node)
        node.SetAttribute(_DETECTED, json.dumps({label: astuple(each) for label, each in _measured(node).items()}))


def detected_landmarks(node: Any) -> dict[str, Detected]:
    """Label and what was detected; empty where no detector has placed the landmarks."""
    text = node.GetAttribute(_DETECTED)
    if text is None:
        return _measured(node)
    return {label: Detected(*values) for label, values in json.loads(text).items()}


def _measured(node: Any) -> dict[str, Detected]:
    codes = point_values(node, "status")
    if codes is None:
        return {}
    nothing = [-1.0] * len(codes)
    columns = [point_values(node, name) or nothing for name in ("confidence", "expected_error_mm", "error_bound_mm")]
    return {
        label: Detected(_STATUS_OF_CODE.get(code, "found"), max(confidence, 0.0), _known(expected), _known(bound))
        for label, code, confidence, expected, bound in zip(labels_of(node), codes, *columns, strict=True)
    }


def _known(value: float) -> float | None:
    return None if value < 0 else value
