"""OFF files (text), also with colours, normals or texture coordinates behind the positions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import FileFormatError
from sgcn_core.io.mesh_data import MeshData, fan_triangles, frame_hint, unit_hint

_KEYWORDS = ("OFF", "COFF", "NOFF", "CNOFF", "STOFF", "STCOFF", "STNOFF", "STCNOFF")


def read_off(path: Path) -> MeshData:
    """Read vertices and polygons; whatever follows them on a line is skipped."""
    text = path.read_text(encoding="utf-8", errors="replace")
    comments = "\n".join(line.partition("#")[2] for line in text.splitlines() if "#" in line)
    lines = [words for words in (line.partition("#")[0].split() for line in text.splitlines()) if words]
    vertex_count, face_count, start = _counts(lines)
    if len(lines) < start + vertex_count + face_count:
        raise FileFormatError(
            f"it declares {vertex_count} vertices and {face_count} faces "
            f"but holds {len(lines) - start} lines of data; it is truncated"
        )
    vertices = _positions(lines[start : start + vertex_count])
    counts, corners = _polygons(lines[start + vertex_count : start + vertex_count + face_count])
    return MeshData(vertices, fan_triangles(counts, corners), frame_hint(comments), unit_hint(comments))


def _counts(lines: list[list[str]]) -> tuple[int, int, int]:
    """Number of vertices and faces, and the index of the first line of data."""
    if not lines or lines[0][0] not in _KEYWORDS or "BINARY" in lines[0]:
        raise FileFormatError(f"it does not begin with one of {', '.join(_KEYWORDS)} (the binary variant is not read)")
    counts, start = (lines[0][1:], 1) if len(lines[0]) > 1 else (lines[1] if len(lines) > 1 else [], 2)
    if len(counts) < 2 or not all(word.isdigit() for word in counts):
        raise FileFormatError("the numbers of vertices and faces are missing after the keyword")
    return int(counts[0]), int(counts[1]), start


def _positions(lines: list[list[str]]) -> NDArray[np.float64]:
    if any(len(words) < 3 for words in lines):
        raise FileFormatError("a vertex has fewer than 3 coordinates")
    return np.array([words[:3] for words in lines]).astype(np.float64).reshape(-1, 3)


def _polygons(lines: list[list[str]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    counts = np.array([int(words[0]) for words in lines], dtype=np.int64)
    if any(len(words) <= count for words, count in zip(lines, counts.tolist(), strict=True)):
        raise FileFormatError("a face has fewer corners than it declares; the file is damaged or truncated")
    corners = [int(word) for words, count in zip(lines, counts.tolist(), strict=True) for word in words[1 : count + 1]]
    return counts, np.array(corners, dtype=np.int64)
