"""STL files, ASCII and binary. The format repeats every corner; equal positions are welded exactly."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import FileFormatError
from sgcn_core.geometry.triangles import triangle_normals
from sgcn_core.io.mesh_data import MeshData, frame_hint, numbers, tag_text, unit_hint
from sgcn_core.types.surface import Surface, coincident_vertices

_HEADER_SIZE = 84
_RECORD = np.dtype([("normal", "<f4", (3,)), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
_VERTEX_LINE = re.compile(rb"\bvertex[ \t]+([^\r\n]*)", re.IGNORECASE)
_FACET = re.compile(rb"\bfacet[ \t]+normal\b", re.IGNORECASE)


def read_stl(path: Path) -> MeshData:
    """Read triangles; vertices are numbered in order of first appearance."""
    data = path.read_bytes()
    if _is_ascii(data):
        header, corners = data[: data.find(b"\n")], _ascii_corners(data)
    else:
        header, corners = data[:80], _binary_corners(data)
    first, group = coincident_vertices(corners)
    text = header.decode("latin-1")
    return MeshData(corners[first], group.reshape(-1, 3), frame_hint(text), unit_hint(text))


def stl_bytes(surface: Surface) -> bytes:
    """Binary STL; the header does not begin with "solid", which would announce ASCII."""
    records = np.zeros(len(surface.faces), dtype=_RECORD)
    records["normal"] = triangle_normals(surface.vertices, surface.faces)
    records["corners"] = surface.vertices[surface.faces]
    header = f"Binary STL. {tag_text(surface.frame, surface.unit)}".encode("ascii").ljust(80)
    return header + len(records).to_bytes(4, "little") + records.tobytes()


def _is_ascii(data: bytes) -> bool:
    if data[:5].lower() != b"solid":
        return False
    # Some programs begin binary files with "solid" too; the size tells them apart.
    announced = int.from_bytes(data[80:_HEADER_SIZE], "little")
    return len(data) != _HEADER_SIZE + announced * _RECORD.itemsize


def _binary_corners(data: bytes) -> NDArray[np.float64]:
    if len(data) < _HEADER_SIZE:
        raise FileFormatError(f"it has {len(data)} bytes, fewer than the header of a binary STL")
    count = int.from_bytes(data[80:_HEADER_SIZE], "little")
    if len(data) < _HEADER_SIZE + count * _RECORD.itemsize:
        raise FileFormatError(
            f"it declares {count} triangles but holds {(len(data) - _HEADER_SIZE) // _RECORD.itemsize}; "
            "it is truncated, or not an STL file"
        )
    records = np.frombuffer(data, _RECORD, count=count, offset=_HEADER_SIZE)
    if count == 0:
        raise FileFormatError("it holds no triangles")
    return records["corners"].reshape(-1, 3).astype(np.float64)


def _ascii_corners(data: bytes) -> NDArray[np.float64]:
    lines = _VERTEX_LINE.findall(data)
    facets = len(_FACET.findall(data))
    if b"endsolid" not in data[-1024:].lower():
        raise FileFormatError("it does not end with 'endsolid'; it is truncated, or not an STL file")
    if facets == 0:
        raise FileFormatError("it holds no triangles")
    values = numbers(b"\n".join(lines), "the 'vertex' lines")
    if len(lines) != 3 * facets or values.size != 3 * len(lines):
        raise FileFormatError(f"its {facets} facets have {len(lines)} vertices with {values.size} coordinates")
    return values.reshape(-1, 3)
