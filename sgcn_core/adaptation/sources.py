"""The files of corrected scans: which landmark file belongs to which scan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sgcn_core.errors import CorrectionError, FileFormatError
from sgcn_core.evaluation.truth import landmark_file, meshes
from sgcn_core.io.formats import MESH_SUFFIXES, VOLUME_SUFFIXES, landmark_suffix, without_suffix
from sgcn_core.io.markups import read_landmarks
from sgcn_core.io.provenance import input_record

# A folder of results may hold tables and records of a batch, too.
_MARKUPS = (".mrk.json", ".fcsv")


@dataclass(frozen=True)
class CorrectedFiles:
    """A scan and the landmarks that somebody has placed on it."""

    scan: Path
    landmarks: Path


def corrected_files(given: Sequence[Path], scans: Sequence[Path] = ()) -> list[CorrectedFiles]:
    """The pairs of files that are meant.

    Parameters
    ----------
    given : scans with a landmark file beside them, landmark files whose scan lies beside them or in one of the folders
        of scans, and folders of both
    scans : folders of scans

    Raises
    ------
    FileNotFoundError, FileFormatError
        If a scan or its landmark file is not there.
    CorrectionError
        If the scan is not the one that the landmarks were placed on.
    """
    found = [pair for path in given for pair in _pairs(path, scans)]
    by_scan = {pair.scan.resolve(): pair for pair in reversed(found)}
    for pair in found:
        if (other := by_scan[pair.scan.resolve()].landmarks).resolve() != pair.landmarks.resolve():
            raise FileFormatError(f"{pair.scan} has two landmark files, {other} and {pair.landmarks}; give one of them")
    return list(reversed(by_scan.values()))


def _pairs(path: Path, scans: Sequence[Path]) -> Iterator[CorrectedFiles]:
    if path.is_dir():
        yield from _of_folder(path, scans)
    elif not path.exists():
        raise FileNotFoundError(f"no such file or folder: {path}; check the path")
    elif landmark_suffix(path) is not None:
        yield CorrectedFiles(_scan_of(path, scans), path)
    elif (table := landmark_file(path)) is None:
        raise FileFormatError(f"{path} has no landmark file of its name beside it; give the landmark file as well")
    else:
        yield CorrectedFiles(path, table)


def _of_folder(folder: Path, scans: Sequence[Path]) -> Iterator[CorrectedFiles]:
    """The scans with landmark files; where the folder holds no scan, its markups files with the scans they name."""
    held = [path for path in sorted(folder.iterdir()) if landmark_suffix(path) in _MARKUPS]
    try:
        beside = [(mesh, table) for mesh in meshes(folder) if (table := landmark_file(mesh)) is not None]
    except FileNotFoundError:
        beside = []
    if beside:
        yield from (CorrectedFiles(mesh, table) for mesh, table in beside)
    elif scans and held:
        yield from (CorrectedFiles(_scan_of(path, scans), path) for path in held)
    else:
        raise FileFormatError(
            f"{folder} holds no scan with a landmark file of its name; give the folder of the scans (--scans) as well"
        )


def _scan_of(landmarks: Path, scans: Sequence[Path]) -> Path:
    """The scan that a landmark file names, or that has its name; beside it, or in the folders of scans."""
    record = _recorded_input(landmarks)
    names = [str(record["name"])] if record.get("name") else []
    names += [without_suffix(landmarks) + suffix for suffix in (*MESH_SUFFIXES, *VOLUME_SUFFIXES)]
    for folder in (landmarks.parent, *scans):
        for name in names:
            path = folder / Path(name).name
            if path.exists() and path != landmarks:
                return _unchanged(path, landmarks, record)
    raise FileNotFoundError(
        f"the scan of {landmarks} ({names[0]}) is neither beside it nor in a folder of --scans; give its folder"
    )


def _recorded_input(landmarks: Path) -> dict[str, Any]:
    """Name and SHA-256 of the scan in a landmark file of ours; empty in others."""
    record = read_landmarks(landmarks).info.get("input")
    return record if isinstance(record, dict) else {}


def _unchanged(scan: Path, landmarks: Path, record: dict[str, Any]) -> Path:
    recorded = record.get("sha256")
    if recorded and input_record(scan)["sha256"] != recorded:
        raise CorrectionError(
            f"{scan} is not the scan that the landmarks of {landmarks} were placed on: its content differs"
        )
    return scan
