"""Everything that whoever helps from afar would ask for, as text."""

from __future__ import annotations

import datetime
import platform
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from .computer import free_disk, gigabytes, memory
from .packages import Versions, installed_version
from .weights_file import look_at_weights

Lines = list[tuple[str, str]]

_PACKAGES = ("torch", "torchvision", "light-the-torch", "numpy", "scipy", "vtk", "SimpleITK", "safetensors")


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
