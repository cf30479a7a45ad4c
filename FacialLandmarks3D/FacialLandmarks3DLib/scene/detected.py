"""What was detected, kept in the markups node beside the manual corrections."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
import slicer
from numpy.typing import NDArray

from .landmark_surface import remember_surface
from .nodes import is_there, labels_of, local_position, point_values
from .provenance import PREFIX, unit_in_mm
from .world_surface import transform_to_world

_ATTRIBUTE = PREFIX + "placed"
# Positions go through a file with about so many digits; less is no edit.
_STILL_MM = 1e-3
ACCEPTED = PREFIX + "accepted"
_DETECTED = PREFIX + "detected"
_FACING = PREFIX + "facing"
_STATUS_OF_CODE = {0.0: "missing", 1.0: "uncertain", 2.0: "found"}
_CODE_OF_STATUS = {status: code for code, status in _STATUS_OF_CODE.items()}
# Manual corrections do not move so many landmarks, and so large a share of them, by one and the same affine map.
_LEAST, _SHARE = 8, 0.6
_EXACT_MM = 1e-2
_ROUNDS = 20
_Points = NDArray[np.float64]


def accepted_positions(node: Any) -> dict[str, dict[str, Any]]:
    """Label to ``position``, in the node's own coordinates, and ``time`` of what somebody has accepted."""
    text = node.GetAttribute(ACCEPTED)
    return {} if text is None else json.loads(text)


def remember_placed(node: Any) -> None:
    """Keep the positions of now as those that the detector gave, in the node's own coordinates."""
    replace_placed(node, _positions(node))


def replace_placed(node: Any, positions: Mapping[str, list[float] | None]) -> None:
    """Keep other positions, in the node's own coordinates, as those that the detector gave."""
    node.SetAttribute(_ATTRIBUTE, json.dumps(dict(positions)))


def placed_positions(node: Any) -> dict[str, list[float] | None]:
    """Label and position in the node's own coordinates, None for what was missing; empty where nothing is kept."""
    text = node.GetAttribute(_ATTRIBUTE)
    return {} if text is None else json.loads(text)


def remember_facing(node: Any, facing: Mapping[str, list[float]] | None) -> None:
    """Keep where the face looks and where its crown is: directions "front" and "up" in the world."""
    if facing is None:
        node.RemoveAttribute(_FACING)
    else:
        node.SetAttribute(_FACING, json.dumps(dict(facing)))


def facing_in_ras(info: Mapping[str, Any], frame: str) -> dict[str, list[float]] | None:
    """Front and crown of the head in RAS, from the pose of a result: to the subject's left, up, out of the face."""
    pose = info.get("pose")
    if pose is None:
        return None
    sign = -1.0 if frame == "LPS" else 1.0
    directions = {"up": pose[1], "front": pose[2]}
    return {name: [sign * float(x), sign * float(y), float(z)] for name, (x, y, z, _shift) in directions.items()}


