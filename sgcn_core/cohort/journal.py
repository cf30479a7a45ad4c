"""The journal of a cohort: one line of JSON for the settings, then one for each case, written when it is finished."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from sgcn_core.cohort.errors import CohortError
from sgcn_core.cohort.record import CaseRecord
from sgcn_core.io.temporary import try_lock

NAME = "batch.jsonl"


class Journal:
    """The journal of one folder, held by one run at a time.

    Parameters
    ----------
    folder : Path
    settings : mapping of str to JSON values
        All that the results depend on.
    resume : bool
        Go on with a journal that is there.
    overwrite : bool
        Begin anew where there is one.

    Attributes
    ----------
    records : dict of str to CaseRecord
        Last record of each case so far.
    replacing : bool
        Whether the run was begun with leave to replace the results that were there.

    Raises
    ------
    CohortError
        There is a journal and neither is asked for, it is of other settings, or another run is writing it.
    OSError
        It cannot be written.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any], *, resume: bool, overwrite: bool) -> None:
        self.path = folder / NAME
        self.records: dict[str, CaseRecord] = {}
        there = self.path.exists()
        if there and not (resume or overwrite):
            raise CohortError(f"{folder} holds a batch already: --resume goes on with it, --overwrite begins anew")
        folder.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("a+b")
        if not try_lock(self._file):
            self._file.close()
            raise CohortError(f"another batch is writing into {folder}; wait for it, or give another folder")
        self.replacing = overwrite
        header = json.dumps({"settings": dict(settings), "overwrite": overwrite}, sort_keys=True).encode()
        if there and resume:
            self._read(json.loads(header)["settings"], folder)
        if not resume or self._file.tell() == 0:
            self._file.truncate(0)
            self._append(header)

    def append(self, record: CaseRecord) -> None:
        """Add a record; it is on the disk when this returns."""
        self.records[record.case] = record
        self._append(json.dumps(record.as_dict()).encode())

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def _append(self, line: bytes) -> None:
        self._file.write(line + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def _read(self, settings: Mapping[str, Any], folder: Path) -> None:
        """Take over the records; a last line that was cut off goes."""
        self._file.seek(0)
        whole = 0
        for number, line in enumerate(self._file):
            if not line.endswith(b"\n"):
                break
            whole += len(line)
            try:
                values = json.loads(line)
                if number == 0:
                    _check_settings(values["settings"], settings, folder)
                    self.replacing = bool(values["overwrite"])
                else:
                    record = CaseRecord.from_dict(values)
                    self.records[record.case] = record
            except (KeyError, TypeError, ValueError) as error:
                if isinstance(error, CohortError):
                    raise
                raise CohortError(f"line {number + 1} of {self.path} is damaged; --overwrite begins anew") from error
        self._file.truncate(whole)
        self._file.seek(0, os.SEEK_END)


def _check_settings(before: Mapping[str, Any], now: Mapping[str, Any], folder: Path) -> None:
    changed = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
    if changed:
        listed = ", ".join(f"{name} {before.get(name)!r} (now {now.get(name)!r})" for name in changed)
        raise CohortError(
            f"{folder} was begun with {listed}; resume with the same, or give another folder or --overwrite"
        )
