"""The heatmap of a landmark as colours of the model, and the model's own look again afterwards."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import vtk
from numpy.typing import ArrayLike
from vtk.util.numpy_support import numpy_to_vtk

from ..provenance import PREFIX
from ..translation import _
from .heatmap_colors import add_heatmap_colors
from .points import ReviewError

ARRAY_PREFIX = "LandmarkHeatmap "
# Kept in the model, so that a scene that was saved meanwhile gets its look back as well.
_LOOK = PREFIX + "look_before_heatmap"
# Where the network has seen next to nothing, noise must not look like a peak.
_LEAST_TOP = 0.05


@dataclass(frozen=True)
class _Look:
    """How the model is shown, see vtkMRMLDisplayNode.h."""

    scalar_name: str | None
    location: int
    visibility: int
    color_id: str | None
    range_flag: int
    low: float
    high: float
    active_scalars: str | None


class HeatmapOverlay:
    """Shows values on the points of one model at a time."""

    def __init__(self) -> None:
        self._model: Any = None
        self._colors: Any = None
        self._texture: tuple[Any, Any] | None = None

    @property
    def model(self) -> Any | None:
        """The model that is coloured now."""
        return self._model

    def show(self, model_node: Any, label: str, values: ArrayLike) -> float:
        """Colour a model by the heatmap of a landmark; returns the highest value.

        Parameters
        ----------
        model_node : vtkMRMLModelNode
        label : of the landmark
        values : array_like (P,), one for each point of the model

        Raises
        ------
        ReviewError
            The model has another number of points: it has changed since the detection.
        """
        column = np.ascontiguousarray(values, dtype=np.float32)
        count = 0 if model_node.GetPolyData() is None else model_node.GetPolyData().GetNumberOfPoints()
        if count == 0 or column.shape != (count,):
            raise ReviewError(
                _(
                    "The model {name!r} has {count} points, the heatmap {size}: the model has changed since the "
                    "detection. Place the landmarks again."
                ).format(name=model_node.GetName(), count=count, size=column.size)
            )
        self.hide()
        recover_look(model_node)
        model_node.CreateDefaultDisplayNodes()
        model_node.SetAttribute(_LOOK, json.dumps(asdict(_look(model_node))))
        self._model, self._texture = model_node, _texture(model_node)
        self._colors = add_heatmap_colors(model_node.GetScene(), model_node.GetDisplayNode().GetColor())
        top = float(column.max())
        _add_values(model_node, ARRAY_PREFIX + label, column)
        _color(model_node.GetDisplayNode(), ARRAY_PREFIX + label, self._colors, max(top, _LEAST_TOP))
        return top

    def hide(self) -> None:
        """Give the model back its own look and take the values from it; nothing happens where nothing is shown."""
        model, texture, colors = self._model, self._texture, self._colors
        self._model = self._texture = self._colors = None
        if model is None:
            return
        recover_look(model)
        if colors.GetScene() is not None:
            colors.GetScene().RemoveNode(colors)
        if texture is not None and model.GetDisplayNode() is not None:
            model.GetDisplayNode().SetTextureImageDataConnection(texture[0])


def recover_look(model_node: Any) -> None:
    """Undo an overlay, also one that was on when its scene was saved; nothing happens where there is none."""
    text = model_node.GetAttribute(_LOOK)
    if text is None:
        return
    look, display = _Look(**json.loads(text)), model_node.GetDisplayNode()
    if display is not None:
        before = display.StartModify()
        display.SetScalarVisibility(look.visibility)
        display.SetActiveScalar(look.scalar_name, look.location)
        display.SetAndObserveColorNodeID(look.color_id or "")  # of its overloads Python takes the one for texts
        display.SetScalarRangeFlag(look.range_flag)
        display.SetScalarRange(look.low, look.high)
        display.EndModify(before)
    _remove_values(model_node, look.active_scalars)
    model_node.RemoveAttribute(_LOOK)


def _look(model: Any) -> _Look:
    display = model.GetDisplayNode()
    low, high = display.GetScalarRange()
    return _Look(
        scalar_name=display.GetActiveScalarName(),
        location=display.GetActiveAttributeLocation(),
        visibility=display.GetScalarVisibility(),
        color_id=display.GetColorNodeID(),
        range_flag=display.GetScalarRangeFlag(),
        low=low,
        high=high,
        active_scalars=model.GetActivePointScalarName(vtk.vtkDataSetAttributes.SCALARS),
    )


def _texture(model: Any) -> tuple[Any, Any] | None:
    """The connection of the texture and what produces it, which the connection does not keep alive."""
    connection = model.GetDisplayNode().GetTextureImageDataConnection()
    return None if connection is None else (connection, connection.GetProducer())


def _add_values(model: Any, name: str, column: np.ndarray) -> None:
    array = numpy_to_vtk(column, deep=True)
    array.SetName(name)
    model.AddPointScalars(array)


def _color(display: Any, name: str, colors: Any, top: float) -> None:
    before = display.StartModify()
    # A texture would be multiplied with the colours.
    display.SetTextureImageDataConnection(None)
    display.SetActiveScalar(name, vtk.vtkAssignAttribute.POINT_DATA)
    display.SetAndObserveColorNodeID(colors.GetID())
    display.SetScalarRangeFlag(display.UseManualScalarRange)
    display.SetScalarRange(0.0, top)
    display.SetScalarVisibility(True)
    display.EndModify(before)


def _remove_values(model: Any, active_before: str | None) -> None:
    polydata = model.GetPolyData()
    if polydata is None:
        return
    data = polydata.GetPointData()
    names = [data.GetArrayName(number) for number in range(data.GetNumberOfArrays())]
    for name in names:
        if name and name.startswith(ARRAY_PREFIX):
            model.RemoveScalars(name)
    if active_before is not None:
        data.SetActiveScalars(active_before)
    polydata.Modified()
