"""Wavefront OBJ files.

VTK's and trimesh's readers split vertices along texture seams or drop unused ones; here the `v` lines are the
vertices, one by one, so that indices stored with a landmark file stay valid.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import FileFormatError
from sgcn_core.io.mesh_data import MeshData, fan_triangles, frame_hint, integers, numbers, tag_text, unit_hint
from sgcn_core.types.surface import Surface

_VERTEX = re.compile(rb"^[ \t]*v[ \t]+([^\r\n#]*)", re.MULTILINE)
_FACE = re.compile(rb"^[ \t]*f[ \t]+([^\r\n#]*)", re.MULTILINE)
_COMMENT = re.compile(rb"^[ \t]*#([^\r\n]*)", re.MULTILINE)
# Within a line: white space that reaches over lines takes quadratic time.
_ANNOUNCED = re.compile(r"^[^\w\r\n]*(vertices|faces)[ \t]*:[ \t]*(\d{1,18})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_BLOCK = 2**22
# Slicer's note on the length of one unit; from version 5.13 on Slicer multiplies the coordinates by it.
_SLICER_SCALE = re.compile(r"\b1 unit\s*=\s*([0-9.eE+-]+)\s*mm\b")


def read_obj(path: Path, *, apply_scale: bool = True) -> MeshData:
    """Read `v` and `f` lines; polygons become fans, texture coordinates, normals and materials are skipped.

    Parameters
    ----------
    apply_scale : bool
        Follow the comment ``1 unit = 1000.0 mm`` as Slicer 5.13 does: coordinates come back in millimetres.
    """
    data = path.read_bytes()
    if b"\\\n" in data or b"\\\r\n" in data:
        data = data.replace(b"\\\r\n", b" ").replace(b"\\\n", b" ")
    if b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    vertices, counts, corners, comments = _parse(data)
    _check_announced(comments, vertices=len(vertices), faces=len(counts))
    unit = unit_hint(comments)
    scale = _SLICER_SCALE.search(comments)
    if scale and apply_scale:
        vertices, unit = vertices * float(scale.group(1)), "mm"
    return MeshData(vertices, fan_triangles(counts, corners), frame_hint(comments), unit)


def obj_bytes(surface: Surface) -> bytes:
    """OBJ text with 12 significant digits and Slicer's ``SPACE`` comment."""
    lines = [f"# {tag_text(surface.frame, surface.unit)}"]
    lines.extend("v {:.12g} {:.12g} {:.12g}".format(*vertex) for vertex in surface.vertices.tolist())
    lines.extend("f {} {} {}".format(*face) for face in (surface.faces + 1).tolist())
    return ("\n".join(lines) + "\n").encode("ascii")


def _parse(data: bytes) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64], str]:
    """Vertices, corner counts and 0-based corners of the faces, comments."""
    vertices: list[NDArray[np.float64]] = [np.empty((0, 3))]
    counts: list[NDArray[np.int64]] = [np.empty(0, dtype=np.int64)]
    corners: list[NDArray[np.int64]] = [np.empty(0, dtype=np.int64)]
    comments: list[bytes] = []
    before = 0
    for block in _blocks(data):
        vertices.append(_parse_vertices(_VERTEX.findall(block), before))
        of_block = _parse_faces(block, before)
        counts.append(of_block[0])
        corners.append(of_block[1])
        comments += _COMMENT.findall(block)
        before += len(vertices[-1])
    if not before:
        raise FileFormatError("it has no 'v' lines")
    text = b"\n".join(comments).decode("utf-8", errors="replace")
    return np.concatenate(vertices), np.concatenate(counts), np.concatenate(corners), text


def _blocks(data: bytes) -> Iterator[bytes]:
    """Whole lines, some megabytes at a time: parsing takes many times the memory of the text."""
    start = 0
    while start < len(data):
        end = data.find(b"\n", start + _BLOCK) + 1 or len(data)
        yield data[start:end]
        start = end


def _parse_vertices(lines: list[bytes], before: int) -> NDArray[np.float64]:
    """x, y, z of each `v` line; a weight or a colour may follow them. `before` counts the vertices before these."""
    values = numbers(b"\n".join(lines), "the 'v' lines")
    if values.size == 3 * len(lines) and _all_have(lines, 3):
        return values.reshape(-1, 3)
    rows = [line.split()[:3] for line in lines]
    if min(map(len, rows)) < 3:
        bad = next(index for index, row in enumerate(rows) if len(row) < 3)
        raise FileFormatError(
            f"vertex {before + bad + 1} has {len(rows[bad])} coordinates; the file is damaged or truncated"
        )
    return np.array(rows).astype(np.float64)


def _all_have(lines: list[bytes], count: int) -> bool:
    return all(len(line.split()) == count for line in lines)


def _parse_faces(data: bytes, before: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Corner counts and 0-based corners of all `f` lines; `before` counts the vertices before these lines."""
    lines = _FACE.findall(data)
    if not lines:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    text, counts = _vertex_numbers(b"\n".join(lines))
    corners = integers(numbers(text, "the 'f' lines"))
    if len(corners) != counts.sum():
        raise FileFormatError("the 'f' lines are not made of vertex numbers")
    if (corners == 0).any():
        raise FileFormatError("a face refers to vertex 0, but OBJ counts from 1")
    if (corners < 0).any():
        return counts, _resolve_negative(data, counts, corners, before)
    return counts, corners - 1


def _vertex_numbers(text: bytes) -> tuple[bytes, NDArray[np.int64]]:
    """Blank out what follows the vertex number in each corner (``12/7/3`` -> ``12``) and count the corners per line.

    Done on the characters as one array: a regular expression takes longer than everything else together.
    """
    characters = np.frombuffer(text + b"\n", dtype=np.uint8).copy()
    blank = (characters == ord(" ")) | (characters == ord("\t")) | (characters == ord("\n"))
    place = np.arange(len(characters))
    last_blank = np.maximum.accumulate(np.where(blank, place, -1))
    last_slash = np.maximum.accumulate(np.where(characters == ord("/"), place, -1))
    characters[last_slash > last_blank] = ord(" ")
    begins_corner = ~blank & np.concatenate([[True], blank[:-1]])
    corners_so_far = np.cumsum(begins_corner)[characters == ord("\n")]
    return characters.tobytes(), np.diff(corners_so_far, prepend=0)


def _resolve_negative(
    data: bytes, counts: NDArray[np.int64], corners: NDArray[np.int64], before: int
) -> NDArray[np.int64]:
    """Negative numbers count back from the last vertex before the face's own line."""
    vertex_places = np.array([match.start() for match in _VERTEX.finditer(data)])
    face_places = np.array([match.start() for match in _FACE.finditer(data)])
    known = before + np.repeat(np.searchsorted(vertex_places, face_places), counts)
    resolved = np.where(corners < 0, known + corners, corners - 1)
    if resolved.min() < 0:
        raise FileFormatError("a face counts back beyond the first vertex")
    return resolved


def _check_announced(comments: str, *, vertices: int, faces: int) -> None:
    """MeshLab declares its counts in a comment: the only way to notice that such a text file was cut."""
    for name, found in (("vertices", vertices), ("faces", faces)):
        announced = [int(number) for word, number in _ANNOUNCED.findall(comments) if word.lower() == name]
        if len(announced) == 1 and announced[0] > found:
            raise FileFormatError(
                f"its comments declare {announced[0]} {name} but it holds {found}; it seems truncated "
                "(if this is intended, remove the comment line)"
            )
