"""Files for the tests of readers."""

from __future__ import annotations

from pathlib import Path


def put(folder: Path, name: str, content: str | bytes) -> Path:
    """Write a file of this name and content."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path
