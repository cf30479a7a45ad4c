"""A cohort from its cases to its summary: what is there is kept, the rest is worked on; it may end at any moment."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sgcn_core import __version__
from sgcn_core.cohort.case import Case, plain_settings, record_of_file
from sgcn_core.cohort.cluster import run_on_cluster
from sgcn_core.cohort.errors import CohortError
from sgcn_core.cohort.index import NAME as INDEX
from sgcn_core.cohort.index import write_index
from sgcn_core.cohort.journal import Journal
from sgcn_core.cohort.processes import run_in_processes
from sgcn_core.cohort.record import CaseRecord, stamp_of
from sgcn_core.cohort.summary import write_summary
from sgcn_core.cohort.work import WORK
from sgcn_core.io.provenance import printable
from sgcn_core.report.requirements import require
from sgcn_core.settings import DetectionSettings


@dataclass(frozen=True, kw_only=True)
class Cohort:
    """Cases, and how they are worked on.

    Attributes
    ----------
    cases : tuple of Case
        With names that differ.
    folder : Path
        Of the results.
    settings : DetectionSettings
    workers : int
        Processes of this machine.
    scheduler : str or None
        Address of a Dask scheduler, whose workers take the place of processes here.
    resume : bool
        Keep results that are there, and do the rest.
    overwrite : bool
        Begin anew where there are results.
    report : bool
        Write ``index.html`` as well, a page of all cases.
    work : str
        As of ``sgcn_core.cohort.processes.run_in_processes``.
    debug : bool
        Show what worker processes write to stderr.
    """

    cases: tuple[Case, ...]
    folder: Path
    settings: DetectionSettings
    workers: int = 1
    scheduler: str | None = None
    resume: bool = False
    overwrite: bool = False
    report: bool = False
    work: str = WORK
    debug: bool = False


def run_cohort(
    cohort: Cohort,
    *,
    on_start: Callable[[int], None] | None = None,
    on_record: Callable[[CaseRecord], None] | None = None,
) -> list[CaseRecord]:
    """Work on all cases and write ``summary.csv``, and ``index.html`` if asked for.

    Parameters
    ----------
    cohort : Cohort
    on_start : callable, optional
        Gets the number of cases whose results are there already.
    on_record : callable, optional
        Gets the record of every other case as soon as it is known.

    Returns
    -------
    list of CaseRecord
        Of all cases, the worst first.

    Raises
    ------
    CohortError
        Results that are there belong to another run, or the disk is full.
    DeviceError, InstallationError, ModelError
        No case can be worked on, or a package of the page is lacking.
    OSError
        The journal or the summary cannot be written.
    """
    _check_free(cohort)
    settings = fingerprint(cohort.settings)
    with Journal(cohort.folder, settings, resume=cohort.resume, overwrite=cohort.overwrite) as journal:
        done = dict(_done_before(cohort, journal)) if cohort.resume else {}
        if on_start is not None:
            on_start(len(done))
        rest = [_allowed(case, journal) for case in cohort.cases if case.name not in done]
        for record in _worked(cohort, rest):
            if record.disk_full:
                raise CohortError(f"{record.error}. Make room, then go on with --resume")
            journal.append(record)
            done[record.case] = record
            if on_record is not None:
                on_record(record)
    inputs = {case.name: "" if case.anonymous else printable(str(case.job.source)) for case in cohort.cases}
    write_summary(done.values(), cohort.folder, inputs)
    if cohort.report:
        write_index(done.values(), cohort.folder, {case.name: case.job for case in cohort.cases})
    return sorted(done.values(), key=lambda record: record.severity)


def fingerprint(settings: DetectionSettings) -> dict[str, Any]:
    """All that the results of a case depend on, except the case: settings, contents of the weights, version."""
    values = plain_settings(settings)
    weights = values.pop("weights")
    digest = None if weights is None else hashlib.sha256(Path(weights).read_bytes()).hexdigest()
    return {**values, "weights_sha256": digest, "version": __version__}


def _worked(cohort: Cohort, cases: Sequence[Case]) -> Iterator[CaseRecord]:
    if not cases:
        return iter(())
    if cohort.scheduler is not None:
        return run_on_cluster(
            [_absolute(case) for case in cases], cohort.settings, address=cohort.scheduler, work=cohort.work
        )
    return run_in_processes(cases, cohort.settings, workers=cohort.workers, work=cohort.work, debug=cohort.debug)


def _done_before(cohort: Cohort, journal: Journal) -> Iterator[tuple[str, CaseRecord]]:
    """Cases whose files are all there. A result that was changed since it was written, by hand, is read again."""
    for case in cohort.cases:
        stamp = stamp_of(case.job.landmarks)
        if stamp is None or (case.job.picture is not None and not case.job.picture.exists()):
            continue
        record = journal.records.get(case.name)
        if record is None and journal.replacing:
            continue  # perhaps the result of an earlier batch, which was to be replaced
        if record is None or record.stamp != stamp:
            record = record_of_file(case)
            journal.append(record)
        if record.done:
            yield case.name, record


def _allowed(case: Case, journal: Journal) -> Case:
    return replace(case, job=replace(case.job, may_replace=True)) if journal.replacing else case


def _check_free(cohort: Cohort) -> None:
    """No result of anybody else is replaced, or taken for ours."""
    if cohort.resume and cohort.overwrite:
        raise CohortError("give --resume or --overwrite, not both")
    if cohort.report:
        require("jinja2")
    if cohort.resume or cohort.overwrite:
        return
    there = [case.job.landmarks for case in cohort.cases if case.job.landmarks.exists()]
    if there:
        raise CohortError(
            f"{len(there)} results are there already, the first is {there[0]}: --resume keeps them and does the rest, "
            "--overwrite begins anew"
        )
    if cohort.report and (cohort.folder / INDEX).exists():
        raise CohortError(f"{cohort.folder / INDEX} is there already; give --overwrite, or another folder")


def _absolute(case: Case) -> Case:
    """The case for a worker elsewhere, whose current folder is another."""
    job = case.job
    picture = None if job.picture is None else job.picture.absolute()
    absolute = replace(job, source=job.source.absolute(), landmarks=job.landmarks.absolute(), picture=picture)
    return replace(case, job=absolute)
