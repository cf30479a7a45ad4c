"""``python -m research.experiments.dense``: dense correspondence against closest places, and the fit to real scans.

Generated people with a known asymmetry, as in `research.experiments.symmetry`: the true asymmetry of every place of the
skin is known, from where it and its partner on the other side were moved. The map of closest places and that of the
fitted statistical face are compared with it. People of the ICT model are those the statistical face was made
from; those of GNM are not.
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

from research.experiments.symmetry import CHIN, DEFORMATIONS, AsymmetricFace, SymmetricPeople, cases_of
from research.synthesis.face_model import FaceModel
from research.synthesis.gnm import GnmHead
from sgcn_core.analysis.case import AnalysisCase
from sgcn_core.analysis.dense import DenseFace, fit_dense
from sgcn_core.analysis.dense_maps import dense_asymmetry
from sgcn_core.analysis.distance_maps import mirror_map
from sgcn_core.analysis.symmetry import find_plane
from sgcn_core.cli.console import reporting_errors
from sgcn_core.cli.evaluate import print_and_write
from sgcn_core.detector import LandmarkDetector
from sgcn_core.evaluation.tables import Cell, Table
from sgcn_core.io.formats import MESH_SUFFIXES
from sgcn_core.io.meshes import read_surface

FloatArray = NDArray[np.float64]

_NEAR = 4.0  # mm from a vertex of the fitted face: that part of the generated head is compared
_PART = 0.9  # of the largest asymmetry: what moved as a whole


def measure(source: SymmetricPeople, face: AsymmetricFace, case: AnalysisCase) -> dict[str, Cell]:
    """How far both maps are from the truth on one face, and the moved landmarks found both ways."""
    began = time.process_time()
    fitted = fit_dense(case)
    seconds = time.process_time() - began
    scan = face.surface
    plane = find_plane(case, method="surface")
    points = face.mesh[: source.model.skin]
    partner = face.mesh[source.partner[: source.model.skin]]
    truth = points - (partner - 2.0 * ((partner - face.point) @ face.normal)[:, None] * face.normal)
    closest_map, dense_map = mirror_map(scan, plane), dense_asymmetry(fitted, plane)
    vectors = np.where(np.isfinite(closest_map.distance)[:, None], scan.vertices - closest_map.places, np.nan)
    closest = vectors[cKDTree(scan.vertices).query(points)[1]]
    away, row = cKDTree(fitted.vertices).query(points)
    dense = dense_map.shift[row]
    seen = (away < _NEAR) & np.isfinite(closest).all(axis=1) & np.isfinite(dense).all(axis=1)
    size = np.linalg.norm(truth, axis=1)
    largest = size[seen].max()
    part = seen & (size >= _PART * largest) if largest > 0.1 else seen
    towards = truth / np.where(size > 0, size, 1.0)[:, None]

    def error(found: FloatArray, where: NDArray[np.bool_]) -> float:
        return float(np.linalg.norm(found[where] - truth[where], axis=1).mean())

    def along(found: FloatArray) -> float:
        return float((found[part] * towards[part]).sum(axis=1).mean())

    labels = [label for label in face.deformation.landmarks or CHIN if label in face.landmarks]
    labels = [label for label in labels if label in fitted.labels and case.has(label)]

    def shift(places: list[FloatArray]) -> float:
        return float(np.mean([(place - face.point) @ face.normal for place in places])) if places else np.nan

    return {
        "deformation": face.deformation.name,
        "asymmetry": float(size[part].mean()),
        "closest": along(closest),
        "dense": along(dense),
        "closest error": error(closest, part),
        "dense error": error(dense, part),
        "closest face": error(closest, seen),
        "dense face": error(dense, seen),
        "true landmarks": shift([face.landmarks[label] for label in labels]),
        "landmarks": shift([case.position(label) for label in labels]),
        "dense landmarks": shift([fitted.position(label) for label in labels]),
        "residual": fitted.median_residual,
        "seconds": seconds,
    }


def summarised(rows: list[dict[str, Cell]]) -> list[dict[str, Cell]]:
    """One row for each kind of people, landmarks and deformation."""
    keys = ("people", "start", "deformation")
    table = []
    for key in dict.fromkeys(tuple(row[name] for name in keys) for row in rows):
        group = [row for row in rows if tuple(row[name] for name in keys) == key]

        def mean(name: str, group: list[dict[str, Cell]] = group) -> float:
            return float(np.mean([np.float64(row[name]) for row in group]))

        off = {
            name: float(np.mean([abs(np.float64(row[name]) - np.float64(row["true landmarks"])) for row in group]))
            for name in ("landmarks", "dense landmarks")
        }
        table.append(
            {
                **dict(zip(keys, key, strict=True)),
                "faces": len(group),
                "asymmetry mm": mean("asymmetry"),
                "closest mm": mean("closest"),
                "dense mm": mean("dense"),
                "part, closest": mean("closest error"),
                "part, dense": mean("dense error"),
                "face, closest": mean("closest face"),
                "face, dense": mean("dense face"),
                "landmarks off": off["landmarks"],
                "dense landmarks off": off["dense landmarks"],
                "residual": mean("residual"),
                "seconds": mean("seconds"),
            }
        )
    return table


def scans(folder: Path) -> Iterator[dict[str, Cell]]:
    """The fit to the annotated scans of a folder (NAME.csv beside NAME.ply or .obj), started from their landmarks."""
    for file in sorted(folder.iterdir()):
        landmarks = file.with_suffix(".csv")
        if file.suffix not in MESH_SUFFIXES or not landmarks.is_file():
            continue
        scan = read_surface(file)
        case = AnalysisCase.from_file(landmarks, scan)
        began = time.process_time()
        fitted = fit_dense(case)
        seconds = time.process_time() - began
        residual = np.abs(fitted.residual[fitted.on_skin])
        yield {
            "scan": file.name,
            "vertices": len(scan.vertices),
            "on skin %": 100.0 * fitted.fitted,
            "residual mm": float(np.median(residual)),
            "95 %": float(np.quantile(residual, 0.95)),
            "landmarks mm": _off(fitted, case),
            "seconds": seconds,
        }


def _off(fitted: DenseFace, case: AnalysisCase) -> float:
    """Median distance of the landmarks placed from those of the fitted face."""
    both = [label for label in case.labels if case.has(label) and label in fitted.labels]
    return float(np.nanmedian([np.linalg.norm(case.position(label) - fitted.position(label)) for label in both]))


def dense(
    model: Annotated[Path, typer.Option(metavar="FILE", help="ict_facekit.npz, to generate people.")],
    gnm: Annotated[Path | None, typer.Option(metavar="FILE", help="gnm_head.npz, for people of another model.")] = None,
    real: Annotated[Path | None, typer.Option("--scans", metavar="FOLDER", help="Annotated scans.")] = None,
    people: Annotated[int, typer.Option(min=1, metavar="N", help="Generated people of each model.")] = 3,
    out: Annotated[Path | None, typer.Option(metavar="FOLDER", help="For the tables (.csv).")] = None,
    cache: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Keeps detected landmarks.")] = None,
    detected: Annotated[bool, typer.Option(help="Whether to start from detected landmarks as well.")] = True,
    seed: Annotated[int, typer.Option(min=0, metavar="N")] = 0,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Compare dense correspondence with closest places on faces of known asymmetry."""
    with reporting_errors(debug=debug), torch.inference_mode():
        if real is not None:
            title = "The statistical face on annotated scans, started from their landmarks; processor seconds."
            print_and_write(Table("dense_scans", title, list(scans(real))), out)
        detector = LandmarkDetector.from_pretrained() if detected else None
        sources = {"ICT": SymmetricPeople(FaceModel.load(model), seed=seed)}
        if gnm is not None:
            sources["GNM"] = SymmetricPeople(GnmHead.load(gnm), seed=seed)
        rows = []
        for name, source in sources.items():
            kept = None if cache is None else cache / name
            if kept is not None:
                kept.mkdir(parents=True, exist_ok=True)
            for number in range(people):
                for deformation in DEFORMATIONS:
                    face = source.face(number, deformation)
                    for start, case in cases_of(face, detector, kept):
                        rows.append({"people": name, "start": start, **measure(source, face, case)})
        rows.sort(key=lambda row: (str(row["people"]) != "ICT", str(row["start"]) != "true"))
        title = (
            f"Known asymmetry of {people} generated people of each model, seed {seed}: twice the shift. Errors: mean "
            "length of the difference from the true vector, mm. Landmarks off: error of their mean midline deviation."
        )
        print_and_write(Table("dense", title, summarised(rows)), out)


if __name__ == "__main__":
    typer.run(dense)
