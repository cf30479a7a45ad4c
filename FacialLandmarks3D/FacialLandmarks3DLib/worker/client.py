"""The worker as Slicer's process sees it: ask, poll with a timer, cancel. Standard library only."""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .process import ChildProcess, Process
from .protocol import (
    LOG_LINES_SHOWN,
    Event,
    Failed,
    Pending,
    Progress,
    Ready,
    Result,
    WorkerCancelled,
    WorkerError,
    checked_result,
    ending,
    file_stamp,
    fraction_of,
    garbage,
    message_of,
    reported,
)
from .python import worker_command, worker_environment

PROTOCOL = 1
_LONGEST_LINE = 64 << 20
_LAST_READS = 16
_LONGEST_LOG_LINE = 500
# A longer pause between two looks is the caller's own (a dialog, a sleeping computer), not the worker's silence.
_LONGEST_GAP = 5.0
_POLL_SECONDS = 0.005
_HINTS = {
    "NotStarted": "Check the installation: the worker needs a Python with sgcn_core and PyTorch.",
    "Crashed": "Try again; if it happens again, close other programs. The log is in the details.",
    "Hung": "Try again; if it happens again, reduce the number of triangles.",
    "Garbage": "Another program writes to the worker's output; the log is in the details.",
    "NoResult": "Try again; the log is in the details.",
    "Cancelled": "",
}


@dataclass(frozen=True)
class Limits:
    """How long the worker may say nothing, in seconds.

    Attributes
    ----------
    start : float
        Until it is ready. The first start after an installation is slow where a virus scanner looks on.
    silence : float
        Between two messages while it works; a stage may take long on a large surface.
    """

    start: float = 120.0
    silence: float = 300.0


