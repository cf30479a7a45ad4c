"""Outcomes of a batch, and the exit code that sums them up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from sgcn_core.batch.plan import Job
from sgcn_core.errors import SgcnError

if TYPE_CHECKING:
    from sgcn_core.types.landmarks import LandmarkResult


class ExitCode(IntEnum):
    """Exit codes, the same for every command."""

    OK = 0
    SOME_FAILED = 1
    USAGE = 2
    ALL_FAILED = 3
    PICTURE_FAILED = 4
    NOT_USABLE = 5
    REPORT_LOST = 6
    INTERRUPTED = 130


EXIT_CODE_MEANINGS = {
    ExitCode.OK: "everything was done",
    ExitCode.SOME_FAILED: "some inputs failed, the others have their landmarks",
    ExitCode.USAGE: "the command line was wrong; nothing was done",
    ExitCode.ALL_FAILED: "every input failed",
    ExitCode.PICTURE_FAILED: "all landmarks were written, a picture or the table was not",
    ExitCode.NOT_USABLE: "the model or the compute device cannot be used, or an essential check failed",
    ExitCode.REPORT_LOST: "everything was done, but standard output could not be written",
    ExitCode.INTERRUPTED: "interrupted (Ctrl-C, SIGTERM or SIGHUP)",
}


DEBUG_HINT = " (--debug shows where)"


@dataclass(frozen=True)
class Outcome:
    """Outcome of one input.

    Attributes
    ----------
    job : Job
    seconds : float
    result : LandmarkResult or None
    error : str or None
        Why there are no landmarks.
    refused : bool
        The file was read, but no landmarks can be placed on what it shows.
    picture_error : str or None
        Why there is no picture; the landmarks are written.
    disk_full : bool
        There is no room for the landmarks, nor for those of another input.
    """

    job: Job
    seconds: float
    result: LandmarkResult | None = None
    error: str | None = None
    refused: bool = False
    picture_error: str | None = None
    disk_full: bool = False

    def count(self, status: str) -> int:
        """Number of landmarks with this status."""
        return 0 if self.result is None else self.result.status.count(status)

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "input": str(self.job.source),
            "status": "ok" if self.error is None else "failed",
            "error": self.error,
            "output": str(self.job.landmarks) if self.error is None else None,
            "picture": str(self.job.picture) if self.job.picture and not (self.error or self.picture_error) else None,
            "picture_error": self.picture_error,
            "seconds": round(self.seconds, 3),
            "result": self.result.as_dict() if self.result is not None else None,
        }


def exit_code(outcomes: Sequence[Outcome]) -> ExitCode:
    """The exit code that sums up all outcomes."""
    failed = sum(outcome.error is not None for outcome in outcomes)
    lacking = any(outcome.picture_error is not None for outcome in outcomes)
    return code_of(inputs=len(outcomes), failed=failed, picture_lacking=lacking)


def code_of(*, inputs: int, failed: int, picture_lacking: bool) -> ExitCode:
    """The exit code of so many inputs, of which so many failed."""
    if failed:
        return ExitCode.ALL_FAILED if failed == inputs else ExitCode.SOME_FAILED
    return ExitCode.PICTURE_FAILED if picture_lacking else ExitCode.OK


def totals(outcomes: Sequence[Outcome]) -> str:
    """``12 done, 0 failed, 3 to check``; to check are inputs with a landmark to check, or without picture."""
    counts = Counter(_kind(outcome) for outcome in outcomes)
    return f"{counts['done'] + counts['check']} done, {counts['failed']} failed, {counts['check']} to check"


def _kind(outcome: Outcome) -> str:
    if outcome.error is not None:
        return "failed"
    to_check = outcome.result is not None and outcome.result.to_check
    return "check" if to_check or outcome.picture_error is not None else "done"


def describe(error: BaseException) -> str:
    """An error as a one-line message."""
    if isinstance(error, MemoryError):
        return "not enough memory"
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    message = " ".join(str(error).split())
    if isinstance(error, (SgcnError, OSError)) and message:
        return message
    return f"unexpected {type(error).__name__}: {message}{DEBUG_HINT}"
