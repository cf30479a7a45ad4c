"""VRML 2.0 text (.wrl) as scanners and datasets of faces write it: indexed face sets."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import FileFormatError
from sgcn_core.io.mesh_data import MeshData, fan_triangles, frame_hint, integers, numbers, unit_hint

_COMMENT = re.compile(rb"#[^\r\n]*")
_BLANKS = bytes.maketrans(b",\t\r\n", b"    ")
# The lists of numbers; `texCoord` and the like have other names.
_LIST = re.compile(rb"(?<![\w])(point|coordIndex)\s*\[([^\[\]]*)\]")
_TEXTURE = re.compile(rb"Texture(Coordinate|Transform)\s*\{[^{}]*\}")
# What moves, repeats or fetches parts, and would need a whole scene to be understood.
_MOVED = re.compile(rb"(?<![\w])(translation|rotation|scale)((?:[\s,]+[-+.\deE]+){3,4})")
_NOT_MOVED = {b"translation": slice(0, 3), b"rotation": slice(3, 4), b"scale": slice(0, 3)}
_OTHER = re.compile(rb"(?<![\w])(PROTO|EXTERNPROTO|Inline|USE)(?![\w])")


def read_wrl(path: Path) -> MeshData:
    """Read the points and polygons of all indexed face sets; colours, normals and texture coordinates are skipped.

    A file that moves its parts (``Transform``) or uses one twice (``USE``, ``PROTO``, ``Inline``) is refused.
    """
    data = path.read_bytes()
    if not data.startswith(b"#VRML V2.0"):
        raise FileFormatError("it does not begin with '#VRML V2.0' (VRML 1.0 is not read)")
    comments = b"\n".join(_COMMENT.findall(data)).decode("utf-8", errors="replace")
    body = _TEXTURE.sub(b"", _COMMENT.sub(b"", data))
    if found := _OTHER.search(body) or next(filter(_moves, _MOVED.finditer(body)), None):
        raise FileFormatError(f"it uses {found.group(1).decode()!r}, which is not read; only plain face sets are")
    vertices, faces, before, waiting = list[NDArray[np.float64]](), list[NDArray[np.int64]](), 0, 0
    for name, text in _LIST.findall(body):
        values = numbers(text.translate(_BLANKS), name.decode())
        if name == b"point":
            if values.size % 3:
                raise FileFormatError(f"a list 'point' has {values.size} numbers, no multiple of 3; it is damaged")
            before += waiting
            vertices.append(values.reshape(-1, 3))
            waiting = len(vertices[-1])
        elif not waiting:
            raise FileFormatError("a list 'coordIndex' comes before its points, which is not read")
        else:
            faces.append(_polygons(integers(values), waiting) + before)
    if not vertices or not waiting:
        raise FileFormatError("it has no list 'point'; it is empty or damaged")
    joined = np.concatenate(faces) if faces else np.empty((0, 3), dtype=np.int64)
    return MeshData(np.concatenate(vertices), joined, frame_hint(comments), unit_hint(comments))


def _moves(match: re.Match[bytes]) -> bool:
    """Whether an entry of a Transform differs from that of one that leaves everything where it is."""
    values = numbers(match.group(2).translate(_BLANKS), match.group(1).decode())[_NOT_MOVED[match.group(1)]]
    return bool((values != (1.0 if match.group(1) == b"scale" else 0.0)).any())


def _polygons(index: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Triangles (F, 3) of a list in which -1 ends each polygon; the last one may lack it."""
    if len(index) and index[-1] != -1:
        index = np.append(index, -1)
    corners = index[index != -1]
    if len(corners) and not (corners.min() >= 0 and corners.max() < count):
        raise FileFormatError(f"a polygon refers to a point beyond the {count} of its list; it is damaged")
    ends = np.flatnonzero(index == -1)
    counts = np.diff(ends, prepend=-1) - 1
    return fan_triangles(counts[counts > 0], corners)
