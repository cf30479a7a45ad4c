"""VTK legacy polydata (.vtk), text and binary, versions 1 to 5.1.

Read here and not by VTK, whose reader takes the memory that a header asks for, and follows damaged cells out of it.
Format: "VTK File Formats", The VTK User's Guide, Kitware; cells with OFFSETS since version 5.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import FileFormatError
from sgcn_core.io.mesh_data import (
    MeshData,
    fan_triangles,
    frame_hint,
    numbers,
    strip_triangles,
    unit_hint,
    whole_numbers,
)
from sgcn_core.types.units import canonical_unit

# vtkIdType is stored as int.
_TYPES = {
    "unsigned_char": "u1",
    "char": "i1",
    "signed_char": "i1",
    "unsigned_short": "u2",
    "short": "i2",
    "unsigned_int": "u4",
    "int": "i4",
    "vtkidtype": "i4",
    "unsigned_long": "u8",
    "long": "i8",
    "vtktypeint64": "i8",
    "vtktypeuint64": "u8",
    "float": "f4",
    "double": "f8",
}
_CELLS = ("VERTICES", "LINES", "POLYGONS", "TRIANGLE_STRIPS")
_KEYWORD = re.compile(rb"^[ \t]*[A-Z][A-Z_]{3,}", re.MULTILINE)
_OFFSETS = re.compile(rb"\s*OFFSETS[ \t]")
_LINE_END = re.compile(rb"[^\n]*\n?")
_MOST = 2**40  # of anything; larger numbers are damage
_LONGEST_LINE = 4096

Cells = tuple[NDArray[np.int64], NDArray[np.int64]]


def read_vtk(path: Path) -> MeshData:
    """Read legacy polydata; frame and unit from the title line or, as in .vtp files, from field data."""
    file = _Legacy(path.read_bytes())
    title = file.header()
    content = _Content()
    while (words := file.words()) is not None:
        if words[0] in ("POINT_DATA", "CELL_DATA"):
            break
        _take_section(file, words, content)
    if content.points is None or not len(content.points):
        raise FileFormatError("it holds no points; it is empty or damaged")
    faces = np.concatenate(
        [
            fan_triangles(*cells) if name == "POLYGONS" else strip_triangles(*cells)
            for name, cells in content.cells.items()
            if name in ("POLYGONS", "TRIANGLE_STRIPS")
        ]
        or [np.empty((0, 3), dtype=np.int64)]
    )
    fields = content.texts
    frame = frame_hint(title) or frame_hint(f"SPACE={fields.get('SPACE', '')}")
    unit = unit_hint(title) or canonical_unit(fields.get("UNIT") or fields.get("UNITS") or "")
    return MeshData(content.points, faces, frame, unit)


@dataclass
class _Content:
    points: NDArray[np.float64] | None = None
    cells: dict[str, Cells] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)


def _take_section(file: _Legacy, words: list[str], content: _Content) -> None:
    name = words[0]
    if name == "POINTS" and len(words) == 3:
        content.points = file.array(words[2], 3 * _count(words[1])).astype(np.float64).reshape(-1, 3)
    elif name in _CELLS and len(words) == 3:
        content.cells[name] = _cells(file, _count(words[1]), _count(words[2]))
    elif name == "FIELD" and len(words) == 3:
        for _ in range(_count(words[2])):
            _take_field(file, content.texts)
    elif name == "METADATA":
        file.skip_to_blank_line()
    else:
        raise FileFormatError(f"the line {' '.join(words)[:80]!r} is not understood; it is damaged")


def _cells(file: _Legacy, first: int, second: int) -> Cells:
    """Corner counts and corners; `first` and `second` are the numbers behind the keyword."""
    if not _OFFSETS.match(file.data, file.position):
        return _split(file.array("int", second).astype(np.int64), first)
    kind = (file.words() or [""])[-1]
    offsets = file.array(kind, first).astype(np.int64) if first else np.zeros(1, dtype=np.int64)
    words = file.words()
    if words is None or words[0] != "CONNECTIVITY":
        raise FileFormatError("CONNECTIVITY is missing behind OFFSETS")
    corners = file.array(words[-1], second).astype(np.int64)
    if offsets[0] != 0 or offsets[-1] != len(corners) or (np.diff(offsets) < 0).any():
        raise FileFormatError("the cells' OFFSETS do not fit their CONNECTIVITY")
    return np.diff(offsets), corners


def _split(values: NDArray[np.int64], count: int) -> Cells:
    """Cells as they stood before version 5.1: each begins with the number of its corners."""
    if count and len(values) == 4 * count and (values[::4] == 3).all():
        return np.full(count, 3, dtype=np.int64), values.reshape(-1, 4)[:, 1:].ravel()
    starts = []
    place, listed = 0, values.tolist()
    for _ in range(count):
        if place >= len(listed) or listed[place] < 0:
            raise FileFormatError("the cells end before their number is reached")
        starts.append(place)
        place += 1 + listed[place]
    if place != len(listed):
        raise FileFormatError(f"{count} cells take {place} numbers, but {len(listed)} are announced")
    corner = np.ones(len(values), dtype=bool)
    corner[starts] = False
    return values[starts], values[corner]


def _take_field(file: _Legacy, texts: dict[str, str]) -> None:
    """One array of a FIELD: texts are kept, numbers skipped."""
    words = file.words()
    if words is not None and words[0] == "METADATA":
        file.skip_to_blank_line()
        words = file.words()
    if words is None or len(words) != 4:
        raise FileFormatError("a field's array has no line with name, components, tuples and type")
    count = _count(words[1]) * _count(words[2])
    if words[3].lower() == "string":
        values = [file.text() for _ in range(min(count, _MOST))]
        texts[unquote(words[0])] = values[0] if values else ""
    else:
        file.array(words[3], count)


def _count(word: str) -> int:
    if not (word.isascii() and word.isdigit()) or len(word) > 15:
        raise FileFormatError(f"{word[:40]!r} stands where a number of items belongs")
    return int(word)


class _Legacy:
    """The file's bytes and how far they are read."""

    def __init__(self, data: bytes) -> None:
        self.data, self.position, self.binary = data, 0, False

    def header(self) -> str:
        """Check the first lines; returns the title."""
        first, title, kind, dataset = (self._line().decode("utf-8", errors="replace").strip() for _ in range(4))
        if not first.startswith("# vtk DataFile Version") or dataset.split() != ["DATASET", "POLYDATA"]:
            raise FileFormatError("it is no VTK polydata; extract the surface of volumes and grids first")
        if kind not in ("ASCII", "BINARY"):
            raise FileFormatError(f"the third line is {kind[:40]!r}, not ASCII or BINARY")
        self.binary = kind == "BINARY"
        return title

    def _line(self) -> bytes:
        match = _LINE_END.match(self.data, self.position, self.position + _LONGEST_LINE)
        line = match.group() if match else b""
        self.position += len(line)
        if len(line) == _LONGEST_LINE:
            raise FileFormatError("a line is longer than any of this format")
        return line

    def words(self) -> list[str] | None:
        """The words of the next line that is not blank; None at the end."""
        rest = re.compile(rb"\s*").match(self.data, self.position)
        self.position = rest.end() if rest else self.position
        if self.position >= len(self.data):
            return None
        return self._line().decode("utf-8", errors="replace").split()

    def skip_to_blank_line(self) -> None:
        while self._line().strip():
            pass

    def array(self, type_name: str, count: int) -> NDArray:
        """`count` numbers from here on."""
        kind = _TYPES.get(type_name.lower())
        if kind is None:
            raise FileFormatError(f"the type {type_name[:40]!r} is not known")
        return self._binary_array(np.dtype(f">{kind}"), count) if self.binary else self._text_array(kind, count)

    def _binary_array(self, kind: np.dtype, count: int) -> NDArray:
        if count * kind.itemsize > len(self.data) - self.position:
            raise FileFormatError(f"{count} numbers are announced where the file ends before; it is cut short")
        values = np.frombuffer(self.data, kind, count=count, offset=self.position)
        self.position += count * kind.itemsize
        return values

    def _text_array(self, kind: str, count: int) -> NDArray:
        found = _KEYWORD.search(self.data, self.position)
        end = found.start() if found else len(self.data)
        if 2 * count > end - self.position + 1:
            raise FileFormatError(f"{count} numbers are announced, for which there is no room; it is cut short")
        values = numbers(self.data[self.position : end], "the numbers of an array")
        if len(values) != count:
            raise FileFormatError(f"{count} numbers are announced, but there are {len(values)}; it is damaged")
        self.position = end
        return values if kind[0] == "f" else whole_numbers(values)

    def text(self) -> str:
        """One value of an array of texts: a line, or in binary files a length of 1 to 8 bytes and as many bytes."""
        if not self.binary:
            return unquote(self._line().decode("utf-8", errors="replace").strip())
        first = self.data[self.position : self.position + 1]
        if not first:
            raise FileFormatError("a text is announced where the file ends")
        width = {3: 1, 2: 2, 1: 4, 0: 8}[first[0] >> 6]
        length = int.from_bytes(self.data[self.position : self.position + width], "big") % 2 ** (8 * width - 2)
        self.position += width
        if length > len(self.data) - self.position:
            raise FileFormatError("a text is longer than the rest of the file")
        self.position += length
        return self.data[self.position - length : self.position].decode("utf-8", errors="replace")
