"""XYZ text: one point per line, x y z, with its normal or colour behind it where the program wrote one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sgcn_core.errors import FileFormatError
from sgcn_core.io.mesh_data import MeshData, frame_hint, numbers, unit_hint

_MARKS = (b"#", b"//")
_BLANKS = bytes.maketrans(b",;\t\r", b"    ")


def read_xyz(path: Path) -> MeshData:
    """Read points; a first line with their number, or with the names of the columns, is skipped.

    Six columns or more are read as points with normals if the next three make unit vectors, as colours otherwise.
    """
    lines = path.read_bytes().translate(_BLANKS).split(b"\n")
    comments = b"\n".join(line for line in lines if line.lstrip().startswith(_MARKS)).decode("utf-8", errors="replace")
    rows = [line for line in lines if line.strip() and not line.lstrip().startswith(_MARKS)]
    if rows and (len(rows[0].split()) < 3 or not _is_number(rows[0].split()[0])):
        rows = rows[1:]
    if not rows:
        raise FileFormatError("it holds no points; it is empty or damaged")
    columns = len(rows[0].split())
    values = numbers(b"\n".join(rows), "the points")
    if columns < 3 or values.size != columns * len(rows):
        raise FileFormatError(f"its first line has {columns} numbers, but others have more or fewer; it is damaged")
    table = values.reshape(-1, columns)
    normals = table[:, 3:6] if columns >= 6 else None
    if normals is not None:
        lengths = np.linalg.norm(normals[np.isfinite(table[:, :3]).all(axis=1)], axis=1)
        normals = normals if np.allclose(lengths, 1.0, atol=0.02) else None
    faces = np.empty((0, 3), dtype=np.int64)
    return MeshData(table[:, :3], faces, frame_hint(comments), unit_hint(comments), normals)


def _is_number(word: bytes) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
