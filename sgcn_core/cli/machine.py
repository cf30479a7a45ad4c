"""Description of the machine, for measurements."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

_SHOWN = ("torch", "numpy", "scipy", "vtk")


def processor() -> str:
    """The processor's name and the number of cores this process may use."""
    return f"{_processor_name()}, {cores()} cores"


def cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Python and the libraries that the measured work is done by."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in _SHOWN}}
