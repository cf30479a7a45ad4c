"""The elements of a DICOM file, walked through before GDCM gets it: GDCM takes the memory that a length asks for.

Structure: DICOM PS3.5, section 7 (data set), annex A (transfer syntaxes); PS3.10, section 7 (file meta information).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path

from sgcn_core.errors import FileFormatError

_LONG = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
_SHORT = b"AE AS AT CS DA DT DS FD FL IS LO LT PN SH SL SS ST TM UI UL US".split()
_KINDS = frozenset((*_LONG, *_SHORT))
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_PIXELS, _SYNTAX = 0x7FE00010, 0x00020010
_UNDEFINED = 0xFFFFFFFF
_IMPLICIT, _BIG, _DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
_KEPT = {
    0x00080060: "modality",
    0x0008103E: "description",
    0x0020000E: "series",
    0x00200013: "instance",
    0x00200032: "position",
    0x00200037: "orientation",
    0x00280002: "samples",
    0x00280008: "frames",
    0x00280010: "rows",
    0x00280011: "columns",
    0x00280100: "bits",
}
_NUMBERS = ("samples", "rows", "columns", "bits")
_DEEPEST = 30
# Bytes that one byte of compressed pixels may stand for; JPEG 2000 packs an empty slice by some thousands.
_RATIO = 20_000


@dataclass
class DicomHeader:
    """What is needed of a DICOM file.

    Attributes
    ----------
    file : Path
    texts : dict
        Values of the elements that say which series a slice belongs to and where it lies.
    numbers : dict
        Rows, columns, bits and samples.
    pixel_bytes : int or None
        Length of the pixel data, None where there are none.
    packed : bool
        Whether they are compressed.
    """

    file: Path
    texts: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    pixel_bytes: int | None = None
    packed: bool = False


def is_dicom_file(file: Path) -> bool:
    """Whether a file has the mark of DICOM."""
    with file.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"


def read_dicom_header(file: Path) -> DicomHeader:
    """Walk through all elements, items of sequences included.

    Raises
    ------
    FileFormatError
        An element reaches beyond the file or its sequence; more pixels are announced than can be there.
    """
    data = file.read_bytes()
    if data[128:132] != b"DICM":
        raise FileFormatError(f"cannot read {file}: it is no DICOM file")
    header = DicomHeader(file)
    try:
        _walk_file(data, header)
        _check_pixels(header, len(data))
    except (FileFormatError, struct.error) as error:
        reason = str(error) if isinstance(error, FileFormatError) else "it is cut short"
        raise FileFormatError(f"cannot read {file} as DICOM: {reason}") from error
    return header


def _walk_file(data: bytes, header: DicomHeader) -> None:
    """File meta information (group 0002, always explicit and little-endian), then the data set."""
    meta = _Walker(data, "<", explicit=True, header=header)
    position, syntax = 132, ""
    while position + 8 <= len(data) and data[position : position + 2] == b"\x02\x00":
        tag, start, length, _ = meta.element(position, len(data))
        if tag == _SYNTAX:
            syntax = data[start : start + length].decode("ascii", errors="replace").strip("\0 ")
        position = start + length
    if not syntax.startswith(_IMPLICIT):
        raise FileFormatError(f"its transfer syntax {syntax[:40]!r} is not known; it is damaged, or of a private kind")
    if syntax == _DEFLATED:
        raise FileFormatError("its data set is deflated as a whole; export it without compression")
    order = ">" if syntax == _BIG else "<"
    walker = _Walker(data, order, explicit=syntax != _IMPLICIT, header=header)
    walker.data_set(position, len(data), 0)


class _Walker:
    def __init__(self, data: bytes, order: str, *, explicit: bool, header: DicomHeader) -> None:
        self.data, self.order, self.explicit, self.header = data, order, explicit, header

    def element(self, position: int, end: int) -> tuple[int, int, int, bytes]:
        """Tag, start of the value, length, type; the value lies before `end` unless its length is undefined."""
        group, number = struct.unpack_from(f"{self.order}HH", self.data, position)
        tag, kind = group << 16 | number, b""
        if self.explicit and group != 0xFFFE:
            kind = self.data[position + 4 : position + 6]
            if kind not in _KINDS:  # GDCM would try again as if it had none, and read lengths from elsewhere
                raise FileFormatError(f"the element at byte {position} is of no known type; it is damaged")
            long = kind in _LONG
            (length,) = struct.unpack_from(f"{self.order}{'I' if long else 'H'}", self.data, position + 6 + 2 * long)
            start = position + (12 if long else 8)
        else:
            (length,) = struct.unpack_from(f"{self.order}I", self.data, position + 4)
            start = position + 8
        if start > end or (length != _UNDEFINED and start + length > end):
            raise FileFormatError(
                f"the element ({group:04x},{number:04x}) announces {length} bytes, {end - start} are left; it is "
                "damaged or cut short"
            )
        return tag, start, length, kind

    def data_set(self, position: int, end: int, depth: int) -> int:
        """Elements up to `end` or to the end of an item; returns where they end."""
        if depth > _DEEPEST:
            raise FileFormatError("its sequences are nested deeper than any that make sense")
        while position + 8 <= end:
            if depth == 0 and not any(self.data[position : position + 8]) and not any(self.data[position:]):
                break  # padding
            tag, start, length, kind = self.element(position, end)
            if tag == _ITEM_END:
                return start
            if depth == 0:
                self._keep(tag, start, length)
            if length == _UNDEFINED:
                position = self._items(start, end, depth, fragments=tag == _PIXELS)
            else:
                if kind == b"SQ" or (kind in (b"", b"UN") and self._begins_item(start, length)):
                    self._items(start, start + length, depth, fragments=False)
                position = start + length
        return end

    def _begins_item(self, start: int, length: int) -> bool:
        return length >= 8 and self.data[start : start + 4] == struct.pack(f"{self.order}HH", 0xFFFE, 0xE000)

    def _items(self, position: int, end: int, depth: int, *, fragments: bool) -> int:
        """Items up to `end` or to the end of the sequence; fragments of compressed pixels hold no elements."""
        while position + 8 <= end:
            tag, start, length, _ = self.element(position, end)
            if tag == _SEQUENCE_END:
                return start
            if tag != _ITEM or (fragments and length == _UNDEFINED):
                raise FileFormatError("a sequence holds something else than items; it is damaged")
            if length == _UNDEFINED:
                position = self.data_set(start, end, depth + 1)
            else:
                if not fragments:
                    self.data_set(start, start + length, depth + 1)
                position = start + length
        return end

    def _keep(self, tag: int, start: int, length: int) -> None:
        name = _KEPT.get(tag)
        if tag == _PIXELS:
            self.header.packed = length == _UNDEFINED
            self.header.pixel_bytes = len(self.data) - start if length == _UNDEFINED else length
        elif name in _NUMBERS and length >= 2:
            self.header.numbers[str(name)] = struct.unpack_from(f"{self.order}H", self.data, start)[0]
        elif name is not None and length <= 1024:
            text = self.data[start : start + length].decode("utf-8", errors="replace").strip("\0 ")
            self.header.texts[name] = text


def _check_pixels(header: DicomHeader, file_size: int) -> None:
    if header.pixel_bytes is None:
        return
    frames = header.texts.get("frames", "") or "1"
    if not (frames.isascii() and frames.isdigit() and 0 < len(frames) < 10):
        raise FileFormatError(f"it announces {frames[:40]!r} frames")
    numbers = header.numbers
    count = int(frames) * numbers.get("rows", 0) * numbers.get("columns", 0) * max(numbers.get("samples", 1), 1)
    needed = count * max(numbers.get("bits", 8), 8) // 8
    if needed == 0 or needed > (file_size * _RATIO if header.packed else header.pixel_bytes):
        raise FileFormatError(
            f"it announces {numbers.get('columns', 0)}x{numbers.get('rows', 0)}x{frames} pixels of "
            f"{numbers.get('bits', 0)} bits, but has {header.pixel_bytes} bytes of them; it is damaged or cut short"
        )
