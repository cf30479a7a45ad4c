"""What a real worker says of itself, for the tests of installing and of the report."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "FacialLandmarks3D"))

from FacialLandmarks3DLib.installation.slicer_installation import WorkerCheck
from FacialLandmarks3DLib.worker.client import WorkerClient


def checked_worker(folder: Path) -> WorkerCheck:
    """A finished check of a worker in this Python, with the package in ``folder``."""
    client = WorkerClient.for_python(sys.executable, str(folder))
    try:
        check = WorkerCheck(client)
        check.wait()
    finally:
        client.close()
    return check
