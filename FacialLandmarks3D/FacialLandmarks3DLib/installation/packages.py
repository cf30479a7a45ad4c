"""Which packages are installed, by their metadata alone: importing PyTorch to look would lock its files on Windows."""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Callable, Sequence
from pathlib import Path

TORCH = "torch>=2.2"
"""Installed by the extension PyTorch, never by pip from here, except from a folder."""

Versions = Callable[[str], str | None]


def read_requirements(path: Path) -> list[str]:
    """The requirements in a file, one per line; comments, options and empty lines are left out."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith(("#", "-"))]


def installed_version(name: str) -> str | None:
    """The version of a distribution in this Python, None where it is not installed."""
    importlib.invalidate_caches()
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def missing_of(requirements: Sequence[str], versions: Versions = installed_version) -> list[str]:
    """The requirements that no installed distribution meets."""
    return [requirement for requirement in requirements if not is_met(requirement, versions)]


def is_met(requirement: str, versions: Versions = installed_version) -> bool:
    """Whether a distribution of the wanted version is installed; builds such as 2.9.0+cpu and nightly ones count."""
    from packaging.requirements import Requirement

    wanted = Requirement(requirement)
    if wanted.marker is not None and not wanted.marker.evaluate():
        return True
    found = versions(wanted.name)
    return found is not None and wanted.specifier.contains(found, prereleases=True)
