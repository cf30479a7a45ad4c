"""`sgcn-landmarks demo`: the whole way on a face that the package makes itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sgcn_core.cli.console import progress_bar, reporting_errors, say
from sgcn_core.cli.detect import Settings, exit_code, load_detector, run_job, tell
from sgcn_core.cli.jobs import Job


def demo(
    output_dir: Annotated[Path, typer.Option(help="Folder of the demo's files.")] = Path("demo"),
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Make a face, detect its landmarks, write them and a picture."""
    from sgcn_core.demo import demo_surface
    from sgcn_core.io.meshes import write_surface

    job = Job(output_dir / "face.ply", output_dir / "face.mrk.json", output_dir / "face.png")
    with reporting_errors(debug=debug):
        output_dir.mkdir(parents=True, exist_ok=True)
        write_surface(demo_surface(), job.source)
        with progress_bar(1) as start:
            detector = load_detector(None, "cpu")
            outcome = run_job(detector, job, Settings(), progress=start(0, job.source.name), debug=debug)
        tell(outcome, quiet=True)
        if outcome.error is None:
            say(f"surface    {job.source.resolve()}")
            say(f"landmarks  {job.landmarks.resolve()}")
            if outcome.picture_error is None and job.picture is not None:
                say(f"picture    {job.picture.resolve()}")
    raise typer.Exit(exit_code([outcome]))
