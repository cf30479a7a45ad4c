"""The summary of a cohort: one row a case, the worst first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sgcn_core.cohort.record import CaseRecord
from sgcn_core.io.atomic import write_text
from sgcn_core.io.csv_cells import table_text

NAME = "summary.csv"
COLUMNS = (
    *("case", "input", "status", "found", "uncertain", "missing", "landmarks_to_check", "unit", "pose_confidence"),
    *("median_expected_error_mm", "seconds", "error", "input_sha256"),
)


def write_summary(records: Iterable[CaseRecord], folder: Path, inputs: Mapping[str, str]) -> Path:
    """Write ``summary.csv`` into the folder of results; one that is there is replaced.

    Parameters
    ----------
    records : iterable of CaseRecord
    folder : Path
    inputs : mapping of str to str
        Case -> its input, as it is to be shown.

    Returns
    -------
    Path

    Raises
    ------
    OSError
        The file cannot be written.
    """
    ordered = sorted(records, key=lambda each: each.severity)
    write_text(folder / NAME, table_text([COLUMNS, *(_row(each, inputs.get(each.case, "")) for each in ordered)]))
    return folder / NAME


def _row(record: CaseRecord, source: str) -> list[Any]:
    counts: list[Any] = [record.found, record.uncertain, record.missing] if record.done else ["", "", ""]
    measured = [
        "" if value is None else value for value in (record.pose_confidence, record.expected_error_mm, record.seconds)
    ]
    named = [record.case, source, record.status, *counts, " ".join(record.to_check), record.unit]
    return [*named, *measured, record.error, record.input_sha256]
