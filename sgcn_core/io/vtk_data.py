"""Arrays inside VTK XML files: base64 or raw bytes behind a header, whole or as compressed blocks."""

from __future__ import annotations

import binascii
import lzma
import zlib
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import FileFormatError
from sgcn_core.io.vtk_errors import vtk_errors_raised

_MOST = 2**40  # of anything; larger numbers are damage
_CUT = "an array is longer than what the file holds of it; it is damaged or cut short"
# Most bytes that one byte can stand for: deflate, LZ4, LZMA. A header that promises more is a lie.
_RATIO = {"vtkZLibDataCompressor": 1100, "vtkLZ4DataCompressor": 260, "vtkLZMADataCompressor": 20_000}


@dataclass(frozen=True)
class Encoding:
    """How the arrays of a file are stored: byte order, type of the headers' numbers, name of the compressor."""

    order: str
    header: np.dtype
    compressor: str


def decoded(data: bytes, offset: int, coding: Encoding, kind: str, count: int | None, *, raw: bool) -> NDArray:
    """Numbers of the array at `offset`.

    Parameters
    ----------
    data : bytes
        Base64 text, or bytes as they are where `raw`.
    kind : str
        NumPy's code of the numbers.
    count : int or None
        Numbers expected: refused before any memory is taken, if the headers announce others. None takes what there is.
    """
    if offset > len(data):
        raise FileFormatError(_CUT)
    stream = _Stream(data, offset, raw)
    size = np.dtype(kind).itemsize
    needed = None if count is None else count * size
    content = _blocks(stream, coding, needed) if coding.compressor else _whole(stream, coding, needed)
    return np.frombuffer(content[: len(content) // size * size], coding.order + kind)


class _Stream:
    """Bytes one after the other, out of base64 where that is how they are stored."""

    def __init__(self, data: bytes, offset: int, raw: bool) -> None:
        self._data, self._position, self._raw = data, offset, raw
        self._left = b""

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        available = len(self._data) - self._position if self._raw else len(self._data) - self._position + 4
        if not 0 <= count <= available:
            raise FileFormatError(_CUT)
        if self._raw:
            self._position += count
            return self._data[self._position - count : self._position]
        taken = self._left[:count]
        self._left = self._left[count:]
        if len(taken) < count:
            characters = -(-(count - len(taken)) // 3) * 4
            text = self._data[self._position : self._position + characters]
            self._position += characters
            try:
                fresh = binascii.a2b_base64(text)
            except binascii.Error as error:
                raise FileFormatError(f"an array's base64 is damaged ({error})") from error
            taken, self._left = taken + fresh[: count - len(taken)], fresh[count - len(taken) :]
        if len(taken) < count:
            raise FileFormatError(_CUT)
        return taken

    def number(self, kind: np.dtype) -> int:
        """The next number of a header."""
        return int(np.frombuffer(self.take(kind.itemsize), kind)[0])


def _whole(stream: _Stream, coding: Encoding, needed: int | None) -> bytes:
    size = stream.number(coding.header)
    _check_size(size, needed)
    return stream.take(size)


def _blocks(stream: _Stream, coding: Encoding, needed: int | None) -> bytes:
    """Blocks: their number, size, size of the last (0: as the others), compressed sizes; then the blocks themselves."""
    if coding.compressor not in _RATIO:
        raise FileFormatError(f"it is compressed with {coding.compressor[:40]!r}, which is not known")
    count, size, last = (stream.number(coding.header) for _ in range(3))
    if count == 0:
        _check_size(0, needed)
        return b""
    sizes = [size] * (count - 1) + [last or size] if count < 2**24 else []
    _check_size((count - 1) * size + (last or size), needed)
    packed = np.frombuffer(stream.take(count * coding.header.itemsize), coding.header).tolist()
    if any(large > _RATIO[coding.compressor] * small for large, small in zip(sizes, packed, strict=True)):
        raise FileFormatError("a compressed block promises more than can be in it; it is damaged")
    # The header of base64 has its own padding: the blocks begin with a fresh group of four characters.
    return b"".join(
        _unpacked(coding.compressor, stream.take(small), large) for large, small in zip(sizes, packed, strict=True)
    )


def _check_size(size: int, needed: int | None) -> None:
    if size > _MOST or (needed is not None and size != needed):
        raise FileFormatError(f"an array takes {size} bytes where {needed} belong; it is damaged")


def _unpacked(compressor: str, block: bytes, size: int) -> bytes:
    """A block of exactly `size` bytes; no more are unpacked."""
    try:
        if compressor == "vtkZLibDataCompressor":
            content = zlib.decompressobj().decompress(block, size + 1)
        elif compressor == "vtkLZMADataCompressor":
            content = lzma.LZMADecompressor(memlimit=2**28).decompress(block, size + 1)
        else:
            content = _unpacked_lz4(block, size)
    except (zlib.error, lzma.LZMAError, EOFError) as error:
        raise FileFormatError(f"a compressed block is damaged ({error})") from error
    if len(content) != size:
        raise FileFormatError("a compressed block does not have the size it announces; it is damaged")
    return content


def _unpacked_lz4(block: bytes, size: int) -> bytes:
    """By VTK: Python has no LZ4."""
    from vtkmodules.vtkIOCore import vtkLZ4DataCompressor

    unpacked = np.empty(size, dtype=np.uint8)
    packed: Any = np.frombuffer(block, np.uint8)
    with vtk_errors_raised():
        written = vtkLZ4DataCompressor().Uncompress(packed, len(block), cast(Any, unpacked), size)
    return unpacked[:written].tobytes()
