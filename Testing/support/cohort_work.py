"""Work on a case that takes milliseconds: what the source says is done, and landmarks made of its name are written."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np

from sgcn_core.cohort.case import Case, _finished
from sgcn_core.cohort.record import CaseRecord, record_of_result
from sgcn_core.io.atomic import file_state
from sgcn_core.io.markups import write_landmarks
from sgcn_core.settings import DetectionSettings
from sgcn_core.types.landmarks import LandmarkResult


def work(case: Case, settings: DetectionSettings) -> CaseRecord:
    """The source's words: ``die`` kills the process, ``die once`` the first time only, ``full`` finds the disk full."""
    if (there := _finished(case)) is not None:
        return there
    said, landmarks = case.job.source.read_text(), case.job.landmarks
    marker = case.job.source.with_suffix(".died")
    if said.startswith("die") and not (said == "die once" and marker.exists()):
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    said = said.removeprefix("die once")
    if said == "full":
        return CaseRecord(case=case.name, status="failed", error=f"{landmarks}: No space left", disk_full=True)
    if said == "wrong":
        return CaseRecord(case=case.name, status="failed", error="it cannot be read")
    time.sleep(float(said) if said else 0.0)
    random = np.random.default_rng([settings.seed, *case.name.encode()])
    sure = random.random(50) > 0.02
    result = LandmarkResult(
        labels=[f"p{number}" for number in range(50)],
        positions=random.normal(size=(50, 3)),
        confidence=random.random(50),
        status=["found" if each else "uncertain" for each in sure],
        info={"pose_confidence": 0.9, "input": {"sha256": case.name}},
        expected_error=random.random(50),
    )
    landmarks.parent.mkdir(parents=True, exist_ok=True)
    write_landmarks(result, landmarks, unless_changed_since=file_state(landmarks))
    return record_of_result(case.name, result, landmarks, seconds=0.01)


def sources(folder: Path, words: dict[str, str]) -> Path:
    """A folder of sources, by name below it."""
    for name, said in words.items():
        path = folder / f"{name}.ply"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(said)
    return folder
