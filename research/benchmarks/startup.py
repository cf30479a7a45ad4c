"""Time from nothing: importing the package, and the command line from process start to file written."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from sgcn_core.child_process import python_command, python_environment

_IMPORT = """
import json, sys, time
began = time.perf_counter()
import sgcn_core
seconds = time.perf_counter() - began
print(json.dumps([seconds, [name for name in ("torch", "vtkmodules", "vtk") if name in sys.modules]]))
"""


def import_seconds(repeats: int) -> tuple[float, list[str]]:
    """Median time of ``import sgcn_core`` in fresh processes, and which of torch and VTK it loaded."""
    ended = [
        subprocess.run(
            [sys.executable, "-c", _IMPORT], env=python_environment(), capture_output=True, text=True, check=True
        )
        for _ in range(repeats)
    ]
    measured = [json.loads(process.stdout) for process in ended]
    return statistics.median(seconds for seconds, _ in measured), measured[0][1]


def command_seconds(scan: Path, output: Path, repeats: int) -> float:
    """Median wall time of ``sgcn-landmarks detect SCAN -o OUTPUT`` in fresh processes."""
    seconds = []
    for _ in range(repeats):
        output.unlink(missing_ok=True)
        began = time.perf_counter()
        command = python_command("sgcn_core", "detect", str(scan), "-o", str(output))
        ended = subprocess.run(command, env=python_environment(), capture_output=True, text=True, check=False)
        seconds.append(time.perf_counter() - began)
        if ended.returncode != 0 or not output.is_file():
            raise RuntimeError(f"detect ended with code {ended.returncode}: {ended.stderr.strip()[-300:]}")
    return statistics.median(seconds)
