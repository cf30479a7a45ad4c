"""The table of a batch: one row for each case, written anew after each of them."""

from __future__ import annotations

import csv
import io
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from .cases import ENDED, OK, Case

NAME = "summary.csv"
_STATUSES = ("found", "uncertain", "missing")
_COLUMNS = ("name", "status", "reason", *_STATUSES, "seconds", "input", "landmarks")


def write_summary(folder: Path, cases: Iterable[Case]) -> Path:
    """Write the rows of the cases that have ended; the file appears whole.

    UTF-8 with a signature, by which spreadsheets know it.
    """
    text = io.StringIO()
    table = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(_row(case) for case in cases if case.status in ENDED)
    path = folder / NAME
    temporary = path.with_name(f".{secrets.token_hex(6)}.tmp")
    try:
        temporary.write_text(text.getvalue(), encoding="utf-8-sig", newline="")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def recall(case: Case, folder: Path) -> None:
    """Fill in what the table of an earlier batch says of a case whose landmarks are there."""
    try:
        with (folder / NAME).open(encoding="utf-8-sig", newline="") as file:
            row = next((row for row in csv.DictReader(file) if row.get("name") == case.name), None)
    except (OSError, ValueError, csv.Error):
        return
    if row is None or row.get("status") != OK:
        return
    case.counts = {status: int(row[status]) for status in _STATUSES if (row.get(status) or "").isdigit()}
    case.seconds = _number(row.get("seconds"))


def _row(case: Case) -> dict[str, object]:
    counts = {status: case.counts.get(status, 0) if case.counts else "" for status in _STATUSES}
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
