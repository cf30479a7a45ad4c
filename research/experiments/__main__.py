"""``python -m research.experiments``: measure landmark errors on generated people."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sgcn_core.cli.console import progress_bar, reporting_errors
from sgcn_core.cli.evaluate import print_and_write

if TYPE_CHECKING:
    from research.synthesis.face_model import FaceModel


class Protocol(str, Enum):
    """What to run on generated people."""

    PAPER = "paper"
    SHIPPED = "shipped"
    CORRUPTIONS = "corruptions"


def experiments(
    protocol: Annotated[
        Protocol,
        typer.Argument(help="The paper's experiments; the same for the shipped weights; or one corruption at a time."),
    ],
    model: Annotated[Path, typer.Option(metavar="FILE", help="ict_facekit.npz, to generate people.")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="For tables (.csv) and plots (.png).")],
    clinical: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="JSON: clinical label -> vertex of the model; the package's own by default."),
    ] = None,
    networks: Annotated[Path, typer.Option(metavar="FOLDER", help="Networks of the paper's experiments.")] = Path(
        "research/experiments/networks"
    ),
    weights: Annotated[Path | None, typer.Option(metavar="FILE", help="Other weights than the shipped ones.")] = None,
    people: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Test people, or scans of each corruption; 169 are the paper's sizes."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seed of the sampling and the generated scans.")] = 0,
    device: Annotated[str, typer.Option(metavar="NAME", help="cpu, cuda, cuda:1, mps.")] = "cpu",
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Measure landmark errors on generated people. Needs the extras `train` and `evaluate`."""
    from research.experiments import runs

    with reporting_errors(debug=debug), progress_bar(1) as start:
        report = start(0, "experiments")
        faces = _face_model(model, clinical)
        if protocol is Protocol.PAPER:
            tables = runs.paper(faces, networks, out, people=people, seed=seed, report=report)
        elif protocol is Protocol.SHIPPED:
            tables = runs.shipped(faces, weights, out, people=people, seed=seed, report=report)
        else:
            tables = runs.corruptions(faces, weights, device, people=people, seed=seed, report=report)
        for table in tables:
            print_and_write(table, out)


def _face_model(model: Path, clinical: Path | None) -> FaceModel:
    """The face model; a file of another kind is an error of one line."""
    import zipfile

    from research.synthesis.face_model import FaceModel
    from sgcn_core.errors import FileFormatError

    try:
        return FaceModel.load(model) if clinical is None else FaceModel.load(model, clinical)
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        what = f"{model} is not a face model"
        if clinical is not None:
            what = f"{model} and {clinical} are not a face model and its landmarks"
        raise FileFormatError(f"{what}: {error}") from error


if __name__ == "__main__":
    typer.run(experiments)
