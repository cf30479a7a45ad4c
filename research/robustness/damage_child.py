"""The process that reads damaged files and says what became of each; whatever happens, it happens to this one.

``python -m research.robustness.damage_child`` takes one JSON object {"kind", "path"} per line and answers with one.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import IO, Any

import numpy as np

from sgcn_core.errors import SgcnError

_MEMORY = 2 * 2**30  # bytes a reader may ask for beyond what the libraries take themselves


def read_one(kind: str, path: Path) -> tuple[str, str]:
    """Read a file; ("valid" | "refused" | "fault", message)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", RuntimeWarning)  # NumPy's, which would end on the user's terminal
            validate(read(kind, path))
    except SgcnError as error:
        return outcome_of(error, path)
    except BaseException as error:
        return "fault", f"{type(error).__name__}: {error}"
    return "valid", ""


def read(kind: str, path: Path) -> Any:
    """Read a file as "surface", "landmarks" or "volume"."""
    if kind == "landmarks":
        from sgcn_core.io.markups import read_landmarks

        return read_landmarks(path)
    if kind == "volume":
        from sgcn_core.io.volumes import read_volume

        return read_volume(path)
    from sgcn_core.skin.extract import read_scan

    return read_scan(path)


def validate(content: Any) -> None:
    """What was read must be what it says it is; AssertionError if not."""
    if hasattr(content, "faces"):
        assert np.isfinite(content.vertices).all() and len(content.vertices), "positions that are not finite"
        assert content.faces.size == 0 or 0 <= content.faces.min() <= content.faces.max() < len(content.vertices)
    elif hasattr(content, "spacing"):
        assert content.array.ndim == 3 and np.isfinite(content.index_to_physical).all(), "no volume"
    else:
        found = [state != "missing" for state in content.status]
        assert np.isfinite(content.positions[found]).all() and len(content.labels), "positions that are not finite"


def outcome_of(error: SgcnError, path: Path) -> tuple[str, str]:
    """A refusal, or a fault where it does not name the file or comes from too large an allocation."""
    message = str(error)
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MemoryError) or "allocat" in str(cause) or "bad_alloc" in str(cause):
            return "fault", f"asked for too much memory: {message}"
        cause = cause.__cause__
    if str(path) not in message:
        return "fault", f"does not name the file: {message}"
    return "refused", message


def _bound_memory() -> None:
    """Where the system can: allocations beyond the bound fail."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (ImportError, OSError):
        return
    limit = pages * resource.getpagesize() + _MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _answers() -> tuple[IO[str], IO[bytes]]:
    """A stream for the answers; what libraries write to the terminal goes to a file instead."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    noise = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
    os.dup2(noise.fileno(), 1)
    os.dup2(noise.fileno(), 2)
    return answers, noise


def main() -> None:
    """Read what is named on the standard input until it ends."""
    import sgcn_core.skin.extract  # noqa: F401 - before memory is bounded
    from sgcn_core.io import isolated

    isolated.READ_SECONDS = 3.0  # below the campaign's own limit, with time for a new child

    requests = [json.loads(line) for line in sys.stdin]
    answers, noise = _answers()
    answers.write("ready\n")
    answers.flush()
    _bound_memory()
    for request in requests:
        began, before = time.perf_counter(), os.fstat(noise.fileno()).st_size
        outcome, message = read_one(request["kind"], Path(request["path"]))
        sys.stderr.flush()
        noisy = os.fstat(noise.fileno()).st_size - before
        if noisy and outcome != "fault":
            noise.seek(before)
            outcome, message = "fault", f"writes to the terminal: {noise.read(300)!r}"
        answer = {"outcome": outcome, "message": message, "seconds": time.perf_counter() - began}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
