"""`sgcn-landmarks observers`: how well observers agree who placed the same landmarks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sgcn_core.batch import ExitCode
from sgcn_core.cli.cases import checked_outputs, print_table
from sgcn_core.cli.console import end, note, print_json, reporting_errors
from sgcn_core.cli.options import Debug, Json, Overwrite
from sgcn_core.cli.symmetry import Output
from sgcn_core.errors import FileFormatError
from sgcn_core.io.formats import landmark_suffix

if TYPE_CHECKING:
    from sgcn_core.analysis.observers import LandmarkAgreement


def observers(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="OBSERVER...",
            help="A landmark file for each observer of one case; or a folder for each, with files of the same names.",
        ),
    ],
    output: Output = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Compare landmarks placed by two observers or more, or detected ones with them.

    Distance, technical error (TEM), ICC and limits of agreement of each landmark. ICC and limits need several cases.
    """
    if len(inputs) < 2:
        raise typer.BadParameter("two observers or more are needed")
    states = checked_outputs({"--output": output}, inputs, overwrite=overwrite)
    with reporting_errors(debug=debug):
        from sgcn_core.analysis.result_rows import agreement_rows, write_rows

        names = _cases_of(inputs)
        rows = agreement_rows(_agreements(inputs, names))
        about = {"observers": [path.name for path in inputs], "cases": names}
        if output is not None:
            write_rows({"observers": rows}, output, about=about, unless_changed_since=states["--output"])
        if as_json:
            print_json({**about, "observers": rows})
        else:
            print_table(f"{len(inputs)} observers, {len(names)} cases", rows)
    raise end(ExitCode.OK)


def _cases_of(inputs: Sequence[Path]) -> list[str]:
    """File names that every observer's folder has; one empty name for single files."""
    folders = [path.is_dir() for path in inputs]
    if not any(folders):
        return [""]
    if not all(folders):
        raise FileFormatError("give a file for each observer, or a folder for each; not both")
    # Text files in a folder may be anything; the reader of single files takes them.
    found = [{file.name for file in path.iterdir() if landmark_suffix(file) not in (None, ".txt")} for path in inputs]
    common = sorted(set.intersection(*found))
    if not common:
        raise FileFormatError("the observers' folders have no landmark file of the same name")
    if left_out := sorted(set.union(*found) - set(common)):
        note(f"note: not of every observer, left out: {', '.join(left_out[:5])}")
    return common


def _agreements(inputs: Sequence[Path], names: Sequence[str]) -> tuple[LandmarkAgreement, ...]:
    import numpy as np

    from sgcn_core.analysis.case import AnalysisCase
    from sgcn_core.analysis.observers import landmark_agreement

    cases = [[AnalysisCase.from_file(path / name if name else path) for name in names] for path in inputs]
    every = [set(case.labels) for observer in cases for case in observer]
    labels = [label for label in cases[0][0].labels if all(label in one for one in every)]
    if not labels:
        raise FileFormatError("the observers' files have no landmark in common; check the labels")
    positions = np.array([[[case.position(label) for label in labels] for case in observer] for observer in cases])
    return landmark_agreement(labels, positions)
