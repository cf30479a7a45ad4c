"""What a worker reports, and how it fails. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

LOG_LINES_SHOWN = 30


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
        return f"{self.message} {self.hint}".strip()

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
