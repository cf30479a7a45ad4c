"""This checkout against another one, for instance the commit before a change: ratios from alternating runs.

Both packages run in the same Python with the same libraries, through what every version has: ``LandmarkDetector`` and
``python -m sgcn_core detect``. Times of another day or another load of the machine cannot be compared; these can.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from research.benchmarks.scan import scan_of
from research.criteria import Criterion
from sgcn_core.io.meshes import write_surface

HERE = Path(__file__).resolve().parents[2]
LARGEST_RATIO = 1.05
"""What counts as not slower: alternating runs of one and the same checkout differ by a few percent."""

_IMPORT = """
import json, time
wall, processors = time.perf_counter(), time.process_time()
import sgcn_core
seconds, processor_seconds = time.perf_counter() - wall, time.process_time() - processors
print(json.dumps({"seconds": seconds, "processor_seconds": processor_seconds, "package": sgcn_core.__file__}))
"""

Run = Callable[[], dict[str, Any]]


@dataclass(frozen=True)
class Compared:
    """Seconds of alternating runs here and there: lists of (wall, processors)."""

    here: list[tuple[float, float]]
    there: list[tuple[float, float]]

    def ratio(self, column: int) -> float:
        """Median over the pairs of here / there; column 0 is the clock, 1 the processors."""
        return statistics.median(
            mine[column] / max(other[column], 1e-9) for mine, other in zip(self.here, self.there, strict=True)
        )

    def criterion(self, what: str) -> Criterion:
        """Not slower: by the clock, or by the processors where other programs took the clock's time."""
        wall, processors = self.ratio(0), self.ratio(1)
        mine, other = (statistics.median(seconds for seconds, _ in side) for side in (self.here, self.there))
        measured = f"{wall:.2f}x ({mine:.3f} s against {other:.3f} s; processors {processors:.2f}x)"
        return Criterion(what, f"<= {LARGEST_RATIO}x", measured, min(wall, processors) <= LARGEST_RATIO)


def alternate(here: Run, there: Run, repeats: int) -> Compared:
    """Run both in turn, each first as often as the other."""
    sides: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
    for number in range(repeats):
        for side in (0, 1) if number % 2 == 0 else (1, 0):
            found = (here, there)[side]()
            sides[side].append((found["seconds"], found["processor_seconds"]))
    return Compared(*sides)


def measure(other: Path, scan: Path, *, repeats: int, cold_repeats: int) -> Iterator[Criterion]:
    """Warm detection, its peak memory, cold ``detect`` and ``import sgcn_core``, one after another.

    Parameters
    ----------
    other : folder of the other checkout, the one that holds ``sgcn_core``
    scan : mesh file
    repeats, cold_repeats : runs of each side, warm and cold

    Raises
    ------
    RuntimeError
        If a measuring process fails, or loads another package than that of its checkout.
    """
    other = other.resolve()
    if not (other / "sgcn_core" / "__init__.py").is_file():
        raise RuntimeError(f"{other} holds no sgcn_core; give the folder of a checkout")
    with warm(HERE, scan) as mine, warm(other, scan) as theirs:
        yield alternate(mine.detect, theirs.detect, repeats).criterion("warm detection, 25,000-vertex scan")
        peaks = mine.end(), theirs.end()
    yield _memory(*peaks)
    output = scan.with_name("cold.mrk.json")
    compared = alternate(lambda: _cold(HERE, scan, output), lambda: _cold(other, scan, output), cold_repeats)
    yield compared.criterion("cold `sgcn-landmarks detect`, start to file written")
    yield alternate(lambda: _import(HERE), lambda: _import(other), repeats).criterion("`import sgcn_core`")


LARGE_SCANS = (30_000, 500_000, 2_000_000)
"""Vertices of the scans of ``measure_large``."""


