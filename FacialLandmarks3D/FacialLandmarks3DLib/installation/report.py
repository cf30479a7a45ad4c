"""Everything that whoever helps from afar would ask for: computer, packages, weights, as text."""

from __future__ import annotations

import ctypes
import datetime
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .installer import Versions, installed_version

_LONGEST_HEADER = 100 << 20
Lines = list[tuple[str, str]]
_PACKAGES = ("torch", "torchvision", "light-the-torch", "numpy", "scipy", "vtk", "SimpleITK", "safetensors")


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


@dataclass(frozen=True)
class WeightsFile:
    """What is known of a weights file.

    Attributes
    ----------
    path : Path
    size : int, bytes
    sha256 : str, of the whole file
    fault : str, empty where the file is whole
    """

    path: Path
    size: int
    sha256: str
    fault: str

    def __str__(self) -> str:
        state = f"damaged: {self.fault}" if self.fault else "whole"
        return f"{self.path} ({self.size} bytes, sha256 {self.sha256}, {state})"


def look_at_weights(path: Path) -> WeightsFile:
    """Size, checksum and state of a weights file; OSError where it cannot be read."""
    content = path.read_bytes()
    return WeightsFile(path, len(content), hashlib.sha256(content).hexdigest(), _fault(content))


def _fault(content: bytes) -> str:
    """What is wrong with the layout of a safetensors file (https://github.com/huggingface/safetensors#format)."""
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or length > min(len(content) - 8, _LONGEST_HEADER):
        return "truncated, or not a safetensors file"
    try:
        header = json.loads(content[8 : 8 + length])
        ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
    except (ValueError, LookupError, TypeError, AttributeError):
        return "its header cannot be read"
    expected = 8 + length + max(ends, default=0)
    return "" if len(content) == expected else f"{expected} bytes are expected"


def facts(
    *,
    application: Mapping[str, str],
    state: str,
    package: Path,
    extension: Path,
    versions: Versions = installed_version,
) -> Lines:
    """What can be found out without the worker.

    Parameters
    ----------
    application : mapping
        What Slicer says of itself, name to text.
    state : str
        What the installer says.
    package : Path
        The folder of ``sgcn_core``.
    extension : Path
        The folder of the module.
    versions : callable
        Name of a distribution to its version or None.
    """
    now = datetime.datetime.now(datetime.timezone.utc)
    all_memory, free_memory = memory()
    return [
        ("time", now.strftime("%Y-%m-%d %H:%M UTC")),
        ("installation", state),
        *application.items(),
        ("system", f"{platform.platform()}, {platform.machine()}"),
        ("Python", f"{platform.python_version()}, {sys.executable}"),
        *((name, versions(name) or "no metadata") for name in _PACKAGES),
        ("CUDA", _cuda(versions("torch"))),
        ("extension", str(extension)),
        ("sgcn_core", f"{_core_version(package)}, {package}"),
        ("weights", _weights(package)),
        ("memory", f"{gigabytes(all_memory)}, {gigabytes(free_memory)} free"),
        ("disk", f"{gigabytes(free_disk(tempfile.gettempdir()))} free for temporary files in {tempfile.gettempdir()}"),
        ("disk", f"{gigabytes(free_disk(sys.prefix))} free for packages in {sys.prefix}"),
    ]


def as_text(lines: Sequence[tuple[str, str]]) -> str:
    """One line for each fact; further lines of a fact are indented below it."""
    width = max(len(name) for name, _ in lines)
    indented = ((name, text.replace("\n", "\n" + " " * (width + 2))) for name, text in lines)
    return "\n".join(f"{name + ':':<{width + 1}} {text}" for name, text in indented) + "\n"


def _cuda(torch: str | None) -> str:
    """From the build that a version of PyTorch names, such as 2.9.0+cu126; wheels of the index name none."""
    if torch is None:
        return "PyTorch is not installed"
    return f"build {torch.partition('+')[2] or 'not named in the version'}; the worker says below what it can use"


def _core_version(package: Path) -> str:
    from sgcn_core import __file__, __version__

    found = Path(__file__).parent if __file__ else package
    return __version__ if found.resolve() == package.resolve() else f"{__version__} loaded from {found}"


def _weights(package: Path) -> str:
    path = package / "resources" / "weights" / "face.safetensors"
    try:
        return str(look_at_weights(path))
    except OSError as error:
        return f"cannot be read: {error}"
