"""Works through the cases, one request to the worker after the other; the caller polls. No Qt."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..detection.job import request_fields
from ..messages import _
from ..worker.client import WorkerClient
from ..worker.protocol import Event, Failed, Progress, Result, WorkerError
from .cases import CANCELLED, ENDED, FAILED, OK, REFUSED, RUNNING, WAITING, Case, counts_of, recall, write_summary

if TYPE_CHECKING:
    from sgcn_core.settings import DetectionSettings

# The file was read, but no landmarks can be placed on what it shows.
_REFUSALS = ("FaceNotFoundError", "SurfaceError", "VolumeError")
# What no other case would be spared: it is told once instead of for every one of them.
_HOPELESS = ("NotStarted", "InstallationError", "DeviceError", "ModelError", "SettingsError", "BadRequest")


class BatchRun:
    """Places the landmarks of cases, each with a file of its own; no case can stop the others.

    Parameters
    ----------
    worker : callable
        Gives the client of the worker; RuntimeError where there is none.
    cases : sequence of Case
        Brought up to date as they go.
    output : Path
        Gets ``summary.csv``; made where it does not exist.
    options : DetectionSettings
    overwrite : bool
        Replace landmark files that exist, which may hold somebody's corrections; otherwise their cases count as done.
    clock : callable

    Attributes
    ----------
    error : str
        What ended the whole batch, such as a worker that cannot be started; empty where nothing did.
    """

    def __init__(
        self,
        worker: Callable[[], WorkerClient],
        cases: Sequence[Case],
        output: Path,
        options: DetectionSettings,
        *,
        overwrite: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._worker, self._cases, self._output = worker, list(cases), output
        self._options, self._overwrite, self._clock = options, overwrite, clock
        self._client: WorkerClient | None = None
        self._current: Case | None = None
        self._identifier, self._fraction, self._began = 0, 0.0, 0.0
        self._changed: list[Case] = []
        self._running = False
        self.stage, self.error = "", ""

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return not self._running

    @property
    def current(self) -> Case | None:
        """The case that is being worked on."""
        return self._current

    @property
    def fraction(self) -> float:
        """The share done of the whole batch."""
        ended = sum(case.status in ENDED for case in self._cases)
        return (ended + (self._fraction if self._current else 0.0)) / max(len(self._cases), 1)

    def start(self) -> None:
        """Begin with the first case.

        Raises
        ------
        OSError
            The output folder cannot be made or written to.
        RuntimeError
            The worker is busy, or there is none.
        """
        if self._worker().busy:
            raise RuntimeError(_("A detection is running; wait for it, or cancel it."))
        self._output.mkdir(parents=True, exist_ok=True)
        for case in self._cases:
            self._begin_anew(case)
        write_summary(self._output, self._cases)
        self._running = True
        self._next()

    def poll(self) -> list[Case]:
        """Go on; the cases that have changed since the last call. Takes milliseconds."""
        if self._current is not None and self._client is not None:
            for event in self._client.poll():
                self._take(event)
            if self._current is not None and not self._client.busy:  # its events went to somebody else
                self._end(FAILED, _("The worker was ended."))
                self._next()
        changed, self._changed = self._changed, []
        return changed

    def wait(self, idle: Callable[[], None] | None = None) -> None:
        """Poll until everything is done, for scripts; `idle` is called again and again."""
        while not self.done:
            self.poll()
            if idle is not None:
                idle()
            time.sleep(0.01)

    def cancel(self) -> None:
        """End the worker at once; what is done stays, what is not counts as cancelled."""
        if self.done:
            return
        if self._client is not None and self._current is not None:
            self._client.cancel()
            self._client.poll()
        self._stop(_("Cancelled."))

    def _begin_anew(self, case: Case) -> None:
        kept = not self._overwrite and case.landmarks.exists()
        if kept and case.status == OK:
            return
        case.status, case.reason, case.counts, case.seconds = WAITING, "", {}, None
        if kept:
            recall(case, self._output)
            case.status, case.reason = OK, _("existing landmarks kept")
        self._changed.append(case)

    def _next(self) -> None:
        """Ask for the next case that waits; the end where there is none."""
        case = next((case for case in self._cases if case.status == WAITING), None)
        if case is None:
            self._running = False
            return
        self._current, self._fraction, self._began, self.stage = case, 0.0, self._clock(), ""
        case.status = RUNNING
        self._changed.append(case)
        try:
            self._client = self._worker()
            self._identifier = self._client.request("detect", **self._fields(case))
        except RuntimeError as error:
            self._end(FAILED, str(error))
            self._stop(str(error))

    def _fields(self, case: Case) -> dict[str, Any]:
        return {
            **request_fields(self._options),
            "input": case.source,
            "output": case.landmarks,
            "surface": case.skin,
        }

    def _take(self, event: Event) -> None:
        if self._current is None or getattr(event, "identifier", None) != self._identifier:
            return
        if isinstance(event, Progress):
            self.stage, self._fraction = event.stage, event.fraction
        elif isinstance(event, Result):
            self._current.counts = counts_of(event.value["landmarks"])
            self._end(OK, "; ".join(event.value.get("notes") or ()))
            self._next()
        elif isinstance(event, Failed):
            self._take_failure(event.error)

    def _take_failure(self, error: WorkerError) -> None:
        self._end(REFUSED if error.kind in _REFUSALS else FAILED, str(error))
        if error.kind in _HOPELESS:
            self._stop(str(error))
        else:
            self._next()

    def _end(self, status: str, reason: str) -> None:
        """Note what has become of the current case."""
        case, self._current = self._current, None
        assert case is not None
        case.status, case.reason = status, reason
        case.seconds = self._clock() - self._began
        self._changed.append(case)
        self._write_summary()

    def _stop(self, reason: str) -> None:
        """The whole batch ends; what is not done counts as cancelled."""
        self._current, self._running = None, False
        for case in self._cases:
            if case.status not in ENDED:
                case.status, case.reason = CANCELLED, reason
                self._changed.append(case)
        self.error = reason
        self._write_summary()

    def _write_summary(self) -> None:
        """A table that cannot be written, such as one that is open in a spreadsheet, costs no landmarks."""
        try:
            write_summary(self._output, self._cases)
        except OSError as error:
            self.error = _("{name} cannot be written: {reason}").format(name=error.filename, reason=error.strerror)
