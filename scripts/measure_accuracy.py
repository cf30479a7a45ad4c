"""Print the landmark error of the shipped weights on annotated scans and on generated, unseen faces.

    python scripts/measure_accuracy.py --scans FOLDER
    python scripts/measure_accuracy.py --model ict_facekit.npz --clinical ict_clinical_vertices.json --faces 20

An annotated scan is a mesh with a file NAME.csv beside it: name,x,y,z in the mesh's own coordinates. Every generated
face is a whole head with hair, in a random pose, triangulated anew, so that the truth is no vertex of the surface.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.console import Console

from sgcn_core.detector import LandmarkDetector
from sgcn_core.errors import FaceNotFoundError
from sgcn_core.io.meshes import READABLE_SUFFIXES, read_surface
from sgcn_core.surface import Surface
from sgcn_core.units import UNITS_TO_MM

MODES = ("mean", "paper", "amplitude", "surface")
Truth = dict[str, np.ndarray]


def annotated_scans(folder: Path) -> Iterator[tuple[str, Surface, Truth]]:
    """Every mesh of a folder that has its landmarks beside it."""
    for path in sorted(folder.iterdir()):
        table = path.with_suffix(".csv")
        if path.suffix.lower() in READABLE_SUFFIXES and table.exists():
            with table.open(encoding="utf-8") as file:
                truth = {row["name"]: np.array([float(row[axis]) for axis in "xyz"]) for row in csv.DictReader(file)}
            yield path.name, read_surface(path), truth


def generated_faces(model_path: Path, clinical: Path, count: int, seed: int) -> Iterator[tuple[str, Surface, Truth]]:
    """Heads of people that training never showed, with hair, in any pose."""
    import torch
    from scipy.spatial.transform import Rotation

    from sgcn_core.datasets.face_model import FaceModel
    from sgcn_core.datasets.random_tensors import Draw
    from sgcn_core.datasets.shapes import ShapeOptions, draw_vertices
    from sgcn_core.datasets.surface_effects import EffectOptions, SurfaceEffects

    model = FaceModel.load(model_path, clinical)
    effects = SurfaceEffects(model, EffectOptions())
    generator = torch.Generator().manual_seed(int(np.random.SeedSequence((seed, 99)).generate_state(1)[0]))
    draw = Draw(generator)
    for number in range(count):
        vertices, seen = effects.apply(draw_vertices(model, ShapeOptions(), draw, 1), draw)
        landmarks = vertices[0, model.landmarks].double().numpy()
        rotation = Rotation.random(random_state=seed * 1000 + number)
        points, faces = retriangulated(vertices[0].double().numpy(), model.faces.numpy())
        surface = Surface(vertices=rotation.apply(points), faces=faces, unit="mm")
        shown = zip(model.labels, rotation.apply(landmarks), seen[0].tolist(), strict=True)
        yield f"face {number}", surface, {label: position for label, position, visible in shown if visible}


def retriangulated(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same shape with other vertices: divided, then decimated to about the number of triangles before."""
    from vtkmodules.vtkFiltersCore import vtkQuadricDecimation
    from vtkmodules.vtkFiltersModeling import vtkLinearSubdivisionFilter

    from sgcn_core.polydata import from_polydata, to_polydata

    divide = vtkLinearSubdivisionFilter()
    divide.SetInputData(to_polydata(vertices, faces))
    decimate = vtkQuadricDecimation()
    decimate.SetInputConnection(divide.GetOutputPort())
    decimate.SetTargetReduction(0.6)
    decimate.Update()
    return from_polydata(decimate.GetOutput())


def errors_of(detector: LandmarkDetector, surface: Surface, truth: Truth, mode: str) -> np.ndarray | None:
    """Errors in millimetres, NaN where the landmark is reported missing; None if no face is recognised."""
    try:
        result = detector.detect(surface, refine=mode)
    except FaceNotFoundError:
        return None
    factor = UNITS_TO_MM[result.unit]
    return np.array(
        [factor * np.linalg.norm(result.position(label) - truth[label]) for label in truth if label in result.labels]
    )


def table_row(name: str, mode: str, found: list[np.ndarray | None]) -> str:
    """One row of the table, over one or several surfaces."""
    known = [errors for errors in found if errors is not None]
    refused = len(found) - len(known)
    if not known:
        return f"| {name} | {mode} | - | - | - | - | - | {refused} |"
    errors = np.concatenate(known)
    mean, median, high = np.nanmean(errors), np.nanmedian(errors), np.nanpercentile(errors, 95)
    missing = int(np.isnan(errors).sum())
    return f"| {name} | {mode} | {len(errors)} | {mean:.2f} | {median:.2f} | {high:.2f} | {missing} | {refused} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scans", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--clinical", type=Path)
    parser.add_argument("--faces", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--refine", nargs="+", choices=MODES, default=["surface"])
    parser.add_argument("--weights", type=Path)
    options = parser.parse_args()
    console = Console(width=140, highlight=False)
    detector = LandmarkDetector.from_pretrained(options.weights)
    info = detector.checkpoint.info
    console.print(
        f"weights {detector.checkpoint.sha256[:16]}, {info['steps']} steps, {info['faces']} generated faces\n"
    )
    console.print("| data | refine | landmarks | mean mm | median | 95 % | missing | faces refused |")
    console.print("|---|---|---|---|---|---|---|---|")
    for mode in options.refine:
        if options.scans:
            for name, surface, truth in annotated_scans(options.scans):
                console.print(table_row(name, mode, [errors_of(detector, surface, truth, mode)]))
        if options.model and options.clinical:
            faces = generated_faces(options.model, options.clinical, options.faces, options.seed)
            found = [errors_of(detector, surface, truth, mode) for _, surface, truth in faces]
            console.print(table_row(f"{options.faces} generated heads, seed {options.seed}", mode, found))


if __name__ == "__main__":
    main()
