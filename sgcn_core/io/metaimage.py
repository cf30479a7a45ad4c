"""MetaImage (.mha, .mhd).

Read here and not by ITK, whose parser can be led out of its buffers, prints to the terminal and opens any file that a
header names. Format: https://itk.org/Wiki/ITK/MetaIO/Documentation.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from sgcn_core.errors import FileFormatError
from sgcn_core.io.beside import file_beside
from sgcn_core.io.header_numbers import reals, wholes
from sgcn_core.io.raw_voxels import Voxels
from sgcn_core.io.volume_header import Grid

_TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
_LONGEST_HEADER = 2**16
_LINE = re.compile(rb"[ \t]*([A-Za-z_0-9]+)[ \t]*=[ \t]*([^\r\n]*)\r?\n")
_PATTERN = re.compile(r"([^%]*)%0?(\d?)d([^%\s]*)")
_MOST_FILES = 10_000


def read_metaimage_header(file: Path) -> tuple[Grid, Voxels]:
    """What the header says, and where the voxels are.

    Raises
    ------
    FileFormatError
        Without the file's name.
    """
    with file.open("rb") as stream:
        data = stream.read(_LONGEST_HEADER)
    fields, end = _fields(data)
    if fields.get("ObjectType", "Image").lower() != "image" or "DimSize" not in fields:
        raise FileFormatError("it is no MetaImage: it has no line 'DimSize = ...'")
    dimensions = wholes(fields.get("NDims", "3"), "NDims", 1, low=1, high=10)[0]
    size = tuple(wholes(fields["DimSize"], "DimSize", dimensions, low=1))
    kind = _TYPES.get(fields.get("ElementType", ""))
    if kind is None:
        raise FileFormatError(f"the ElementType {fields.get('ElementType', '')[:40]!r} is not known")
    channels = wholes(fields.get("ElementNumberOfChannels", "1"), "ElementNumberOfChannels", 1, low=1)[0]
    grid = _grid(fields, size, channels)
    names = _files(file, fields.get("ElementDataFile", ""), data[end:], size)
    text = not _true(fields.get("BinaryData", "True"))
    packed = _true(fields.get("CompressedData", "False"))
    skip = wholes(fields.get("HeaderSize", "0"), "HeaderSize", 1, low=-1)[0]
    big = _true(fields.get("BinaryDataByteOrderMSB", fields.get("ElementByteOrderMSB", "False")))
    local = names == [file]
    encoding = "text" if text else "zlib" if packed else "raw"
    order = ">" if big else "<"
    return grid, Voxels(names, np.dtype(order + kind), encoding, max(skip, 0) if packed else skip, 0, end * local)


def _fields(data: bytes) -> tuple[dict[str, str], int]:
    """Fields up to ElementDataFile, which is the last, and where the header ends."""
    fields: dict[str, str] = {}
    position = 0
    while match := _LINE.match(data, position):
        position = match.end()
        name = match.group(1).decode("ascii")
        fields[name] = match.group(2).decode("utf-8", errors="surrogateescape").strip()
        if name == "ElementDataFile":
            return fields, position
    raise FileFormatError("its header is damaged: it does not reach the line 'ElementDataFile = ...'")


def _grid(fields: dict[str, str], size: tuple[int, ...], channels: int) -> Grid:
    count = len(size)
    spacing = reals(_either(fields, "1 " * count, "ElementSpacing", "ElementSize"), "ElementSpacing", count)
    origin = reals(_either(fields, "0 " * count, "Offset", "Position", "Origin"), "Offset", count)
    unit = " ".join(map(str, np.eye(count).ravel()))
    matrix = reals(_either(fields, unit, "TransformMatrix", "Rotation", "Orientation"), "TransformMatrix", count**2)
    direction = matrix.reshape(count, count).T[:3, :3]
    # ITK, and with it Slicer, takes every length as millimetres, whatever DistanceUnits says.
    return Grid(size, channels, spacing[:3], origin[:3], direction)


def _either(fields: dict[str, str], default: str, *names: str) -> str:
    return next((fields[name] for name in names if name in fields), default)


def _true(text: str) -> bool:
    return text[:1].lower() in ("t", "y", "1")


def _files(file: Path, named: str, rest: bytes, size: tuple[int, ...]) -> list[Path]:
    """The files with the voxels: this one, one beside it, those of a list, or those of a pattern (first last step)."""
    words = named.split()
    if named.upper() == "LOCAL":
        return [file]
    if words and words[0].upper() == "LIST":
        names = rest.decode("utf-8", errors="surrogateescape").splitlines()[: size[-1]]
        return [file_beside(file.parent, name.strip()) for name in names] or [file_beside(file.parent, "")]
    if "%" in named:
        return [file_beside(file.parent, name) for name in pattern_names(words)]
    return [file_beside(file.parent, named)]


def pattern_names(words: list[str]) -> list[str]:
    """Names of a pattern such as ``slice%03d.raw 1 120 1``."""
    match = _PATTERN.fullmatch(words[0])
    first, last, step, *_ = [*wholes(" ".join(words[1:4]), "the pattern", len(words[1:4]), low=0), 1, 1, 1]
    if match is None or len(words) < 3 or step < 1 or not 0 <= last - first < _MOST_FILES:
        raise FileFormatError(f"the pattern of its data files, {' '.join(words)[:80]!r}, is not understood")
    before, width, after = match.groups()
    return [f"{before}{number:0{int(width or 0)}d}{after}" for number in range(first, last + 1, step)]
