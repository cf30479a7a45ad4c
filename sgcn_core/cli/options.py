"""Options shared by several commands, with the values of the registries in their help."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from sgcn_core.refinement.modes import MODES
from sgcn_core.settings import DEVICES


def one_of(values: Iterable[str]) -> str:
    """For the help: ``[a|b|c]``."""
    return f"[{'|'.join(values)}]"


Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Overwrite existing files.")]
Weights = Annotated[Path | None, typer.Option(metavar="FILE", help="Weights file; by default the shipped one.")]
Device = Annotated[str, typer.Option(metavar=one_of(DEVICES), help="Compute device; also cuda:1.")]
Seed = Annotated[int, typer.Option(min=0, metavar="N", help="Random seed of the surface sampling.")]
Series = Annotated[
    str | None,
    typer.Option(metavar="UID|NUMBER", help="DICOM series, if a folder holds several; by default the largest."),
]
Refine = Annotated[
    str | None,
    typer.Option(metavar=one_of(MODES), help="Refinement from heatmap to position; by default that of the weights."),
]
