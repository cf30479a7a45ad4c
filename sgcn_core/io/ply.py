"""PLY files, ASCII and binary.

Libraries change what landmarks refer to: VTK's reader rounds doubles to single precision and splits vertices along
texture seams; trimesh 5.2 reads no binary file that mixes triangles with quadrilaterals, and orders an ASCII one anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import FileFormatError
from sgcn_core.io.mesh_data import MeshData, fan_triangles, frame_hint, integers, numbers, tag_text, unit_hint
from sgcn_core.types.surface import Surface

_TYPES = {
    **dict.fromkeys(("char", "int8"), "i1"),
    **dict.fromkeys(("uchar", "uint8"), "u1"),
    **dict.fromkeys(("short", "int16"), "i2"),
    **dict.fromkeys(("ushort", "uint16"), "u2"),
    **dict.fromkeys(("int", "int32"), "i4"),
    **dict.fromkeys(("uint", "uint32"), "u4"),
    **dict.fromkeys(("float", "float32"), "f4"),
    **dict.fromkeys(("double", "float64"), "f8"),
}
_BYTE_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">"}
_CORNER_LISTS = ("vertex_indices", "vertex_index")
_NORMAL = ("nx", "ny", "nz")


@dataclass(frozen=True)
class _Property:
    name: str
    type: str
    count_type: str | None = None  # of a list property


@dataclass(frozen=True)
class _Element:
    name: str
    count: int
    properties: tuple[_Property, ...]


@dataclass(frozen=True)
class _Header:
    format: str
    elements: tuple[_Element, ...]
    comments: str
    body_start: int


# One value per row (count,), or, for a list property, the lengths (count,) and all values joined.
_Column = Any


def read_ply(path: Path) -> MeshData:
    """Read vertices and polygons, of a point cloud its normals; other elements and properties are skipped."""
    data = path.read_bytes()
    header = _parse_header(data)
    needed = _elements_up_to_faces(header.elements)
    if header.format == "ascii":  # as if it were binary, with a double for every number
        values = numbers(data[header.body_start :], "the data after the header")
        body = _Body(values.tobytes(), 0, lambda kind: np.dtype(np.float64))
    else:
        order = _BYTE_ORDERS[header.format]
        body = _Body(data, header.body_start, lambda kind: np.dtype(order + kind))
    tables = {element.name: body.read(element) for element in needed}
    points, comments = tables["vertex"], header.comments
    vertices = np.stack([np.asarray(points[axis], dtype=np.float64) for axis in "xyz"], axis=1)
    faces, normals = np.empty((0, 3), dtype=np.int64), None
    if "face" in tables:
        counts, corners = next(tables["face"][name] for name in _CORNER_LISTS if name in tables["face"])
        faces = fan_triangles(counts, integers(corners))
    elif all(name in points for name in _NORMAL):
        normals = np.stack([np.asarray(points[name], dtype=np.float64) for name in _NORMAL], axis=1)
    return MeshData(vertices, faces, frame_hint(comments), unit_hint(comments), normals)


def ply_bytes(surface: Surface, *, arrays: Mapping[str, NDArray[np.float64]] | None = None) -> bytes:
    """Binary little-endian PLY with double coordinates, Slicer's ``SPACE`` comment, and further values (P,) by name."""
    names = {"x": surface.vertices[:, 0], "y": surface.vertices[:, 1], "z": surface.vertices[:, 2], **(arrays or {})}
    properties = "".join(f"property double {name}\n" for name in names)
    header = (
        "ply\nformat binary_little_endian 1.0\n"
        f"comment {tag_text(surface.frame, surface.unit)}\n"
        f"element vertex {len(surface.vertices)}\n{properties}"
        f"element face {len(surface.faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    rows = np.empty(len(surface.faces), dtype=[("count", "u1"), ("corners", "<i4", (3,))])
    rows["count"] = 3
    rows["corners"] = surface.faces
    values = np.stack(list(names.values()), axis=1)
    return header.encode("ascii") + values.astype("<f8").tobytes() + rows.tobytes()


def _parse_header(data: bytes) -> _Header:
    if data[:3] != b"ply" or data[3:4] not in (b"\n", b"\r"):
        raise FileFormatError("it does not begin with the line 'ply'")
    line_end = b"\r\n" if data[3:5] == b"\r\n" else data[3:4]
    end = data.find(b"end_header" + line_end)
    if end < 0:
        raise FileFormatError("the header has no end_header line; the file is truncated")
    file_format = ""
    comments: list[str] = []
    elements: list[_Element] = []
    for line in data[:end].decode("utf-8", errors="replace").split(line_end.decode())[1:]:
        words = line.split()
        if not words:
            continue
        if words[0] in ("comment", "obj_info"):
            comments.append(line)
        elif words[0] == "format" and len(words) >= 2:
            file_format = words[1]
        elif words[0] == "element" and len(words) == 3 and words[2].isdigit():
            elements.append(_Element(words[1], int(words[2]), ()))
        elif words[0] == "property" and elements:
            last = elements[-1]
            elements[-1] = _Element(last.name, last.count, (*last.properties, _parse_property(words)))
        else:
            raise FileFormatError(f"the header line {line!r} is not understood")
    if file_format != "ascii" and file_format not in _BYTE_ORDERS:
        raise FileFormatError(f"the format {file_format!r} is not one of ascii, {', '.join(_BYTE_ORDERS)}")
    return _Header(file_format, tuple(elements), "\n".join(comments), end + len(b"end_header" + line_end))


def _parse_property(words: Sequence[str]) -> _Property:
    types = words[2:4] if words[1] == "list" else words[1:2]
    expected = 5 if words[1] == "list" else 3
    if len(words) != expected or any(name not in _TYPES for name in types):
        raise FileFormatError(f"the header line {' '.join(words)!r} is not understood")
    if words[1] == "list":
        return _Property(words[4], _TYPES[words[3]], _TYPES[words[2]])
    return _Property(words[2], _TYPES[words[1]])


def _elements_up_to_faces(elements: tuple[_Element, ...]) -> tuple[_Element, ...]:
    names = [element.name for element in elements]
    if "vertex" not in names:
        raise FileFormatError(f"it has the elements {', '.join(names) or 'none'}; 'vertex' is needed")
    found = {(element.name, prop.name) for element in elements for prop in element.properties if not prop.count_type}
    if not {("vertex", axis) for axis in "xyz"} <= found:
        raise FileFormatError("the vertices have no x, y and z")
    if "face" not in names or elements[names.index("face")].count == 0:
        return elements[: names.index("vertex") + 1]
    face = elements[names.index("face")]
    if not any(prop.name in _CORNER_LISTS and prop.count_type for prop in face.properties):
        raise FileFormatError("the faces have no list 'vertex_indices'")
    return elements[: max(names.index("vertex"), names.index("face")) + 1]


def _cut_short(element: _Element) -> FileFormatError:
    return FileFormatError(
        f"the header declares {element.count} of '{element.name}', but the file ends before; it is truncated"
    )


class _Body:
    """The data behind the header, read element by element; `type_of` turns a type of the header into that stored."""

    def __init__(self, data: bytes, offset: int, type_of: Callable[[str], np.dtype[Any]]) -> None:
        self._data, self._offset, self._type = data, offset, type_of

    def read(self, element: _Element) -> dict[str, _Column]:
        """All rows at once if they have one layout, else row by row."""
        if element.count == 0:
            return {prop.name: _column(prop, []) for prop in element.properties}
        lengths = self._list_lengths(element)
        row = self._row_type(element, lengths)
        if self._offset + element.count * row.itemsize <= len(self._data):
            table = np.frombuffer(self._data, row, count=element.count, offset=self._offset)
            if all((table[f"{name} length"] == length).all() for name, length in lengths.items()):
                self._offset += element.count * row.itemsize
                return {prop.name: _uniform_column(table, prop, lengths) for prop in element.properties}
        elif not lengths:
            raise _cut_short(element)
        return self._read_ragged(element)

    def _list_lengths(self, element: _Element) -> dict[str, int]:
        """Length of each list property in the next row."""
        lengths: dict[str, int] = {}
        offset = self._offset
        for prop in element.properties:
            kind = self._type(prop.type)
            if prop.count_type:
                count_type = self._type(prop.count_type)
                if offset + count_type.itemsize > len(self._data):
                    raise _cut_short(element)
                length = np.frombuffer(self._data, count_type, count=1, offset=offset)[0]
                if not 0 <= length < 2**31 or length != int(length):
                    raise FileFormatError(f"a list of '{element.name}' has the length {length}")
                lengths[prop.name] = int(length)
                offset += count_type.itemsize + lengths[prop.name] * kind.itemsize
            else:
                offset += kind.itemsize
        return lengths

    def _row_type(self, element: _Element, lengths: dict[str, int]) -> np.dtype[Any]:
        fields: list[tuple[Any, ...]] = []
        for prop in element.properties:
            if prop.count_type:
                fields.append((f"{prop.name} length", self._type(prop.count_type)))
                fields.append((prop.name, self._type(prop.type), (lengths[prop.name],)))
            else:
                fields.append((prop.name, self._type(prop.type)))
        return np.dtype(fields)

    def _read_ragged(self, element: _Element) -> dict[str, _Column]:
        gathered: dict[str, list[NDArray[Any]]] = {prop.name: [] for prop in element.properties}
        row_types: dict[tuple[int, ...], np.dtype[Any]] = {}
        for _ in range(element.count):
            lengths = self._list_lengths(element)
            key = tuple(lengths.values())
            if key not in row_types:
                row_types[key] = self._row_type(element, lengths)
            row = row_types[key]
            if self._offset + row.itemsize > len(self._data):
                raise _cut_short(element)
            values = np.frombuffer(self._data, row, count=1, offset=self._offset)[0]
            for name, rows in gathered.items():
                rows.append(values[name])
            self._offset += row.itemsize
        return {prop.name: _column(prop, gathered[prop.name]) for prop in element.properties}


def _column(prop: _Property, rows: list[NDArray[Any]]) -> _Column:
    values = np.concatenate([np.atleast_1d(row) for row in rows]) if rows else np.empty(0)
    if not prop.count_type:
        return values
    return np.array([len(row) for row in rows], dtype=np.int64), values


def _uniform_column(table: NDArray[Any], prop: _Property, lengths: dict[str, int]) -> _Column:
    if not prop.count_type:
        return table[prop.name]
    return np.full(len(table), lengths[prop.name], dtype=np.int64), table[prop.name].ravel()
