"""``python -m research.benchmarks``: the acceptance criteria on speed and memory, and what this machine reaches."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sgcn_core.batch import ExitCode
from sgcn_core.cli.console import print_json, progress_bar, reporting_errors, say

if TYPE_CHECKING:
    from research.criteria import Criterion


def benchmark(
    against: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Compare with the package of another checkout, in alternating runs."),
    ] = None,
    large: Annotated[bool, typer.Option("--large", help="With --against: up to two million vertices.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer repetitions.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Measure speed and memory. Comparisons with other packages need the extra `bench`.

    A criterion that is missed does not change the exit code: the machine may be a slow one.
    """
    from research.benchmarks.table import measured_rows
    from sgcn_core.cli.machine import processor, versions

    if large and against is None:
        raise typer.BadParameter("needs --against FOLDER, the checkout to compare with", param_hint="--large")
    with reporting_errors(debug=debug):
        rows = []
        with progress_bar(1) as start:
            progress = start(0, "benchmark")
            compared = _compared_on_large if large else _compared
            numbered = compared(against, quick=quick) if against else measured_rows(quick=quick)
            for number, count, row in numbered:
                rows.append(row)
                progress(row.what, (number + 1) / count)
        machine = {"processor": processor(), **versions()}
        if as_json:
            print_json({"machine": machine, "rows": [row.as_dict() for row in rows]})
        else:
            print_table(rows)
            say("\nMeasured on " + ", ".join(v if k == "processor" else f"{k} {v}" for k, v in machine.items()) + ".")
    raise typer.Exit(ExitCode.OK)


def _compared(other: Path, *, quick: bool) -> Iterator[tuple[int, int, Criterion]]:
    """(number, count, row) of the comparison with another checkout."""
    from research.benchmarks.against import measure
    from research.benchmarks.table import written_scan

    repeats, cold_repeats = (5, 3) if quick else (21, 7)
    with tempfile.TemporaryDirectory(prefix="sgcn-benchmark-") as folder:
        scan = written_scan(Path(folder) / "scan.ply")
        for number, row in enumerate(measure(other, scan, repeats=repeats, cold_repeats=cold_repeats)):
            yield number, 4, row


def _compared_on_large(other: Path, *, quick: bool) -> Iterator[tuple[int, int, Criterion]]:
    """(number, count, row) of the comparison on large scans."""
    from research.benchmarks.against import LARGE_SCANS, measure_large

    with tempfile.TemporaryDirectory(prefix="sgcn-benchmark-") as folder:
        for number, row in enumerate(measure_large(other, Path(folder), repeats=1 if quick else 5)):
            yield number, 2 * len(LARGE_SCANS), row


def print_table(rows: Sequence[Criterion]) -> None:
    """The table in Markdown, aligned."""
    reached = {True: "yes", False: "no", None: "-"}
    cells = [("what", "required", "measured", "reached")]
    cells += [(row.what, row.required, row.measured.replace("|", "/"), reached[row.reached]) for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(4)]
    lines = ["| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |" for line in cells]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    say("\n".join(lines))


if __name__ == "__main__":
    typer.run(benchmark)
