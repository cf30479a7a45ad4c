"""What the parts of the panel share. They get it from the widget and know nothing of each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import slicer

from ..worker.client import WorkerClient
from ..worker.python import RESOURCES
from .landmarker import Landmarker, default_settings

if TYPE_CHECKING:
    from sgcn_core.settings import DetectionSettings

InitialLandmarks = Mapping[str, Sequence[float]]


class Installation(Protocol):
    """What detection needs beside Slicer: PyTorch and the packages of ``requirements.txt``."""

    def ready(self) -> tuple[bool, str]:
        """Whether everything is there, and if not, what is missing; looks at metadata only, takes milliseconds."""

    def ensure(self) -> None:
        """Install what is missing, after the user has agreed; RuntimeError, with the reason, where it is not done."""

    def report(self) -> str:
        """Versions, folders and devices, for whoever has to help from afar."""


def load_section(file: str, container: Any) -> tuple[Any, Any]:
    """Put the widgets of a file of ``Resources/UI`` into a container of the panel.

    The container may have a layout, from its own file, which is empty and therefore false in PythonQt: only None says
    that it has none.

    Returns
    -------
    tuple
        The widget of the file, and its named widgets as attributes.
    """
    import qt

    widget = slicer.util.loadUI(str(RESOURCES / "UI" / file))
    layout = container.layout()
    if layout is None:
        layout = qt.QVBoxLayout(container)
    layout.addWidget(widget)
    return widget, slicer.util.childWidgetVariables(widget)


@dataclass
class Services:
    """Handed to every part of the panel.

    Attributes
    ----------
    scene : vtkMRMLScene
    landmarker : Landmarker
        Starts detections of nodes; keeps the one worker of the module.
    installation : Installation
    resources : Path
        The module's folder ``Resources``.
    place_again : callable
        Run the detection of the panel's present input and settings once more, into the same output, with the given
        `initial_landmarks` (label to position in the world, RAS mm; None: none). Returns at once, the panel shows the
        progress. Set by the widget.
    options : callable
        The panel's present settings; ValueError where they cannot be used. Set by the widget.
    show_landmarks : callable
        Let the panel review a markups node. Set by the widget.
    use_weights : callable
        Let the panel detect with this weights file from now on. Set by the widget.
    """

    scene: Any
    landmarker: Landmarker
    installation: Installation
    resources: Path
    place_again: Callable[[InitialLandmarks | None], None] = lambda initial_landmarks: None
    options: Callable[[], DetectionSettings] = default_settings
    show_landmarks: Callable[[Any], None] = lambda node: None
    use_weights: Callable[[str], None] = lambda path: None

    def worker(self) -> WorkerClient:
        """The client of the worker that is kept alive.

        Whoever makes a request polls for its events until it has ended, and asks only where ``busy`` is false. Events
        with another identifier than the request's are to be ignored.
        """
        return self.landmarker.worker()
