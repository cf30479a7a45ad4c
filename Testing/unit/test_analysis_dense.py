"""The statistical face fitted to scans made from it: recovery, motion, unit, mirror image, holes, asymmetry."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from made_face import lps
from said import said
from scipy.spatial.transform import Rotation
from trimesh.remesh import subdivide
from typer.testing import CliRunner

from sgcn_core.analysis.case import AnalysisCase
from sgcn_core.analysis.comparison import Registration, register
from sgcn_core.analysis.dense import DenseFace, fit_dense
from sgcn_core.analysis.dense_maps import CorrespondenceMap, dense_asymmetry, dense_change, dense_rows
from sgcn_core.analysis.dense_model import dense_model
from sgcn_core.analysis.midsagittal import MidsagittalPlane
from sgcn_core.analysis.symmetry import find_plane
from sgcn_core.cli.app import app
from sgcn_core.errors import FileFormatError, LandmarkError, SurfaceError
from sgcn_core.geometry.similarity import Similarity
from sgcn_core.io.markups import write_landmarks
from sgcn_core.io.meshes import read_surface, write_surface
from sgcn_core.types.landmark_sets import mirror_label
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.surface import Surface

MODEL = dense_model()
MIRROR = np.array([-1.0, 1.0, 1.0])
PAIRED = ("ex", "en", "al", "ch", "ft", "scm", "mf")
USED = ("n", "se", "prn", "sn", "ls", "li", "gn", "pg", "g", *(f"{name}_{side}" for name in PAIRED for side in "lr"))
CHEEK = MODEL.landmarks[MODEL.labels.index("chk_l")]


def weights(seed: int = 1) -> np.ndarray:
    """Those of a symmetric neutral person."""
    drawn = np.random.default_rng(seed).normal(0.0, 0.8, len(MODEL.modes)) * (MODEL.signs > 0)
    drawn[MODEL.identities :] = 0.0
    return drawn


def bulge(shape: np.ndarray, label: str, shift: tuple[float, float, float]) -> np.ndarray:
    """The face with its skin around a landmark moved by (left, up, forward)."""
    away = np.linalg.norm(shape - shape[MODEL.landmarks[MODEL.labels.index(label)]], axis=1)
    return shape + np.exp(-((away / 28.0) ** 4))[:, None] * np.array(shift)


def case_of(shape: np.ndarray, labels: tuple[str, ...] = USED) -> AnalysisCase:
    """A face (M, 3) of the model as a scan of four times its triangles, with its landmarks, LPS."""
    rows = [MODEL.landmarks[MODEL.labels.index(label)] for label in labels]
    vertices, faces = subdivide(lps(shape), MODEL.faces)
    positions = lps(shape[rows])
    return AnalysisCase(
        labels=labels,
        positions=positions,
        covariance=np.tile(np.eye(3), (len(labels), 1, 1)),
        status=("found",) * len(labels),
        surface=Surface(vertices, faces, unit="mm"),
        name="made",
    )


def changed(case: AnalysisCase, matrix: np.ndarray, shift: np.ndarray | float = 0.0) -> AnalysisCase:
    """The case with every place x at matrix x + shift; a mirror image has left and right exchanged."""
    assert case.surface is not None
    mirrored = np.linalg.det(matrix) < 0
    faces = case.surface.faces[:, ::-1] if mirrored else case.surface.faces
    return replace(
        case,
        labels=tuple(mirror_label(label) for label in case.labels) if mirrored else case.labels,
        positions=case.positions @ matrix.T + shift,
        surface=case.surface.with_(vertices=case.surface.vertices @ matrix.T + shift, faces=faces),
    )


def chin_shift(shape: np.ndarray) -> float:
    """How far the skin of the region "chin" was moved to the left on average."""
    places = [shape[MODEL.landmarks[MODEL.labels.index(label)]] for label in ("sl", "pg", "gn", "me")]
    near = np.min([np.linalg.norm(shape - place, axis=1) for place in places], axis=0) <= 20
    return float((shape - MODEL.shape(weights()))[near, 0].mean())


def plane_of(case: AnalysisCase) -> MidsagittalPlane:
    return find_plane(case)


@pytest.fixture(scope="module")
def person() -> tuple[np.ndarray, AnalysisCase, DenseFace]:
    shape = MODEL.shape(weights())
    case = case_of(shape)
    return shape, case, fit_dense(case)


@pytest.fixture(scope="module")
def crooked() -> tuple[np.ndarray, AnalysisCase, DenseFace]:
    """The same person, the chin 5 mm to the left."""
    shape = bulge(MODEL.shape(weights()), "pg", (5.0, 0.0, 0.0))
    case = case_of(shape)
    return shape, case, fit_dense(case)


def test_the_model_is_exactly_symmetric_and_small() -> None:
    np.testing.assert_array_equal(MODEL.mirror[MODEL.mirror], np.arange(len(MODEL.mean)))
    np.testing.assert_allclose(MODEL.mean[MODEL.mirror] * MIRROR, MODEL.mean, atol=1e-5)
    image = MODEL.modes[:, MODEL.mirror] * MIRROR * MODEL.signs[:, None, None]
    np.testing.assert_allclose(image, MODEL.modes, atol=0.02)
    assert {tuple(sorted(face)) for face in MODEL.mirror[MODEL.faces].tolist()} == {
        tuple(sorted(face)) for face in MODEL.faces.tolist()
    }
    by_label = dict(zip(MODEL.labels, MODEL.landmarks.tolist(), strict=True))
    assert all(MODEL.mirror[row] == by_label[mirror_label(label)] for label, row in by_label.items())
    assert (MODEL.mean[by_label["ex_l"]][0] > 30) and (MODEL.mean[by_label["ex_r"]][0] < -30)
    folder = files("sgcn_core") / "resources" / "dense_face"
    assert len((folder / "face.npz").read_bytes()) <= 3_000_000
    assert "USC Institute for Creative Technologies" in (folder / "LICENSE").read_text(encoding="utf-8")


def test_a_face_of_the_model_is_recovered(person: tuple[np.ndarray, AnalysisCase, DenseFace]) -> None:
    shape, _, found = person
    away = np.linalg.norm(found.vertices - lps(shape), axis=1)
    assert np.median(away) < 0.3 and np.quantile(away, 0.95) < 1.0
    known, identity = weights(), found.coefficients[: MODEL.identities]
    assert np.corrcoef(known[: MODEL.identities], identity)[0, 1] > 0.9
    assert found.fitted > 0.95 and found.median_residual < 0.05
    assert np.linalg.norm(found.position("pg") - lps(shape)[MODEL.landmarks[MODEL.labels.index("pg")]]) < 0.7


def test_the_fit_moves_with_the_scan(person: tuple[np.ndarray, AnalysisCase, DenseFace]) -> None:
    _, case, found = person
    turn = Rotation.from_euler("xyz", (25, -40, 130), degrees=True).as_matrix()
    shift = np.array([30.0, -210.0, 77.0])
    moved = fit_dense(changed(case, turn, shift))
    np.testing.assert_allclose(moved.vertices, found.vertices @ turn.T + shift, atol=0.05)
    np.testing.assert_allclose(moved.pose.as_matrix(), (Similarity(1, turn, shift) @ found.pose).as_matrix(), atol=0.05)
    np.testing.assert_allclose(found.transformed(Similarity(1, turn, shift)).vertices, moved.vertices, atol=0.05)


def test_the_unit_of_the_scan_does_not_matter(person: tuple[np.ndarray, AnalysisCase, DenseFace]) -> None:
    _, case, found = person
    assert case.surface is not None
    result = LandmarkResult(case.labels, case.positions / 1000.0, np.ones(len(case)), ("found",) * len(case), unit="m")
    surface = case.surface.with_(vertices=case.surface.vertices / 1000.0, unit="m")
    np.testing.assert_allclose(fit_dense(AnalysisCase.from_result(result, surface)).vertices, found.vertices, atol=0.05)


def test_the_mirror_image_of_a_face_gives_the_mirrored_fit(
    crooked: tuple[np.ndarray, AnalysisCase, DenseFace],
) -> None:
    _, case, found = crooked
    image = fit_dense(changed(case, np.diag(MIRROR)))
    np.testing.assert_allclose(image.vertices, found.vertices[MODEL.mirror] * MIRROR, atol=0.1)
    np.testing.assert_allclose(image.coefficients, found.coefficients * MODEL.signs, atol=0.05)
    assert np.linalg.det(image.pose.rotation) == pytest.approx(1.0)


def test_a_real_asymmetry_is_not_symmetrised_away(crooked: tuple[np.ndarray, AnalysisCase, DenseFace]) -> None:
    shape, case, found = crooked
    asymmetry = dense_asymmetry(found, plane_of(case))
    chin = MODEL.landmarks[MODEL.labels.index("pg")]
    near = np.linalg.norm(shape - shape[chin], axis=1) < 12
    assert np.nanmean(asymmetry.shift[near, 0]) == pytest.approx(10.0, abs=1.5)  # it and its image moved, 5 mm each
    far = shape[:, 1] > 20
    assert np.nanmean(asymmetry.length[far]) < 0.5
    assert np.median(np.linalg.norm(found.vertices - lps(shape), axis=1)) < 0.5
    rows = {row["region"]: row for row in dense_rows(asymmetry)}
    assert rows["chin"]["dL"] == pytest.approx(2.0 * chin_shift(shape), rel=0.2) and abs(rows["forehead"]["dL"]) < 0.3
    assert "left ear" not in rows


def test_the_left_side_is_fuller_where_the_map_is_positive_on_it() -> None:
    case = case_of(bulge(MODEL.shape(weights()), "chk_l", (0.0, 0.0, 4.0)))
    found = dense_asymmetry(fit_dense(case), plane_of(case))
    assert found.distance[CHEEK] == pytest.approx(3.5, abs=1.0)
    assert found.distance[MODEL.mirror[CHEEK]] == pytest.approx(-3.5, abs=1.0)


def test_a_hole_has_no_values_and_does_not_disturb_the_rest(
    person: tuple[np.ndarray, AnalysisCase, DenseFace],
) -> None:
    shape, case, found = person
    assert case.surface is not None
    middle = lps(shape)[CHEEK]
    away = np.linalg.norm(case.surface.vertices - middle, axis=1)
    torn = replace(case, surface=case.surface.clipped((away > 20)[case.surface.faces].all(axis=1)).compacted())
    holed = fit_dense(torn)
    distance = np.linalg.norm(holed.vertices - middle, axis=1)
    assert np.isnan(holed.residual[distance < 15]).all()
    outside = (distance > 30) & found.on_skin
    assert np.isfinite(holed.residual[outside]).mean() > 0.99
    assert np.median(np.linalg.norm(holed.vertices - found.vertices, axis=1)[outside]) < 0.1
    assert np.linalg.norm(holed.vertices - lps(shape), axis=1)[distance < 15].max() < 3.0
    assert np.isnan(holed.position("chk_l")).all()
    shift = dense_asymmetry(holed, plane_of(torn)).shift
    assert np.isnan(shift[CHEEK]).all() and np.isnan(shift[MODEL.mirror[CHEEK]]).all()


def test_change_is_that_of_places_that_correspond(person: tuple[np.ndarray, AnalysisCase, DenseFace]) -> None:
    shape, before, first = person
    turn, shift = Rotation.from_euler("xyz", (5, 8, -6), degrees=True).as_matrix(), np.array([10.0, 4.0, -3.0])
    after = changed(case_of(bulge(shape, "pg", (0.0, -3.0, 4.0))), turn, shift)
    registration: Registration = register(before, after, landmarks=("ex_l", "ex_r", "en_l", "en_r", "n", "g"))
    found = dense_change(first, fit_dense(after), registration)
    chin = MODEL.landmarks[MODEL.labels.index("pg")]
    np.testing.assert_allclose(found.shift[chin], lps(np.array([0.0, -3.0, 4.0])), atol=1.2)
    assert found.distance[chin] > 2.5
    assert np.nanmedian(found.length[shape[:, 1] > 20]) < 0.4


def test_faces_of_two_models_do_not_correspond(person: tuple[np.ndarray, AnalysisCase, DenseFace]) -> None:
    _, case, found = person
    shorter = replace(found, vertices=found.vertices[:-1])
    with pytest.raises(ValueError, match="do not correspond"):
        dense_change(found, shorter, register(case, case, landmarks=USED))


def test_quasi_landmarks_are_saved_and_read_back(
    person: tuple[np.ndarray, AnalysisCase, DenseFace], tmp_path: Path
) -> None:
    found = person[2]
    again = DenseFace.read(found.write(tmp_path / "face.npz"))
    for name in ("vertices", "faces", "mirror", "residual", "coefficients", "landmarks"):
        np.testing.assert_array_equal(getattr(again, name), getattr(found, name))
    assert (again.labels, again.name) == (found.labels, "made")
    np.testing.assert_allclose(again.pose.as_matrix(), found.pose.as_matrix())
    with found.write(tmp_path / "face.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(found.vertices)
    chin = rows[MODEL.landmarks[MODEL.labels.index("pg")]]
    assert "pg" in chin["landmark"].split() and chin["mirror"] == chin["vertex"]
    np.testing.assert_allclose([float(chin[axis]) for axis in "xyz"], found.position("pg"), atol=1e-4)
    assert sum(row["residual_mm"] == "" for row in rows) == (~found.on_skin).sum()
    with pytest.raises(FileFormatError, match=r"\.npz or \.csv"):
        found.write(tmp_path / "face.txt")
    for content in (b"no archive", b"PK\x03\x04 cut off"):
        (tmp_path / "other.npz").write_bytes(content)
        with pytest.raises(FileFormatError, match=r"no \.npz file of quasi-landmarks"):
            DenseFace.read(tmp_path / "other.npz")
    with pytest.raises(FileFormatError, match=r"\.vtp or \.ply"):
        CorrespondenceMap(found.surface, found.vertices, {}).write(tmp_path / "map.stl")


def test_what_cannot_be_fitted_is_said(person: tuple[np.ndarray, AnalysisCase, DenseFace]) -> None:
    _, case, found = person
    with pytest.raises(LandmarkError, match="surface"):
        fit_dense(replace(case, surface=None))
    status = tuple("found" if row < 5 else "missing" for row in range(len(case)))
    with pytest.raises(LandmarkError, match="needs 6 landmarks"):
        fit_dense(replace(case, status=status))
    with pytest.raises(SurfaceError, match="belong"):
        fit_dense(replace(case, positions=case.positions + 500.0))
    with pytest.raises(ValueError, match="no landmark 'nose'"):
        found.position("nose")


def written(case: AnalysisCase, file: Path) -> list[str]:
    """Landmarks and surface of a case in files, as arguments of a command."""
    assert case.surface is not None
    write_landmarks(LandmarkResult(case.labels, case.positions, np.ones(len(case)), case.status, unit="mm"), file)
    write_surface(case.surface, file.with_suffix(".ply"))
    return [str(file), str(file.with_suffix(".ply"))]


def test_the_command_symmetry_maps_by_correspondence(
    crooked: tuple[np.ndarray, AnalysisCase, DenseFace], tmp_path: Path
) -> None:
    shape, case, found = crooked
    landmarks, surface = written(case, tmp_path / "a.csv")
    picture, points, table = tmp_path / "map.ply", tmp_path / "points.npz", tmp_path / "table.json"
    call = ["symmetry", landmarks, "--surface", surface, "--dense", "--map", str(picture)]
    call += ["--quasi-landmarks", str(points), "-o", str(table)]
    ended = CliRunner().invoke(app, call)
    assert ended.exit_code == 0, ended.output
    assert "asymmetry by correspondence" in ended.output
    assert len(read_surface(picture).vertices) == len(found.vertices) == len(DenseFace.read(points).vertices)
    document = json.loads(table.read_text(encoding="utf-8"))
    chin = next(row for row in document["dense"] if row["region"] == "chin")
    assert chin["dL"] == pytest.approx(2.0 * chin_shift(shape), rel=0.2)
    assert document["dense_fit"]["fitted_share"] > 0.9
    again = CliRunner().invoke(app, call)
    assert again.exit_code == 2 and "--overwrite" in again.output
    assert CliRunner().invoke(app, ["symmetry", landmarks, "--quasi-landmarks", str(tmp_path / "b.npz")]).exit_code == 2
    wrong = CliRunner().invoke(app, ["symmetry", landmarks, "--dense", "--quasi-landmarks", str(tmp_path / "b.txt")])
    assert wrong.exit_code == 2 and ".npz or .csv" in said(wrong.output)
    assert CliRunner().invoke(app, ["symmetry", landmarks, "--dense"]).exit_code == 3


def test_the_command_compare_maps_by_correspondence(
    person: tuple[np.ndarray, AnalysisCase, DenseFace],
    crooked: tuple[np.ndarray, AnalysisCase, DenseFace],
    tmp_path: Path,
) -> None:
    first, second = written(person[1], tmp_path / "a.csv"), written(crooked[1], tmp_path / "b.csv")
    surfaces = ["--first-surface", first[1], "--second-surface", second[1]]
    call = ["compare", first[0], second[0], *surfaces, "--dense", "--map", str(tmp_path / "map.vtp"), "--json"]
    ended = CliRunner().invoke(app, call)
    assert ended.exit_code == 0, ended.output
    document = json.loads(ended.stdout)
    chin = next(row for row in document["dense"] if row["region"] == "chin")
    assert chin["dL"] == pytest.approx(chin_shift(crooked[0]), rel=0.2)
    assert len(read_surface(tmp_path / "map.vtp").vertices) == len(MODEL.mean)
