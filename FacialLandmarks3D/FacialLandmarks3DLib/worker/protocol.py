"""What a worker reports, how it fails, and whether a success is one. Standard library only."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LOG_LINES_SHOWN = 30
_LONGEST_QUOTE = 200
# Errors of sgcn_core about what it was given.
_WITH_REMEDY = ("FaceNotFoundError", "LandmarkError", "SurfaceError", "VolumeError", "FileFormatError", "SettingsError")
FileStamp = tuple[int, int, int]


class WorkerError(Exception):
    """A request failed, or the worker did.

    Attributes
    ----------
    kind : str
        An error type of ``docs/worker.md``, or one of the client: "NotStarted", "Crashed", "Hung", "Garbage",
        "NoResult", "Cancelled".
    message, hint : str
        What happened, what to do.
    log : tuple of str
        The worker's last lines on standard error.
    worker_lost : bool
        True where the worker had to be ended; the next request starts a new one.
    """

    def __init__(
        self, kind: str, message: str, *, hint: str = "", log: tuple[str, ...] = (), worker_lost: bool = False
    ) -> None:
        super().__init__(message)
        self.kind, self.message, self.hint, self.log, self.worker_lost = kind, message, hint, log, worker_lost

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()

    @property
    def remedy(self) -> str:
        """The hint, where the message does not say what to do: errors of sgcn_core do, behind a semicolon."""
        said = self.hint in self.message or (self.kind in _WITH_REMEDY and "; " in self.message)
        return "" if said else self.hint

    @property
    def details(self) -> str:
        """Everything, for a dialog's details and for support."""
        lines = [f"{self.kind}: {self.message}", self.hint]
        if self.log:
            lines += ["", "Last lines of the worker's log:", *self.log]
        return "\n".join(lines).strip()


class WorkerCancelled(WorkerError):
    """The request was cancelled by the user."""


@dataclass(frozen=True)
class Ready:
    """The worker has started.

    Attributes
    ----------
    version : str
        Of sgcn_core.
    pid : int
    """

    version: str
    pid: int


@dataclass(frozen=True)
class Progress:
    """A stage has begun; ``fraction`` of the work is done."""

    identifier: int
    stage: str
    fraction: float


@dataclass(frozen=True)
class Result:
    """A request was answered; every file it asked for is there."""

    identifier: int
    value: dict[str, Any]


@dataclass(frozen=True)
class Failed:
    """A request failed; ``identifier`` is None where the worker was lost while nothing was asked of it."""

    identifier: int | None
    error: WorkerError


Event = Ready | Progress | Result | Failed


@dataclass(frozen=True)
class Pending:
    """A request without its result.

    Attributes
    ----------
    identifier : int
    kind : str
    promised : str or None
        The file that must have been written when it succeeds.
    before : tuple or None
        What that file was when the request was made; None where there was none.
    """

    identifier: int
    kind: str
    promised: str | None = None
    before: FileStamp | None = None


def message_of(line: bytes) -> dict[str, Any]:
    """The JSON object of a line; WorkerError where it is none."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        raise garbage(line) from None
    if not isinstance(message, dict):
        raise garbage(line)
    return message


def garbage(line: bytes) -> WorkerError:
    """The error that a line makes no sense."""
    quoted = line[:_LONGEST_QUOTE].decode("utf-8", errors="replace")
    return WorkerError("Garbage", f"The worker wrote something unexpected: {quoted!r}.")


def fraction_of(message: Mapping[str, Any]) -> float:
    """Progress in [0, 1]."""
    value = message.get("fraction")
    return min(max(float(value), 0.0), 1.0) if isinstance(value, (int, float)) else 0.0


def reported(message: Mapping[str, Any], log: tuple[str, ...]) -> WorkerError:
    """The error that an answer reports."""
    error = message.get("error")
    fields = error if isinstance(error, dict) else {}
    text = str(fields.get("message", "The worker did not say what went wrong."))
    kind = str(fields.get("type", "Unknown"))
    return WorkerError(kind, text, hint=str(fields.get("hint", "")), log=log)


def checked_result(message: Mapping[str, Any], pending: Pending) -> dict[str, Any]:
    """The result of an answer; WorkerError where there is none, or not the file it promises."""
    value = message.get("result")
    if not isinstance(value, dict) or not value:
        raise WorkerError("NoResult", f"The worker reported success of {pending.kind!r} without a result.")
    if pending.kind == "detect" and not (isinstance(value.get("landmarks"), list) and value["landmarks"]):
        raise WorkerError("NoResult", "The worker reported success without landmarks.")
    if pending.promised is not None:
        after = file_stamp(pending.promised)
        if after is None or after == pending.before:
            raise WorkerError("NoResult", f"The worker reported success, but did not write {pending.promised}.")
    return value


def file_stamp(path: str) -> FileStamp | None:
    """Differs after a file has been replaced; None if it does not exist."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def ending(code: int) -> tuple[str, str]:
    """An exit code as a sentence for the user, and as a line for the details."""
    if code >= 0:
        return "The worker process ended unexpectedly.", f"The worker ended with exit code {code}."
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    text = "The worker process ended unexpectedly."
    if name == "SIGKILL":
        text = "The worker process was ended by the system, probably because memory was short."
    return text, f"The worker was ended by {name}."
