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
from sgcn_core.analysis.dense_maps import CorrespondenceMap, dense_asymmetry
from sgcn_core.analysis.distance_maps import DistanceMap, distance_map, mirror_map
from sgcn_core.analysis.symmetry import find_plane
from sgcn_core.cli.console import reporting_errors
from sgcn_core.cli.evaluate import print_and_write
from sgcn_core.detector import LandmarkDetector
from sgcn_core.evaluation.tables import Cell, Table
from sgcn_core.io.formats import MESH_SUFFIXES
from sgcn_core.io.meshes import read_surface

FloatArray = NDArray[np.float64]

_NEAR = 4.0  # mm from a vertex of the fitted face: that part of the generated head is compared
_PART = 0.9  # of the largest asymmetry or change: what moved as a whole
_SYMMETRIC = 0.3  # mm: where it is smaller, nothing was moved
_ERRORS = "Errors: mean length of the difference from the true vector, mm, within the moved part and on the whole face."
_TITLES = {
    "dense": "Known asymmetry of {} generated people of each model, seed {}: twice the shift. "
    f"{_ERRORS} Landmarks off: error of their mean midline deviation.",
    "dense_change": "The same people from symmetric to moved, {} of each model, seed {}. " + _ERRORS,
}


def fitted_face(case: AnalysisCase) -> tuple[DenseFace, float]:
    """The fit, and the processor seconds it took."""
    began = time.process_time()
    return fit_dense(case), time.process_time() - began


def measure(source: SymmetricPeople, face: AsymmetricFace, case: AnalysisCase, fitted: DenseFace) -> dict[str, Cell]:
    """How far both maps of one face are from the true asymmetry, and the moved landmarks found both ways."""
    plane, skin = find_plane(case, method="surface"), source.model.skin
    partner = face.mesh[source.partner[:skin]]
    image = partner - 2.0 * ((partner - face.point) @ face.normal)[:, None] * face.normal
    maps = mirror_map(face.surface, plane), dense_asymmetry(fitted, plane)
    labels = [label for label in face.deformation.landmarks or CHIN if label in face.landmarks]
    labels = [label for label in labels if label in fitted.labels and case.has(label)]

    def shift(places: list[FloatArray]) -> float:
        return float(np.mean([(place - face.point) @ face.normal for place in places])) if places else np.nan

    return {
        "deformation": face.deformation.name,
        **errors(face.mesh[:skin], face.mesh[:skin] - image, *maps),
        "true landmarks": shift([face.landmarks[label] for label in labels]),
        "landmarks": shift([case.position(label) for label in labels]),
        "dense landmarks": shift([fitted.position(label) for label in labels]),
        "residual": fitted.median_residual,
    }


def change(
    source: SymmetricPeople, before: AsymmetricFace, first: DenseFace, face: AsymmetricFace, second: DenseFace
) -> dict[str, Cell]:
    """How far both maps of the change from a symmetric face to another are from the true change; in one pose."""
    skin = source.model.skin
    both = first.on_skin & second.on_skin
    moved = CorrespondenceMap(second.surface, np.where(both[:, None], second.vertices - first.vertices, np.nan), {})
    truth = face.mesh[:skin] - before.mesh[:skin]
    maps = distance_map(face.surface, before.surface), moved
    return {"deformation": face.deformation.name, **errors(face.mesh[:skin], truth, *maps)}


