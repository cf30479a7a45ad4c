"""``python -m research.experiments.own_landmarks``: landmarks that the shipped set lacks, from 20 generated scans.

Twelve vertices of the ICT model, at least 4.9 mm from every landmark of the shipped set, are annotated on generated
scans (``ScanMaker``: turned, cut, spoiled, triangulated anew). 20 scans are trained on as a user would do it, others,
of other people, are measured. The baseline is the transfer through the mean face by the shipped network's landmarks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray

from research.synthesis.face_model import FaceModel
from research.synthesis.generated_scan import ScanMaker
from sgcn_core.cli.console import progress_bar, reporting_errors, say
from sgcn_core.cli.evaluate import print_and_write
from sgcn_core.detector import LandmarkDetector
from sgcn_core.evaluation.tables import Cell, Table
from sgcn_core.io.markups import write_landmarks
from sgcn_core.io.meshes import write_surface
from sgcn_core.own.place import assess_own
from sgcn_core.training.own.cross_validation import place_on
from sgcn_core.training.own.fit import OwnOptions
from sgcn_core.training.own.scans import OwnScan, read_own_scans
from sgcn_core.training.own.store import ScanStore
from sgcn_core.training.own.train import OwnTraining, train_own
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.uncertainty.boundary import open_edges
from sgcn_core.uncertainty.thresholds import FOUND, MISSING

FloatArray = NDArray[np.float64]

POINTS: dict[str, tuple[float, float]] = {
    "fc": (0.0, 80.0),
    "fe_r": (-28.0, 76.0),
    "fe_l": (28.0, 76.0),
    "ns_r": (-10.0, 14.0),
    "ns_l": (10.0, 14.0),
    "mc_r": (-38.0, -12.0),
    "mc_l": (38.0, -12.0),
    "bu_r": (-52.0, -32.0),
    "bu_l": (52.0, -32.0),
    "cs_r": (-22.0, -58.0),
    "cs_l": (22.0, -58.0),
    "ph": (0.0, -20.0),
}
"""Forehead, frontal eminences, sides of the nose, middle of the cheeks, below them, sides of the chin, philtrum: place
(x, y) in the front view of the average face, millimetres; the left ones are the mirror images of the right ones."""

_FRONT = 60.0  # millimetres: the face, not the back of the head
_SEEDS = (7100, 7200)


@dataclass(frozen=True, eq=False)
class Measured:
    """Errors (S, L) in millimetres on unseen scans; NaN where the scan does not show the landmark."""

    network: FloatArray
    transfer: FloatArray
    bound: FloatArray
    told: NDArray[np.bool_]
    found: NDArray[np.bool_]
    absent: NDArray[np.bool_]


def with_points(model: FaceModel) -> FaceModel:
    """The model with the twelve points behind its landmarks."""
    skin = model.neutral[: model.skin].numpy()
    vertices: list[int] = []
    for label, (x, y) in POINTS.items():
        away = np.where(skin[:, 2] > _FRONT, np.hypot(skin[:, 0] - x, skin[:, 1] - y), np.inf)
        if label.endswith("_l"):
            away = np.linalg.norm(skin - skin[vertices[-1]] * [-1.0, 1.0, 1.0], axis=1)
        vertices.append(int(away.argmin()))
    landmarks = torch.cat([model.landmarks, torch.tensor(vertices, dtype=torch.int64)])
    return replace(model, labels=model.labels + tuple(POINTS), landmarks=landmarks)


def make_scans(model: FaceModel, folder: Path, count: int, seed: int) -> None:
    """Write scans with the twelve points beside them; what is there stays."""
    folder.mkdir(parents=True, exist_ok=True)
    maker = ScanMaker(model, seed=seed)
    for number in range(count):
        mesh = folder / f"scan-{number:03d}.ply"
        if mesh.exists():
            continue
        scan = maker.scan(number)
        told = [label for label in POINTS if label not in scan.disputed]
        shown = np.array([label in scan.landmarks for label in told])
        result = LandmarkResult(
            labels=tuple(told),
            positions=np.array([scan.landmarks.get(label, np.zeros(3)) for label in told]),
            confidence=shown.astype(float),
            status=tuple(np.where(shown, "found", MISSING).tolist()),
            unit="mm",
        )
        write_landmarks(result, mesh.with_suffix(".mrk.json"))
        write_surface(scan.surface, mesh)


def measure(detector: LandmarkDetector, training: OwnTraining, scans: Sequence[OwnScan]) -> Measured:
    """Place the landmarks on unseen scans, by the weights and by the transfer alone."""
    own, known, pipeline = training.own, training.checkpoint, detector.pipeline
    errors, transfer, bounds, status, absent = [], [], [], [], []
    for scan in scans:
        embedding = pipeline.embedding(scan.graph, own.head.config.blocks)
        placed = place_on(pipeline, scan, own, embedding)
        edges = open_edges(scan.graph.vertices, scan.graph.faces)
        size = scan.millimetres / known.crop_radius
        assessed = assess_own(own, placed, edges, known.thresholds, unit=known.crop_radius, size=size)
        truth = scan.places(own.labels)
        errors.append(scan.millimetres * np.linalg.norm(placed.positions - truth, axis=1))
        transfer.append(scan.millimetres * np.linalg.norm(placed.transferred - truth, axis=1))
        bounds.append(assessed.error_bound)
        status.append(assessed.status)
        absent.append([label in scan.absent for label in own.labels])
    said = np.array(status)
    return Measured(
        np.array(errors), np.array(transfer), np.array(bounds), said != MISSING, said == FOUND, np.array(absent)
    )


def measured_table(labels: Sequence[str], found: Measured, note: str) -> Table:
    """One row per landmark, and one over all."""
    rows = [_row(label, found, [number]) for number, label in enumerate(labels)]
    rows.append(_row("all", found, list(range(len(labels)))))
    return Table("own_landmarks", f"Errors on unseen generated scans, millimetres. {note}", rows)


def _row(name: str, found: Measured, columns: list[int]) -> dict[str, Cell]:
    network, transfer = found.network[:, columns], found.transfer[:, columns]
    shown, told = ~np.isnan(network), found.told[:, columns]
    used = shown & told
    return {
        "what": name,
        "shown": int(shown.sum()),
        "mean mm": float(network[used].mean()),
        "median": float(np.median(network[used])),
        "95 %": float(np.percentile(network[used], 95)),
        "transfer, mean": float(transfer[used].mean()),
        "bound holds": float((network <= found.bound[:, columns])[used].mean()),
        "missing": int((shown & ~told).sum()),
        "absent": int(found.absent[:, columns].sum()),
        "of these told": int((found.absent[:, columns] & told).sum()),
        "called found": int((found.absent & found.found)[:, columns].sum()),
    }


def own_landmarks(
    model: Annotated[Path, typer.Option(metavar="FILE", help="ict_facekit.npz, to generate people.")],
    folder: Annotated[Path, typer.Option(metavar="FOLDER", help="For the scans; those that are there are used.")],
    out: Annotated[Path | None, typer.Option(metavar="FOLDER", help="For tables (.csv).")] = None,
    scans: Annotated[int, typer.Option(min=10, metavar="N", help="Scans to train on.")] = 20,
    unseen: Annotated[int, typer.Option(min=10, metavar="N", help="Scans to measure.")] = 24,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seed of the training.")] = 0,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Learn twelve landmarks that the shipped set lacks from generated scans, and measure them on others."""
    torch.set_num_threads(1)
    with reporting_errors(debug=debug), progress_bar(1) as start:
        people = with_points(FaceModel.load(model))
        for part, count, its in (("train", scans, _SEEDS[0]), ("unseen", unseen, _SEEDS[1])):
            make_scans(people, folder / part, count, its)
        detector = LandmarkDetector.from_pretrained()
        options, kept = OwnOptions(seed=seed), folder / "detected"
        training = train_own(detector, folder / "train", options, kept=kept / "train", report=start(0, "train"))
        store = ScanStore(kept / "unseen", weights=detector.checkpoint.sha256, seed=0)
        others = read_own_scans(detector, folder / "unseen", kept=store, report=start(0, "unseen"))
        found = measure(detector, training, others.scans)
        held_out = float(np.nanmean(training.validation.stated))
        left_out = [*training.data.left_out, *others.left_out]
        note = (
            f"{len(training.data.scans)} scans trained on, {len(others.scans)} measured, {len(left_out)} left out, "
            f"seed {seed}, {training.processor_minutes:.1f} processor minutes; held-out mean in cross-validation "
            f"{held_out:.2f} mm, transfer {np.nanmean(training.validation.transfer):.2f} mm."
        )
        print_and_write(measured_table(training.own.labels, found, note), out)
        say(f"shares of the network: {dict(zip(training.own.labels, training.own.share.tolist(), strict=True))}")


if __name__ == "__main__":
    typer.run(own_landmarks)
