"""Memory and disk of this computer. Standard library only; unknown is None."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path


def gigabytes(count: int | None) -> str:
    """A number of bytes for people."""
    return "unknown" if count is None else f"{count / 1e9:.1f} GB"


def free_disk(folder: str | os.PathLike[str]) -> int | None:
    """Bytes free on the disk of a folder."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def memory() -> tuple[int | None, int | None]:
    """Bytes of memory: all, and free for programs."""
    try:
        if sys.platform == "win32":
            return _memory_windows()
        if sys.platform == "darwin":
            return int(subprocess.check_output(["/usr/sbin/sysctl", "-n", "hw.memsize"], timeout=5)), None
        return _memory_linux(Path("/proc/meminfo").read_text(encoding="ascii"))
    except (OSError, ValueError, LookupError, subprocess.SubprocessError):
        return None, None


def _memory_linux(text: str) -> tuple[int, int]:
    values = {line.partition(":")[0]: line.split()[1] for line in text.splitlines() if ":" in line}
    return int(values["MemTotal"]) * 1024, int(values["MemAvailable"]) * 1024


class _MemoryStatus(ctypes.Structure):
    """``MEMORYSTATUSEX`` of the Windows API, sysinfoapi.h."""

    _fields_ = (
        ("dwLength", ctypes.c_uint32),
        ("dwMemoryLoad", ctypes.c_uint32),
        ("ullTotalPhys", ctypes.c_uint64),
        ("ullAvailPhys", ctypes.c_uint64),
        ("ullTotalPageFile", ctypes.c_uint64),
        ("ullAvailPageFile", ctypes.c_uint64),
        ("ullTotalVirtual", ctypes.c_uint64),
        ("ullAvailVirtual", ctypes.c_uint64),
        ("ullAvailExtendedVirtual", ctypes.c_uint64),
    )


def _memory_windows() -> tuple[int, int]:
    status = _MemoryStatus(dwLength=ctypes.sizeof(_MemoryStatus))
    if not ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):  # type: ignore[attr-defined]
        raise OSError("GlobalMemoryStatusEx failed")
    return status.ullTotalPhys, status.ullAvailPhys
