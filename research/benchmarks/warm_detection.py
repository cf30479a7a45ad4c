"""Warm detection on demand: one run of the detector for each line of standard input, and peak memory at the end.

``python research/benchmarks/warm_detection.py SCAN`` prints a JSON object a line. Nothing but the public interface of
``sgcn_core`` is used, so that the package of another checkout can be measured with it (``PYTHONPATH``).
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any


def peak_memory() -> float | None:
    """The most memory this process has held, megabytes; None where the system does not report it."""
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="utf-8").splitlines() if status.is_file() else []
    kilobytes = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
    return kilobytes[0] * 1024 / 1e6 if kilobytes else None


def main() -> None:
    """Warm up, then measure once per line."""
    from sgcn_core import LandmarkDetector

    scan = Path(sys.argv[1])
    detector = LandmarkDetector.from_pretrained()
    detector.detect(scan)
    say({"package": sys.modules["sgcn_core"].__file__})
    for _ in sys.stdin:
        wall, processors = time.perf_counter(), time.process_time()
        detector.detect(scan)
        say({"seconds": time.perf_counter() - wall, "processor_seconds": time.process_time() - processors})
    say({"peak_mb": peak_memory()})


def say(message: dict[str, Any]) -> None:
    """One line of JSON."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
