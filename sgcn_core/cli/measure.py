"""`sgcn-landmarks measure`: distances, angles and analyses from landmarks, with their uncertainty."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sgcn_core.batch import ExitCode, PlanError, describe
from sgcn_core.cli.cases import CaseLoader
from sgcn_core.cli.console import end, note, print_json, progress_bar, reporting_errors, say, usage_errors
from sgcn_core.cli.options import Debug, Device, Json, Overwrite, Seed, Weights
from sgcn_core.cli.outputs import checked_states
from sgcn_core.errors import SgcnError
from sgcn_core.io.atomic import FileState
from sgcn_core.io.formats import landmark_suffix
from sgcn_core.settings import DetectionSettings

if TYPE_CHECKING:
    from sgcn_core.analysis import Definitions, Horizontal, MeasurementTable, Norm


@dataclass(frozen=True)
class _Choices:
    """What to measure, read from the options."""

    definitions: Definitions
    analyses: tuple[str, ...] | None
    horizontal: Horizontal | None
    norms: tuple[Norm, ...]


def measure(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT...",
            help="Landmark files (.mrk.json, .fcsv, .csv, .pp ...), detected or placed by hand; or scans and head "
            "volumes, whose landmarks are detected first.",
        ),
    ],
    surface: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Scan of a single landmark file, for lengths over the surface."),
    ] = None,
    analyses: Annotated[
        list[str] | None,
        typer.Option(
            "--analysis",
            metavar="NAME",
            help="Analysis, group or measurement, such as farkas, rhinoplasty, ricketts, powell; may be repeated. "
            "By default all measurements.",
        ),
    ] = None,
    definitions: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="JSON file with further measurements; may be repeated."),
    ] = None,
    norms: Annotated[
        str | None, typer.Option(metavar="NAME|FILE", help="Compare with norms: ansur2, or a .json or .csv file.")
    ] = None,
    sex: Annotated[str | None, typer.Option(metavar="[male|female]", help="Of the norms.")] = None,
    horizontal: Annotated[
        str | None,
        typer.Option(
            metavar="HORIZONTAL",
            help="Natural head position: frankfort (t and a hand-placed orbitale, or_r, or_l), frankfort:LABEL, "
            "camper, axes (the file's axes are the person's), or X,Y,Z (a direction that points forward in LPS).",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Table: .csv, .json or .xlsx.")
    ] = None,
    overwrite: Overwrite = False,
    seed: Seed = 0,
    weights: Weights = None,
    device: Device = "cpu",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Measure faces from their landmarks.

    Every value has a 95 % interval. What cannot be measured is left empty, with the reason.
    """
    settings, choices, before = _checked(
        inputs, surface, analyses, definitions, norms, sex, horizontal, output, overwrite, seed, weights, device
    )
    with reporting_errors(debug=debug):
        with progress_bar(len(inputs)) as start:
            tables = _tables(inputs, surface, settings, choices, start=start, debug=debug)
        code = ExitCode.OK
        if len(tables) < len(inputs):
            code = ExitCode.SOME_FAILED if tables else ExitCode.ALL_FAILED
        if output is not None and tables:
            from sgcn_core.analysis import write_tables

            write_tables(tables, output, unless_changed_since=before)
        if as_json:
            print_json({"exit_code": int(code), "cases": [table.as_dict() for table in tables]})
        else:
            for table in tables:
                say(_shown(table, whole=choices.analyses is not None))
    raise end(code)


def _checked(
    inputs: Sequence[Path],
    surface: Path | None,
    analyses: Sequence[str] | None,
    definitions: Sequence[Path] | None,
    norms: str | None,
    sex: str | None,
    horizontal: str | None,
    output: Path | None,
    overwrite: bool,
    seed: int,
    weights: Path | None,
    device: str,
) -> tuple[DetectionSettings, _Choices, FileState | None]:
    """The options as values; one that is wrong ends the command before any work."""
    from sgcn_core.analysis import Definitions, Horizontal, load_norms
    from sgcn_core.analysis.table import checked_suffix

    with usage_errors(SgcnError, OSError):
        settings = DetectionSettings(seed=seed, weights=weights, device=device)
        known = Definitions.load(*(definitions or ()))
        choices = _Choices(
            known,
            tuple(analyses) if analyses else None,
            None if horizontal is None else Horizontal.parse(horizontal),
            () if norms is None else load_norms(norms, sex=sex),
        )
        known.chosen(choices.analyses)
        read = [*inputs, *(path for path in (surface, weights, *(definitions or ())) if path is not None)]
        if norms is not None and Path(norms).exists():
            read.append(Path(norms))
        if output is not None:
            checked_suffix(output)
        if surface is not None and (len(inputs) > 1 or landmark_suffix(inputs[0]) is None):
            raise PlanError("--surface belongs to a single landmark file")
        states = checked_states({"--output": output}, read, overwrite=overwrite)
    return settings, choices, states.get("--output")


def _tables(
    inputs: Sequence[Path],
    surface: Path | None,
    settings: DetectionSettings,
    choices: _Choices,
    *,
    start: Any,
    debug: bool,
) -> list[MeasurementTable]:
    """Measurements of every input that can be read; the others are reported."""
    from sgcn_core import analysis

    cases, tables = CaseLoader(settings), []
    for number, path in enumerate(inputs):
        report = start(number, path.name)
        try:
            case = cases.of(path, surface, report)
            report("measuring", 0.9)
            table = analysis.measure(
                case,
                analyses=choices.analyses,
                definitions=choices.definitions,
                horizontal=choices.horizontal,
            )
            tables.append(analysis.with_norms(table, choices.norms))
        except (SgcnError, OSError, UnicodeError) as error:
            if debug:
                raise
            note(f"error: {describe(error) if str(path) in str(error) else f'{path}: {describe(error)}'}")
    return tables


def _shown(table: MeasurementTable, *, whole: bool) -> str:
    """The table as text; without ``whole`` what could not be measured is only counted."""
    from rich.console import Console
    from rich.table import Table

    from sgcn_core.analysis.table import VALUE_STATUSES

    drawn = Table(title=table.name or None, title_justify="left", caption_justify="left")
    for column in ("measurement", "value", "95 % interval", "unit"):
        drawn.add_column(column, justify="left" if column in ("measurement", "unit") else "right")
    compared = any(value.z is not None for value in table.values)
    if compared:
        drawn.add_column("z", justify="right")
    drawn.add_column("remark")
    for value in table.values:
        if value.value is None and not whole:
            continue
        number = "" if value.value is None else f"{value.value:.2f}"
        interval = "" if value.low is None or value.high is None else f"{value.low:.2f} to {value.high:.2f}"
        remark = ": ".join(part for part in (value.status if value.status != "ok" else "", value.remark) if part)
        z = [] if not compared else ["" if value.z is None else f"{value.z:+.1f}"]
        drawn.add_row(value.measurement.title, number, interval, value.measurement.unit, *z, remark)
    stream = io.StringIO()
    Console(file=stream, width=120, markup=False, highlight=False).print(drawn)
    counts = ", ".join(f"{table.count(status)} {status}" for status in VALUE_STATUSES)
    return f"{stream.getvalue()}{counts}; {table.info.get('head frame', '')}"
