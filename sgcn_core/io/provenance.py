"""Provenance of a result: name and SHA-256 of its input, never its folder."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from sgcn_core.io.referred_files import data_files

_CHUNK = 2**20


def input_record(path: str | os.PathLike[str], *, anonymous: bool = False) -> dict[str, Any]:
    """Record of the input in a result.

    Parameters
    ----------
    path : path
        A file, or a folder of DICOM files.
    anonymous : bool
        Without the name.

    Returns
    -------
    dict
        ``name`` (without folders) and ``sha256``: of the file, as ``sha256sum`` prints it; where data lie in further
        files (``.mhd``, ``.gltf``), of all their contents one after the other; of a folder, of those of its files in
        the order of their names.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    source = Path(path)
    digest = hashlib.sha256()
    for file in _files(source):
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    name = {} if anonymous else {"name": printable(source.resolve().name if source.name in ("", "..") else source.name)}
    return {**name, "sha256": digest.hexdigest()}


def printable(text: str) -> str:
    """Text that any terminal and any UTF-8 file takes: undecodable bytes and control characters as ``\\xNN``."""
    decoded = os.fsencode(text).decode("utf-8", "backslashreplace") if _has_surrogates(text) else text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in decoded
    )


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _files(source: Path) -> list[Path]:
    if not source.is_dir():
        return [source, *data_files(source)]
    return sorted(entry for entry in source.iterdir() if entry.is_file() and not entry.name.startswith("."))
