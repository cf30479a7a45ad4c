"""Damaged files of every format: is each refused with an error of ours, or read, and nothing else?

``python -m research.robustness.damage_campaign --count 2000 --seed 0`` prints the criterion and every fault.
"""

from __future__ import annotations

import argparse
import json
import queue
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from research.criteria import Criterion
from research.robustness.damage import damaged
from research.robustness.damage_seeds import Sample, whole_samples
from sgcn_core.child_process import python_command, python_environment

HANG_SECONDS = 10.0
COMMAND = python_command("research.robustness.damage_child")
_START_SECONDS = 120.0  # of the child: importing libraries on a busy machine
_BATCH = 100


@dataclass(frozen=True)
class Reading:
    """What became of one file.

    Attributes
    ----------
    number : int
        Of the damaged sample; with the seed it makes the same file again.
    note : str
        Format and damage.
    outcome : {"valid", "refused", "fault", "crash", "hang"}
    message : str
    seconds : float
    """

    number: int
    note: str
    outcome: str
    message: str
    seconds: float


def measure(count: int = 2000, seed: int = 0, progress: Callable[[float], None] | None = None) -> list[Criterion]:
    """The acceptance criterion of the damaged files.

    Parameters
    ----------
    count : int
        Damaged files.
    seed : int
    progress : callable, optional
        Called with the share done.
    """
    return [criterion_of(read_damaged(count, seed, progress))]


def criterion_of(readings: Sequence[Reading]) -> Criterion:
    """The readings as one line of the table."""
    found = Counter(reading.outcome for reading in readings)
    bad = sum(found[outcome] for outcome in ("fault", "crash", "hang"))
    slowest = max((reading.seconds for reading in readings), default=0.0)
    return Criterion(
        f"corrupted files, {len(readings)}",
        "no crash, no traceback, no hang over 10 s; an error naming file and reason",
        f"{found['refused']} refused, {found['valid']} read; {found['crash']} crashes, {found['fault']} other faults, "
        f"{found['hang']} hangs; slowest {slowest:.1f} s",
        bad == 0,
    )


def read_damaged(count: int, seed: int, progress: Callable[[float], None] | None = None) -> list[Reading]:
    """Make and read the damaged files, in processes of their own."""
    samples = whole_samples()
    readings: list[Reading] = []
    for start in range(0, count, _BATCH):
        batch = {number: damaged(samples, number, seed) for number in range(start, min(start + _BATCH, count))}
        with tempfile.TemporaryDirectory(prefix="sgcn-corrupted-") as folder:
            readings.extend(_read_batch(batch, Path(folder)))
        if progress is not None:
            progress(len(readings) / count)
    return readings


def _read_batch(batch: dict[int, Sample], folder: Path) -> list[Reading]:
    """Read a batch; after a crash or a hang a fresh process goes on with the file behind it."""
    paths = {number: _put(sample, folder / str(number)) for number, sample in batch.items()}
    readings: list[Reading] = []
    left = list(batch)
    while left:
        requests = [{"kind": batch[number].kind, "path": str(paths[number])} for number in left]
        answers = _answers(requests)
        readings += [
            Reading(number, batch[number].note, **answer) for number, answer in zip(left, answers, strict=False)
        ]
        left = left[len(answers) :]
    return readings


def _put(sample: Sample, folder: Path) -> Path:
    folder.mkdir()
    for name, content in sample.files.items():
        (folder / name).write_bytes(content)
    return folder / sample.main if sample.main else folder


def _answers(requests: Sequence[dict[str, str]]) -> list[dict[str, Any]]:
    """The answers of one process, up to the file at which it fell or stood still."""
    with subprocess.Popen(
        COMMAND, env=python_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        lines: queue.Queue[str] = queue.Queue()
        stream = process.stdout
        reading = threading.Thread(target=_pass_on, args=(stream, lines), daemon=True)
        reading.start()
        with suppress(BrokenPipeError):  # it fell already, which shows in its answers
            process.stdin.write("".join(json.dumps(request) + "\n" for request in requests))
            process.stdin.close()
        try:
            return _gathered(process, lines, len(requests))
        finally:
            process.kill()
            reading.join()


def _pass_on(stream: IO[str], lines: queue.Queue[str]) -> None:
    """Lines as they come, and an empty one at the end."""
    for line in stream:
        lines.put(line)
    lines.put("")


def _gathered(process: subprocess.Popen[str], lines: queue.Queue[str], count: int) -> list[dict[str, Any]]:
    if lines.get(timeout=_START_SECONDS) != "ready\n":
        raise RuntimeError("the process that reads damaged files does not start")
    answers: list[dict[str, Any]] = []
    while len(answers) < count:
        try:
            line = lines.get(timeout=HANG_SECONDS)
        except queue.Empty:
            return [*answers, {"outcome": "hang", "message": "stopped", "seconds": HANG_SECONDS}]
        if not line.endswith("\n"):
            return [*answers, {"outcome": "crash", "message": f"exit code {process.wait()}", "seconds": 0.0}]
        answers.append(json.loads(line))
    return answers


def main() -> None:
    """Print the criterion, then every fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    readings = read_damaged(arguments.count, arguments.seed)
    criterion = criterion_of(readings)
    reached = "reached" if criterion.reached else "NOT reached"
    sys.stdout.write(f"{criterion.what}: {criterion.measured} ({reached}: {criterion.required})\n")
    for reading in readings:
        if reading.outcome not in ("valid", "refused"):
            sys.stdout.write(f"  {reading.number} {reading.outcome}: {reading.note}: {reading.message[:300]}\n")


if __name__ == "__main__":
    main()
