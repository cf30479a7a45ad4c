"""One job of detection, from its file to its landmarks. Needs no package of the command line: Slicer has none."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sgcn_core.cli.jobs import Job
from sgcn_core.cli.sentences import Progress, describe
from sgcn_core.errors import FaceNotFoundError, SurfaceError, VolumeError

if TYPE_CHECKING:
    from sgcn_core.detector import LandmarkDetector
    from sgcn_core.types.landmarks import LandmarkResult


@dataclass(frozen=True)
class Settings:
    """How landmarks are detected; None leaves the choice to the model.

    Attributes
    ----------
    landmark_set : str
    seed : int
        Of the surface sampling.
    refine : str or None
    unit : str or None
        Of the coordinates, where the file does not say.
    initial_landmarks : Path or None
        A landmark file with ``ex_r``, ``ex_l`` and ``prn``, which shows the pose.
    """

    landmark_set: str = "all"
    seed: int = 0
    refine: str | None = None
    unit: str | None = None
    initial_landmarks: Path | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of one input; refused where the file was read, but no landmarks can be placed on what it shows."""

    job: Job
    seconds: float
    result: LandmarkResult | None = None
    error: str | None = None
    refused: bool = False
    picture_error: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "input": str(self.job.source),
            "status": "ok" if self.error is None else "failed",
            "error": self.error,
            "output": str(self.job.landmarks) if self.error is None else None,
            "picture": str(self.job.picture) if self.job.picture and not (self.error or self.picture_error) else None,
            "picture_error": self.picture_error,
            "seconds": round(self.seconds, 3),
            "result": self.result.as_dict() if self.result is not None else None,
        }


def run_job(
    detector: LandmarkDetector, job: Job, settings: Settings, *, progress: Progress, debug: bool = False
) -> Outcome:
    """Detect and write the landmarks of one input, then draw its picture."""
    from sgcn_core.io.markups import write_landmarks
    from sgcn_core.skin.extract import read_scan

    began = time.perf_counter()
    try:
        if job.landmarks.exists() and not job.may_replace:
            raise FileExistsError(f"{job.landmarks} exists and may hold corrections; give --overwrite to replace it")
        surface = read_scan(job.source, unit=settings.unit)
        result = detector.detect(
            surface,
            landmark_set=settings.landmark_set,
            seed=settings.seed,
            refine=settings.refine,
            unit=settings.unit,
            initial_landmarks=_initial(settings.initial_landmarks, surface.frame),
            progress=progress,
        )
        job.landmarks.parent.mkdir(parents=True, exist_ok=True)
        write_landmarks(result, job.landmarks)
    except Exception as error:  # whatever one file does, the others get their turn
        if debug:
            raise
        refused = isinstance(error, (FaceNotFoundError, SurfaceError, VolumeError))
        return Outcome(job, time.perf_counter() - began, error=describe(error), refused=refused)
    picture_error = None
    if job.picture is not None:
        progress("drawing", 0.95)
        picture_error = _draw(surface, result, job.picture)
    return Outcome(job, time.perf_counter() - began, result=result, picture_error=picture_error)


def _initial(path: Path | None, frame: str) -> dict[str, list[float]] | None:
    """The three points of the file that show the pose, in the frame of the scan."""
    from sgcn_core.io.markups import read_landmarks
    from sgcn_core.types.landmark_sets import INITIAL_LANDMARKS

    if path is None:
        return None
    placed = read_landmarks(path).in_frame(frame)
    return {
        label: position.tolist()
        for label, position, status in zip(placed.labels, placed.positions, placed.status, strict=True)
        if status != "missing" and label in INITIAL_LANDMARKS
    }


def _draw(surface: Any, result: LandmarkResult, path: Path) -> str | None:
    """Draw the picture; returns what went wrong, which never costs the landmarks."""
    from sgcn_core.viz import render_landmarks

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        render_landmarks(surface, result, path)
    except Exception as error:  # the landmarks are written already
        return describe(error)
    return None
