"""Measurements in a fresh process, whose memory and start-up are its own."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from sgcn_core.child_process import python_command, python_environment


def measured_in_subprocess(module: str, *arguments: str) -> dict[str, Any]:
    """The JSON object in the last line that ``python -m MODULE ARGUMENTS`` prints.

    Raises
    ------
    RuntimeError
        The process failed; its last line.
    """
    command = python_command(module, *arguments)
    ended = subprocess.run(command, env=python_environment(), capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        lines = ended.stderr.strip().splitlines()
        raise RuntimeError(lines[-1] if lines else f"the measuring process ended with code {ended.returncode}")
    return dict(json.loads(ended.stdout.splitlines()[-1]))
