"""Values on the points of a model shown as its colours, and the way back to how it was shown before."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import ArrayLike
from vtk.util.numpy_support import numpy_to_vtk

from ..messages import _
from .nodes import ReviewError
from .provenance import PREFIX

HEATMAP, MAP = "heatmap", "map"
"""Kinds of overlays; a model shows one at a time."""
# Kept in the model, so that a scene that was saved meanwhile gets its look back as well.
_LOOK = PREFIX + "look_before_heatmap"
_LEGEND = PREFIX + "legend"


@dataclass(frozen=True)
class _Look:
    """How the model was shown, see vtkMRMLDisplayNode.h, and what is shown on it now."""

    scalar_name: str | None
    location: int
    visibility: int
    color_id: str | None
    range_flag: int
    low: float
    high: float
    active_scalars: str | None
    kind: str = HEATMAP
    array: str = ""


class ScalarOverlay:
    """Shows values on the points of one model at a time.

    Parameters
    ----------
    kind : HEATMAP or MAP
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._model: Any = None
        self._texture: tuple[Any, Any] | None = None

    @property
    def model(self) -> Any | None:
        """The model that this overlay colours now; None as well where another one has taken its place."""
        return self._model if self._model is not None and shown_on(self._model) == self.kind else None

    def show(
        self,
        model_node: Any,
        name: str,
        values: ArrayLike,
        *,
        colors: Any,
        low: float,
        high: float,
        changed: str,
        legend: str = "",
    ) -> None:
        """Colour a model; what was shown on it before goes.

        Parameters
        ----------
        model_node : vtkMRMLModelNode
        name : of the array that the model gets
        values : array_like (P,), one for each point of the model; NaN where there is none
        colors : vtkMRMLColorNode
        low, high : values of the first and the last colour
        changed : what to do where the model has another number of points
        legend : title of a colour legend in the views; none where it is empty

        Raises
        ------
        ReviewError
            The model has another number of points than there are values.
        """
        column = np.ascontiguousarray(values, dtype=np.float32)
        check_size(model_node, column, changed)
        self.hide()
        recover_look(model_node)
        model_node.CreateDefaultDisplayNodes()
        model_node.SetAttribute(_LOOK, json.dumps(asdict(_look(model_node, self.kind, name))))
        self._model, self._texture = model_node, _texture(model_node)
        array = numpy_to_vtk(column, deep=True)
        array.SetName(name)
        model_node.AddPointScalars(array)
        _color(model_node.GetDisplayNode(), name, colors, low, high)
        if legend:
            _add_legend(model_node, legend)

    def hide(self) -> None:
        """Give the model back its own look and take the values from it; nothing happens where nothing is shown."""
        model, texture = self._model, self._texture
        self._model = self._texture = None
        if model is None or shown_on(model) != self.kind:
            return
        recover_look(model)
        if texture is not None and model.GetDisplayNode() is not None:
            model.GetDisplayNode().SetTextureImageDataConnection(texture[0])


def check_size(model_node: Any, column: np.ndarray, changed: str) -> None:
    """ReviewError where there is not one value for each point of a model."""
    count = 0 if model_node.GetPolyData() is None else model_node.GetPolyData().GetNumberOfPoints()
    if count == 0 or column.shape != (count,):
        text = _("The model {name!r} has {count} points, but there are values for {size}. {changed}")
        raise ReviewError(text.format(name=model_node.GetName(), count=count, size=column.size, changed=changed))


def shown_on(model_node: Any) -> str | None:
    """The kind of overlay on a model, None where it has its own look."""
    text = model_node.GetAttribute(_LOOK)
    return None if text is None else _Look(**json.loads(text)).kind


def recover_look(model_node: Any, kind: str | None = None) -> None:
    """Undo an overlay, also one that was on when its scene was saved; nothing happens where there is none.

    Parameters
    ----------
    model_node : vtkMRMLModelNode
    kind : str, optional
        Leave overlays of other kinds.
    """
    text = model_node.GetAttribute(_LOOK)
    if text is None:
        return
    look, display = _Look(**json.loads(text)), model_node.GetDisplayNode()
    if kind not in (None, look.kind):
        return
    _remove_legend(model_node)
    if display is not None:
        before = display.StartModify()
        display.SetScalarVisibility(look.visibility)
        display.SetActiveScalar(look.scalar_name, look.location)
        display.SetAndObserveColorNodeID(look.color_id or "")  # of its overloads Python takes the one for texts
        display.SetScalarRangeFlag(look.range_flag)
        display.SetScalarRange(look.low, look.high)
        display.EndModify(before)
    _remove_values(model_node, look)
    model_node.RemoveAttribute(_LOOK)


def _look(model: Any, kind: str, array: str) -> _Look:
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
        kind=kind,
        array=array,
    )


def _texture(model: Any) -> tuple[Any, Any] | None:
    """The connection of the texture and what produces it, which the connection does not keep alive."""
    connection = model.GetDisplayNode().GetTextureImageDataConnection()
    return None if connection is None else (connection, connection.GetProducer())


def _color(display: Any, name: str, colors: Any, low: float, high: float) -> None:
    before = display.StartModify()
    # A texture would be multiplied with the colours.
    display.SetTextureImageDataConnection(None)
    display.SetActiveScalar(name, vtk.vtkAssignAttribute.POINT_DATA)
    display.SetAndObserveColorNodeID(colors.GetID())
    display.SetScalarRangeFlag(display.UseManualScalarRange)
    display.SetScalarRange(low, high)
    display.SetScalarVisibility(True)
    display.EndModify(before)


def _add_legend(model: Any, title: str) -> None:
    """A colour legend; without one where this Slicer has none, and where the user has made one already."""
    logic = getattr(slicer, "vtkSlicerColorLogic", None)  # of the module Colors
    if logic is None or not model.GetScene().GetClassNameByTag("ColorLegendDisplay"):
        return
    if logic.GetColorLegendDisplayNode(model) is not None:
        return
    legend = logic.AddDefaultColorLegendDisplayNode(model)
    legend.SetAttribute(_LEGEND, "1")
    legend.SetTitleText(title)
    legend.SetLabelFormat("%.1f")
    legend.SetVisibility2D(False)


def _remove_legend(model: Any) -> None:
    logic = getattr(slicer, "vtkSlicerColorLogic", None)
    legend = None if logic is None else logic.GetColorLegendDisplayNode(model)
    if legend is not None and legend.GetAttribute(_LEGEND):
        model.GetScene().RemoveNode(legend)


def _remove_values(model: Any, look: _Look) -> None:
    polydata = model.GetPolyData()
    if polydata is None:
        return
    data = polydata.GetPointData()
    if look.array and data.HasArray(look.array):
        model.RemoveScalars(look.array)
    if look.active_scalars is not None:
        data.SetActiveScalars(look.active_scalars)
    polydata.Modified()
