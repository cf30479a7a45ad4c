"""``python -m research.experiments.symmetry``: recover a known asymmetry of generated faces.

People of the face model are made exactly symmetric, then one part of the face is moved by a known amount, and the scan
is triangulated anew and turned. What the analysis finds is compared with what was done: with the true landmarks, and
with detected ones, each for the plane of the landmarks and that of the skin.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from research.synthesis.face_model import FaceModel
from research.synthesis.gnm import GnmHead
from research.synthesis.random_tensors import Draw
from research.synthesis.scan_meshes import HEAD_TO_LPS, Mesh, decimated, slid
from research.synthesis.shapes import ShapeOptions
from sgcn_core.analysis.case import AnalysisCase
from sgcn_core.analysis.midsagittal import MidsagittalPlane
from sgcn_core.analysis.symmetry import PLANES, analyse_symmetry, find_plane
from sgcn_core.cli.console import reporting_errors
from sgcn_core.cli.evaluate import print_and_write
from sgcn_core.detector import LandmarkDetector
from sgcn_core.evaluation.tables import Cell, Table
from sgcn_core.io.markups import read_landmarks, write_landmarks
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.surface import Surface

FloatArray = NDArray[np.float64]

_CORE, _REACH = 8.0, 38.0  # mm from the part's landmarks: moved fully within the one, not at all beyond the other
_NOISE = 0.1  # mm
_TRIANGLES = 22_000


@dataclass(frozen=True, kw_only=True)
class Deformation:
    """A part of the face, moved to the subject's left or made smaller on the left."""

    name: str
    landmarks: tuple[str, ...] = ()
    shift: float = 0.0
    shrunk: float = 0.0


CHIN, NOSE = ("sl", "pg", "gn", "me"), ("prn", "c", "sn")
DEFORMATIONS = (
    Deformation(name="none"),
    *(Deformation(name=f"chin {mm:g} mm", landmarks=CHIN, shift=mm) for mm in (2.0, 4.0, 8.0)),
    *(Deformation(name=f"nose {mm:g} mm", landmarks=NOSE, shift=mm) for mm in (2.0, 4.0, 8.0)),
    Deformation(name="half a face", landmarks=("ch_l", "chk_l", "go_l"), shrunk=0.12),
)


@dataclass(frozen=True, eq=False)
class AsymmetricFace:
    """A scan in mm and LPS, its true landmarks by label, and its true plane: normal to the left, and a point.

    The mesh (V, 3) is what the scan was made of, before it was triangulated anew, in the place of the scan.
    """

    name: str
    deformation: Deformation
    surface: Surface
    landmarks: dict[str, FloatArray]
    normal: FloatArray
    point: FloatArray
    mesh: FloatArray


class SymmetricPeople:
    """Exactly symmetric people of the face model, or of another population."""

    def __init__(self, model: FaceModel | GnmHead, *, seed: int) -> None:
        mirror = np.array([-1.0, 1.0, 1.0])
        neutral = model.neutral.numpy().astype(np.float64)
        self.partner = cKDTree(neutral).query(neutral * mirror)[1]
        known = model.known.numpy()
        self.labels = tuple(label for label, there in zip(model.labels, known, strict=True) if there)
        self.rows = model.landmarks.numpy()[known]
        self.model, self.seed, self.mirror = model, seed, mirror

    def person(self, number: int) -> FloatArray:
        """Vertices (V, 3), left, up, forward, millimetres."""
        draw = Draw.seeded(self.model.device, self.seed, 0x5A, number)
        options = ShapeOptions(identity=1.0, asymmetry=0.0, warp=0.0, expressive=0.0, blink=0.0)
        vertices = self.model.draw(options, draw, 1)[0].numpy().astype(np.float64)
        symmetric: FloatArray = (vertices + vertices[self.partner] * self.mirror) / 2.0
        return symmetric

    def face(self, number: int, deformation: Deformation) -> AsymmetricFace:
        """The scan of a person with a deformation, in a random pose."""
        vertices, rows = self.person(number), self.rows
        deformed = _deformed(vertices, dict(zip(self.labels, vertices[rows], strict=True)), deformation)
        rng = np.random.default_rng((self.seed, number))
        mesh = decimated(slid(Mesh(deformed, self.model.faces.numpy()), rng), _TRIANGLES)
        turn = Rotation.from_euler("xyz", rng.uniform(-25, 25, 3), degrees=True).as_matrix() @ HEAD_TO_LPS
        shift = rng.uniform(-80, 80, 3)
        noisy = mesh.vertices + rng.normal(0.0, _NOISE, mesh.vertices.shape)
        return AsymmetricFace(
            name=f"person {number}, {deformation.name}",
            deformation=deformation,
            surface=Surface(noisy @ turn.T + shift, mesh.faces, unit="mm"),
            landmarks={label: place for label, place in zip(self.labels, deformed[rows] @ turn.T + shift, strict=True)},
            normal=turn[:, 0],
            point=shift,
            mesh=deformed @ turn.T + shift,
        )


def _deformed(vertices: FloatArray, landmarks: dict[str, FloatArray], deformation: Deformation) -> FloatArray:
    if not deformation.landmarks:
        return vertices
    if deformation.shrunk:
        eyes = (landmarks["ex_l"] + landmarks["ex_r"]) / 2
        left = _smooth((vertices[:, 0] - 8.0) / 25.0)
        below = _smooth((eyes[1] - 12.0 - vertices[:, 1]) / 25.0)
        return vertices - deformation.shrunk * (left * below)[:, None] * (vertices - eyes * (0, 1, 0))
    places = np.array([landmarks[label] for label in deformation.landmarks])
    distance = cKDTree(places).query(vertices)[0]
    share = _smooth((_REACH - distance) / (_REACH - _CORE))
    return vertices + share[:, None] * np.array([deformation.shift, 0.0, 0.0])


