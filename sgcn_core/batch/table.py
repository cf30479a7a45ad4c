"""One table of all results: a row for each landmark of each input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sgcn_core.batch.outcome import Outcome
from sgcn_core.io.atomic import FileState, write_text
from sgcn_core.io.csv_cells import table_text
from sgcn_core.io.landmark_csv import COLUMNS, landmark_cells
from sgcn_core.io.landmark_text import input_of
from sgcn_core.io.provenance import printable

_ABOUT = ("input", "input_sha256", "landmarks", "error")


def write_table(
    outcomes: Sequence[Outcome],
    path: Path,
    *,
    csv_dialect: str = "default",
    unless_changed_since: FileState | None = None,
) -> None:
    """Write the landmarks of all inputs into one CSV file; an input that failed has one row with its error.

    Parameters
    ----------
    outcomes : sequence of Outcome
    path : Path
    csv_dialect : {"default", "excel"}
    unless_changed_since : FileState, optional
        As of ``sgcn_core.io.atomic.replacing``.

    Raises
    ------
    OSError
        The file cannot be written, or was changed by another program in the meantime.
    """
    text = table_text([(*_ABOUT, *COLUMNS), *(row for outcome in outcomes for row in _rows(outcome))], csv_dialect)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text, unless_changed_since=unless_changed_since)


def _rows(outcome: Outcome) -> Iterator[tuple[Any, ...]]:
    source, result = printable(str(outcome.job.source)), outcome.result
    if result is None:
        yield source, "", "", outcome.error or "", *[""] * len(COLUMNS)
        return
    _, checksum = input_of(result.info)
    for row in landmark_cells(result):
        yield source, checksum, printable(str(outcome.job.landmarks)), "", *row
