"""What makes a detection go on in the background: a Qt timer, where there is Qt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer

from .landmark_job import LandmarkJob

INTERVAL_MS = 50


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
