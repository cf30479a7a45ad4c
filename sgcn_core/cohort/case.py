"""One case of a cohort, as every process works on it, on this machine or another."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sgcn_core.batch import Job, Models, describe, run_job
from sgcn_core.cohort.record import CaseRecord, record_of_outcome, record_of_result
from sgcn_core.settings import DetectionSettings

# The model stays loaded from one case to the next.
_MODELS = Models()


@dataclass(frozen=True)
class Case:
    """A case: its name, and which files are read and written.

    Attributes
    ----------
    name : str
        Unlike that of any other case.
    job : Job
    anonymous : bool
        Leave the name of the input out of the results.
    """

    name: str
    job: Job
    anonymous: bool = False

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        job = {key: str(value) if isinstance(value, Path) else value for key, value in asdict(self.job).items()}
        return {"name": self.name, "job": job, "anonymous": self.anonymous}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Case:
        """The case of :meth:`as_dict`."""
        paths = ("source", "landmarks", "picture")
        job: dict[str, Any] = {key: Path(v) if key in paths and v else v for key, v in values["job"].items()}
        return cls(values["name"], Job(**job), values["anonymous"])


def plain_settings(settings: DetectionSettings) -> dict[str, Any]:
    """The settings as JSON takes them."""
    return {
        name: os.path.abspath(value) if isinstance(value, os.PathLike) else value
        for name, value in asdict(settings).items()
    }


def run_case(case: Case, settings: DetectionSettings) -> CaseRecord:
    """Landmarks of one case, in its file; one that is there already is only read.

    Raises
    ------
    InstallationError, DeviceError, ModelError
        No case can be worked on.
    """
    if (there := _finished(case)) is not None:
        return there
    detector = load_model(settings).detector
    outcome = run_job(detector, case.job, settings, progress=_silent, anonymous=case.anonymous, reproducible=True)
    record = record_of_outcome(case.name, outcome)
    # Another process may have written it in the meantime, when this one was believed to be lost.
    return record if record.done else _finished(case) or record


def load_model(settings: DetectionSettings) -> Any:
    """The model of the settings, loaded once a process.

    Raises
    ------
    InstallationError, DeviceError, ModelError
    """
    return _MODELS.get(None if settings.weights is None else str(settings.weights), settings.device)


def record_of_file(case: Case) -> CaseRecord:
    """The record of a case whose landmarks were written before, and perhaps corrected since."""
    from sgcn_core.io.markups import read_landmarks

    try:
        result = read_landmarks(case.job.landmarks)
    except Exception as error:  # a file that somebody else put there
        return CaseRecord(case=case.name, status="failed", error=f"the result cannot be read: {describe(error)}")
    return record_of_result(case.name, result, case.job.landmarks)


def _finished(case: Case) -> CaseRecord | None:
    """The record of a case whose files are all there; what is lacking of a picture is drawn."""
    job = case.job
    if job.may_replace or not job.landmarks.exists():
        return None
    error = _redrawn(case) if job.picture is not None and not job.picture.exists() else None
    record = record_of_file(case)
    if error is None or not record.done:
        return record
    return CaseRecord(**{**record.as_dict(), "status": "check", "error": f"no picture: {error}"})


def _redrawn(case: Case) -> str | None:
    """Draw the picture that an interrupted run has not drawn; returns what went wrong."""
    from sgcn_core.io.markups import read_landmarks
    from sgcn_core.skin.extract import read_scan
    from sgcn_core.viz import render_landmarks

    job = case.job
    assert job.picture is not None
    try:
        result = read_landmarks(job.landmarks)
        job.picture.parent.mkdir(parents=True, exist_ok=True)
        surface = read_scan(job.source, unit=result.unit)
        render_landmarks(surface, result, job.picture, title="" if case.anonymous else None)
    except Exception as error:  # the landmarks are written already
        return describe(error)
    return None


def _silent(stage: str, fraction: float) -> None:
    """Cases at once have one progress bar, not one each."""
