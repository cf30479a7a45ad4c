"""The heatmap of a landmark: asked of the worker, and shown as colours of the model."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import vtk
from numpy.typing import ArrayLike
from vtk.util.numpy_support import numpy_to_vtk

from ..messages import _
from ..scene.nodes import ReviewError
from ..scene.provenance import PREFIX
from ..worker.client import WorkerClient
from ..worker.protocol import Failed, Result

_STEPS = 256
_YELLOW, _RED = (1.0, 0.85, 0.1), (0.85, 0.0, 0.1)
ARRAY_PREFIX = "LandmarkHeatmap "
# Kept in the model, so that a scene that was saved meanwhile gets its look back as well.
_LOOK = PREFIX + "look_before_heatmap"
# Where the network has seen next to nothing, noise must not look like a peak.
_LEAST_TOP = 0.05


def add_heatmap_colors(scene: Any, base: tuple[float, float, float]) -> Any:
    """A colour table node for one overlay, hidden and not saved; whoever adds it removes it.

    Parameters
    ----------
    scene : vtkMRMLScene
    base : red, green and blue of the model, 0 to 1
    """
    node = scene.AddNewNodeByClass("vtkMRMLColorTableNode", "LandmarkHeatmap")
    before = node.StartModify()
    node.SetTypeToUser()
    node.SetHideFromEditors(True)
    node.SetSaveWithScene(False)
    node.SetNumberOfColors(_STEPS)
    channels = zip(base, _YELLOW, _RED, strict=True)
    colors = np.column_stack([np.interp(np.linspace(0, 2, _STEPS), (0, 1, 2), stops) for stops in channels])
    for entry, (red, green, blue) in enumerate(colors):
        node.SetColor(entry, float(red), float(green), float(blue), 1.0)
    node.EndModify(before)
    return node


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


def _forgotten() -> ReviewError:
    return ReviewError(
        _(
            "The heatmaps of this detection are no longer available: those of the last four are kept until Slicer "
            "ends. Place the landmarks again, then show the heatmap."
        )
    )


@dataclass(frozen=True, eq=False)
class Heatmap:
    """Values of one landmark, one for each point of the surface that the worker had: 0 to about 1."""

    label: str
    values: np.ndarray


class HeatmapRequest:
    """One request at a time; :meth:`poll` until it is answered.

    Parameters
    ----------
    worker : callable
        Gives the client of the worker that is kept.
    """

    def __init__(self, worker: Callable[[], WorkerClient]) -> None:
        self._worker = worker
        self._folder: Path | None = None
        self._identifier: int | None = None
        self._label = ""

    @property
    def busy(self) -> bool:
        """Whether an answer is to come."""
        return self._identifier is not None

    def start(self, detection: int | str | None, label: str) -> None:
        """Ask for the heatmap of a landmark.

        Parameters
        ----------
        detection : id of the ``detect`` request, None where it is not known any more
        label : of the landmark

        Raises
        ------
        ReviewError
            The worker has ended or is busy, or this detection is not known.
        """
        if detection is None:
            raise _forgotten()
        client = self._worker()
        if client.busy or self.busy:
            raise ReviewError(_("The worker is busy; show the heatmap when it has finished."))
        if not client.running:
            raise _forgotten()
        self._label, self._folder = label, Path(tempfile.mkdtemp(prefix="FacialLandmarks3D-"))
        self._identifier = client.request(
            "heatmap", detection=detection, label=label, output=self._folder / "heatmap.npy"
        )

    def poll(self) -> Heatmap | None:
        """The heatmap once it is there, None before.

        Raises
        ------
        ReviewError
            It cannot be had; the message says why.
        """
        if not self.busy:
            return None
        for event in self._worker().poll():
            if isinstance(event, Result) and event.identifier == self._identifier:
                return self._read()
            if isinstance(event, Failed) and event.identifier in (self._identifier, None):
                self.forget()
                raise _forgotten() if event.error.kind == "UnknownDetectionError" else ReviewError(str(event.error))
        if not self._worker().busy:  # somebody else has taken the answer
            self.forget()
            raise _forgotten()
        return None

    def forget(self) -> None:
        """Take no notice of the answer; the worker itself is left alone."""
        folder, self._folder, self._identifier = self._folder, None, None
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def _read(self) -> Heatmap:
        try:
            values = np.load(str(self._folder and self._folder / "heatmap.npy"), allow_pickle=False)
        except (OSError, ValueError) as error:
            raise ReviewError(_("The heatmap's file could not be read: {error}").format(error=error)) from error
        finally:
            self.forget()
        return Heatmap(self._label, np.asarray(values, dtype=np.float32).ravel())
