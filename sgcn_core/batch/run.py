"""One case of a batch, from its file to its landmarks and its picture."""

from __future__ import annotations

import dataclasses
import errno
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sgcn_core.batch.outcome import Outcome, describe
from sgcn_core.batch.plan import Job
from sgcn_core.errors import FaceNotFoundError, RenderError, SurfaceError, VolumeError
from sgcn_core.io.atomic import file_state
from sgcn_core.io.provenance import input_record
from sgcn_core.io.referred_files import textures_beside
from sgcn_core.settings import DetectionSettings

if TYPE_CHECKING:
    from sgcn_core.detector import LandmarkDetector
    from sgcn_core.types.landmarks import LandmarkResult
    from sgcn_core.types.surface import Surface

Progress = Callable[[str, float], None]


def run_job(
    detector: LandmarkDetector,
    job: Job,
    settings: DetectionSettings,
    *,
    progress: Progress,
    anonymous: bool = False,
    csv_dialect: str = "default",
    reproducible: bool = False,
    debug: bool = False,
) -> Outcome:
    """Detect and write the landmarks of one input, then draw its picture.

    Parameters
    ----------
    detector : LandmarkDetector
        With the weights and on the device of the settings.
    job : Job
    settings : DetectionSettings
    progress : callable
        Gets the stage that begins and the share done.
    anonymous : bool
        Leave the name of the input out of the landmark file and the picture.
    csv_dialect : {"default", "excel"}
        Of a .csv landmark file.
    reproducible : bool
        Leave the durations out of the landmark file, so that a repetition gives the same bytes.
    debug : bool
        Raise errors instead of returning them.

    Returns
    -------
    Outcome
        Errors are in it; only KeyboardInterrupt is raised.
    """
    from sgcn_core.io.markups import write_landmarks
    from sgcn_core.skin.extract import read_scan

    began = time.perf_counter()
    try:
        before = file_state(job.landmarks)
        if before.exists and not job.may_replace:
            raise FileExistsError(f"{job.landmarks} exists and may hold corrections; give --overwrite to replace it")
        surface = read_scan(job.source, unit=settings.stated_unit, series=settings.series)
        result = detector.detect(surface, settings, progress=progress)
        result = dataclasses.replace(
            result, info={**result.info, "input": input_record(job.source, anonymous=anonymous)}
        )
        if reproducible:
            result.info.pop("stages", None)
        job.landmarks.parent.mkdir(parents=True, exist_ok=True)
        write_landmarks(result, job.landmarks, csv_dialect=csv_dialect, unless_changed_since=before)
    except Exception as error:  # whatever one file does, the others get their turn
        if debug:
            raise
        refused = isinstance(error, (FaceNotFoundError, SurfaceError, VolumeError))
        seconds, full = time.perf_counter() - began, _is_disk_full(error)
        return Outcome(job, seconds, error=describe(error), refused=refused, disk_full=full)
    picture_error = None
    if job.picture is not None:
        progress("drawing", 0.95)
        picture_error = _draw(surface, result, job, anonymous=anonymous)
    return Outcome(job, time.perf_counter() - began, result=result, picture_error=picture_error)


def _is_disk_full(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def _draw(surface: Surface, result: LandmarkResult, job: Job, *, anonymous: bool) -> str | None:
    """Draw the picture; returns what went wrong, which never costs the landmarks."""
    from sgcn_core.viz import render_landmarks

    path = job.picture
    assert path is not None
    try:
        before = file_state(path)
        if before.exists:
            _check_replaceable(path, job)
        path.parent.mkdir(parents=True, exist_ok=True)
        render_landmarks(surface, result, path, title="" if anonymous else None, unless_changed_since=before)
    except Exception as error:  # the landmarks are written already
        return describe(error)
    return None


def _check_replaceable(path: Path, job: Job) -> None:
    if not job.may_replace_picture:
        raise FileExistsError(f"{path} exists; give --overwrite to replace it, or another folder")
    if any(path.samefile(texture) for texture in textures_beside(path)):
        raise RenderError(f"{path} is the texture of a scan and is not replaced; choose another folder for pictures")
