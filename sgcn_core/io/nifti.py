"""The header of a NIfTI file, checked before ITK parses it: ITK's reader trusts it, and fills short files with zeros.

Format: NIfTI-1.1, https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h; NIfTI-2, nifti2.h.
"""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path

from sgcn_core.errors import FileFormatError
from sgcn_core.io.linked import check_regular

# Bits per voxel of each data type.
_BITS = {2: 8, 4: 16, 8: 32, 16: 32, 32: 64, 64: 64, 128: 24, 256: 8, 512: 16, 768: 32, 1024: 64, 1280: 64}
_BITS |= {1536: 128, 1792: 128, 2048: 256, 2304: 32}
_LARGEST_OFFSET = 2**27
_FARTHEST = 1e7  # mm


def check_nifti_header(file: Path) -> None:
    """Refuse a header that cannot be true.

    Raises
    ------
    FileFormatError
    """
    _check(_start(file))


def nifti_files(file: Path) -> list[Path]:
    """The file itself, with the one beside a .hdr that holds its voxels."""
    if not file.name.lower().endswith(".hdr"):
        return [file]
    stem = file.name[: -len(".hdr")]
    found = [file.with_name(stem + suffix) for suffix in (".img", ".img.gz", ".IMG")]
    image = next((candidate for candidate in found if candidate.is_file()), None)
    if image is None:
        raise FileFormatError(f"the file {stem}.img with its voxels is not beside it")
    check_regular(image, most=None)
    return [file, image]


def _start(file: Path) -> bytes:
    with file.open("rb") as stream:
        data = stream.read(4096)
    if not (file.name.lower().endswith(".gz") and data[:2] == b"\x1f\x8b"):  # ITK goes by the name, too
        return data
    try:
        return zlib.decompressobj(31).decompress(data, 1024)
    except zlib.error as error:
        raise FileFormatError(f"it is damaged ({error})") from error


def _check(data: bytes) -> None:
    order, version = _order_and_version(data)
    if len(data) < (348 if version == 1 else 540):
        raise FileFormatError("its header is cut short")
    if version == 1:
        dims = struct.unpack_from(f"{order}8h", data, 40)
        kind, bits = struct.unpack_from(f"{order}2h", data, 70)
        (offset,) = struct.unpack_from(f"{order}f", data, 108)
        scale = struct.unpack_from(f"{order}2f", data, 112)
        steps = struct.unpack_from(f"{order}8f", data, 76)
        codes = struct.unpack_from(f"{order}2h", data, 252)
        places = struct.unpack_from(f"{order}18f", data, 256)
        magic = data[344:348]
        named = magic in (b"n+1\0", b"ni1\0", b"\0\0\0\0")
    else:
        dims = struct.unpack_from(f"{order}8q", data, 16)
        kind, bits = struct.unpack_from(f"{order}2h", data, 12)
        (offset,) = struct.unpack_from(f"{order}q", data, 168)
        scale = struct.unpack_from(f"{order}2d", data, 176)
        steps = struct.unpack_from(f"{order}8d", data, 104)
        codes = struct.unpack_from(f"{order}2i", data, 344)
        places = struct.unpack_from(f"{order}18d", data, 352)
        named = data[4:7] in (b"n+2", b"ni2")
    if not named:
        raise FileFormatError("the name of the format is not in its header")
    if not 1 <= dims[0] <= 7 or any(not 1 <= n < 2**31 for n in dims[1 : dims[0] + 1]):
        raise FileFormatError(f"its header states the size {dims[1:]} in {dims[0]} dimensions, which cannot be")
    if _BITS.get(kind) != bits:
        raise FileFormatError(f"its header states data of type {kind} and {bits} bits, which is no NIfTI data type")
    if not (math.isfinite(offset) and 0 <= offset <= _LARGEST_OFFSET):
        raise FileFormatError(f"its header states that voxels begin at byte {offset}, which cannot be")
    if any(map(math.isinf, scale)):  # NaN is read as no scale
        raise FileFormatError("its header states an infinite scale of grey values")
    stated = [*steps[:4], *(places[:6] if codes[0] else ()), *(places[6:] if codes[1] else ())]
    if not all(abs(number) <= _FARTHEST for number in stated):  # NaN is not, either
        raise FileFormatError("its header states a spacing or a place in space that cannot be")


def _order_and_version(data: bytes) -> tuple[str, int]:
    for order in "<>":
        for version, size in ((1, 348), (2, 540)):
            if data[:4] == struct.pack(f"{order}i", size):
                return order, version
    raise FileFormatError("it does not begin with the size of a NIfTI header")
