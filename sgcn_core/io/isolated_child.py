"""The process in which VTK and ITK read; see :mod:`sgcn_core.io.isolated`."""

from __future__ import annotations

import faulthandler
import json
import os
import re
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import IO, Any

import numpy as np

from sgcn_core.errors import SgcnError

_BEYOND = 10.0  # seconds after its time limit at which a reader ends although nobody stops it: the parent is gone

_TOO_MUCH = "it asks for more memory than a file of its size can need; it is damaged"

_WHERE = re.compile(r"^(ITK ERROR: \w+\(0x[0-9a-f]+\): |\[nrrd\] \w+: )")


def main() -> None:
    """Answer the requests on the standard input until it ends."""
    answers = _protected_output()
    arrays: Path | None = None
    try:
        for line in sys.stdin:
            request = json.loads(line)
            arrays = Path(request["arrays"])
            answers.write(json.dumps(_answer(request, answers)) + "\n")
            answers.flush()
    except OSError:
        pass  # the parent is gone
    finally:
        if arrays is not None:
            arrays.unlink(missing_ok=True)  # the parent, if it still runs, has done so


def _protected_output() -> IO[str]:
    """A stream for the answers; what libraries print goes nowhere."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    return answers


def _answer(request: dict[str, Any], answers: IO[str]) -> dict[str, Any]:
    try:
        module, name = request["reader"].split(":")
        reader: Callable[..., tuple[dict[str, Any], dict[str, Any]]] = getattr(import_module(module), name)
        answers.write('{"loading": true}\n')
        answers.flush()
        faulthandler.dump_traceback_later(request["seconds"] + _BEYOND, exit=True)
        _bound_memory(request["memory"])
        with np.errstate(all="ignore"):
            values, arrays = reader(request["path"], **request["options"])
        if arrays:
            _hand_back(arrays, request["arrays"])
        return {"values": values, "arrays": list(arrays)}
    except (Exception, MemoryError) as error:
        return {"refused": _reason(error)}
    finally:
        faulthandler.cancel_dump_traceback_later()


def _hand_back(arrays: dict[str, Any], place: str) -> None:
    """A new file that only this user may read."""
    with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600), "wb") as s:
        for array in arrays.values():
            np.save(s, array, allow_pickle=False)


def _bound_memory(beyond: int) -> None:
    """Where the system can: allocations beyond the bound fail."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (ImportError, OSError):
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = pages * resource.getpagesize() + beyond
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard < 0 else min(limit, hard), hard))


def _reason(error: Exception) -> str:
    """What happened: of ITK's messages the last line, those before it say where in its code."""
    text = str(error)
    if isinstance(error, MemoryError) or "alloc" in text.lower():
        return _TOO_MUCH
    if isinstance(error, SgcnError):
        return text
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    reason = _WHERE.sub("", lines[-1]).rstrip(".") if lines else type(error).__name__
    return "the library that reads this format cannot; the file is damaged" if reason == "Reason: Success" else reason