def measure_large(other: Path, folder: Path, *, repeats: int) -> Iterator[Criterion]:
    """Warm detection and its peak memory, reading the file included, for each of `LARGE_SCANS`.

    Parameters
    ----------
    other : folder of the other checkout
    folder : for the generated scans
    repeats : runs of each side; scans of a million vertices and more are measured once
    """
    other = other.resolve()
    for vertices in LARGE_SCANS:
        scan = folder / f"scan_{vertices}.ply"
        write_surface(scan_of(vertices), scan)
        with warm(HERE, scan) as mine, warm(other, scan) as theirs:
            compared = alternate(mine.detect, theirs.detect, repeats if vertices < 1_000_000 else 1)
            peaks = mine.end(), theirs.end()
        name = f"{vertices:,}-vertex scan"
        yield compared.criterion(f"warm detection, {name}")
        yield _memory(*peaks, what=f"peak memory of that process, {name}")
        scan.unlink()


def _memory(mine: float | None, theirs: float | None, what: str = "peak memory of warm detection") -> Criterion:
    required = f"<= {LARGEST_RATIO}x"
    if mine is None or theirs is None:
        return Criterion(what, required, "not reported by this system", None)
    ratio = mine / theirs
    return Criterion(what, required, f"{ratio:.2f}x ({mine:.0f} MB against {theirs:.0f} MB)", ratio <= LARGEST_RATIO)


class WarmProcess:
    """A process of one checkout that has detected once and detects again whenever it is asked to."""

    def __init__(self, process: subprocess.Popen[str], checkout: Path) -> None:
        self.process = process
        _check_package(self._answer(), checkout)

    def detect(self) -> dict[str, Any]:
        """Seconds of one detection."""
        assert self.process.stdin is not None
        self.process.stdin.write("again\n")
        self.process.stdin.flush()
        return self._answer()

    def end(self) -> float | None:
        """End the process; its peak memory in megabytes, None where the system does not report it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        peak: float | None = self._answer()["peak_mb"]
        return peak

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the measuring process ended with code {self.process.wait()}")
        return dict(json.loads(line))


@contextmanager
def warm(checkout: Path, scan: Path, environment: Mapping[str, str] | None = None) -> Iterator[WarmProcess]:
    """A warm process of a checkout, ended at the end; the environment by default as this one's."""
    command = [sys.executable, str(Path(__file__).with_name("warm_detection.py")), str(scan)]
    with subprocess.Popen(
        command,
        cwd=checkout,
        env={**(os.environ if environment is None else environment), "PYTHONPATH": str(checkout)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield WarmProcess(process, checkout)
        finally:
            process.kill()


def _import(checkout: Path) -> dict[str, Any]:
    command = [sys.executable, "-c", _IMPORT]
    ended = subprocess.run(
        command, cwd=checkout, env=_environment(checkout), capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(ended.stdout)
    _check_package(found, checkout)
    return found


def _cold(checkout: Path, scan: Path, output: Path) -> dict[str, Any]:
    output.unlink(missing_ok=True)
    wall, processors = time.perf_counter(), _children_seconds()
    command = [sys.executable, "-m", "sgcn_core", "detect", str(scan), "-o", str(output)]
    ended = subprocess.run(
        command, cwd=checkout, env=_environment(checkout), capture_output=True, text=True, check=False
    )
    seconds, spent = time.perf_counter() - wall, _children_seconds() - processors
    if ended.returncode != 0 or not output.is_file():
        raise RuntimeError(f"detect in {checkout} ended with code {ended.returncode}: {ended.stderr.strip()[-300:]}")
    return {"seconds": seconds, "processor_seconds": spent}


def _children_seconds() -> float:
    """Processor time of all ended child processes."""
    times = os.times()
    return times.children_user + times.children_system


def _environment(checkout: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(checkout)}


def _check_package(found: dict[str, Any], checkout: Path) -> None:
    if checkout not in Path(found["package"]).resolve().parents:
        raise RuntimeError(f"{found['package']} was measured instead of the package in {checkout}")
