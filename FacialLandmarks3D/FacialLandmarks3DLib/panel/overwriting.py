"""What a node holds that would be lost when landmarks are placed into it."""

from __future__ import annotations

from typing import Any

from ..placed_positions import moved_by_hand
from ..provenance import read_provenance
from ..translation import _


def what_is_lost(node: Any) -> str:
    """A question to the user; empty where nothing of a person's work would be lost."""
    if node is None or node.GetNumberOfControlPoints() == 0:
        return ""
    if read_provenance(node) is None:
        count = node.GetNumberOfControlPoints()
        return _("{name!r} holds points of other origin ({count}). Replace them by the landmarks?").format(
            name=node.GetName(), count=count
        )
    if moved := moved_by_hand(node):
        return _("Landmarks of {name!r} corrected by hand: {count}. Replace them?").format(
            name=node.GetName(), count=len(moved)
        )
    return ""
