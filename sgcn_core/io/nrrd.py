"""NRRD (.nrrd, .nhdr).

Read here and not by ITK, whose parser can be brought to crash or hang and opens any file that a header names.
Format: https://teem.sourceforge.net/nrrd/format.html; axes in other spaces than LPS turned as ITK's NrrdImageIO does.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import FileFormatError
from sgcn_core.io.beside import file_beside
from sgcn_core.io.header_numbers import reals, wholes
from sgcn_core.io.metaimage import pattern_names
from sgcn_core.io.raw_voxels import Voxels
from sgcn_core.io.volume_header import Grid

_SPELLINGS = {
    "i1": "signed char,int8,int8_t",
    "u1": "uchar,unsigned char,uint8,uint8_t",
    "i2": "short,short int,signed short,signed short int,int16,int16_t",
    "u2": "ushort,unsigned short,unsigned short int,uint16,uint16_t",
    "i4": "int,signed int,int32,int32_t",
    "u4": "uint,unsigned int,uint32,uint32_t",
    "i8": "longlong,long long,long long int,signed long long,signed long long int,int64,int64_t",
    "u8": "ulonglong,unsigned long long,unsigned long long int,uint64,uint64_t",
    "f4": "float",
    "f8": "double",
}
_TYPES = {name: kind for kind, names in _SPELLINGS.items() for name in names.split(",")}
_ENCODINGS = {
    **dict.fromkeys(("raw",), "raw"),
    **dict.fromkeys(("gzip", "gz"), "zlib"),
    **dict.fromkeys(("bzip2", "bz2"), "bzip2"),
    **dict.fromkeys(("text", "txt", "ascii"), "text"),
}
# Signs that turn a space into LPS.
_SPACES = {
    **dict.fromkeys(("left-posterior-superior", "lps"), (1, 1, 1)),
    **dict.fromkeys(("right-anterior-superior", "ras"), (-1, -1, 1)),
    **dict.fromkeys(("left-anterior-superior", "las"), (1, -1, 1)),
}
_IN_SPACE = ("domain", "space", "time", "???", "none")
_LONGEST_HEADER = 2**17
_LINE = re.compile(rb"([^\r\n]*)\r?(?:\n|$)")
_VECTOR = re.compile(r"none|\(([^()]*)\)")


def read_nrrd_header(file: Path) -> tuple[Grid, Voxels]:
    """What the header says, and where the voxels are.

    Raises
    ------
    FileFormatError
        Without the file's name.
    """
    with file.open("rb") as stream:
        data = stream.read(_LONGEST_HEADER)
    fields, names, end = _fields(data)
    missing = [name for name in ("dimension", "type", "sizes", "encoding") if name not in fields]
    if missing:
        raise FileFormatError(f"its header is damaged: the field {missing[0]!r} is missing")
    dimension = wholes(fields["dimension"], "dimension", 1, low=1, high=16)[0]
    size = wholes(fields["sizes"], "sizes", dimension, low=1)
    kind, encoding = _TYPES.get(fields["type"].lower()), _ENCODINGS.get(fields["encoding"].lower())
    if kind is None or encoding is None:
        raise FileFormatError(
            f"the type {fields['type'][:40]!r} or the encoding {fields['encoding'][:40]!r} is not known"
        )
    if kind[1] != "1" and encoding != "text" and fields.get("endian", "").lower() not in ("little", "big"):
        raise FileFormatError("its header does not say whether it is of little or big endian")
    order = ">" if fields.get("endian", "").lower() == "big" else "<"
    return _grid(fields, size), _voxels(file, fields, names, end, np.dtype(order + kind), encoding)


def _fields(data: bytes) -> tuple[dict[str, str], list[str], int]:
    """Fields, the names behind ``data file: LIST``, and where the header ends: at a blank line, or with the file."""
    if not re.match(rb"NRRD000[1-5]\r?\n", data):
        raise FileFormatError("it does not begin with 'NRRD000' and a version from 1 to 5")
    fields: dict[str, str] = {}
    position = data.index(b"\n") + 1
    while position < len(data) and (match := _LINE.match(data, position)):
        position = match.end()
        line = match.group(1).decode("utf-8", errors="surrogateescape")
        if not line.strip():
            return fields, [], position
        if line.startswith("#") or ":=" in line:
            continue
        name, colon, value = line.partition(": ")
        name = name.strip().lower().rstrip(":")
        if not colon and not line.rstrip().endswith(":"):
            raise FileFormatError(f"the header line {line[:60]!r} is not understood")
        if name in ("data file", "datafile") and value.split()[:1] == ["LIST"]:
            listing = data[position:].decode("utf-8", errors="surrogateescape")
            return (
                {**fields, name: value},
                [entry.strip() for entry in listing.splitlines() if entry.strip()],
                len(data),
            )
        fields[name] = value.strip()
    if len(data) == _LONGEST_HEADER:
        raise FileFormatError("its header is longer than any of this format")
    return fields, [], len(data)


def _voxels(file: Path, fields: dict[str, str], names: list[str], end: int, kind: np.dtype, encoding: str) -> Voxels:
    named = fields.get("data file", fields.get("datafile"))
    lines = wholes(fields.get("line skip", fields.get("lineskip", "0")), "line skip", 1, low=0, high=10_000)[0]
    skip = wholes(fields.get("byte skip", fields.get("byteskip", "0")), "byte skip", 1, low=-1)[0]
    if skip < 0 and encoding != "raw":
        raise FileFormatError("a byte skip of -1 goes with the encoding raw alone")
    if named is None:
        return Voxels([file], kind, encoding, skip, lines, end)
    if named.startswith("LIST"):
        files = [file_beside(file.parent, name) for name in names[:10_000]]
    elif "%" in named:
        files = [file_beside(file.parent, name) for name in pattern_names(named.split())]
    else:
        files = [file_beside(file.parent, named)]
    if not files:
        raise FileFormatError("it lists no data files")
    return Voxels(files, kind, encoding, skip, lines)


def _grid(fields: dict[str, str], size: list[int]) -> Grid:
    """Axes without a direction are values of a voxel: colours, vectors, or one value alone."""
    count = len(size)
    if "space directions" not in fields:
        return _plain_grid(fields, size)
    vectors = _VECTOR.findall(fields["space directions"])
    whole = _VECTOR.sub("", fields["space directions"]).split()
    if len(vectors) != count or whole:
        raise FileFormatError(
            f"'space directions' must be {count} vectors, received {fields['space directions'][:80]!r}"
        )
    space = [axis for axis in range(count) if vectors[axis]]
    # ITK writes a series of volumes in a space of four dimensions; the first three are those of the volume.
    width = max((vectors[axis].count(",") + 1 for axis in space), default=3)
    if not 3 <= width <= 10 or len(space) < 3:
        raise FileFormatError("its 'space directions' are not those of three axes in space")
    axes = np.array([reals(vectors[axis].replace(",", " "), "a space direction", width) for axis in space])[:3, :3]
    signs = np.array(_SPACES.get(fields.get("space", "").lower(), (1, 1, 1)))
    lengths = np.linalg.norm(axes, axis=1)
    if not (lengths > 0).all():
        raise FileFormatError("a space direction has no length")
    origin = fields.get("space origin", f"({','.join('0' * width)})").strip("() ").replace(",", " ")
    values = _product(size[axis] for axis in range(count) if axis not in space)
    direction: NDArray[np.float64] = (axes / lengths[:, None] * signs).T
    return Grid(
        tuple(size[axis] for axis in space),
        values,
        lengths,
        reals(origin, "space origin", width)[:3] * signs,
        direction,
    )


def _plain_grid(fields: dict[str, str], size: list[int]) -> Grid:
    """Spacings and axis mins; a min is the edge of the first voxel unless the axis is centred on nodes."""
    count = len(size)
    spacing = reals(_known(fields.get("spacings", ""), count, "1"), "spacings", count)
    mins = reals(
        _known(fields.get("axis mins", fields.get("axismins", "")), count, "nan"), "axis mins", count, nan=True
    )
    centres = fields.get("centers", fields.get("centerings", "")).split()
    kinds = fields.get("kinds", "").split()
    space = [axis for axis in range(count) if axis >= len(kinds) or kinds[axis].lower() in _IN_SPACE]
    nodes = np.array([axis < len(centres) and centres[axis] == "node" for axis in range(count)])
    origin = np.where(np.isnan(mins), 0.0, mins + np.where(nodes, 0.0, spacing / 2))
    values = _product(size[axis] for axis in range(count) if axis not in space)
    return Grid(tuple(size[axis] for axis in space), values, spacing[space][:3], origin[space][:3], np.eye(3))


def _known(text: str, count: int, default: str) -> str:
    words = text.split() or [default] * count
    return " ".join(default if word.lower() == "nan" else word for word in words)


def _product(sizes) -> int:  # type: ignore[no-untyped-def]
    product = 1
    for size in sizes:
        product *= size
    return product
