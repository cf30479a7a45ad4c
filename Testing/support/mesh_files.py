"""Files for the tests of readers, and what they hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np

VERTICES = np.array([[0.0, 0, 0], [101.123456789, 0, 0], [0, -102.5, 0], [0, 0, 1 / 3]])
FACES = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]])
# A pentagon, a quadrilateral and a triangle over six vertices.
POLYGONS = ([0, 1, 2, 3, 4], [0, 4, 5, 1], [2, 3, 5])
FANS = [[0, 1, 2], [0, 2, 3], [0, 3, 4], [0, 4, 5], [0, 5, 1], [2, 3, 5]]
SIX = np.random.default_rng(1).normal(size=(6, 3)).round(4)


def put(folder: Path, name: str, content: str | bytes) -> Path:
    """Write a file of this name and content."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rows(values: np.ndarray, prefix: str = "") -> str:
    """Lines of numbers, each with this before it."""
    return "".join(f"{prefix}{' '.join(map(repr, row))}\n" for row in values.tolist())
