"""The page of a batch: every case with its files, the worst first; failures with what went wrong."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from sgcn_core.batch import Job
from sgcn_core.cohort.record import STATUSES, CaseRecord
from sgcn_core.io.atomic import write_text
from sgcn_core.io.formats import without_suffix
from sgcn_core.report.page import Page, Section, render_page
from sgcn_core.report.tables import Cell, Column, Table

NAME = "index.html"

_GROUPS = {
    "failed": ("Failed", "No landmarks; --resume tries again."),
    "refused": ("Refused", "The file was read, but no landmarks can be placed on what it shows."),
    "check": ("To check", "Those with most landmarks to check first."),
    "ok": ("Done", "No landmark is uncertain but those that are so on every scan, by their definition."),
}
_ERRORS = (Column(name="Case"), Column(name="What went wrong"))
_RESULTS = (
    Column(name="Case"),
    *(Column(name=name, decimals=0) for name in ("Found", "Uncertain", "Missing")),
    Column(name="Expected error", unit="mm", decimals=1),
    Column(name="Pose", decimals=2),
    Column(name="To check"),
)


def write_index(records: Iterable[CaseRecord], folder: Path, jobs: Mapping[str, Job]) -> Path:
    """Write ``index.html`` into the folder of results; one that is there is replaced.

    It depends on the results alone, not on how long or in how many runs they were made. A case has links to its
    landmark file, its picture, and to its report, if ``sgcn-landmarks report`` has written one beside it.

    Parameters
    ----------
    records : iterable of CaseRecord
    folder : Path
    jobs : mapping of str to Job
        Case -> its files.

    Returns
    -------
    Path

    Raises
    ------
    InstallationError
        jinja2 is not installed.
    OSError
        The file cannot be written.
    """
    ordered = sorted(records, key=lambda each: each.severity)
    count = {status: sum(each.status == status for each in ordered) for status in STATUSES}
    told = f"{count['ok'] + count['check']} of {len(ordered)} cases done, {count['check']} to check"
    lacking = count["failed"] + count["refused"]
    page = Page(
        title="Landmarks of a batch",
        kind="Batch",
        verdict=(f"{told}, {lacking} without landmarks" if lacking else told,),
        doubtful=bool(lacking or count["check"]),
        sections=tuple(
            _group(status, [each for each in ordered if each.status == status], folder, jobs)
            for status in STATUSES
            if count[status]
        ),
    )
    write_text(folder / NAME, render_page(page))
    return folder / NAME


def _group(status: str, records: Sequence[CaseRecord], folder: Path, jobs: Mapping[str, Job]) -> Section:
    title, note = _GROUPS[status]
    done = records[0].done
    table = Table(
        key="cases",
        title="",
        columns=_RESULTS if done else _ERRORS,
        rows=tuple(_row(each) for each in records),
        links=tuple(_links(jobs[each.case], folder) for each in records) if done else (),
    )
    return Section(key=status, title=f"{title}: {len(records)}", text=(note,), tables=(table,))


def _row(record: CaseRecord) -> tuple[Cell, ...]:
    if not record.done:
        return record.case, record.error
    counts = (record.found, record.uncertain, record.missing, record.expected_error_mm, record.pose_confidence)
    return record.case, *counts, "; ".join(filter(None, (", ".join(record.to_check), record.error)))


def _links(job: Job, folder: Path) -> tuple[tuple[str, str], ...]:
    """Names and addresses, relative to the folder, of the files that are there."""
    landmarks = job.landmarks
    report = landmarks.with_name(f"{without_suffix(landmarks)}.report.html")
    named = (("landmarks", landmarks), ("picture", job.picture), ("report", report))
    return tuple((name, _address(path, folder)) for name, path in named if path is not None and path.exists())


def _address(path: Path, folder: Path) -> str:
    return quote(os.fsencode(path.relative_to(folder).as_posix()))