def errors(
    points: FloatArray, truth: FloatArray, closest_map: DistanceMap, dense_map: CorrespondenceMap
) -> dict[str, Cell]:
    """Vectors of both maps against the true ones (n, 3) at places (n, 3) of the skin, where both have values."""
    vectors = closest_map.surface.vertices - closest_map.places
    vectors = np.where(np.isfinite(closest_map.distance)[:, None], vectors, np.nan)
    closest = vectors[cKDTree(closest_map.surface.vertices).query(points)[1]]
    away, row = cKDTree(dense_map.surface.vertices).query(points)
    dense = dense_map.shift[row]
    seen = (away < _NEAR) & np.isfinite(closest).all(axis=1) & np.isfinite(dense).all(axis=1)
    size = np.linalg.norm(truth, axis=1)
    largest = size[seen].max()
    part = seen & (size >= _PART * largest) if largest > _SYMMETRIC else seen
    towards = truth / np.where(size > 0, size, 1.0)[:, None]

    def error(found: FloatArray, where: NDArray[np.bool_]) -> float:
        return float(np.linalg.norm(found[where] - truth[where], axis=1).mean())

    def along(found: FloatArray) -> float:
        return float((found[part] * towards[part]).sum(axis=1).mean())

    return {
        "true": float(size[part].mean()),
        "closest": along(closest),
        "dense": along(dense),
        "closest error": error(closest, part),
        "dense error": error(dense, part),
        "closest face": error(closest, seen),
        "dense face": error(dense, seen),
    }


def summarised(rows: list[dict[str, Cell]]) -> list[dict[str, Cell]]:
    """One row for each kind of people, landmarks and deformation."""
    keys = ("people", "start", "deformation")
    table = []
    for key in dict.fromkeys(tuple(row[name] for name in keys) for row in rows):
        group = [row for row in rows if tuple(row[name] for name in keys) == key]

        def mean(name: str, group: list[dict[str, Cell]] = group) -> float:
            return float(np.mean([np.float64(row[name]) for row in group]))

        line: dict[str, Cell] = {
            **dict(zip(keys, key, strict=True)),
            "faces": len(group),
            "true mm": mean("true"),
            "closest mm": mean("closest"),
            "dense mm": mean("dense"),
            "part, closest": mean("closest error"),
            "part, dense": mean("dense error"),
            "face, closest": mean("closest face"),
            "face, dense": mean("dense face"),
        }
        for name in ("landmarks", "dense landmarks"):
            if name in group[0]:
                off = [abs(np.float64(row[name]) - np.float64(row["true landmarks"])) for row in group]
                line[f"{name} off"] = float(np.mean(off))
        table.append(line | {name: mean(name) for name in ("residual", "seconds") if name in group[0]})
    return table


def scans(folder: Path) -> Iterator[dict[str, Cell]]:
    """The fit to the annotated scans of a folder (NAME.csv beside NAME.ply or .obj), started from their landmarks."""
    for file in sorted(folder.iterdir()):
        landmarks = file.with_suffix(".csv")
        if file.suffix not in MESH_SUFFIXES or not landmarks.is_file():
            continue
        scan = read_surface(file)
        case = AnalysisCase.from_file(landmarks, scan)
        fitted, seconds = fitted_face(case)
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
        rows: list[dict[str, Cell]] = []
        changes: list[dict[str, Cell]] = []
        for name, source in sources.items():
            kept = None if cache is None else cache / name
            if kept is not None:
                kept.mkdir(parents=True, exist_ok=True)
            for number in range(people):
                before: dict[str, DenseFace] = {}
                symmetric = source.face(number, DEFORMATIONS[0])
                for deformation in DEFORMATIONS:
                    face = source.face(number, deformation)
                    for start, case in cases_of(face, detector, kept):
                        about: dict[str, Cell] = {"people": name, "start": start}
                        fitted, seconds = fitted_face(case)
                        rows.append(about | measure(source, face, case, fitted) | {"seconds": seconds})
                        if start in before:
                            changes.append(about | change(source, symmetric, before[start], face, fitted))
                        before.setdefault(start, fitted)
        for table, what in (("dense", rows), ("dense_change", changes)):
            what.sort(key=lambda row: (str(row["people"]) != "ICT", str(row["start"]) != "true"))
            print_and_write(Table(table, _TITLES[table].format(people, seed), summarised(what)), out)


if __name__ == "__main__":
    typer.run(dense)
