"""Whole protocols of ``python -m research.experiments``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path

from research.experiments import paper_report
from research.experiments.paper_cases import PaperCases
from research.experiments.paper_networks import PaperNetwork, load_networks, with_shape
from research.experiments.paper_protocol import Sizes, run_depths, run_shipped, run_sweeps, run_table
from research.synthesis.face_model import FaceModel
from research.synthesis.paper_people import PaperPeople
from sgcn_core.evaluation.metrics import OBSERVERS
from sgcn_core.evaluation.tables import Table

Report = Callable[[str, float], None]


def paper(model: FaceModel, networks: Path, out: Path, *, people: int | None, seed: int, report: Report) -> list[Table]:
    """Table 1 and Figures 8-11, 14 and 15; what was measured is kept in ``paper_*.npz``, the plots beside it.

    The networks of Figure 11, of any depth but trained alike, are those in the folder ``depth`` within ``networks``.
    """
    cases = PaperCases(PaperPeople(model))
    trained = [with_shape(network, cases) for network in load_networks(networks)]
    deep = load_networks(networks / "depth") if (networks / "depth").is_dir() else []
    of_any_depth = [with_shape(network, cases) for network in deep]
    sizes = Sizes() if people is None else Sizes.all(people)
    out.mkdir(parents=True, exist_ok=True)
    note = _note(cases, seed)
    table = run_table(trained, cases, sizes, report, seed=seed)
    table.save(out / "paper_table.npz")
    sweeps = run_sweeps(trained, cases, sizes.sweeps, report, seed=seed)
    sweeps.save(out / "paper_sweeps.npz")
    depths = run_depths(of_any_depth, cases, sizes.sweeps, report, seed=seed)
    depths.save(out / "paper_depths.npz")
    paper_report.plot_table(table, out, f"Seed {seed}")
    paper_report.plot_sweeps(sweeps, depths, out, f"{sizes.sweeps} people, seed {seed}")
    tables = [
        paper_report.table_one(table, f"{note} {OBSERVERS}"),
        paper_report.details(table, "paper_details", note),
        paper_report.groups_table(table, note),
        *(paper_report.expressions_table(table, training, note) for training in ("neutral", "emotions")),
        paper_report.details(sweeps, "paper_sweeps", note),
        paper_report.details(depths, "paper_depths", note),
    ]
    return [written for written in tables if written.rows]


def shipped(
    model: FaceModel, weights: Path | None, out: Path, *, people: int | None, seed: int, report: Report
) -> list[Table]:
    """The same tests for the weights made for use."""
    if weights is None:
        with as_file(files("sgcn_core") / "resources" / "weights" / "face.safetensors") as path:
            network = PaperNetwork.load(path)
    else:
        network = PaperNetwork.load(weights)
    # The truth is the landmarks' own vertices; the paper's networks learn the list that was published.
    cases = PaperCases(PaperPeople(replace(model, published=None)))
    count = Sizes().shipped if people is None else people
    measured = run_shipped(network, cases, count, report, seed=seed)
    out.mkdir(parents=True, exist_ok=True)
    measured.save(out / "shipped.npz")
    note = f"{_note(cases, seed)} Weights {network.checkpoint.sha256[:16]}. {OBSERVERS}"
    groups = paper_report.groups_table(measured, note)
    return [
        paper_report.details(measured, "shipped_details", note),
        Table("shipped_groups", groups.title, groups.rows),
    ]


def corruptions(
    model: FaceModel, weights: Path | None, device: str, *, people: int | None, seed: int, report: Report
) -> list[Table]:
    """One row a corruption."""
    from research.experiments.corruptions import corruptions_table
    from sgcn_core.detector import LandmarkDetector

    detector = LandmarkDetector.from_pretrained(weights, device=device)
    note = f"Weights {detector.checkpoint.sha256[:16]}. {OBSERVERS}"
    return [corruptions_table(detector, model, scans=people or 10, seed=seed, note=note, report=report)]


def _note(cases: PaperCases, seed: int) -> str:
    people = cases.people.options
    return f"{people.test} test people of seed {people.seed}, generated; sampling seed {seed}; upright pose known."
