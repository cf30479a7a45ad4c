"""``python -m research.peers.paper_table``: 3DFA-GCN beside our networks on the test faces of the paper's Table 1.

All networks of the folder are measured on the same faces; they are comparable where they took the same steps, or as
much processor time (`research.peers.step_times`). The pose is known to all. 3DFA-GCN places its landmarks by unfolding,
off the vertices; *vertex* moves them to the nearest one, where the truth of registered faces is.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from research.experiments.paper_cases import VARIANTS, Case, PaperCases
from research.experiments.paper_networks import PaperNetwork, errors_on, load_networks
from research.peers.dfa_gcn import TrainedDFAGCN
from research.peers.unfolding import unfolded_landmarks
from research.synthesis.face_model import FaceModel
from research.synthesis.paper_people import PaperPeople
from sgcn_core.cli.console import reporting_errors
from sgcn_core.cli.evaluate import print_and_write
from sgcn_core.evaluation.metrics import summarise
from sgcn_core.evaluation.tables import Cell, Table
from sgcn_core.pipeline import Pipeline
from sgcn_core.stages import PosedScan

FloatArray = NDArray[np.float64]

_OURS = {"2S": "paper", "1S": "mean"}
_T = 12
PAPER = {
    "MVLM": ("100 epochs", "0.90 ± 0.18", "2.13 ± 1.09"),
    "3DFA-GCN": ("500 epochs", "1.45 ± 0.15", "2.56 ± 0.46"),
    "2S-SGCN": ("500 epochs", "0.37 ± 0.23", "1.93 ± 1.20"),
}
"""Table 1 of the paper, trained on FaceScape Neutral: length of the training, test Neutral, test Expressions."""


def errors_of_peer(network: TrainedDFAGCN, case: Case, *, seed: int) -> Iterator[tuple[str, FloatArray]]:
    """Errors (L,) of 3DFA-GCN on one face, as placed and on the nearest vertex."""
    vertices = case.mesh.vertices
    found = network.landmarks(vertices, case.mesh.faces, seed=seed)
    yield "3DFA-GCN", np.linalg.norm(found - case.landmarks, axis=1)
    nearest = vertices[cKDTree(vertices).query(found)[1]]
    yield "3DFA-GCN, vertex", np.linalg.norm(nearest - case.landmarks, axis=1)


def errors_of_ours(network: PaperNetwork, case: Case, *, seed: int) -> Iterator[tuple[str, FloatArray]]:
    """Errors (L,) of one of our networks on one face, with and without the second stage."""
    found = errors_on(case, network, [(mode, _T) for mode in _OURS.values()], seed=seed)
    for stages, errors in zip(_OURS, found, strict=True):
        yield f"{stages}-{network.name}", errors


def table(measured: dict[tuple[str, str, str], list[FloatArray]], about: dict[str, str], note: str) -> Table:
    """One row a method and kind of mesh, and the paper's; ``measured``: (method, variant, test) -> errors of faces."""
    rows: list[dict[str, Cell]] = []
    for variant in VARIANTS:
        for method in dict.fromkeys(key[0] for key in measured):
            cells: dict[str, Cell] = {"method": method, "test meshes": variant, "training": about[method]}
            for test in ("Neutral", "Expressions"):
                off = np.array(measured.get((method, variant, test), []))
                summary = summarise(off.ravel())
                cells[f"test {test}"] = f"{summary.mean:.2f} ± {summary.deviation:.2f}" if len(off) else "-"
                cells[f"faces {test}"] = len(off)
            rows.append(cells)
    for method, (training, neutral, expressions) in PAPER.items():
        row: dict[str, Cell] = dict.fromkeys(rows[0])
        row |= {"method": method, "test meshes": "the paper, FaceScape", "training": training}
        rows.append(row | {"test Neutral": neutral, "test Expressions": expressions})
    return Table(
        "peers_table1", f"Mean ± SD over all landmarks of all faces, millimetres; trained on Neutral. {note}", rows
    )


def times(networks: dict[str, tuple[float, float, float]], note: str) -> Table:
    """Model size in bytes, and processor seconds of heatmaps and of landmarks, as in Table 2 of the paper."""
    rows: list[dict[str, Cell]] = [
        {"method": name, "model MB": size / 1e6, "heatmaps, s": first, "landmarks, s": second}
        for name, (size, first, second) in networks.items()
    ]
    return Table("peers_table2", f"Size, and processor seconds of one thread; median of nine faces. {note}", rows)


