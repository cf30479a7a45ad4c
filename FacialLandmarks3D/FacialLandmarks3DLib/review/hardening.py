"""Landmarks whose transform was hardened: all positions are others then, and no hand has moved them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..placed_positions import moved_by_hand, placed_positions, replace_placed
from .detected import ACCEPTED
from .points import is_there, labels_of, local_position
from .rows import accepted_positions

# So many landmarks, and so large a share of them, do not move by one and the same affine map under a hand.
_LEAST, _SHARE = 8, 0.6
_EXACT_MM = 1e-2
_ROUNDS = 20

_Points = NDArray[np.float64]


def follow_hardening(node: Any) -> bool:
    """Take what is kept of the landmarks' places along where a linear transform of the node was hardened.

    Slicer applies the transform to the points then and takes the parent away; positions that are kept in the node's
    coordinates have to follow. Hardened warps cannot be told from edits.

    Returns
    -------
    bool
        Whether the kept positions were changed.
    """
    placed = {label: position for label, position in placed_positions(node).items() if position is not None}
    if len(placed) < _LEAST or len(moved_by_hand(node)) < _SHARE * len(placed):
        return False
    now = {
        label: local_position(node, place)
        for place, label in enumerate(labels_of(node))
        if label in placed and is_there(node, place)
    }
    common = list(now)
    affine = _common_map(np.array([placed[label] for label in common]), np.array([now[label] for label in common]))
    if affine is None:
        return False
    replace_placed(node, {label: _mapped(affine, at) for label, at in placed_positions(node).items()})
    accepted = accepted_positions(node)
    for entry in accepted.values():
        entry["position"] = _mapped(affine, entry["position"])
    if accepted:
        node.SetAttribute(ACCEPTED, json.dumps(accepted))
    return True


def _common_map(before: _Points, after: _Points) -> _Points | None:
    """The affine map (4, 3) that takes most points from before (N, 3) to after (N, 3), None where there is none.

    Least squares on the share of points that fit best, again and again (concentration steps of least trimmed squares,
    Rousseeuw and Van Driessen 2006).
    """
    if len(before) < _LEAST:
        return None
    kept = np.arange(len(before))
    wanted = max(_LEAST, int(np.ceil(_SHARE * len(before))))
    homogeneous = np.column_stack([before, np.ones(len(before))])
    for _round in range(_ROUNDS):
        affine = np.asarray(np.linalg.lstsq(homogeneous[kept], after[kept], rcond=None)[0], dtype=np.float64)
        errors = np.linalg.norm(homogeneous @ affine - after, axis=1)
        kept = np.argsort(errors, kind="stable")[:wanted]
    return affine if float(errors[kept].max()) < _EXACT_MM else None


def _mapped(affine: _Points, position: Any) -> list[float] | None:
    return None if position is None else [float(value) for value in (*position, 1.0) @ affine]