def in_ras(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result with positions in Slicer's world, RAS."""
    frame = str(result.get("frame"))
    landmarks = [
        {**landmark, "position": None if landmark["position"] is None else turned(landmark["position"], frame)}
        for landmark in result["landmarks"]
    ]
    return {
        **result,
        "frame": "RAS" if frame == "LPS" else frame,
        "landmarks": landmarks,
        "facing": facing_in_ras(result.get("info") or {}, frame),
    }


def turned(position: Any, frame: str) -> list[float]:
    """From the frame to RAS, or back: a half turn about the vertical axis where the frame is LPS."""
    x, y, z = (float(value) for value in position)
    return [-x, -y, z] if frame == "LPS" else [x, y, z]


def facing_of(node: Any) -> dict[str, list[float]] | None:
    """What :func:`remember_facing` kept, None where nothing."""
    text = node.GetAttribute(_FACING)
    return None if text is None else json.loads(text)


def moved_by_hand(node: Any) -> dict[str, float | None]:
    """Landmarks that are not where the detector placed them.

    Returns
    -------
    dict
        Label and the distance in the world, millimetres of the scan; None where a missing landmark was placed, or a
        placed one was taken away.
    """
    moved: dict[str, float | None] = {}
    now, in_mm = _positions(node), unit_in_mm(node)
    for label, before in placed_positions(node).items():
        after = now.get(label)
        if before == after:
            continue
        distance = None
        if before is not None and after is not None:
            distance = in_mm * float(np.linalg.norm(_in_world(node, before) - _in_world(node, after)))
        if distance is None or distance > _STILL_MM:
            moved[label] = distance
    return moved


def reset_landmark(node: Any, label: str) -> None:
    """Put a landmark back where the detector placed it; ValueError where that is not known."""
    placed = placed_positions(node)
    if label not in placed:
        raise ValueError(f"no detected position is stored for {label!r}")
    place = node.GetControlPointIndexByLabel(label)
    if place < 0:
        raise ValueError(f"the landmark {label!r} is no longer in {node.GetName()!r}")
    position = placed[label]
    if position is None:
        node.SetNthControlPointPositionMissing(place)
    else:
        node.SetNthControlPointPosition(place, position)


def _positions(node: Any) -> dict[str, list[float] | None]:
    defined = slicer.vtkMRMLMarkupsNode.PositionDefined
    return {
        node.GetNthControlPointLabel(place): list(node.GetNthControlPointPosition(place))
        if node.GetNthControlPointPositionStatus(place) == defined
        else None
        for place in range(node.GetNumberOfControlPoints())
    }


def _in_world(node: Any, position: list[float]) -> np.ndarray:
    transform = transform_to_world(node)
    return np.array(position if transform is None else transform.TransformPoint(position))


@dataclass(frozen=True)
class Detected:
    """One landmark as detected.

    Attributes
    ----------
    status : {"found", "uncertain", "missing"}
    confidence : probability that it lies within 4 mm of its true position
    expected_error_mm, error_bound_mm : None where not known
    to_check : where it is uncertain, whether the reason lies in this scan, not in its definition
    """

    status: str
    confidence: float = 1.0
    expected_error_mm: float | None = None
    error_bound_mm: float | None = None
    to_check: bool = True

    @property
    def loose(self) -> bool:
        """Whether it is uncertain for no reason but its definition, as on every scan."""
        return self.status == "uncertain" and not self.to_check

    @property
    def code(self) -> float:
        """The status as in the measurement of the same name."""
        return _CODE_OF_STATUS[self.status]


@dataclass(frozen=True)
class Counts:
    """How many landmarks there are, how many of each status, and the expected errors that are known, mm.

    ``uncertain`` are those to check, ``loose`` those that are uncertain on every scan; the errors of these are apart.
    """

    total: int
    uncertain: int
    loose: int
    missing: int
    edited: int
    accepted: int
    expected_errors: tuple[float, ...]
    loose_errors: tuple[float, ...]


def counts_of(landmarks: Iterable[Any]) -> Counts:
    """How many landmarks, `Detected` or rows of a review, have which status."""
    given = list(landmarks)
    statuses = [each.status for each in given]
    known = [each for each in given if each.expected_error_mm is not None]
    return Counts(
        total=len(given),
        uncertain=sum(each.status == "uncertain" and not each.loose for each in given),
        loose=sum(each.loose for each in given),
        missing=statuses.count("missing"),
        edited=statuses.count("edited"),
        accepted=statuses.count("accepted"),
        expected_errors=tuple(each.expected_error_mm for each in known if not each.loose),
        loose_errors=tuple(each.expected_error_mm for each in known if each.loose),
    )


def begin_review(node: Any, model_node: Any) -> None:
    """Keep what has just been detected; what was accepted of an earlier detection no longer counts."""
    node.SetAttribute(_DETECTED, json.dumps({label: astuple(each) for label, each in _measured(node).items()}))
    node.RemoveAttribute(ACCEPTED)
    remember_surface(node, model_node)


def adopt(node: Any) -> None:
    """Take the landmarks of a file, which has measurements but no attributes, as they are now as those detected.

    Nothing happens where the node knows already, or where the landmarks were not detected.
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
    names = ("confidence", "expected_error_mm", "error_bound_mm", "to_check")
    columns = [point_values(node, name) or nothing for name in names]
    return {
        label: Detected(
            _STATUS_OF_CODE.get(code, "found"), max(confidence, 0.0), _known(expected), _known(bound), flag != 0.0
        )
        for label, code, confidence, expected, bound, flag in zip(labels_of(node), codes, *columns, strict=True)
    }


def _known(value: float) -> float | None:
    return None if value < 0 else value


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
    before, after = np.array([placed[label] for label in common]), np.array([now[label] for label in common])
    affine = _common_map(before, after, _EXACT_MM / unit_in_mm(node))
    if affine is None:
        return False
    replace_placed(node, {label: _mapped(affine, at) for label, at in placed_positions(node).items()})
    accepted = accepted_positions(node)
    for entry in accepted.values():
        entry["position"] = _mapped(affine, entry["position"])
    if accepted:
        node.SetAttribute(ACCEPTED, json.dumps(accepted))
    return True


def _common_map(before: _Points, after: _Points, exact: float) -> _Points | None:
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
    return affine if float(errors[kept].max()) < exact else None


def _mapped(affine: _Points, position: Any) -> list[float] | None:
    return None if position is None else [float(value) for value in (*position, 1.0) @ affine]