class WorkerClient:
    """Keeps one worker, started with the first request and again after it was lost.

    One request at a time. Nothing waits except :meth:`wait` and :meth:`close`.

    Parameters
    ----------
    spawn : callable
        Starts a worker; raises OSError where it cannot.
    limits : Limits
    clock, sleep : callables
    """

    def __init__(
        self,
        spawn: Callable[[], Process],
        *,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._spawn, self._clock, self._sleep = spawn, clock, sleep
        self._limits = limits or Limits()
        self._events: deque[Event] = deque()
        self._log: deque[str] = deque(maxlen=LOG_LINES_SHOWN)
        self._process: Process | None = None
        self._pending: Pending | None = None
        self._last_identifier = 0
        self._begin_worker(None)

    @classmethod
    def for_python(
        cls,
        python: str,
        package_folder: str | None = None,
        environment: Mapping[str, str] | None = None,
        limits: Limits | None = None,
    ) -> WorkerClient:
        """A client whose worker runs in the given interpreter, see `worker_environment`; requests hold absolute paths.

        It runs in the package's folder where that is known: Python 3.10 imports modules from the current folder.
        """
        folder = None if package_folder is None else Path(package_folder)
        return cls(
            lambda: ChildProcess(worker_command(python), worker_environment(package_folder, environment), folder),
            limits=limits,
        )

    @property
    def busy(self) -> bool:
        """Whether a request is being worked on."""
        return self._pending is not None

    @property
    def running(self) -> bool:
        """Whether there is a worker."""
        return self._process is not None and self._process.exit_code() is None

    @property
    def log(self) -> tuple[str, ...]:
        """The last lines that the worker wrote to standard error."""
        return tuple(self._log)

    def start(self) -> None:
        """Start the worker ahead of the first request; a failure is an event like any other."""
        if self.running:
            return
        if self._process is not None:
            self._process.kill()
        self._log.clear()
        try:
            self._begin_worker(self._spawn())
        except OSError as error:
            self._lose("NotStarted", f"The worker could not be started: {error}.")

    def request(self, kind: str, **fields: Any) -> int:
        """Ask for something, see ``docs/worker.md``; fields that are None are left out, paths may be `Path` objects.

        Returns the id that the request's events carry; raises RuntimeError where the worker is busy.
        """
        if self.busy:
            raise RuntimeError("the worker is busy; wait for its result or cancel it")
        given = {name: value for name, value in fields.items() if value is not None}
        identifier = self._last_identifier + 1
        line = json.dumps({"id": identifier, "request": kind, **given}, ensure_ascii=True, default=os.fspath)
        promised = None if "output" not in given else os.fspath(given["output"])
        before = None if promised is None else file_stamp(promised)
        self._last_identifier, self._pending = identifier, Pending(identifier, kind, promised, before)
        self.start()
        self._quiet, self._looked = 0.0, self._clock()
        if self._process is not None:
            with suppress(OSError):  # it has ended; the next poll says why
                self._process.write(line.encode("ascii") + b"\n")
        return identifier

    def poll(self) -> list[Event]:
        """What has happened since the last call; takes a few milliseconds at most."""
        if self._process is not None:
            self._look(self._process)
        events = list(self._events)
        self._events.clear()
        return events

    def wait(self, on_event: Callable[[Event], None] | None = None, *, timeout: float | None = None) -> dict[str, Any]:
        """Wait for the result of the request.

        Parameters
        ----------
        on_event : callable, optional, called with every event
        timeout : float, optional, seconds after which the worker is ended

        Raises
        ------
        WorkerError
            It failed.
        RuntimeError
            Nothing was asked.
        """
        began = self._clock()
        while True:
            if self._process is not None:
                self._look(self._process)
            while self._events:
                event = self._events.popleft()
                if on_event is not None:
                    on_event(event)
                if isinstance(event, Result):
                    return event.value
                if isinstance(event, Failed) and event.identifier is not None:
                    raise event.error
            if not self.busy:
                raise RuntimeError("there is nothing to wait for")
            if timeout is not None and self._clock() - began > timeout:
                self._lose("Hung", f"There was no result within {timeout:g} seconds.")
                continue
            self._sleep(_POLL_SECONDS)

    def cancel(self) -> None:
        """End the worker and all that it has started, at once; the request fails with `WorkerCancelled`."""
        if self.busy:
            self._lose("Cancelled", "Cancelled.")

    def close(self, patience: float = 2.0) -> None:
        """End the worker: ask, wait a little, then kill. Events that nobody took are dropped."""
        process, self._process = self._process, None
        self._pending = None
        self._events.clear()
        if process is None:
            return
        process.close_input()
        began = self._clock()
        while process.exit_code() is None and self._clock() - began < patience:
            self._keep_log(process.read_log())
            process.read_output()
            self._sleep(_POLL_SECONDS)
        process.kill()

    def _begin_worker(self, process: Process | None) -> None:
        self._process, self._ready = process, False
        self._waiting, self._waiting_log = b"", b""
        self._quiet, self._looked = 0.0, self._clock()

    def _look(self, process: Process) -> None:
        """Read what is there; notice silence and the end."""
        code = process.exit_code()  # before reading: what is read then is all that there will be
        self._keep_log(process.read_log())
        try:
            for _ in range(1 if code is None else _LAST_READS):
                self._take(process.read_output())
            if code is not None:
                text, line = ending(code)
                self._log.append(line)
                raise WorkerError("Crashed" if self._ready else "NotStarted", text)
            self._check_silence()
        except WorkerError as error:
            self._lose(error.kind, error.message)

    def _take(self, output: bytes) -> None:
        *lines, self._waiting = (self._waiting + output).split(b"\n")
        if len(self._waiting) > _LONGEST_LINE:
            raise WorkerError("Garbage", "The worker wrote a line without end.")
        for line in lines:
            if line.strip():
                self._quiet = 0.0
                self._events.append(self._event(line.strip()))

    def _event(self, line: bytes) -> Event:
        """The event of a line; WorkerError where it is none that can come now."""
        message = message_of(line)
        answer = message.get("answer")
        if answer == "ready" and not self._ready:
            return self._begun(message)
        pending = self._pending
        if pending is None or not _concerns(message, pending):
            raise garbage(line)
        if answer == "progress":
            return Progress(pending.identifier, str(message.get("stage")), fraction_of(message))
        if answer == "result":
            value = checked_result(message, pending)
            self._pending = None
            return Result(pending.identifier, value)
        if answer == "error":
            self._pending = None
            return Failed(pending.identifier, reported(message, self.log))
        raise garbage(line)

    def _begun(self, message: Mapping[str, Any]) -> Ready:
        if message.get("protocol") != PROTOCOL:
            raise WorkerError(
                "NotStarted",
                f"The worker uses protocol {message.get('protocol')}, this module {PROTOCOL}: sgcn_core "
                f"{message.get('version')} is of another version than the module.",
            )
        self._ready = True
        return Ready(str(message.get("version")), int(message.get("pid") or 0))

    def _check_silence(self) -> None:
        now = self._clock()
        self._quiet += min(now - self._looked, _LONGEST_GAP)
        self._looked = now
        if not self._ready:
            if self._quiet > self._limits.start:
                raise WorkerError("NotStarted", f"The worker did not start within {self._limits.start:g} seconds.")
        elif self.busy and self._quiet > self._limits.silence:
            raise WorkerError("Hung", f"The worker did not respond for {self._limits.silence:g} seconds.")

    def _lose(self, kind: str, message: str) -> None:
        """End the worker; whatever was asked of it has failed."""
        process, pending = self._process, self._pending
        self._process, self._pending = None, None
        if process is not None:
            process.kill()
            self._keep_log(process.read_log())
            self._keep_log(b"\n")
        failure = WorkerCancelled if kind == "Cancelled" else WorkerError
        error = failure(kind, message, hint=_HINTS[kind], log=self.log, worker_lost=True)
        self._events.append(Failed(pending.identifier if pending else None, error))

    def _keep_log(self, content: bytes) -> None:
        *lines, self._waiting_log = (self._waiting_log + content).split(b"\n")
        for line in lines:
            if text := line.decode("utf-8", errors="replace").rstrip()[:_LONGEST_LOG_LINE]:
                self._log.append(text)


def _concerns(message: Mapping[str, Any], pending: Pending) -> bool:
    """Whether an answer is to this request; a request that could not be read at all gets an error without id."""
    unread = message.get("answer") == "error" and message.get("id") is None
    return unread or message.get("id") == pending.identifier
