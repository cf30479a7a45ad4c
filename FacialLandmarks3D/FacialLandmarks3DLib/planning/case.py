"""Landmarks and surfaces of nodes as `sgcn_core.analysis` takes them, and its positions back in Slicer's world."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..messages import _
from ..review.rows import rows_of
from ..scene.detected import detected_landmarks
from ..scene.nodes import ReviewError, is_there, labels_of, world_position
from ..scene.provenance import Provenance, read_provenance, unit_in_mm
from ..scene.world_surface import WorldSurface

if TYPE_CHECKING:
    from sgcn_core.analysis.case import AnalysisCase
    from sgcn_core.types.surface import Surface

_RAS_TO_LPS = np.array([-1.0, -1.0, 1.0])


def case_of(node: Any, surface: WorldSurface | None = None) -> AnalysisCase:
    """The landmarks of a markups node, with all transforms applied, in millimetres and LPS.

    A landmark without a position is missing. One that was moved by hand is as certain as observers agree on it; the
    error that the detector expected of its former position says nothing any more.

    Parameters
    ----------
    node : vtkMRMLMarkupsNode
    surface : WorldSurface, optional
        The surface that they lie on.

    Raises
    ------
    ReviewError
        No landmark has a position, or two have the same label.
    """
    from sgcn_core.analysis.case import AnalysisCase
    from sgcn_core.types.landmarks import LandmarkResult

    labels = labels_of(node)
    if not any(is_there(node, place) for place in range(len(labels))):
        raise ReviewError(_("{name!r} has no landmarks; place them first.").format(name=node.GetName()))
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise ReviewError(
            _("{name!r} has the landmark {label!r} twice; rename or delete one.").format(
                name=node.GetName(), label=twice
            )
        )
    detected = detected_landmarks(node)
    positions, confidence, status, errors, by_detector = [], [], [], [], False
    rows = sorted(rows_of(node), key=lambda row: row.place)
    loose = [row.label for row in rows if row.loose]
    for row in rows:
        there = row.status != "missing"
        known = detected.get(row.label) if there and row.status != "edited" else None
        by_detector |= known is not None
        positions.append(world_position(node, row.place) if there else (math.nan,) * 3)
        status.append(row.status if row.status in ("missing", "uncertain") else "found")
        confidence.append(0.0 if not there else 1.0 if known is None else known.confidence)
        errors.append((math.nan, math.nan) if known is None else _errors(known.expected_error_mm, known.error_bound_mm))
    provenance = read_provenance(node)
    result = LandmarkResult(
        labels=labels,
        positions=np.array(positions),
        confidence=np.array(confidence),
        status=tuple(status),
        unit="mm" if provenance is None else provenance.unit,
        frame="RAS",
        info=_info(provenance, loose) if by_detector else {},
        expected_error=np.array(errors)[:, 0],
        error_bound=np.array(errors)[:, 1],
    )
    given = None if surface is None else surface_in_mm(surface, node)
    return AnalysisCase.from_result(result, given, node.GetName())


def surface_in_mm(surface: WorldSurface, node: Any) -> Surface:
    """A surface of the scene in millimetres and LPS; the unit is that of the landmarks of a node on it."""
    from sgcn_core.types.surface import Surface

    return Surface(vertices=to_lps(surface.points, node), faces=surface.triangles, unit="mm", frame="LPS")


def to_lps(points: ArrayLike, node: Any) -> NDArray[np.float64]:
    """Points (..., 3) of Slicer's world in millimetres and LPS."""
    return np.asarray(points, dtype=np.float64) * _RAS_TO_LPS * unit_in_mm(node)


def to_world(points: ArrayLike, node: Any) -> NDArray[np.float64]:
    """Points (..., 3) in millimetres and LPS in Slicer's world, in which the landmarks of a node lie."""
    return np.asarray(points, dtype=np.float64) * _RAS_TO_LPS / unit_in_mm(node)


def _info(provenance: Provenance | None, loose: list[str]) -> dict[str, Any]:
    """What the analysis asks of a detection; where every landmark was placed by hand nothing is left of one."""
    from sgcn_core.types.landmarks import ERRORS_HOLD_OBSERVERS, UNCERTAIN_BY_DEFINITION

    told: dict[str, Any] = {UNCERTAIN_BY_DEFINITION: loose}
    if provenance is not None:
        told |= {"model": provenance.model, ERRORS_HOLD_OBSERVERS: provenance.errors_hold_observers}
    return told


def _errors(expected: float | None, bound: float | None) -> tuple[float, float]:
    return (math.nan if expected is None else expected, math.nan if bound is None else bound)
