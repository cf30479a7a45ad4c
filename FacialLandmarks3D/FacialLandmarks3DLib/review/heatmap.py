"""The heatmap of a landmark: asked of the worker, and shown as colours of the model."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..messages import _
from ..scene.nodes import ReviewError
from ..scene.overlay import HEATMAP, ScalarOverlay, check_size, recover_look
from ..worker.client import WorkerClient
from ..worker.protocol import Failed, Result

_STEPS = 256
_YELLOW, _RED = (1.0, 0.85, 0.1), (0.85, 0.0, 0.1)
ARRAY_PREFIX = "LandmarkHeatmap "
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


class HeatmapOverlay:
    """Shows the heatmap of one landmark at a time on a model."""

    def __init__(self) -> None:
        self._overlay = ScalarOverlay(HEATMAP)
        self._colors: Any = None

    @property
    def model(self) -> Any | None:
        """The model that is coloured now."""
        return self._overlay.model

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
        changed = _("The model has changed since the detection. Place the landmarks again.")
        check_size(model_node, column, changed)
        self.hide()
        recover_look(model_node)
        model_node.CreateDefaultDisplayNodes()
        self._colors = add_heatmap_colors(model_node.GetScene(), model_node.GetDisplayNode().GetColor())
        top = float(column.max())
        self._overlay.show(
            model_node,
            ARRAY_PREFIX + label,
            column,
            colors=self._colors,
            low=0.0,
            high=max(top, _LEAST_TOP),
            changed=changed,
        )
        return top

    def hide(self) -> None:
        """Give the model back its own look and take the values from it; nothing happens where nothing is shown."""
        colors, self._colors = self._colors, None
        self._overlay.hide()
        if colors is not None and colors.GetScene() is not None:
            colors.GetScene().RemoveNode(colors)


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
