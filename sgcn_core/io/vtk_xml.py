"""VTK XML polydata (.vtp): text, base64, appended, compressed.

Read here and not by VTK, whose reader takes the memory that a header asks for and can be led out of its buffers.
Format: "VTK XML Formats", https://docs.vtk.org/en/latest/vtk_file_formats/vtkxml_file_format.html.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import FileFormatError
from sgcn_core.io.mesh_data import MeshData, fan_triangles, frame_hint, numbers, strip_triangles, whole_numbers
from sgcn_core.io.vtk_data import Encoding, decoded
from sgcn_core.types.units import canonical_unit

_TYPES = {
    **{f"{sign}Int{8 * size}": f"{kind}{size}" for sign, kind in (("", "i"), ("U", "u")) for size in (1, 2, 4, 8)},
    "Float32": "f4",
    "Float64": "f8",
    "String": "i1",
}
_APPENDED = re.compile(rb"<AppendedData\s[^>]{0,200}>\s*_")
_DEEPEST = 40


@dataclass
class _Element:
    name: str
    attributes: dict[str, str]
    children: list[_Element] = field(default_factory=list)
    text: str = ""

    def all(self, name: str) -> list[_Element]:
        return [child for child in self.children if child.name == name]

    def first(self, name: str) -> _Element | None:
        return next(iter(self.all(name)), None)


def read_vtp(path: Path) -> MeshData:
    """Read XML polydata; frame and unit from the field data arrays ``SPACE`` and ``UNIT``."""
    data = path.read_bytes()
    if b"</VTKFile>" not in data[-64:]:
        raise FileFormatError("it does not end with </VTKFile>; it is cut short or no VTK XML file")
    start = _APPENDED.search(data)
    appended = data[start.end() : data.rfind(b"</AppendedData>")] if start else b""
    root = _parsed(data[: start.end()] + b"</AppendedData></VTKFile>" if start else data)
    poly = root.first("PolyData")
    if root.name != "VTKFile" or root.attributes.get("type") != "PolyData" or poly is None:
        raise FileFormatError("it is no VTK XML polydata; extract the surface of volumes and grids first")
    section = root.first("AppendedData")
    reader = _Arrays(root, appended, "raw" if section is None else section.attributes.get("encoding", "base64"))
    parts = [_piece(reader, piece) for piece in poly.all("Piece")]
    points = [part[0] for part in parts]
    if not sum(map(len, points)):
        raise FileFormatError("it holds no points; it is empty or damaged")
    starts = np.cumsum([0, *map(len, points)])
    faces = [part[1] + start for part, start in zip(parts, starts[:-1], strict=True)]
    fields = _texts(reader, poly.first("FieldData") or root.first("FieldData"))
    unit = canonical_unit(fields.get("UNIT") or fields.get("UNITS") or "")
    return MeshData(np.concatenate(points), np.concatenate(faces), frame_hint(f"SPACE={fields.get('SPACE', '')}"), unit)


def _parsed(text: bytes) -> _Element:
    """The element tree; document types, and with them all entities, are refused."""
    top = _Element("", {})
    open_elements = [top]

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(open_elements) > _DEEPEST:
            raise FileFormatError("its elements are nested deeper than any of this format")
        element = _Element(name, attributes)
        open_elements[-1].children.append(element)
        open_elements.append(element)

    def end(name: str) -> None:
        del open_elements[-1]

    def characters(piece: str) -> None:
        texts.setdefault(id(open_elements[-1]), (open_elements[-1], []))[1].append(piece)

    def doctype(*_: Any) -> None:
        raise FileFormatError("it declares a document type, which no VTK file does")

    texts: dict[int, tuple[_Element, list[str]]] = {}
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = characters, doctype
    try:
        parser.Parse(text, True)
    except (expat.ExpatError, UnicodeError, LookupError) as error:
        raise FileFormatError(f"its XML is damaged ({error})") from error
    for element, pieces in texts.values():
        element.text = "".join(pieces)
    return top.children[0]


class _Arrays:
    """Gets at the numbers of DataArray elements."""

    def __init__(self, root: _Element, appended: bytes, encoding: str) -> None:
        order = ">" if root.attributes.get("byte_order") == "BigEndian" else "<"
        header = "u8" if root.attributes.get("header_type") == "UInt64" else "u4"
        self._coding = Encoding(order, np.dtype(order + header), root.attributes.get("compressor", ""))
        self._appended, self._raw = appended, encoding == "raw"

    def read(self, element: _Element, count: int) -> NDArray:
        """Exactly `count` numbers."""
        values, name = self.any_number(element, count), element.attributes.get("Name", "?")[:40]
        if len(values) != count:
            raise FileFormatError(f"the array {name!r} has {len(values)} numbers where {count} belong; it is damaged")
        return values

    def any_number(self, element: _Element, count: int | None = None) -> NDArray:
        """As many numbers as there are; those stored with headers are refused where these say other than `count`."""
        name, kind = element.attributes.get("Name", "?")[:40], _TYPES.get(element.attributes.get("type", ""))
        if kind is None:
            raise FileFormatError(f"the array {name!r} has an unknown type")
        way = element.attributes.get("format", "ascii")
        if way == "ascii":
            values = numbers(element.text.encode(), f"the array {name!r}")
            return values if kind[0] == "f" else whole_numbers(values)
        if way == "binary":
            text = b"".join(element.text.encode("ascii", "replace").split())
            return decoded(text, 0, self._coding, kind, count, raw=False)
        if way == "appended":
            return decoded(self._appended, count_in(element, "offset"), self._coding, kind, count, raw=self._raw)
        raise FileFormatError(f"the array {name!r} has the unknown format {way[:40]!r}")


def count_in(element: _Element, name: str) -> int:
    """A whole number in an attribute; 0 where there is none."""
    text = element.attributes.get(name, "0").strip() or "0"
    if not (text.isascii() and text.isdigit()) or len(text) > 15:
        raise FileFormatError(f"{name} is {text[:40]!r}, which is no number of items")
    return int(text)


def _piece(reader: _Arrays, piece: _Element) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Points and triangles of a piece."""
    count = count_in(piece, "NumberOfPoints")
    holder = piece.first("Points")
    array = holder.first("DataArray") if holder else None
    if count and array is None:
        raise FileFormatError("it announces points but has none")
    if array is not None and count and array.attributes.get("NumberOfComponents", "3") != "3":
        raise FileFormatError("its points do not have three coordinates")
    points = reader.read(array, 3 * count) if array is not None and count else np.empty(0)
    triangles = [
        cut(*_cells(reader, piece.first(name), count_in(piece, f"NumberOf{name}")))
        for name, cut in (("Polys", fan_triangles), ("Strips", strip_triangles))
    ]
    faces = np.concatenate(triangles)
    if len(faces) and (faces.min() < 0 or faces.max() >= count):
        raise FileFormatError(f"a triangle refers to vertex {faces.max()}, but there are {count}; it is damaged")
    return points.astype(np.float64).reshape(-1, 3), faces


def _cells(reader: _Arrays, holder: _Element | None, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Corner counts and corners."""
    if count == 0:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    arrays = {array.attributes.get("Name"): array for array in (holder.all("DataArray") if holder else ())}
    if not {"offsets", "connectivity"} <= set(arrays):
        raise FileFormatError("it announces triangles but has no arrays 'connectivity' and 'offsets'")
    ends = reader.read(arrays["offsets"], count).astype(np.int64)
    counts = np.diff(ends, prepend=0)
    if counts.min() < 0:
        raise FileFormatError("the 'offsets' of its triangles do not ascend; it is damaged")
    return counts, reader.read(arrays["connectivity"], int(ends[-1])).astype(np.int64)


def _texts(reader: _Arrays, fields: _Element | None) -> dict[str, str]:
    """The first value of each text among the field data: codes of characters up to a zero."""
    found: dict[str, str] = {}
    for array in (fields.all("Array") if fields else ())[:100]:
        name = array.attributes.get("Name", "")
        if array.attributes.get("type") == "String" and name in ("SPACE", "UNIT", "UNITS"):
            codes = bytes(int(code) % 256 for code in reader.any_number(array)[:200])
            found[name] = codes.partition(b"\0")[0].decode("utf-8", errors="replace")
    return found