def timed(network: TrainedDFAGCN, ours: PaperNetwork, cases: list[Case], *, seed: int) -> Table:
    """Both networks in turn on the same faces; the median of each part."""
    parts: dict[str, list[tuple[float, float]]] = {"3DFA-GCN": [], f"2S-{ours.name}": []}
    for case in cases:
        parts["3DFA-GCN"].append(_peer_seconds(network, case, seed))
        parts[f"2S-{ours.name}"].append(_our_seconds(ours, case, seed))
    own = float(sum(value.numel() * value.element_size() for value in ours.checkpoint.network.parameters()))
    sizes = {"3DFA-GCN": float(network.size), f"2S-{ours.name}": own}
    medians = {name: np.median(np.array(seconds), axis=0) for name, seconds in parts.items()}
    note = f"{network.nodes} nodes, remeshed, seed {seed}."
    return times({name: (sizes[name], float(both[0]), float(both[1])) for name, both in medians.items()}, note)


def _peer_seconds(network: TrainedDFAGCN, case: Case, seed: int) -> tuple[float, float]:
    cloud = network.cloud(case.mesh.vertices, case.mesh.faces, seed=seed)
    began = time.process_time()
    heatmaps = network.heatmaps(cloud)
    between = time.process_time()
    unfolded_landmarks(cloud, heatmaps)
    return between - began, time.process_time() - between


def _our_seconds(network: PaperNetwork, case: Case, seed: int) -> tuple[float, float]:
    method = network.checkpoint.method.but(nodes=network.nodes, coarse_nodes=network.nodes, refine="paper", t=_T)
    pipeline = Pipeline(network.checkpoint, method, torch.device("cpu"))
    graph = pipeline.graph(PosedScan(case.mesh.vertices, case.mesh.faces, seed))
    began = time.process_time()
    heatmaps = pipeline.heatmaps(graph)
    between = time.process_time()
    pipeline.place(heatmaps)
    return between - began, time.process_time() - between


def paper_table(
    model: Annotated[Path, typer.Option(metavar="FILE", help="ict_facekit.npz, to generate people.")],
    peer: Annotated[Path, typer.Option(metavar="FILE", help="3DFA-GCN (dfa_training).")],
    networks: Annotated[Path, typer.Option(metavar="FOLDER", help="Ours, trained at the same budget.")],
    out: Annotated[Path | None, typer.Option(metavar="FOLDER", help="For the tables (.csv).")] = None,
    people: Annotated[int, typer.Option(min=1, metavar="N", help="Test people of Neutral.")] = 24,
    expressions: Annotated[int, typer.Option(min=0, metavar="N", help="Of Expressions, with 16 faces each.")] = 3,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Of the sampling.")] = 0,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Measure 3DFA-GCN and our networks on the same generated faces."""
    with reporting_errors(debug=debug):
        cases = PaperCases(PaperPeople(FaceModel.load(model)))
        network, ours = TrainedDFAGCN.load(peer), load_networks(networks)
        measured: dict[tuple[str, str, str], list[FloatArray]] = {}
        about: dict[str, str] = {}
        for test, count in (("Neutral", people), ("Expressions", expressions)):
            for variant in VARIANTS:
                for case in cases.faces_of(test, variant, count):
                    found = list(errors_of_peer(network, case, seed=seed))
                    about |= dict.fromkeys((name for name, _ in found), f"{network.info['steps']} steps")
                    for own in ours:
                        placed = list(errors_of_ours(own, case, seed=seed))
                        about |= dict.fromkeys((name for name, _ in placed), f"{own.steps} steps")
                        found += placed
                    for name, errors in found:
                        measured.setdefault((name, variant, test), []).append(errors)
        note = (
            f"{cases.people.options.test} test people of seed {cases.people.options.seed}, the first of them; sampling "
            f"seed {seed}; {network.nodes} nodes; upright pose known."
        )
        print_and_write(table(measured, about, note), out)
        few = list(cases.faces_of("Neutral", "remeshed", 9))
        print_and_write(timed(network, next(own for own in ours if own.name == "SGCN"), few, seed=seed), out)


if __name__ == "__main__":
    typer.run(paper_table)
