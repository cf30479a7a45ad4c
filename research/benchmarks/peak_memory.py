"""Peak memory of this process."""

from __future__ import annotations

import sys
from pathlib import Path


def peak_memory() -> float | None:
    """Peak memory of this process so far, megabytes; None where the system does not report it.

    Linux's `ru_maxrss` goes on counting from the process that started this one; VmHWM begins with the program itself.
    """
    if sys.platform == "win32":
        return None
    status = Path("/proc/self/status")
    if status.is_file():
        lines = status.read_text(encoding="utf-8").splitlines()
        kilobytes = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
        return kilobytes[0] * 1024 / 1e6 if kilobytes else None
    import resource

    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return held / 1e6 if sys.platform == "darwin" else held * 1024 / 1e6
