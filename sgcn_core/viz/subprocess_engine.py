"""Draws with VTK in a subprocess: OpenGL without its libraries ends the process, and must not end ours."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sgcn_core.child_process import python_command, python_environment
from sgcn_core.errors import RenderError
from sgcn_core.io.temporary import private_folder
from sgcn_core.viz.system_libraries import driver_hint, is_loadable, missing_libraries, named_in, remedy
from sgcn_core.viz.views import ColouredMesh, Direction, DrawnView, View

_SECONDS_ALLOWED = 180


def window_classes() -> tuple[str, ...]:
    """VTK's window classes to try on this machine, best first; an empty name is VTK's own choice."""
    if not sys.platform.startswith("linux"):
        return ("",)
    possible = []
    if is_loadable("libEGL.so.1"):
        possible.append("vtkEGLRenderWindow")
    if is_loadable("libOSMesa.so.8"):
        possible.append("vtkOSOpenGLRenderWindow")
    if os.environ.get("DISPLAY") and is_loadable("libX11.so.6"):
        possible.append("")
    return tuple(possible)


def draw(mesh: ColouredMesh, views: Sequence[View]) -> tuple[tuple[DrawnView, ...], str]:
    """Draw every view; tries one kind of window after the other.

    Returns
    -------
    drawn : tuple of DrawnView
    engine : str
        What drew them.

    Raises
    ------
    RenderError
        No kind of window works; names the missing system library and the package that brings it.
    """
    reasons = []
    with private_folder("render") as folder:
        job, output = folder / "job.npz", folder / "views.npz"
        _write_job(job, mesh, views)
        for window in window_classes():
            try:
                return _run(job, output, window, len(views))
            except RenderError as error:
                reasons.append(f"{window or 'default window'}: {error}")
    cause = remedy(missing_libraries()) or "; ".join([*reasons, driver_hint()])
    raise RenderError(f"VTK cannot draw here: {cause}")


def _run(job: Path, output: Path, window: str, count: int) -> tuple[tuple[DrawnView, ...], str]:
    command = python_command("sgcn_core.viz.subprocess_engine", str(job), str(output), "--window", window)
    try:
        ended = subprocess.run(
            command,
            env=python_environment(),
            cwd=job.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_SECONDS_ALLOWED,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise RenderError(f"nothing drawn within {_SECONDS_ALLOWED} s") from error
    if ended.returncode != 0 or not output.is_file():
        raise RenderError(_reason(ended.returncode, ended.stderr))
    with np.load(output) as data:
        views = tuple(DrawnView(data[f"image{i}"], data[f"depth{i}"]) for i in range(count))
        return views, str(data["engine"])


def _reason(code: int, stderr: str) -> str:
    libraries = remedy(named_in(stderr))
    if libraries:
        return libraries
    if code < 0:
        return f"the drawing process was ended by signal {-code}"
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    return lines[-1] if lines else f"the drawing process ended with code {code}"


def _write_job(path: Path, mesh: ColouredMesh, views: Sequence[View]) -> None:
    described = [
        {
            "direction": [view.direction.title, view.direction.axes, view.direction.near_half],
            "centre": view.centre.tolist(),
            "scale": view.scale,
            "size": [view.width, view.height],
        }
        for view in views
    ]
    np.savez(
        path,
        vertices=mesh.vertices,
        faces=mesh.faces,
        normals=mesh.normals,
        colours=mesh.colours,
        shading=mesh.shading,
        views=np.array(json.dumps(described)),
    )


def _read_job(path: Path) -> tuple[ColouredMesh, tuple[View, ...]]:
    """The mesh and the views that `draw` wrote for the drawing process."""
    with np.load(path) as data:
        mesh = ColouredMesh(data["vertices"], data["faces"], data["normals"], data["colours"], float(data["shading"]))
        described = json.loads(str(data["views"]))
    views = tuple(
        View(_direction(*entry["direction"]), np.array(entry["centre"]), entry["scale"], *entry["size"])
        for entry in described
    )
    return mesh, views


def _direction(title: str, axes: Sequence[Sequence[float]], near_half: bool) -> Direction:
    return Direction(title, tuple((x, y, z) for x, y, z in axes), near_half)


def main() -> None:
    """In the subprocess: read the job, draw its views, write them."""
    parser = argparse.ArgumentParser(description="Draws the views of a job file; used by sgcn_core itself.")
    parser.add_argument("job", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--window", default="", help="VTK window class; empty for VTK's own choice")
    arguments = parser.parse_args()

    from sgcn_core.viz.vtk_engine import VtkEngine  # may end the process where OpenGL is incomplete

    mesh, views = _read_job(arguments.job)
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
