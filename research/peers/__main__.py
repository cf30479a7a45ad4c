"""``python -m research.peers``: other methods and ours on the same annotated scans, for the landmarks in common."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from sgcn_core.cli.console import reporting_errors
from sgcn_core.cli.evaluate import print_and_write

if TYPE_CHECKING:
    from research.peers.scan_runs import ScanRun
    from sgcn_core.detector import LandmarkDetector


def peers(
    scans: Annotated[Path, typer.Option(metavar="FOLDER", help="Meshes, with landmark files beside some.")],
    heads: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="More of them, a table row of their own.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FOLDER", help="For the tables (.csv).")] = None,
    cache: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Keeps what was found (.npz).")] = None,
    pictures: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Draw every method's landmarks.")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Multi-view MediaPipe, MeshMonk and our detection on the same scans. Needs the extra `peers`."""
    from research.peers.mediapipe_faces import model_bytes
    from research.peers.scan_runs import MESHMONK, MULTI_VIEW, OURS
    from research.peers.table import landmarks_table, methods_table, times_table
    from sgcn_core.detector import LandmarkDetector

    with reporting_errors(debug=debug):
        detector = LandmarkDetector.from_pretrained()
        folders = [folder for folder in (scans, heads) if folder is not None]
        runs = {folder.name: _runs(folder, detector, cache, pictures) for folder in folders}
        note = f"Weights {detector.checkpoint.sha256[:16]}, seed 0."
        together = [run for group in runs.values() for run in group]
        groups: dict[str, Sequence[ScanRun]] = {}
        for name, group in runs.items():
            clinical = [run for run in group if run.annotator != "menpo3d"]
            groups[name] = clinical
            if contour := [run for run in group if run.annotator == "menpo3d"]:
                groups[f"{name}, iBUG 27-67"] = contour
        network = sum(value.numel() * 4 for value in detector.checkpoint.network.parameters())
        sizes = {OURS: float(network), MULTI_VIEW: float(model_bytes()), MESHMONK: float(_atlas_bytes())}
        annotated = [run for run in together if np.isfinite(run.truth).any()]
        for table in (
            methods_table(groups, note),
            landmarks_table(annotated, note),
            times_table([run for run in together if np.isfinite(run.seconds[OURS])], sizes, note),
        ):
            print_and_write(table, out)


def _runs(folder: Path, detector: LandmarkDetector, cache: Path | None, pictures: Path | None) -> list[ScanRun]:
    """Every mesh of a folder; those that are kept already, with the same weights, are not run again."""
    from research.peers.mediapipe_faces import FaceLandmarker
    from research.peers.scan_runs import ScanRun, run_scan
    from sgcn_core.evaluation.truth import meshes

    found = []
    with FaceLandmarker() as landmarker:
        for mesh in meshes(folder):
            kept = None if cache is None else cache / folder.name / f"{mesh.name}.npz"
            if kept is not None and kept.exists():
                run = ScanRun.load(kept, detector.checkpoint.sha256)
            else:
                run = run_scan(mesh, detector, landmarker.pixels)
                if kept is not None:
                    kept.parent.mkdir(parents=True, exist_ok=True)
                    run.save(kept, detector.checkpoint.sha256)
            if pictures is not None:
                _draw(mesh, run, pictures)
            found.append(run)
    return found


def _draw(mesh: Path, run: ScanRun, folder: Path) -> None:
    """A picture for each method that found a face."""
    from sgcn_core.io.meshes import read_surface
    from sgcn_core.types.landmarks import LandmarkResult
    from sgcn_core.viz.picture import render_landmarks

    surface = read_surface(mesh)
    folder.mkdir(parents=True, exist_ok=True)
    pose = np.eye(4)
    pose[:3, :3] = run.to_head
    for method, positions in run.found.items():
        if not run.has_face(method):
            continue
        status = tuple("found" if np.isfinite(place).all() else "missing" for place in positions)
        result = LandmarkResult(
            labels=run.labels,
            positions=positions,
            confidence=np.zeros(len(run.labels)),
            status=status,
            frame=surface.frame,
            info={"pose": pose.tolist()},
        )
        render_landmarks(surface, result, folder / f"{mesh.name} {method}.png", title=f"{mesh.name}, {method}")


def _atlas_bytes() -> int:
    """Size of what the registration carries: vertices and triangles of the atlas."""
    from sgcn_core.analysis.dense_model import dense_model

    model = dense_model()
    return model.mean.size * 4 + model.faces.size * 4


if __name__ == "__main__":
    typer.run(peers)
