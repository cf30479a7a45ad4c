"""Checks before a file is opened: regular, of limited size, and linked files only beside the header."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from sgcn_core.errors import FileFormatError

MAX_BYTES = 4 * 2**30
_LONGEST_HEADER = 2**17
_MOST_FILES = 10_000
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:")
_NRRD = re.compile(rb"^[ \t]*data ?file[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_METAIMAGE = re.compile(rb"^[ \t]*ElementDataFile[ \t]*=[ \t]*([^\r\n]*)\r?\n", re.IGNORECASE | re.MULTILINE)
_NRRD_RAW = re.compile(rb"^encoding:[ \t]*raw", re.IGNORECASE | re.MULTILINE)
_NRRD_GZIP = re.compile(rb"^encoding:[ \t]*gz", re.IGNORECASE | re.MULTILINE)
_PACKED = re.compile(rb"^[ \t]*CompressedData[ \t]*=[ \t]*[ty1]", re.IGNORECASE | re.MULTILINE)
_TEXT = re.compile(rb"^[ \t]*BinaryData[ \t]*=[ \t]*[fn0]", re.IGNORECASE | re.MULTILINE)
_BLANK_LINE = re.compile(rb"\n\r?\n")
_PATTERN = re.compile(r"([^%]*)%0?(\d?)d([^%\s]*)")
_STEPS = re.compile(r"\d{1,6}")


def check_regular(file: Path, *, most: int | None = MAX_BYTES) -> None:
    """Refuse pipes and devices, which may never end, and files larger than any scan.

    Raises
    ------
    FileFormatError
    """
    status = os.stat(file)
    if not stat.S_ISREG(status.st_mode):
        raise FileFormatError(f"cannot read {file}: not a regular file but a pipe, socket or device; copy it first")
    if most is not None and status.st_size > most:
        raise FileFormatError(
            f"cannot read {file}: it has {status.st_size} bytes, more than the {most} that are read; make it smaller"
        )


def file_beside(folder: Path, name: str) -> Path:
    """The regular file that a header names, in its own folder or in one within.

    Raises
    ------
    FileFormatError
        A URL, an absolute path, or one that leaves the folder; the file does not exist.
    """
    shown = name if len(name) <= 80 else f"{name[:77]}..."
    try:
        inside = not _SCHEME.match(name) and "\0" not in name and name.strip() not in ("", ".", "..")
        file = folder / name
        inside = inside and not Path(name).is_absolute() and ".." not in re.split(r"[\\/]", name)
        if not inside:
            raise FileFormatError(f"its header refers to {shown!r}; only files in its own folder are read")
        if not file.is_file():
            raise FileFormatError(f"its header refers to {shown!r}, which is not a file in its folder")
    except (OSError, ValueError, RuntimeError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(f"its header refers to {shown!r}, which cannot be opened ({error})") from error
    check_regular(file, most=None)
    return file


@dataclass(frozen=True)
class Stored:
    """Files that store the voxels.

    Attributes
    ----------
    files : list of Path
        The file itself, or those that its header names.
    encoding : {"raw", "zlib", "other"}
        "zlib" stands for gzip too.
    start : int
        Bytes of the header before the voxels in the same file, else 0.
    """

    files: list[Path]
    encoding: str
    start: int = 0

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.stat().st_size for file in self.files)


def nrrd_voxels(file: Path) -> Stored:
    """Files of the voxels of an NRRD header.

    Raises
    ------
    FileFormatError
        No NRRD header; one of the files does not lie in the folder of the header or in one within.
    """
    data = _start(file)
    if not re.match(rb"NRRD000[1-5]\r?\n", data):
        raise FileFormatError("it does not begin with 'NRRD000' and a version from 1 to 5")
    end = _BLANK_LINE.search(data)
    if end is None and len(data) == _LONGEST_HEADER:
        raise FileFormatError("its header is longer than any of this format")
    header = data[: end.start() + 1] if end else data
    encoding = "raw" if _NRRD_RAW.search(header) else "zlib" if _NRRD_GZIP.search(header) else "other"
    files = _linked(file, list(_NRRD.finditer(header)), data)
    return Stored(files, encoding, end.end() if end and files == [file] else 0)


def metaimage_voxels(file: Path) -> Stored:
    """As :func:`nrrd_voxels`, of a MetaImage header."""
    data = _start(file)
    named = _METAIMAGE.search(data)
    if named is None or b"\0" in data[: named.start()]:
        raise FileFormatError("its header is damaged: it does not reach the line 'ElementDataFile = ...'")
    header = data[: named.end()]
    encoding = "zlib" if _PACKED.search(header) else "other" if _TEXT.search(header) else "raw"
    if named.group(1).strip().upper() == b"LOCAL":
        return Stored([file], encoding, named.end())
    return Stored(_linked(file, [named], data), encoding)


def nifti_voxels(file: Path) -> Stored:
    """The file itself, with the one beside a .hdr that holds its voxels."""
    if not file.name.lower().endswith(".hdr"):
        return Stored([file], "zlib" if file.name.lower().endswith(".gz") else "raw")
    stem = file.name[: -len(".hdr")]
    found = [file.with_name(stem + suffix) for suffix in (".img", ".img.gz", ".IMG")]
    image = next((candidate for candidate in found if candidate.is_file()), None)
    if image is None:
        raise FileFormatError(f"the file {stem}.img with its voxels is not beside it")
    check_regular(image, most=None)
    return Stored([file, image], "zlib" if image.name.lower().endswith(".gz") else "raw")


def _start(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(_LONGEST_HEADER)


def _linked(file: Path, found: list[re.Match[bytes]], data: bytes) -> list[Path]:
    """The files of the one line that names them: one, those of a list behind it, or those of a pattern."""
    if not found:
        return [file]
    if len(found) > 1:
        raise FileFormatError("its header has the data entry twice; it is damaged")
    named = found[0].group(1).decode("utf-8", errors="surrogateescape").strip()
    if named.split()[:1] == ["LIST"]:
        rest = data[found[0].end() :].decode("utf-8", errors="surrogateescape")
        names = [line.strip() for line in rest.splitlines() if line.strip()][:_MOST_FILES] or [""]
    else:
        names = _pattern_names(named.split()) if "%" in named else [named]
    return [file_beside(file.parent, name) for name in names]


def _pattern_names(words: list[str]) -> list[str]:
    """Names of a pattern such as ``slice%03d.raw 1 120 1``."""
    match = _PATTERN.fullmatch(words[0])
    numbers = [int(word) for word in words[1:4] if _STEPS.fullmatch(word)]
    first, last, step, *_ = [*numbers, 1, 1, 1]
    if match is None or len(numbers) < 2 or step < 1 or not 0 <= last - first < _MOST_FILES:
        raise FileFormatError(f"the pattern of its data files, {' '.join(words)[:80]!r}, is not understood")
    before, width, after = match.groups()
    return [f"{before}{number:0{int(width or 0)}d}{after}" for number in range(first, last + 1, step)]
