"""Time and peak memory of warm detection, measured in a process that does nothing else.

``python -m research.benchmarks.detection SCAN --repeats 5`` prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from research.benchmarks.fresh_process import measured_in_subprocess
from research.benchmarks.peak_memory import peak_memory


def measure(scan: Path, repeats: int) -> dict[str, Any]:
    """Detect on a file in this process, once to warm up and then `repeats` times, reading the file every time.

    Returns
    -------
    dict
        ``seconds`` per run, their ``median``, ``peak_mb`` of the whole process (None where unknown), ``threads``.
    """
    import torch

    from sgcn_core.detector import LandmarkDetector

    detector = LandmarkDetector.from_pretrained()
    detector.detect(scan)
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        detector.detect(scan)
        seconds.append(time.perf_counter() - began)
    return {
        "seconds": seconds,
        "median": statistics.median(seconds),
        "peak_mb": peak_memory(),
        "threads": torch.get_num_threads(),
    }


def measure_in_subprocess(scan: Path, repeats: int) -> dict[str, Any]:
    """The same in a fresh process."""
    return measured_in_subprocess("research.benchmarks.detection", str(scan), "--repeats", str(repeats))


def main() -> None:
    """Print what `measure` returns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scan", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    sys.stdout.write(json.dumps(measure(arguments.scan, arguments.repeats)) + "\n")


if __name__ == "__main__":
    main()
