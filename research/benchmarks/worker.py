"""Worker overhead: 3D Slicer's process writes a surface, the worker detects, Slicer reads.

    python research/benchmarks/worker.py

Both sides are real: the client that the Slicer module uses, in this process, and ``python -m sgcn_core worker``. What
is added to the pipeline is everything between having the points and having the landmarks, less the time that the
detector itself took for the same request. Detection in this process takes turns with it, for comparison.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from research.benchmarks.scan import scan_of
from sgcn_core.detector import LandmarkDetector
from sgcn_core.types.surface import Surface

REPOSITORY = Path(__file__).resolve().parents[2]


def through_worker(client: Any, surface: Surface, path: Path) -> tuple[float, float]:
    """Seconds from points to landmarks through the worker, and those of them that the detector took."""
    from FacialLandmarks3DLib.scene.files import write_surface_file

    began = time.perf_counter()
    write_surface_file(path, surface.vertices, surface.faces)
    client.request("detect", input=str(path))
    result = client.wait(timeout=600.0)
    return time.perf_counter() - began, result["seconds"]["detect"]


def run(repeats: int = 5, vertices: int = 25_000) -> dict[str, float]:
    """Measure in one run.

    Parameters
    ----------
    repeats : int
    vertices : int
        Of the generated scan.

    Returns
    -------
    dict of str to float
        Medians in seconds: ``added``, ``worker`` (all of it), ``worker_detector`` (the detector's part), ``direct``
        (the detector in this process); and ``added_most``, the largest.
    """
    sys.path.insert(0, str(REPOSITORY / "FacialLandmarks3D"))
    from FacialLandmarks3DLib.worker.client import WorkerClient

    surface = scan_of(vertices)
    detector = LandmarkDetector.from_pretrained()
    client = WorkerClient.for_python(sys.executable, str(REPOSITORY))
    rows: list[tuple[float, ...]] = []
    with tempfile.TemporaryDirectory(prefix="sgcn-benchmark-") as folder:
        path = Path(folder) / "scan.npz"
        try:
            through_worker(client, surface, path)
            detector.detect(surface)
            for _ in range(repeats):
                whole, part = through_worker(client, surface, path)
                began = time.perf_counter()
                detector.detect(surface)
                rows.append((whole - part, whole, part, time.perf_counter() - began))
        finally:
            client.close()
    medians = [statistics.median(row[column] for row in rows) for column in range(4)]
    names = ("added", "worker", "worker_detector", "direct")
    return {**dict(zip(names, medians, strict=True)), "added_most": max(row[0] for row in rows)}


if __name__ == "__main__":
    for name, value in run().items():
        print(f"{name:16s} {value:8.3f} s")
