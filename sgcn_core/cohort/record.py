"""Record of one case: what the summary says of it, small enough to keep by the ten thousand."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sgcn_core.io.provenance import printable
from sgcn_core.report.landmarks import typical_errors

if TYPE_CHECKING:
    from sgcn_core.batch import Outcome
    from sgcn_core.types.landmarks import LandmarkResult

STATUSES: tuple[str, ...] = ("failed", "refused", "check", "ok")
"""Worst first. ``refused``: the file was read, but no landmarks can be placed on what it shows. ``check``: at least one
landmark is uncertain for a reason that lies in the scan, or the picture is lacking."""

Stamp = tuple[int, int]
"""Size and time of change of a file, nanoseconds."""


@dataclass(frozen=True, kw_only=True)
class CaseRecord:
    """What became of one case.

    Attributes
    ----------
    case : str
        Its name: that of the landmark file below the folder of results, without suffix.
    status : {"failed", "refused", "check", "ok"}
    found, uncertain, missing : int
        Numbers of landmarks.
    to_check : tuple of str
        Labels of the uncertain landmarks, less those that are so by their definition, on every scan.
    unit : str
        Of the coordinates; empty where there is no result.
    pose_confidence, expected_error_mm : float or None
        Of the head's pose; median over the landmarks placed.
    seconds : float or None
        None where the result was there already.
    error : str
        Why there is no result, or no picture.
    input_sha256 : str
    stamp : (int, int) or None
        Of the landmark file as it was written.
    disk_full : bool
        There is no room for the result, nor for any other.
    """

    case: str
    status: str
    found: int = 0
    uncertain: int = 0
    missing: int = 0
    to_check: tuple[str, ...] = ()
    unit: str = ""
    pose_confidence: float | None = None
    expected_error_mm: float | None = None
    seconds: float | None = None
    error: str = ""
    input_sha256: str = ""
    stamp: Stamp | None = None
    disk_full: bool = False

    @property
    def done(self) -> bool:
        """Whether there is a landmark file."""
        return self.status in ("check", "ok")

    @property
    def severity(self) -> tuple[Any, ...]:
        """Sorts the worst case first."""
        confidence = -1.0 if self.pose_confidence is None else self.pose_confidence
        error = 0.0 if self.expected_error_mm is None else self.expected_error_mm
        return STATUSES.index(self.status), -len(self.to_check), -self.missing, confidence, -error, self.case

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> CaseRecord:
        """The record of :meth:`as_dict`; KeyError, TypeError or ValueError for anything else."""
        known = {each.name for each in fields(cls)}
        record = cls(**{name: _tupled(value) for name, value in values.items() if name in known})
        if record.status not in STATUSES:
            raise ValueError(f"unknown status {record.status!r}")
        return record


def record_of_outcome(case: str, outcome: Outcome) -> CaseRecord:
    """The record of a case that was worked on."""
    seconds = round(outcome.seconds, 3)
    if outcome.result is None:
        status = "refused" if outcome.refused else "failed"
        error = printable(outcome.error or "")
        return CaseRecord(case=case, status=status, seconds=seconds, error=error, disk_full=outcome.disk_full)
    picture = f"no picture: {printable(outcome.picture_error)}" if outcome.picture_error else ""
    return record_of_result(case, outcome.result, outcome.job.landmarks, seconds=seconds, picture_error=picture)


def record_of_result(
    case: str, result: LandmarkResult, landmarks: Path, *, seconds: float | None = None, picture_error: str = ""
) -> CaseRecord:
    """The record of landmarks that are in their file."""
    error, _ = typical_errors(result)
    confidence = result.info.get("pose_confidence")
    return CaseRecord(
        case=case,
        status="check" if result.to_check or picture_error else "ok",
        found=result.status.count("found"),
        uncertain=result.status.count("uncertain"),
        missing=result.status.count("missing"),
        to_check=result.to_check,
        unit=result.unit,
        pose_confidence=float(confidence) if isinstance(confidence, (int, float)) else None,
        expected_error_mm=None if error is None else round(error, 3),
        seconds=seconds,
        error=picture_error,
        input_sha256=str(result.info.get("input", {}).get("sha256", "")),
        stamp=stamp_of(landmarks),
    )


def stamp_of(path: Path) -> Stamp | None:
    """Size and time of change of a file; None if there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
