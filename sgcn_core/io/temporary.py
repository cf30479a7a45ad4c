"""Temporary files and folders of this package, and the removal of those that a killed process has left.

A folder is locked by its owner for as long as that lives, so that nobody else's is removed. Standard library only.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

SUFFIX = ".sgcn-tmp"
_FOLDER_PREFIX = "sgcn-"
_LOCK = "lock"
_STALE_SECONDS = 3600.0
_swept: set[Path] = set()


@contextmanager
def private_folder(purpose: str) -> Iterator[Path]:
    """A folder that only this user can read, removed at the end; those of ended processes are removed first.

    Parameters
    ----------
    purpose : str
        Part of its name.
    """
    remove_stale_folders()
    with tempfile.TemporaryDirectory(prefix=f"{_FOLDER_PREFIX}{purpose}-", ignore_cleanup_errors=True) as name:
        folder = Path(name).resolve()
        lock = (folder / _LOCK).open("w")
        try:
            try_lock(lock)
            yield folder
        finally:
            lock.close()


def remove_stale_folders() -> None:
    """Remove this user's private folders whose processes have ended without doing so."""
    with suppress(OSError):
        for entry in os.scandir(tempfile.gettempdir()):
            if entry.name.startswith(_FOLDER_PREFIX) and entry.is_dir(follow_symlinks=False) and _is_mine(entry):
                _remove_unless_held(Path(entry.path))


def remove_stale_files(folder: Path) -> None:
    """Remove unfinished files older than an hour from a folder of results; looks once for each folder."""
    if folder in _swept:
        return
    _swept.add(folder)
    with suppress(OSError):
        for entry in os.scandir(folder):
            ours = entry.name.startswith(".") and entry.name.endswith(SUFFIX)
            if ours and entry.is_file(follow_symlinks=False) and _is_mine(entry) and _is_old(entry.stat()):
                with suppress(OSError):
                    os.unlink(entry.path)


def _is_mine(entry: os.DirEntry[str]) -> bool:
    return not hasattr(os, "getuid") or entry.stat(follow_symlinks=False).st_uid == os.getuid()


def _is_old(status: os.stat_result) -> bool:
    return time.time() - status.st_mtime > _STALE_SECONDS


def _remove_unless_held(folder: Path) -> None:
    with suppress(OSError):
        lock = folder / _LOCK
        try:
            if not stat.S_ISREG(lock.lstat().st_mode):
                return
        except FileNotFoundError:  # about to be locked, or left before it was
            if _is_old(folder.lstat()):
                shutil.rmtree(folder, ignore_errors=True)
            return
        with lock.open("r+") as file:
            free = try_lock(file)
        if free:
            shutil.rmtree(folder, ignore_errors=True)


def try_lock(file: IO[str] | IO[bytes]) -> bool:
    """Hold the file until it is closed or the process ends; whether that worked."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
