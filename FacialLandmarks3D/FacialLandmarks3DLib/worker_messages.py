"""What a line of the worker says, and whether a success is one. Standard library only."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .worker_events import WorkerError

_LONGEST_QUOTE = 200
FileStamp = tuple[int, int, int]


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
    return WorkerError("Garbage", f"The worker answered something that cannot be understood: {quoted!r}.")


def fraction_of(message: Mapping[str, Any]) -> float:
    """Progress in [0, 1]."""
    value = message.get("fraction")
    return min(max(float(value), 0.0), 1.0) if isinstance(value, (int, float)) else 0.0


def reported(message: Mapping[str, Any], log: tuple[str, ...]) -> WorkerError:
    """The error that an answer reports."""
    error = message.get("error")
    fields = error if isinstance(error, dict) else {}
    return WorkerError(
        str(fields.get("type", "Unknown")),
        str(fields.get("message", "The worker did not say what went wrong.")),
        hint=str(fields.get("hint", "")),
        log=log,
    )


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
    """Differs after a file has been replaced; None where there is no file."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def ending(code: int) -> str:
    """An exit code as a sentence."""
    if code >= 0:
        return f"The worker ended with exit code {code}."
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    killed = ", perhaps because memory was short" if name == "SIGKILL" else ""
    return f"The worker was ended by {name}{killed}."
