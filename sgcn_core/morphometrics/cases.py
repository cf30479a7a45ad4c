"""Cases of a cohort: landmark files, folders of them, or the results of a batch."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sgcn_core.errors import FileFormatError, LandmarkError, SettingsError
from sgcn_core.io.formats import LANDMARK_SUFFIXES, landmark_suffix, without_suffix
from sgcn_core.io.landmark_text import ASSUMED
from sgcn_core.io.markups import read_landmarks
from sgcn_core.io.provenance import printable
from sgcn_core.morphometrics.configurations import Configurations
from sgcn_core.types.landmark_sets import LandmarkSet, place_of
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.units import in_mm

JOURNAL, SUMMARY = "batch.jsonl", "summary.csv"
"""Files of a batch, as ``sgcn_core.cohort`` writes them."""


@dataclass(frozen=True)
class CaseFile:
    """A landmark file and the name of its case."""

    name: str
    path: Path
    named: bool = True
    """Whether the user named the file itself; others of a folder may be no landmarks at all."""


@dataclass(frozen=True)
class Inputs:
    """What the inputs of a command hold.

    Attributes
    ----------
    files : tuple of CaseFile
        Sorted by name within each input; names differ.
    without : tuple of str
        Cases of batches that have no landmarks.
    """

    files: tuple[CaseFile, ...]
    without: tuple[str, ...] = ()


def find_cases(inputs: Sequence[str | os.PathLike[str]]) -> Inputs:
    """The landmark files of files, folders (searched recursively) and batches.

    A batch is named by its folder, its ``batch.jsonl`` or its ``summary.csv``; its cases are those of the journal.

    Raises
    ------
    FileNotFoundError
        An input does not exist.
    FileFormatError
        An input is no landmark file, a folder holds none, or two files are of one case.
    """
    files: list[CaseFile] = []
    without: list[str] = []
    for given in map(Path, inputs):
        place = given.parent if given.name in (JOURNAL, SUMMARY) and (given.parent / JOURNAL).exists() else given
        if not place.exists():
            raise FileNotFoundError(f"no such file or folder: {place}; check the path")
        if not place.is_dir():
            files.append(_case(place))
            continue
        found = [_case(path, place) for path in sorted(_landmark_files(place))]
        if (place / JOURNAL).exists():
            names = _batch(place / JOURNAL)
            found = [each for each in found if each.name in names]
            without += sorted(names - {each.name for each in found})
        if not found:
            raise FileFormatError(f"{place} holds no landmark files ({', '.join(LANDMARK_SUFFIXES)})")
        files += found
    return Inputs(_told_apart(files), tuple(without))


def read_case(file: CaseFile, *, unit: str | None = None) -> LandmarkResult:
    """The landmarks of a case.

    Parameters
    ----------
    file : CaseFile
    unit : str, optional
        Of files that do not state theirs.

    Raises
    ------
    FileFormatError
        It cannot be read, or its unit is not known.
    """
    result = read_landmarks(file.path)
    if "unit" not in result.info.get(ASSUMED, ()):
        return result
    if unit is None:
        raise FileFormatError(f"{file.path} does not state its unit; give --unit, such as --unit mm")
    return read_landmarks(file.path, unit=unit)


def configurations(
    cases: Sequence[tuple[str, LandmarkResult]],
    *,
    labels: Sequence[str] | None = None,
    leave_out: Sequence[str] = (),
    without_uncertain: bool = False,
) -> Configurations:
    """The landmarks of several cases in millimetres and LPS.

    Parameters
    ----------
    cases : sequence of (name, LandmarkResult)
    labels : sequence of str, optional
        By default those that every case lists, placed or not: first the package's, in their order, then others by
        name.
    leave_out : sequence of str
        Labels not to use.
    without_uncertain : bool
        Take uncertain landmarks for missing ones.

    Raises
    ------
    LandmarkError
        A label is in no case, or there are no cases.
    """
    if not cases:
        raise LandmarkError("there are no cases; give landmark files or a folder of them")
    every = set().union(*(result.labels for _, result in cases))
    for label in (*(labels or ()), *leave_out):
        try:
            place_of(dict.fromkeys(every, 0), label, "landmark files")
        except ValueError as error:
            raise LandmarkError(str(error)) from error
    common = every.intersection(*(result.labels for _, result in cases))
    wanted = [label for label in (labels or _ordered(common)) if label not in set(leave_out)]
    points = np.full((len(cases), len(wanted), 3), np.nan)
    for row, (_, result) in enumerate(cases):
        lps = result.in_frame("LPS").positions * in_mm(result.unit)
        there = {label: place for place, label in enumerate(result.labels)}
        for column, label in enumerate(wanted):
            place = there.get(label)
            if place is not None and not (without_uncertain and result.status[place] == "uncertain"):
                points[row, column] = lps[place]
    return Configurations(tuple(name for name, _ in cases), tuple(wanted), points)


def uncertain_in(cases: Sequence[tuple[str, LandmarkResult]], found: Configurations) -> int:
    """How many of the positions used are of uncertain landmarks."""
    placed = {
        name: dict(zip(found.labels, row, strict=True)) for name, row in zip(found.names, found.placed, strict=True)
    }
    return sum(
        status == "uncertain" and bool(placed.get(name, {}).get(label, False))
        for name, result in cases
        for label, status in zip(result.labels, result.status, strict=True)
    )


def left_out_labels(cases: Sequence[tuple[str, LandmarkResult]]) -> tuple[str, ...]:
    """Labels that some cases list and others do not."""
    every = set().union(*(result.labels for _, result in cases))
    return tuple(_ordered(every - every.intersection(*(result.labels for _, result in cases))))


def labels_of(sets: Sequence[str], labels: Sequence[str]) -> tuple[str, ...] | None:
    """Labels of landmark sets and further labels, each once; None where neither is given.

    Raises
    ------
    SettingsError
        Unknown set.
    """
    try:
        found = [label for name in sets for label in LandmarkSet.load(name).labels]
    except ValueError as error:
        raise SettingsError(str(error)) from error
    return tuple(dict.fromkeys([*found, *labels])) or None


def _ordered(labels: set[str]) -> list[str]:
    known = [label for label in LandmarkSet.load("all").labels if label in labels]
    return [*known, *sorted(labels - set(known))]


def _landmark_files(folder: Path) -> Iterator[Path]:
    """Files of a folder that may hold landmarks; text files (.txt), which mostly hold anything else, only by name."""
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if landmark_suffix(path) not in (None, ".txt") and path.is_file() and not hidden and path.name != SUMMARY:
            yield path


def _batch(journal: Path) -> set[str]:
    """Names of the cases in a batch's journal."""
    try:
        lines = journal.read_text(encoding="utf-8").splitlines()
        return {str(record["case"]) for record in map(json.loads, filter(None, lines[1:]))}
    except (ValueError, KeyError, TypeError) as error:
        raise FileFormatError(f"{journal} is damaged or still being written; finish the batch with --resume") from error


def _case(path: Path, folder: Path | None = None) -> CaseFile:
    """The case of a file that the user named, or that lies in a folder."""
    if landmark_suffix(path) is None:
        raise FileFormatError(f"{path} is no landmark file; use {', '.join(LANDMARK_SUFFIXES)}, or a folder of them")
    return CaseFile(printable(without_suffix(path, below=folder)), path, named=folder is None)


def _told_apart(files: Sequence[CaseFile]) -> tuple[CaseFile, ...]:
    """Files once each; those of one name in different folders by their whole path."""
    once = list({os.path.realpath(each.path): each for each in files}.values())
    seen: dict[str, CaseFile] = {}
    for each in once:
        other = seen.setdefault(each.name, each)
        if other is not each and other.path.parent == each.path.parent:
            raise FileFormatError(f"{other.path} and {each.path} are both of the case {each.name}; give one of them")
    shared = {each.name for each in once if seen[each.name] is not each}
    return tuple(
        CaseFile(printable(each.path.as_posix()) if each.name in shared else each.name, each.path, each.named)
        for each in once
    )
