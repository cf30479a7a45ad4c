"""`sgcn-landmarks demo`: detection on a generated face."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sgcn_core.batch import ExitCode, Job, exit_code, run_job
from sgcn_core.cli.console import end, note, progress_bar, reporting_errors, say
from sgcn_core.cli.detect import load_detector, print_outcome
from sgcn_core.cli.options import Debug, Overwrite
from sgcn_core.settings import DetectionSettings


def demo(
    output_dir: Annotated[Path, typer.Option(help="Folder of the demo's files.")] = Path("demo"),
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """Make a face, detect its landmarks, write them and a picture."""
    from sgcn_core.demo import demo_surface
    from sgcn_core.io.meshes import write_surface

    source, landmarks, picture = (output_dir / f"face{suffix}" for suffix in (".ply", ".mrk.json", ".png"))
    existing = [str(path) for path in (source, landmarks, picture) if path.exists()]
    if existing and not overwrite:
        note(f"error: {', '.join(existing)} exists; give --overwrite to replace it, or another --output-dir")
        raise typer.Exit(ExitCode.ALL_FAILED)
    job = Job(source, landmarks, picture, may_replace=overwrite, may_replace_picture=overwrite)
    settings = DetectionSettings()
    with reporting_errors(debug=debug):
        output_dir.mkdir(parents=True, exist_ok=True)
        write_surface(demo_surface(), source)
        with progress_bar(1) as start:
            outcome = run_job(load_detector(settings), job, settings, progress=start(0, source.name), debug=debug)
        print_outcome(outcome, quiet=True)
        if outcome.error is None:
            say(f"surface    {source.resolve()}")
            say(f"landmarks  {landmarks.resolve()}")
            if outcome.picture_error is None:
                say(f"picture    {picture.resolve()}")
    raise end(exit_code([outcome]))
