"""``python -m research.benchmarks.threads SCAN``: two threads of the Python interface against one.

Warm detections in alternating runs of three processes: one thread; two threads as the package sets them up; two threads
that spin while they wait, as OpenMP has them by default (``OMP_WAIT_POLICY=ACTIVE`` is more than that).
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from research.benchmarks.against import HERE, WarmProcess, warm
from sgcn_core.cli.console import say
from sgcn_core.cli.machine import processor

# libgomp's own default: 300,000 turns of waiting before a thread sleeps; a stated count goes before the policy.
_SPINNING = {"GOMP_SPINCOUNT": "300000"}
KINDS: dict[str, dict[str, str]] = {
    "1 thread": {"OMP_NUM_THREADS": "1"},
    "2 threads": {"OMP_NUM_THREADS": "2"},
    "2 spinning threads": {"OMP_NUM_THREADS": "2", **_SPINNING},
}


def threads(
    scan: Annotated[Path, typer.Argument(metavar="SCAN")],
    repeats: Annotated[int, typer.Option(min=1, metavar="N", help="Detections of each kind.")] = 9,
) -> None:
    """Print the ratios of the median times, as the machine is and beside one busy process."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    with ExitStack() as stack:
        started = {name: warm(HERE, scan.resolve(), {**clean, **own}) for name, own in KINDS.items()}
        processes = {name: stack.enter_context(process) for name, process in started.items()}
        for beside, busy in (("as the machine is", 0), ("beside one busy process", 1)):
            with busy_processes(busy):
                found = ratios(processes, repeats)
            shown = ", ".join(f"{name} {ratio:.2f}x ({seconds:.2f} s)" for name, (ratio, seconds) in found.items())
            say(f"{beside}: {shown}; load {os.getloadavg()[0]:.1f}")
    say(f"{scan.name}, {repeats} detections each; {processor()}")


def ratios(processes: dict[str, WarmProcess], repeats: int) -> dict[str, tuple[float, float]]:
    """Of each kind the median ratio to the first one's seconds in the same round, and its median seconds."""
    seconds: dict[str, list[float]] = {name: [] for name in processes}
    for turn in range(repeats):
        for name in list(processes)[:: 1 if turn % 2 else -1]:
            seconds[name].append(processes[name].detect()["seconds"])
    first = next(iter(seconds.values()))
    return {
        name: (statistics.median(own / one for own, one in zip(values, first, strict=True)), statistics.median(values))
        for name, values in seconds.items()
    }


@contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """Processes that keep one core each busy, ended at the end."""
    started = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


if __name__ == "__main__":
    typer.run(threads)
