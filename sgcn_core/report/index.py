"""Index of a cohort: a page for each case, and one with their thumbnails, worst first."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sgcn_core.io.atomic import FileState, write_text
from sgcn_core.io.provenance import printable
from sgcn_core.report.build import Report
from sgcn_core.report.face import Face, draw
from sgcn_core.report.landmarks import verdict
from sgcn_core.report.page import IndexEntry, render_index
from sgcn_core.viz.views import FRONT

INDEX = "index.html"
_THUMBNAIL = 48.0  # page mm; 240 pixels


@dataclass(frozen=True, eq=False, kw_only=True)
class IndexedCase:
    """What the index says of a case: kept small, so that a cohort does not fill the memory.

    Attributes
    ----------
    entry : IndexEntry
    badness : tuple of float
        The larger, the further in front.
    """

    entry: IndexEntry
    badness: tuple[float, ...]


def indexed_case(report: Report, address: str, *, engine: str = "auto") -> IndexedCase:
    """The entry of a finished report; `address` of its page, relative to the index.

    Raises
    ------
    RenderError
        The thumbnail could not be drawn.
    """
    found, first = report.measurements[0], report.cases[0]
    unreliable = found.count("not reliable")
    facts = [f"{found.count('ok')} of {len(found)} measurements reliable"]
    facts += [f"{unreliable} not reliable"] if unreliable else []
    entry = IndexEntry(
        title=report.page.title,
        address=address,
        verdict=verdict(first.result),
        doubtful=report.page.doubtful,
        thumbnail=_thumbnail(report, engine),
        facts=tuple(facts),
    )
    return IndexedCase(entry=entry, badness=report.badness)


def write_index(
    cases: Sequence[IndexedCase],
    folder: Path,
    *,
    title: str = "Cases",
    failures: Sequence[str] = (),
    unless_changed_since: FileState | None = None,
) -> Path:
    """Write ``index.html`` into the folder of the pages: the case with most to check first.

    Parameters
    ----------
    cases : sequence of IndexedCase
    folder : Path
    title : str
    failures : sequence of str
        Messages about cases without a page.
    unless_changed_since : FileState, optional
        As of ``sgcn_core.io.atomic.replacing``.
    """
    ordered = sorted(cases, key=lambda case: tuple(-value for value in case.badness))
    note = f"{len(cases)} cases, those with the largest share of landmarks to check first, then by expected error."
    text = render_index(
        title,
        tuple(case.entry for case in ordered),
        note=note,
        failures=tuple(printable(failure) for failure in failures),
    )
    path = folder / INDEX
    write_text(path, text, unless_changed_since=unless_changed_since)
    return path


def _thumbnail(report: Report, engine: str) -> str:
    """Front view as a data address; empty without a surface."""
    case = report.cases[0].analysed
    if case.surface is None:
        return ""
    face = Face.of_case(case)
    view = face.view(FRONT, width=_THUMBNAIL, height=_THUMBNAIL)
    png = draw(face.mesh(), [view], engine=engine)[0].png
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")
