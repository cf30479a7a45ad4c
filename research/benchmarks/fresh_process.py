"""Measurements in a fresh process, whose memory and start-up are its own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any


def measured_in_subprocess(module: str, *arguments: str) -> dict[str, Any]:
    """The JSON object in the last line that ``python -m MODULE ARGUMENTS`` prints.

    Raises
    ------
    RuntimeError
        The process failed; its last line.
    """
    ended = subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        lines = ended.stderr.strip().splitlines()
        raise RuntimeError(lines[-1] if lines else f"the measuring process ended with code {ended.returncode}")
    return dict(json.loads(ended.stdout.splitlines()[-1]))
