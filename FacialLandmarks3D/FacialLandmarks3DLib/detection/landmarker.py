"""Detections on nodes: who may start one, where its files go, and the timer that drives it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import slicer

from ..messages import _
from ..scene.landmark_node import LandmarkOutput
from ..scene.landmark_surface import surface_of
from ..scene.sources import source_of
from ..worker.client import WorkerClient
from ..worker.keeper import WorkerKeeper
from .job import LandmarkJob

if TYPE_CHECKING:
    from sgcn_core.settings import DetectionSettings

INTERVAL_MS = 50


def default_settings() -> DetectionSettings:
    """Those of a panel in which nothing was changed."""
    from sgcn_core.settings import DetectionSettings

    return DetectionSettings(landmark_set="clinical")


class Landmarker:
    """Places landmarks on the nodes of a scene, one detection at a time.

    Parameters
    ----------
    keeper : WorkerKeeper
    scene : vtkMRMLScene
    """

    def __init__(self, keeper: WorkerKeeper, scene: Any) -> None:
        self._keeper, self._scene = keeper, scene
        # With the node itself: another scene may use its ID again.
        self._detections: dict[str, tuple[Any, int]] = {}
        self._job: LandmarkJob | None = None

    @property
    def busy(self) -> bool:
        """Whether the worker works, on a detection of a node or for somebody else."""
        return self._keeper.busy or (self._job is not None and not self._job.done)

    def worker(self) -> WorkerClient:
        """The client of the worker; RuntimeError where no Python for it is found."""
        return self._keeper.client()

    def restart_worker(self) -> None:
        """End the worker; the next request starts a new one, with the packages that are installed by then."""
        self._keeper.close()
        self._detections.clear()  # another worker counts from one again

    def start(
        self,
        input_node: Any,
        options: DetectionSettings | None = None,
        output_node: Any = None,
        *,
        progress: Callable[[str, float], None] | None = None,
    ) -> LandmarkJob:
        """Begin a detection, which goes on whenever its `poll` is called.

        Parameters
        ----------
        input_node : vtkMRMLModelNode or vtkMRMLScalarVolumeNode
        options : DetectionSettings
        output_node : vtkMRMLMarkupsFiducialNode, optional
            What it holds is replaced when the detection succeeds; by default a new node is made then.
        progress : callable, optional
            Called with the name of the stage that begins and the share done, 0 to 1.

        Raises
        ------
        ValueError
            Nodes that cannot be used; the message says what to do.
        RuntimeError
            The worker is busy, or cannot be found.
        """
        source = source_of(input_node)
        client = self.worker()
        if self.busy:
            raise RuntimeError(_("A detection is running already; wait for it, or cancel it."))
        output = LandmarkOutput(self._scene, input_node, output_node)
        folder = tempfile.TemporaryDirectory(prefix="fl3d-", ignore_cleanup_errors=True)
        job = LandmarkJob(client, source, options or default_settings(), output, Path(folder.name), progress)
        job.on_end(folder.cleanup)
        job.on_end(lambda: self._remember(job))
        self._job = job
        return job

    def detection_of(self, node: Any) -> int | None:
        """The id of the worker's `detect` request whose result a markups node shows; None where it is not kept."""
        if node is None or not self._keeper.running:
            return None
        known, identifier = self._detections.get(node.GetID(), (None, None))
        return identifier if known is node else None

    def surface_of(self, node: Any) -> Any:
        """The model node that the landmarks of a markups node lie on; None where it is not known or not there."""
        return surface_of(node)

    def _remember(self, job: LandmarkJob) -> None:
        if job.node is not None and job.identifier is not None:
            self._detections[job.node.GetID()] = (job.node, job.identifier)


def drive(job: LandmarkJob, on_tick: Callable[[], None] | None = None) -> Any:
    """Poll a job with a timer until it is done.

    Parameters
    ----------
    job : LandmarkJob
    on_tick : callable, optional
        Called after every look, the last time with the job done.

    Returns
    -------
    qt.QTimer or None
        None where there is no Qt: the caller polls.
    """
    if getattr(slicer, "app", None) is None:
        return None
    import qt

    timer = qt.QTimer()
    timer.setInterval(INTERVAL_MS)

    def tick() -> None:
        if job.poll():
            timer.stop()
        if on_tick is not None:
            on_tick()

    timer.connect("timeout()", tick)
    timer.start()
    job.on_end(timer.stop)
    return timer


def process_events() -> Callable[[], None] | None:
    """What keeps Slicer's window alive while a script waits; None where there is no window."""
    application = getattr(slicer, "app", None)
    return getattr(application, "processEvents", None)
