"""The cases of a folder, what has become of each, and the table that says so. No Qt."""

from __future__ import annotations

import csv
import io
import os
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LANDMARKS_SUFFIX = ".mrk.json"
_SKIN_SUFFIX = ".skin.npz"
WAITING, RUNNING, OK, REFUSED, FAILED, CANCELLED = "waiting", "running", "ok", "refused", "failed", "cancelled"
ENDED = (OK, REFUSED, FAILED, CANCELLED)
"""`REFUSED`: the file was read, and no landmarks could be placed on what it shows. `FAILED`: anything else."""
NAME = "summary.csv"
_STATUSES = ("found", "uncertain", "missing")
_COUNTS = (*_STATUSES, "to_check")
_COLUMNS = ("name", "status", "reason", *_COUNTS, "seconds", "input", "landmarks")


@dataclass
class Case:
    """One input.

    Attributes
    ----------
    source : Path
        A mesh, a volume or a folder of DICOM files.
    landmarks : Path
        The landmark file, which is there once the case is ok.
    skin : Path or None
        For a volume, the file that gets the skin that the landmarks lie on.
    status : str
        One of the constants of this module.
    reason : str
        Why it was refused or failed, or a remark.
    counts : mapping
        How many landmarks are "found", "uncertain" and "missing", and how many of the uncertain are "to_check"; empty
        unless ok.
    seconds : float or None
    """

    source: Path
    landmarks: Path
    skin: Path | None = None
    status: str = WAITING
    reason: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    seconds: float | None = None

    @property
    def name(self) -> str:
        """Differs from that of every other case of a batch."""
        return self.landmarks.name.removesuffix(LANDMARKS_SUFFIX)

    @property
    def can_be_reviewed(self) -> bool:
        """Whether there are landmarks to look at."""
        return self.status == OK and self.landmarks.is_file()


def find_cases(folder: Path, output: Path) -> list[Case]:
    """The meshes, volumes and DICOM series in a folder, in the order of their names.

    Parameters
    ----------
    folder : Path
        Folders within it count where they hold DICOM files.
    output : Path
        The folder of the landmark files; need not exist.

    Raises
    ------
    ValueError
        The folder does not exist or holds no scans.
    OSError
        The folder cannot be read.
    """
    from sgcn_core.batch import Request, plan
    from sgcn_core.io.volumes import is_volume

    if not folder.is_dir():
        raise ValueError(f"No such folder: {folder}; select the folder that holds the scans.")
    jobs = plan(Request((folder,), output_dir=output, suffix=LANDMARKS_SUFFIX))
    return [Case(job.source, job.landmarks, _skin(job.landmarks) if is_volume(job.source) else None) for job in jobs]


def counts_of(landmarks: list[Mapping[str, Any]]) -> dict[str, int]:
    """How many landmarks of a result have each status, and how many are uncertain for a reason in the scan."""
    uncertain = [landmark for landmark in landmarks if landmark["status"] == "uncertain"]
    to_check = sum(landmark.get("to_check", True) for landmark in uncertain)
    return {**Counter(landmark["status"] for landmark in landmarks), "to_check": to_check}


def _skin(landmarks: Path) -> Path:
    return landmarks.with_name(landmarks.name.removesuffix(LANDMARKS_SUFFIX) + _SKIN_SUFFIX)


def write_summary(folder: Path, cases: Iterable[Case]) -> Path:
    """Write the rows of the cases that have ended; the file appears whole.

    UTF-8 with a signature, by which spreadsheets know it.
    """
    from sgcn_core.io.csv_cells import safe_cell

    text = io.StringIO()
    table = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    table.writeheader()
    rows = (_row(case) for case in cases if case.status in ENDED)
    table.writerows({column: safe_cell(value) for column, value in row.items()} for row in rows)
    path = folder / NAME
    temporary = path.with_name(f".{secrets.token_hex(6)}.tmp")
    try:
        temporary.write_text(text.getvalue(), encoding="utf-8-sig", newline="")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def recall(case: Case, folder: Path) -> None:
    """Fill in what the table of an earlier batch says of a case: the counts of one whose landmarks are there, else why
    there are none."""
    from sgcn_core.io.csv_cells import plain_cell

    try:
        with (folder / NAME).open(encoding="utf-8-sig", newline="") as file:
            row = next((row for row in csv.DictReader(file) if plain_cell(row.get("name") or "") == case.name), None)
    except (OSError, ValueError, csv.Error):
        return
    if row is None:
        return
    if row.get("status") in (REFUSED, FAILED) and not case.landmarks.is_file():
        case.status, case.reason = row["status"], plain_cell(row.get("reason") or "")
        case.seconds = _number(row.get("seconds"))
    if row.get("status") != OK or not case.landmarks.is_file():
        return
    case.counts = {status: int(row[status]) for status in _COUNTS if (row.get(status) or "").isdigit()}
    case.seconds = _number(row.get("seconds"))


def _row(case: Case) -> dict[str, object]:
    counts = {status: case.counts.get(status, 0) if case.counts else "" for status in _COUNTS}
    return {
        "name": case.name,
        "status": case.status,
        "reason": " ".join(case.reason.split()),
        **counts,
        "seconds": "" if case.seconds is None else f"{case.seconds:.2f}",
        "input": str(case.source),
        "landmarks": str(case.landmarks) if case.status == OK else "",
    }


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None
