"""``python -m research.benchmarks.cohort``: what a batch of many scans costs, in one run on one machine.

Scans are the demo face, turned, scaled and roughened anew for each. Ratios: two workers against one, the last cases
against the first, the batch against bare detection. And what it costs to resume where ten thousand results are there.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from sgcn_core.child_process import python_environment
from sgcn_core.cohort import CaseRecord, Cohort, cases_of, run_cohort
from sgcn_core.demo import demo_surface
from sgcn_core.detector import LandmarkDetector
from sgcn_core.io.markups import write_landmarks
from sgcn_core.io.meshes import write_surface
from sgcn_core.settings import DetectionSettings
from sgcn_core.types.surface import Surface

_RESUME = """
import re, sys, time
from pathlib import Path
from sgcn_core.cohort import Cohort, cases_of, run_cohort
from sgcn_core.settings import DetectionSettings
from sgcn_core.types.surface import Surface
began, source, out = time.perf_counter(), Path(sys.argv[1]), Path(sys.argv[2])
cases = tuple(cases_of([source], out))
records = run_cohort(Cohort(cases=cases, folder=out, settings=DetectionSettings(), resume=True))
seconds = time.perf_counter() - began
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024
print(len(records), sum(record.done for record in records), round(seconds, 2), peak)
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m research.benchmarks.cohort", description=__doc__)
    parser.add_argument("--scans", type=int, default=60, help="generated scans")
    parser.add_argument("--there", type=int, default=10_000, help="cases whose results are there already")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _measure_runs(folder, options.scans)
        _measure_resume(folder, options.there)
    print(f"{os.cpu_count()} cores, demo face, seeds 0 to {options.scans - 1}")


def _measure_runs(folder: Path, count: int) -> None:
    source = folder / "scans"
    source.mkdir()
    for number in range(count):
        write_surface(_scan(number), source / f"{number:05}.ply")
    detector = LandmarkDetector.from_pretrained()
    detector.detect(source / "00000.ply")
    with _timed() as bare:
        for number in range(count):
            detector.detect(source / f"{number:05}.ply")
    seconds = {}
    for workers in (1, 2):
        out = folder / f"out{workers}"
        cohort = Cohort(cases=tuple(cases_of([source], out)), folder=out, settings=DetectionSettings(), workers=workers)
        with _timed() as whole:
            records, finished = _run(cohort)
        assert all(record.done for record in records)
        # Without the time in which the workers start.
        seconds[workers] = (finished[-1] - finished[workers - 1]) / (count - workers)
        own = [record.seconds or 0.0 for record in sorted(records, key=lambda record: record.case)]
        tenth = max(1, count // 10)
        drift = statistics.median(own[-tenth:]) / statistics.median(own[:tenth])
        print(f"{workers} workers: {count} scans {whole[0]:.1f} s; last tenth against the first: {drift:.2f}x")
    print(f"two workers against one: {seconds[1] / seconds[2]:.2f}x")
    print(f"one worker against bare detection, a case: {seconds[1] / (bare[0] / count):.2f}x")
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"largest worker process: {children:.0f} MB")


def _run(cohort: Cohort) -> tuple[list[CaseRecord], list[float]]:
    """All records, and when each was known."""
    finished: list[float] = []
    return run_cohort(cohort, on_record=lambda record: finished.append(time.perf_counter())), finished


def _measure_resume(folder: Path, count: int) -> None:
    """Results that are there, in a process of its own, for its memory."""
    source, out = folder / "many", folder / "there"
    source.mkdir()
    result = LandmarkDetector.from_pretrained().detect(demo_surface())
    written = folder / "one.mrk.json"
    write_landmarks(result, written)
    content = written.read_bytes()
    for number in range(count):
        (source / f"{number:05}.ply").touch()
    (out).mkdir()
    for number in range(count):
        (out / f"{number:05}.mrk.json").write_bytes(content)
    for what in ("results read once more", "journal there"):
        command = [sys.executable, "-c", _RESUME, str(source), str(out)]
        ended = subprocess.run(command, env=python_environment(), capture_output=True, text=True, check=True)
        cases, done, seconds, peak = ended.stdout.split()
        print(f"resume, {what}: {cases} cases, {done} there, {seconds} s, {peak} MB")


def _scan(number: int) -> Surface:
    """The demo face as another scanner might see it."""
    random = np.random.default_rng(number)
    face = demo_surface()
    turned = face.vertices @ Rotation.random(random_state=number).as_matrix().T * random.uniform(0.9, 1.1)
    return face.with_(vertices=turned + random.normal(scale=0.05, size=turned.shape))


@contextmanager
def _timed() -> Iterator[list[float]]:
    seconds: list[float] = []
    began = time.perf_counter()
    yield seconds
    seconds.append(time.perf_counter() - began)


if __name__ == "__main__":
    main()
