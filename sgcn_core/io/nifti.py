"""Checks of a NIfTI header beyond ITK's: without the magic ITK reads Analyze, where left and right are ambiguous.

Format: NIfTI-1.1, https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h; NIfTI-2, nifti2.h.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from sgcn_core.errors import FileFormatError

_FARTHEST = 1e7  # mm
# Size of the header, where its name, spacings, codes of the two transforms and their numbers are, and of which type.
_VERSIONS = (
    (348, 344, (b"n+1\0", b"ni1\0"), "8f", 76, "2h", 252, "18f", 256),
    (540, 4, (b"n+2\0", b"ni2\0"), "8d", 104, "2i", 344, "18d", 352),
)


def check_nifti_header(file: Path) -> None:
    """Refuse a header that is not NIfTI, or whose spacing or transforms are invalid.

    Raises
    ------
    FileFormatError
    """
    data = _start(file)
    for order in "<>":
        for size, place, names, *fields in _VERSIONS:
            if data[:4] == struct.pack(f"{order}i", size) and len(data) >= size:
                if data[place : place + 4] not in names:
                    raise FileFormatError("its header has no NIfTI magic; it is Analyze, or damaged")
                steps, codes, places = (
                    struct.unpack_from(f"{order}{kind}", data, at) for kind, at in zip(*[iter(fields)] * 2, strict=True)
                )
                stated = (*steps[:4], *(places[:6] if codes[0] else ()), *(places[6:] if codes[1] else ()))
                if not all(abs(number) <= _FARTHEST for number in stated):  # NaN is not, either
                    raise FileFormatError("its header states an invalid spacing or position")
                return
    raise FileFormatError("no NIfTI header; it is damaged or truncated")


def _start(file: Path) -> bytes:
    with file.open("rb") as stream:
        data = stream.read(4096)
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return zlib.decompressobj(31).decompress(data, 1024)
    except zlib.error as error:
        raise FileFormatError(f"it is damaged ({error})") from error
