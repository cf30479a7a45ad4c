"""Voxels behind a text header: raw, compressed or as text, in one file or in several."""

from __future__ import annotations

import bz2
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import FileFormatError
from sgcn_core.io.mesh_data import numbers

# Most bytes that one byte can stand for: deflate cannot do better than 1032, nor bzip2 than about 45,000.
_RATIO = {"raw": 1, "zlib": 1100, "bzip2": 50_000, "text": 1}
_CHUNK = 2**20
_KEPT = ("u1", "i1", "u2", "i2", "f4")


@dataclass(frozen=True)
class Voxels:
    """Where voxels are stored, and how.

    Attributes
    ----------
    files : sequence of Path
        Each holds an equal share, in order.
    kind : dtype
        With its byte order.
    encoding : {"raw", "zlib", "bzip2", "text"}
        "zlib" stands for gzip too.
    skip : int
        Bytes before the voxels in each file; -1: they stand at its end.
    lines : int
        Lines before them.
    start : int
        Where to begin, behind the header of the same file.
    """

    files: Sequence[Path]
    kind: np.dtype
    encoding: str
    skip: int = 0
    lines: int = 0
    start: int = 0


def read_voxels(voxels: Voxels, shape: tuple[int, int, int]) -> NDArray:
    """Array (Z, Y, X): the own type where it is small, else float32.

    Raises
    ------
    FileFormatError
        The files hold less than `shape` needs; this is found before memory is taken for it.
    """
    count = int(np.prod(shape, dtype=object))
    if len(voxels.files) not in (1, shape[0]):
        raise FileFormatError(f"it names {len(voxels.files)} files for {shape[0]} slices")
    share = count // len(voxels.files)
    # A voxel as text takes a digit and a blank, whatever its type.
    size = 0.5 if voxels.encoding == "text" else voxels.kind.itemsize
    for file in voxels.files:
        if share * size > (file.stat().st_size + 1) * _RATIO[voxels.encoding]:
            raise FileFormatError(
                f"its header states {count} voxels, but {file.name} has only {file.stat().st_size} bytes; it is "
                "damaged or cut short"
            )
    parts = [_part(voxels, file, share) for file in voxels.files]
    array = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return _native(array).reshape(shape)


def _native(array: NDArray) -> NDArray:
    wanted = array.dtype.newbyteorder("=") if array.dtype.str[1:] in _KEPT else np.dtype(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        return array.astype(wanted, copy=False)


def _part(voxels: Voxels, file: Path, count: int) -> NDArray:
    """The voxels of one file."""
    needed = count * voxels.kind.itemsize
    with file.open("rb") as stream:
        stream.seek(voxels.start)
        if voxels.skip < 0:
            stream.seek(max(file.stat().st_size - needed, 0))
        else:
            for _ in range(voxels.lines):
                if not stream.readline():
                    raise FileFormatError(f"{file.name} has fewer than the {voxels.lines} lines that are to be skipped")
            if voxels.encoding == "raw":
                stream.seek(voxels.skip, 1)
        if voxels.encoding == "text":
            return _from_text(stream, voxels.kind, count)
        if voxels.encoding == "raw":
            values = np.fromfile(stream, voxels.kind, count)
        else:
            content = _unpacked(stream, voxels.encoding, needed, max(voxels.skip, 0))
            values = np.frombuffer(content, voxels.kind, count=len(content) // voxels.kind.itemsize)
    if len(values) < count:
        raise FileFormatError(f"it has {len(values)} of the {count} voxels its header states; it is cut short")
    return values


def _from_text(stream: BinaryIO, kind: np.dtype, count: int) -> NDArray:
    values = numbers(stream.read(), "the voxels")
    if len(values) < count:
        raise FileFormatError(f"it has {len(values)} of the {count} voxels its header states; it is cut short")
    with np.errstate(over="ignore", invalid="ignore"):
        return values[:count].astype(kind)


def _unpacked(stream: BinaryIO, encoding: str, needed: int, skip: int) -> bytearray:
    """As many bytes as are needed, no more, whatever the stream goes on to; `skip` counts unpacked bytes."""
    content = bytearray()
    unpack: Any = _unpacker(encoding)
    waiting = b""
    try:
        while len(content) < needed:
            waiting = waiting or stream.read(_CHUNK)
            if unpack.eof:  # gzip may consist of several members
                waiting = unpack.unused_data + waiting
                unpack = _unpacker(encoding)
            if not waiting and getattr(unpack, "needs_input", True):
                break
            piece = unpack.decompress(waiting, min(_CHUNK * 16, needed + skip - len(content)))
            waiting = getattr(unpack, "unconsumed_tail", b"")
            dropped = min(skip, len(piece))
            skip -= dropped
            content += piece[dropped:]
    except (zlib.error, OSError, EOFError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise FileFormatError(f"its compressed voxels are damaged ({error})") from error
    return content


def _unpacker(encoding: str) -> Any:
    return bz2.BZ2Decompressor() if encoding == "bzip2" else zlib.decompressobj(47)
