"""Buffers and accessors of glTF 2.0 (sections 3.6.1 and 3.6.2 of the specification)."""

from __future__ import annotations

import binascii
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import FileFormatError
from sgcn_core.io.linked import file_beside

_COMPONENTS = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC3": 3}


def listed(content: dict[str, Any], name: str, number: Any) -> dict[str, Any]:
    """Entry `number` of the list `name`."""
    entries = content.get(name)
    if type(number) is not int or not isinstance(entries, list) or not 0 <= number < len(entries):
        raise FileFormatError(f"it refers to {name}[{str(number)[:40]}], which does not exist")
    if not isinstance(entries[number], dict):
        raise FileFormatError(f"{name}[{number}] is not an object")
    return dict(entries[number])


class Buffers:
    """Reads the buffers of a document; linked files are in `folder`."""

    def __init__(self, content: dict[str, Any], binary: bytes, folder: Path) -> None:
        self._content, self._binary, self._folder = content, binary, folder
        self._loaded: dict[int, bytes] = {}

    def accessor(self, number: Any, shape: str) -> NDArray[Any]:
        """Values (count, 1 or 3) of an accessor."""
        accessor = listed(self._content, "accessors", number)
        if accessor.get("type") != shape:
            raise FileFormatError(f"accessor {number} is {accessor.get('type')!r}, expected {shape}")
        count, kind = _whole(accessor, "count"), _component(accessor)
        sparse = accessor.get("sparse")
        if "bufferView" in accessor:
            values = self._values(accessor, kind, count, _WIDTHS[shape])
        elif sparse is not None and count <= 2**26:
            values = np.zeros((count, _WIDTHS[shape]), dtype=kind)
        else:
            raise FileFormatError(f"accessor {number} has no bufferView")
        return values if sparse is None else self._overlaid(values, sparse, kind)

    def positions(self, number: Any) -> NDArray[np.float64]:
        """Vertices (count, 3); integers are scaled where they are normalised (3.11, KHR_mesh_quantization)."""
        values = self.accessor(number, "VEC3")
        positions = values.astype(np.float64)
        if values.dtype.kind in "iu" and listed(self._content, "accessors", number).get("normalized") is True:
            positions = np.maximum(positions / np.iinfo(values.dtype).max, -1.0)
        return positions

    def _overlaid(self, values: NDArray[Any], sparse: dict[str, Any], kind: np.dtype) -> NDArray[Any]:
        """Sparse accessors replace some of the values."""
        count = _whole(sparse, "count")
        places = self._values(sparse["indices"], _component(sparse["indices"]), count, 1)[:, 0].astype(np.int64)
        if len(places) and not 0 <= places.min() <= places.max() < len(values):
            raise FileFormatError("a sparse accessor refers to values that do not exist")
        values = values.copy()
        values[places] = self._values(sparse["values"], kind, count, values.shape[1])
        return values

    def _values(self, holder: dict[str, Any], kind: np.dtype, count: int, width: int) -> NDArray[Any]:
        view = listed(self._content, "bufferViews", holder.get("bufferView"))
        data = self._buffer(view.get("buffer"))
        start, length = _whole(view, "byteOffset"), _whole(view, "byteLength")
        offset, row = _whole(holder, "byteOffset"), kind.itemsize * width
        stride = _whole(view, "byteStride") or row
        end = offset + (count - 1) * stride + row if count else offset
        if start + length > len(data) or end > length or stride < row:
            raise FileFormatError("an accessor reaches beyond its buffer; the file is damaged or truncated")
        values: NDArray[Any] = np.ndarray((count, width), kind, data, start + offset, (stride, kind.itemsize))
        return values

    def _buffer(self, number: Any) -> bytes:
        buffer = listed(self._content, "buffers", number)
        if number not in self._loaded:
            self._loaded[number] = self._load(buffer)
        return self._loaded[number]

    def _load(self, buffer: dict[str, Any]) -> bytes:
        uri = buffer.get("uri")
        if uri is None:
            return self._binary
        if not isinstance(uri, str):
            raise FileFormatError("a buffer's uri is not a string")
        if not uri.startswith("data:"):
            return file_beside(self._folder, unquote(uri)).read_bytes()
        head, _, text = uri.partition(",")
        if not head.endswith(";base64"):
            raise FileFormatError("a buffer inside the file is not in base64")
        try:
            return binascii.a2b_base64(text)
        except ValueError as error:
            raise FileFormatError(f"a buffer's base64 is damaged ({error})") from error


def _whole(holder: dict[str, Any], name: str) -> int:
    value = holder.get(name, 0)
    if type(value) is not int or not 0 <= value < 2**40:
        raise FileFormatError(f"{name} is {str(value)[:40]}, expected an integer from 0")
    return int(value)


def _component(holder: dict[str, Any]) -> np.dtype:
    code = holder.get("componentType")
    if type(code) is not int or code not in _COMPONENTS:
        raise FileFormatError(f"the component type {str(code)[:40]} is not known")
    return np.dtype(_COMPONENTS[code])
