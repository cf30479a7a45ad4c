"""The drawing process that `isolated` starts: ``python -m sgcn_core.viz JOB.npz VIEWS.npz --window CLASS``."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import numpy as np

from sgcn_core.viz.isolated import read_job


def main() -> None:
    """Read the job, draw its views, write them."""
    parser = argparse.ArgumentParser(description="Draws the views of a job file; used by sgcn_core itself.")
    parser.add_argument("job", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--window", default="", help="VTK window class; empty for VTK's own choice")
    arguments = parser.parse_args()

    from sgcn_core.viz.vtk_engine import VtkEngine  # may end the process where OpenGL is incomplete

    mesh, views = read_job(arguments.job)
    engine = VtkEngine(arguments.window)
    arrays: dict[str, Any] = {}
    for index, view in enumerate(views):
        drawn = engine.draw(mesh, view)
        arrays[f"image{index}"], arrays[f"depth{index}"] = drawn.image, drawn.depth
    arrays["engine"] = np.array(engine.describe())
    np.savez(arguments.output, **arrays)
    os._exit(0)  # the views are written; some drivers crash while they are torn down


if __name__ == "__main__":
    main()
