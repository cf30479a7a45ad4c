"""`sgcn-landmarks evaluate`: how good the landmarks are."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sgcn_core.cli.console import note, progress_bar, reporting_errors, say
from sgcn_core.cli.exit_codes import ExitCode
from sgcn_core.cli.options import Refinement

if TYPE_CHECKING:
    from sgcn_core.datasets.face_model import FaceModel
    from sgcn_core.evaluation.tables import Table

Report = Callable[[str, float], None]


class Protocol(str, Enum):
    """What to run on generated people."""

    PAPER = "paper"
    SHIPPED = "shipped"
    CORRUPTIONS = "corruptions"


class RobustnessPart(str, Enum):
    """Parts of ``--robustness``."""

    POSES = "poses"
    UNITS = "units"
    REFUSAL = "refusal"
    PARTS = "parts"
    DAMAGE = "damage"
    VOLUMES = "volumes"
    FILES = "files"
    LIMITS = "limits"


def evaluate(
    protocol: Annotated[
        Protocol | None,
        typer.Option(
            help="On generated people: the paper's experiments; the same tests for the weights made for use; or one "
            "corruption at a time."
        ),
    ] = None,
    robustness: Annotated[
        bool,
        typer.Option(
            "--robustness",
            help="Poses, units, parts of faces, things that are none, damaged surfaces, volumes, damaged files, "
            "limits; with --model, --makehuman, --scans, --volumes as far as given. An hour; see --share and --part.",
        ),
    ] = False,
    scans: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Scans with landmark files (.mrk.json, .fcsv, .csv, .json) of their name."),
    ] = None,
    model: Annotated[
        Path | None, typer.Option(metavar="FILE", help="ict_facekit.npz, to generate people; see docs/training.md.")
    ] = None,
    clinical: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="JSON: clinical label -> vertex of the model; the package's own by default."),
    ] = None,
    makehuman: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="MakeHuman's base mesh and targets, for --robustness.")
    ] = None,
    volumes: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Head volumes, for --robustness.")] = None,
    part: Annotated[
        list[RobustnessPart] | None, typer.Option(help="Only this part of --robustness; may be repeated.")
    ] = None,
    share: Annotated[
        float, typer.Option(min=0.001, max=1.0, metavar="X", help="Share of the full numbers, for --robustness.")
    ] = 1.0,
    networks: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Networks of the paper's experiments, for --protocol paper.")
    ] = Path("evaluation/networks"),
    weights: Annotated[Path | None, typer.Option(metavar="FILE", help="Other weights than the shipped ones.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FOLDER", help="For tables (.csv, .md) and plots (.png).")] = None,
    people: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Test people, or scans of each corruption; 169 are the paper's sizes."),
    ] = None,
    refine: Annotated[Refinement | None, typer.Option(help="From heatmap to position, for --scans.")] = None,
    without: Annotated[
        list[str] | None, typer.Option(metavar="LABEL", help="Landmark of --scans to leave out; may be repeated.")
    ] = None,
    plausibility: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Array (23, 3, people) of real people: compare distances on every scan."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seed of the sampling and the generated scans.")] = 0,
    device: Annotated[str, typer.Option(metavar="NAME", help="cpu, cuda, cuda:1, mps.")] = "cpu",
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Measure landmark errors. Needs the extra `train` for --protocol and `evaluate` for its plots."""
    if (robustness and protocol is not None) or (not robustness and (protocol is None) == (scans is None)):
        raise typer.BadParameter("give one of --protocol, --robustness and --scans; --scans may go with --robustness")
    if protocol is not None and (model is None or out is None):
        raise typer.BadParameter(f"--protocol {protocol.value} needs --model and --out")
    if plausibility is not None and scans is None:
        raise typer.BadParameter("--plausibility needs --scans")
    with reporting_errors(debug=debug), progress_bar(1) as start:
        report = start(0, "evaluate")
        if robustness:
            parts = [chosen.value for chosen in part or RobustnessPart]
            _finish(_robustness(weights, device, model, makehuman, scans, volumes, share, seed, parts, report), out)
        elif scans is not None:
            mode = refine.value if refine else None
            tables = _on_scans(scans, weights, device, mode, tuple(without or ()), plausibility, seed)
            _finish(tables, out)
        elif protocol is not None and model is not None and out is not None:
            _on_people(protocol, model, clinical, networks, weights, out, people, seed, device, report)
    raise typer.Exit(ExitCode.OK)


