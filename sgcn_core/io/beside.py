"""Files that are opened: regular ones of a bearable size, and those a header names only where they lie beside it."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from sgcn_core.errors import FileFormatError

MAX_BYTES = 4 * 2**30
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:")


def check_regular(file: Path, *, most: int | None = MAX_BYTES) -> None:
    """Refuse what is no regular file: a pipe or a device may never end, and what is larger than any scan.

    Raises
    ------
    FileFormatError
    """
    status = os.stat(file)
    if not stat.S_ISREG(status.st_mode):
        raise FileFormatError(f"cannot read {file}: it is no regular file but a pipe, socket or device; copy it first")
    if most is not None and status.st_size > most:
        raise FileFormatError(
            f"cannot read {file}: it has {status.st_size} bytes, more than the {most} that are read; make it smaller"
        )


def file_beside(folder: Path, name: str) -> Path:
    """The regular file that a header names, in its own folder or in one within.

    Raises
    ------
    FileFormatError
        An address, an absolute path, or one that leaves the folder; no such file.
    """
    shown = name if len(name) <= 80 else f"{name[:77]}..."
    try:
        inside = not _SCHEME.match(name) and "\0" not in name and name.strip() not in ("", ".", "..")
        file = folder / name
        inside = inside and not Path(name).is_absolute() and ".." not in re.split(r"[\\/]", name)
        if not inside:
            raise FileFormatError(f"its data are said to lie in {shown!r}; only files in its own folder are read")
        if not file.is_file():
            raise FileFormatError(f"its data are said to lie in {shown!r}, which is no file beside it")
    except (OSError, ValueError, RuntimeError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(f"its data are said to lie in {shown!r}, which cannot be opened ({error})") from error
    check_regular(file)
    return file
