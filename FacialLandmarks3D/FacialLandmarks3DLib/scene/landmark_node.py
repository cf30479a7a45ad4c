"""Landmarks that the worker has found, as a markups node that follows the model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import slicer
import vtk

from ..messages import _, describe
from .detected import begin_review, remember_facing, remember_placed
from .nodes import one_event, place_beside
from .provenance import Provenance, read_provenance, write_provenance

# The same names, codes and texts as in the .mrk.json files of sgcn_core, which therefore reads what Slicer saves.
_STATUS_CODES = {"missing": 0.0, "uncertain": 1.0, "found": 2.0}
_UNKNOWN = -1.0
_MEASUREMENTS = {
    "confidence": "probability that the landmark lies within 4 mm of its true position",
    "status": "0 missing, 1 uncertain, 2 found",
    "expected_error_mm": "expected (mean) error, millimetres; -1 where not known",
    "error_bound_mm": "90 % error bound of each landmark, millimetres; -1 where not known",
    "to_check": "1 where a landmark is uncertain for a reason that lies in the scan; -1 where not known",
}
# Found landmarks are selected and uncertain ones are not, so that the two have different colours.
_COLOR_UNCERTAIN, _COLOR_FOUND = (1.0, 0.55, 0.0), (0.1, 0.75, 0.35)
_TEXT_SCALE, _GLYPH_SCALE = 2.0, 2.0
_KIND = "vtkMRMLMarkupsFiducialNode"


def write_landmarks(node: Any, result: Mapping[str, Any], model_node: Any, provenance: Provenance) -> None:
    """Replace what a markups node holds by the landmarks of a result.

    The node gets the model's parent transform, so that its points move with the model, and stands beside it in the
    subject hierarchy. A missing landmark keeps its label and has the position status "missing".

    Parameters
    ----------
    node : vtkMRMLMarkupsFiducialNode in the scene of the model
    result : of the worker's ``detect`` on a surface of :mod:`world_surface`, see ``docs/worker.md``
    model_node : vtkMRMLModelNode
    provenance : Provenance

    Raises
    ------
    ValueError
        The result is not in RAS, or a landmark that is there has no finite position. The node is as it was.

    Notes
    -----
    Positions are the numbers of the scene. Where the scan's unit is another one than Slicer's, the millimetre, they are
    taken as they are, so that the landmarks lie on the scan; `provenance` keeps the unit for all that is said in
    millimetres.
    """
    landmarks = _checked(result)
    first_time = read_provenance(node) is None
    with one_event(node):
        node.SetAndObserveTransformNodeID(model_node.GetTransformNodeID())
        _write_points(node, landmarks, model_node.GetID())
        _write_measurements(node, landmarks)
        remember_placed(node)
        begin_review(node, model_node)
        write_provenance(node, provenance)
        remember_facing(node, result.get("facing"))
    if first_time:
        _show(node)
    place_beside(node, model_node)


def _checked(result: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    from sgcn_core.types.units import UNITS_TO_MM, canonical_unit

    frame, unit = result.get("frame"), result.get("unit")
    if frame != "RAS" or canonical_unit(str(unit)) is None:
        raise ValueError(f"landmarks in RAS, in {', '.join(UNITS_TO_MM)}, are needed; received {frame}, {unit}")
    landmarks: Sequence[Mapping[str, Any]] = result["landmarks"]
    for landmark in landmarks:
        position = landmark["position"]
        there = position is not None and len(position) == 3 and all(math.isfinite(value) for value in position)
        if landmark["status"] != "missing" and not there:
            raise ValueError(f"landmark {landmark['label']!r} has no finite position but {position!r}")
    return landmarks


def _write_points(node: Any, landmarks: Sequence[Mapping[str, Any]], model_id: str) -> None:
    node.SetFixedNumberOfControlPoints(False)
    node.RemoveAllControlPoints()
    for landmark in landmarks:
        if landmark["status"] == "missing":
            place = node.AddControlPoint([0.0, 0.0, 0.0], landmark["label"])
            node.SetNthControlPointPositionMissing(place)
        else:
            place = node.AddControlPointWorld([float(value) for value in landmark["position"]], landmark["label"])
        node.SetNthControlPointDescription(place, describe(landmark))
        node.SetNthControlPointSelected(place, landmark["status"] == "found")
        node.SetNthControlPointLocked(place, False)
        node.SetNthControlPointAssociatedNodeID(place, model_id)
    # The set and its order are fixed: deleting a point only takes its position.
    node.SetFixedNumberOfControlPoints(True)


def _write_measurements(node: Any, landmarks: Sequence[Mapping[str, Any]]) -> None:
    codes = [_STATUS_CODES[landmark["status"]] for landmark in landmarks]
    for name, text in _MEASUREMENTS.items():
        given = codes if name == "status" else [landmark.get(name) for landmark in landmarks]
        _write_measurement(node, name, text, [_UNKNOWN if value is None else float(value) for value in given])


def _write_measurement(node: Any, name: str, text: str, values: Sequence[float]) -> None:
    """One value for each control point; the value of the whole is the mean of those that are known."""
    column = vtk.vtkDoubleArray()
    column.SetName(name)
    for value in values:
        column.InsertNextValue(value)
    known = [value for value in values if value >= 0]
    measurement = node.GetMeasurement(name)
    if measurement is None:
        measurement = slicer.vtkMRMLStaticMeasurement()
        measurement.SetName(name)
        node.AddMeasurement(measurement)
    measurement.SetDescription(text)
    measurement.SetPrintFormat("%5.3f")
    measurement.SetControlPointValues(column)
    measurement.SetValue(sum(known) / len(known) if known else _UNKNOWN)


def _show(node: Any) -> None:
    """Colours and sizes of a node that is placed for the first time; what the user chooses later stays."""
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    if display is None:
        return
    display.SetColor(*_COLOR_UNCERTAIN)
    display.SetSelectedColor(*_COLOR_FOUND)
    display.SetTextScale(_TEXT_SCALE)
    display.SetGlyphScale(_GLYPH_SCALE)
    display.SetPropertiesLabelVisibility(False)
    display.SetPointLabelsVisibility(True)


class LandmarkOutput:
    """Takes a result into a markups node; nothing is made or changed before there is a result.

    Parameters
    ----------
    scene : vtkMRMLScene
    input_node : vtkMRMLNode
        What the landmarks are placed on.
    node : vtkMRMLMarkupsFiducialNode or None
        None: a new one.

    Raises
    ------
    ValueError
        The node is of another kind.
    """

    def __init__(self, scene: Any, input_node: Any, node: Any) -> None:
        if node is not None and not node.IsA(_KIND):
            raise ValueError(
                _("Landmarks go into a point list; {name!r} is a {kind}.").format(
                    name=node.GetName(), kind=node.GetClassName()
                )
            )
        self._scene, self._node = scene, node
        self._input_id, self._output_id = input_node.GetID(), None if node is None else node.GetID()

    def input_is_there(self) -> bool:
        """Whether the input is still in the scene."""
        return self._scene.GetNodeByID(self._input_id) is not None

    def write(self, result: Mapping[str, Any], surface: Any, provenance: Provenance) -> Any:
        """The node with the landmarks of a result; what was there can be had back by undo."""
        node: Any = None if self._output_id is None else self._scene.GetNodeByID(self._output_id)
        self._scene.SaveStateForUndo()
        made = node is None
        if made:
            name = _("{input} landmarks").format(input=provenance.input)
            node = self._scene.AddNewNodeByClass(_KIND, self._scene.GenerateUniqueName(name))
        try:
            write_landmarks(node, result, surface, provenance)
        except Exception:
            if made:
                self._scene.RemoveNode(node)
            raise
        return node