def _smooth(t: FloatArray) -> FloatArray:
    held = np.clip(t, 0.0, 1.0)
    step: FloatArray = held * held * (3.0 - 2.0 * held)
    return step


def cases_of(
    face: AsymmetricFace, detector: LandmarkDetector | None, cache: Path | None
) -> Iterator[tuple[str, AnalysisCase]]:
    """The face with its true landmarks, and with detected ones."""
    labels = tuple(face.landmarks)
    placed = LandmarkResult(
        labels, np.array(list(face.landmarks.values())), np.ones(len(labels)), ("found",) * len(labels)
    )
    yield "true", AnalysisCase.from_result(placed, face.surface, face.name)
    if detector is None:
        return
    file = None if cache is None else cache / f"{face.name.replace(' ', '_').replace(',', '')}.json"
    found = read_landmarks(file) if file is not None and file.is_file() else detector.detect(face.surface)
    if file is not None and not file.is_file():
        write_landmarks(found, file)
    yield "detected", AnalysisCase.from_result(found, face.surface, face.name)


def measure(face: AsymmetricFace, landmarks: str, case: AnalysisCase, method: str) -> dict[str, Cell]:
    """Errors of the plane and of the asymmetry found in one face."""
    plane = find_plane(case, method=method)
    turned = float(np.degrees(np.arccos(np.clip(plane.normal @ face.normal, -1.0, 1.0))))
    middle = np.mean([face.landmarks[label] for label in ("n", "sn", "ex_r", "ex_l")], axis=0)
    off = float(plane.signed_distance(middle - ((middle - face.point) @ face.normal) * face.normal))
    found, truth, inside = _recovered(face, case, plane)
    return {
        "landmarks": landmarks,
        "plane": method,
        "deformation": face.deformation.name,
        "angle": turned,
        "offset": abs(off),
        "truth": truth,
        "found": found,
        "shift error": abs(found - truth),
        "inside": inside,
    }


def _recovered(face: AsymmetricFace, case: AnalysisCase, plane: MidsagittalPlane) -> tuple[float, float, float]:
    """Mean asymmetry of the deformed part as found and in truth, millimetres, and the share of intervals that hold."""
    exact = replace(plane, normal=face.normal, point=face.point)
    positions = np.array([face.landmarks.get(label, np.full(3, np.nan)) for label in case.labels])
    known = replace(case, positions=positions, status=("found",) * len(case))
    found, truth = analyse_symmetry(case, plane), analyse_symmetry(known, replace(exact, method="known"))
    if face.deformation.shrunk:
        names = [label.removesuffix("_l") for label in face.deformation.landmarks]
        numbers = [(found.pair(name).lateral, truth.pair(name).lateral) for name in names]
    else:
        numbers = [(found.deviation(label), truth.deviation(label)) for label in face.deformation.landmarks or CHIN]
    numbers = [(one, other) for one, other in numbers if np.isfinite(one.value)]
    inside = [one.low <= other.value <= one.high for one, other in numbers]
    return (
        float(np.mean([one.value for one, _ in numbers])),
        float(np.mean([other.value for _, other in numbers])),
        float(np.mean(inside)),
    )


def summarised(rows: list[dict[str, Cell]]) -> list[dict[str, Cell]]:
    """One row for each kind of landmarks, plane and deformation."""
    table = []
    for key in dict.fromkeys((row["landmarks"], row["plane"], row["deformation"]) for row in rows):
        group = [row for row in rows if (row["landmarks"], row["plane"], row["deformation"]) == key]

        def column(name: str, group: list[dict[str, Cell]] = group) -> FloatArray:
            return np.array([row[name] for row in group], dtype=np.float64)

        table.append(
            {
                "landmarks": key[0],
                "plane": key[1],
                "deformation": key[2],
                "faces": len(group),
                "true shift mm": float(column("truth").mean()),
                "found mm": float(column("found").mean()),
                "shift error mm": float(column("shift error").mean()),
                "largest": float(column("shift error").max()),
                "plane deg": float(column("angle").mean()),
                "largest deg": float(column("angle").max()),
                "plane mm": float(column("offset").mean()),
                "in 95 % interval %": 100.0 * float(column("inside").mean()),
            }
        )
    return table


def symmetry(
    model: Annotated[Path, typer.Option(metavar="FILE", help="ict_facekit.npz, to generate people.")],
    people: Annotated[int, typer.Option(min=1, metavar="N", help="Generated people.")] = 8,
    out: Annotated[Path | None, typer.Option(metavar="FOLDER", help="For the table (.csv).")] = None,
    cache: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Keeps detected landmarks.")] = None,
    detected: Annotated[bool, typer.Option(help="Whether to detect landmarks as well.")] = True,
    seed: Annotated[int, typer.Option(min=0, metavar="N")] = 0,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Recover a known asymmetry of generated faces."""
    with reporting_errors(debug=debug), torch.inference_mode():
        source = SymmetricPeople(FaceModel.load(model), seed=seed)
        detector = LandmarkDetector.from_pretrained() if detected else None
        if cache is not None:
            cache.mkdir(parents=True, exist_ok=True)
        rows = []
        for number in range(people):
            for deformation in DEFORMATIONS:
                face = source.face(number, deformation)
                for landmarks, case in cases_of(face, detector, cache):
                    rows += [measure(face, landmarks, case, method) for method in PLANES]
        rows.sort(key=lambda row: (str(row["landmarks"]) != "true", str(row["plane"])))
        title = f"Recovered asymmetry of {people} generated people, seed {seed}. Shift: mean over the part's landmarks."
        print_and_write(Table("symmetry", title, summarised(rows)), out)


if __name__ == "__main__":
    typer.run(symmetry)