def _finish(tables: list[Table], out: Path | None) -> None:
    """Print the tables and write them."""
    for table in tables:
        say(f"{table.title}\n\n{table.markdown()}\n")
        if out is not None:
            table.write(out)


def _on_scans(
    folder: Path,
    weights: Path | None,
    device: str,
    refine: str | None,
    without: tuple[str, ...],
    plausibility: Path | None,
    seed: int,
) -> list[Table]:
    from sgcn_core.cli.detect import load_detector
    from sgcn_core.evaluation.metrics import OBSERVERS
    from sgcn_core.evaluation.plausibility import implausible, plausibility_summary, plausibility_table, read_people
    from sgcn_core.evaluation.scans import evaluate_folder, landmarks_table, of_human_size, scans_table

    real = read_people(plausibility) if plausibility else None
    detector = load_detector(weights, device)
    text = f"Weights {detector.checkpoint.sha256[:16]}, seed {seed}. {OBSERVERS}"
    scans = list(evaluate_folder(detector, folder, without=without, refine=refine, seed=seed, every=real is not None))
    for scan in scans:
        if scan.refused:
            note(f"warning: {scan.name}: {scan.refused}")
        if scan.unmatched:
            note(f"note: {scan.name}: the weights know no {', '.join(scan.unmatched)}")
    measured = [scan for scan in scans if scan.errors or scan.refused]
    tables = [scans_table(measured, text), landmarks_table(measured, text)] if measured else []
    if real is not None:
        results = {scan.name: scan.result for scan in scans if scan.result is not None and of_human_size(scan.result)}
        distances = plausibility_table(results, real, text)
        tables += [plausibility_summary(distances), distances]
        say(f"{len(implausible(distances))} of {len(distances.rows)} distances are implausible\n")
    return tables


def _robustness(
    weights: Path | None,
    device: str,
    model: Path | None,
    makehuman: Path | None,
    scans: Path | None,
    volumes: Path | None,
    share: float,
    seed: int,
    parts: list[str],
    report: Report,
) -> list[Table]:
    from sgcn_core.benchmarking.machine import processor
    from sgcn_core.cli.detect import load_detector
    from sgcn_core.evaluation.bars import Bar, bars_table
    from sgcn_core.evaluation.robustness_run import Inputs, measure

    detector = load_detector(weights, device)
    inputs = Inputs(detector, model, makehuman, scans, volumes, share, seed)
    bars: list[Bar] = []
    for bar in measure(inputs, parts, report):
        note(f"{bar.what}: {bar.measured}")
        bars.append(bar)
    title = f"Robustness. Weights {detector.checkpoint.sha256[:16]}, seed {seed}, share {share:g}. {processor()}."
    return [bars_table("robustness", title, bars)]


def _on_people(
    protocol: Protocol,
    model: Path,
    clinical: Path | None,
    networks: Path,
    weights: Path | None,
    out: Path,
    people: int | None,
    seed: int,
    device: str,
    report: Report,
) -> None:
    from sgcn_core.evaluation import runs

    faces = _face_model(model, clinical)
    if protocol is Protocol.PAPER:
        tables = runs.paper(faces, networks, out, people=people, seed=seed, report=report)
    elif protocol is Protocol.SHIPPED:
        tables = runs.shipped(faces, weights, out, people=people, seed=seed, report=report)
    else:
        tables = runs.corruptions(faces, weights, device, people=people, seed=seed, report=report)
    _finish(tables, out)


def _face_model(model: Path, clinical: Path | None) -> FaceModel:
    """The face model; a file of another kind is an error of one line."""
    import zipfile

    from sgcn_core.datasets.face_model import FaceModel
    from sgcn_core.errors import FileFormatError

    try:
        return FaceModel.load(model) if clinical is None else FaceModel.load(model, clinical)
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        what = f"{model} is no face model"
        if clinical is not None:
            what = f"{model} and {clinical} are no face model and its landmarks"
        raise FileFormatError(f"{what}: {error}") from error
