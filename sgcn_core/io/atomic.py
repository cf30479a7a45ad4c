"""Atomic writes that never overwrite a file changed in the meantime."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sgcn_core.io.temporary import SUFFIX, remove_stale_files


@dataclass(frozen=True)
class FileState:
    """State of a file, to detect a later change; all None if it does not exist."""

    inode: int | None = None
    size: int | None = None
    modified_ns: int | None = None

    @property
    def exists(self) -> bool:
        """Whether the file existed (or a dangling link)."""
        return self.inode is not None


def file_state(path: str | os.PathLike[str]) -> FileState:
    """The present state of a file, for `replacing`."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return FileState()
    return FileState(found.st_ino, found.st_size, found.st_mtime_ns)


@contextmanager
def replacing(path: str | os.PathLike[str], *, unless_changed_since: FileState | None = None) -> Iterator[Path]:
    """Yield a temporary path in the same folder; on success it takes the place of `path`, on any error it is removed.

    A file that is replaced keeps its permissions. The content is on the disk before the file has its name.

    Parameters
    ----------
    path : path
    unless_changed_since : FileState, optional
        As of :func:`file_state` before the work began: a file that was changed since is not overwritten. By
        default any file is replaced.

    Raises
    ------
    FileNotFoundError
        The folder of `path` does not exist.
    IsADirectoryError
        `path` is a folder.
    PermissionError
        The file that exists is write-protected.
    FileExistsError
        The file has appeared or changed in the meantime.
    OSError
        The content cannot be written (the disk is full); names `path`.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(f"cannot write {target}: the folder {target.parent} does not exist; create it first")
    if target.is_dir():
        raise IsADirectoryError(f"cannot write {target}: it is a folder; give a file name")
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(f"cannot write {target}: the file is write-protected; choose another name")
    remove_stale_files(target.parent)
    temporary = target.with_name(f".{secrets.token_hex(8)}{SUFFIX}")
    try:
        with _naming(target, temporary):
            yield temporary
            _keep_mode(target, temporary)
            _flush(temporary)
            _move(temporary, target, unless_changed_since)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: str | os.PathLike[str], content: bytes, *, unless_changed_since: FileState | None = None) -> None:
    """Write the content of a file as :func:`replacing` does."""
    with replacing(path, unless_changed_since=unless_changed_since) as temporary:
        temporary.write_bytes(content)


def write_text(path: str | os.PathLike[str], content: str, *, unless_changed_since: FileState | None = None) -> None:
    """Write text as UTF-8 with ``\\n`` line ends; undecodable bytes of file names are written as ``\\udcNN``."""
    write_bytes(path, content.encode("utf-8", "backslashreplace"), unless_changed_since=unless_changed_since)


@contextmanager
def _naming(target: Path, temporary: Path) -> Iterator[None]:
    """Errors of writing name the file that was asked for, not the temporary one or none."""
    try:
        yield
    except OSError as error:
        if error.filename not in (None, str(temporary), temporary) or str(target) in str(error):
            raise
        if error.strerror is None:
            raise OSError(f"cannot write {target}: {error}; is the disk full?") from error
        raise OSError(error.errno, error.strerror, str(target)) from error


def _keep_mode(target: Path, temporary: Path) -> None:
    with suppress(OSError):
        found = os.lstat(target)
        if stat.S_ISREG(found.st_mode):
            os.chmod(temporary, found.st_mode & 0o777)


def _flush(file: Path) -> None:
    with file.open("rb+") as stream:
        os.fsync(stream.fileno())


def _move(temporary: Path, target: Path, before: FileState | None) -> None:
    if before is not None and file_state(target) != before:
        raise FileExistsError(f"{target} was changed by another program in the meantime; it was not overwritten")
    if before is not None and not before.exists:
        _move_to_new(temporary, target)
    else:
        os.replace(temporary, target)
    _flush_folder(target.parent)


def _move_to_new(temporary: Path, target: Path) -> None:
    """Rename without ever replacing anything."""
    try:
        if os.name == "nt":
            os.rename(temporary, target)
        else:
            os.link(temporary, target)
    except FileExistsError:
        raise FileExistsError(
            f"{target} was changed by another program in the meantime; it was not overwritten"
        ) from None
    except OSError:  # a file system without hard links
        with target.open("xb"):
            pass
        os.replace(temporary, target)


def _flush_folder(folder: Path) -> None:
    if os.name == "nt":
        return
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
