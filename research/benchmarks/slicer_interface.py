"""How long Slicer's interface stands still while landmarks are placed: the longest of the steps that a timer makes.

    SGCN_WORKER_PYTHON=<a Python with PyTorch> <a Python with slicer-core> research/benchmarks/slicer_interface.py

The module's own logic on real nodes (package slicer-core), polled every 50 ms as its panel does, with the real worker.
The generated face of the package is subdivided, or put into a volume; drawing is not part of it, there is no window.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import vtk

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / folder) for folder in ("Testing/extension", "Testing/support", ".")]
INTERVAL_SECONDS = 0.05


def inputs(cases: Any, application: Any) -> Iterator[tuple[str, Any]]:
    """Name and node of what landmarks are placed on."""
    for times in (0, 2, 3):
        model = cases.face_model(application)
        finer = vtk.vtkLinearSubdivisionFilter()
        finer.SetInputData(model.GetPolyData())
        finer.SetNumberOfSubdivisions(times)
        finer.Update()
        model.SetAndObservePolyData(finer.GetOutput())
        cases.under(application, model, cases.turned())
        yield f"model, {finer.GetOutput().GetNumberOfPolys():,} triangles", model
    volume = cases.face_volume_node(application, spacing=0.5)
    size = volume.GetImageData().GetDimensions()
    yield f"volume, {size[0]} x {size[1]} x {size[2]} voxels", volume


def longest_step(logic: Any, node: Any) -> tuple[float, float, str]:
    """Seconds of all, of the longest step, and the stage it began in."""
    began = time.perf_counter()
    job = logic.placeLandmarks(node, wait=False)
    steps = [(time.perf_counter() - began, "start")]
    while not job.done:
        time.sleep(INTERVAL_SECONDS)
        before, stage = time.perf_counter(), job.stage
        job.poll()
        steps.append((time.perf_counter() - before, stage))
    job.result()
    longest, stage = max(steps)
    return time.perf_counter() - began, longest, stage


def main() -> None:
    """Print the table."""
    import slicer
    import slicer_cases as cases
    from slicer_scene import Application

    from FacialLandmarks3D import FacialLandmarks3DLogic

    with tempfile.TemporaryDirectory(prefix="sgcn-benchmark-") as folder:
        application = Application(Path(folder) / "cache")
        slicer.mrmlScene = application.scene
        logic = FacialLandmarks3DLogic()
        logic.placeLandmarks(cases.face_model(application))  # starts the worker
        for name, node in inputs(cases, application):
            whole, longest, stage = longest_step(logic, node)
            print(f"{name:32s} whole {whole:6.2f} s   longest step {1000 * longest:4.0f} ms ({stage})")


if __name__ == "__main__":
    main()
