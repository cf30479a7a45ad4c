"""A case of a batch in the scene and back to its file, with the real application's classes (package slicer-core)."""

# ruff: noqa: E402
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vtk

pytest.importorskip("slicer", reason="slicer-core is not installed")

import slicer_stubs

slicer_stubs.install()

from FacialLandmarks3DLib.batch.cases import OK, Case
from FacialLandmarks3DLib.batch.reviewed import CaseError
from FacialLandmarks3DLib.batch.session import CaseSession, load_scan
from FacialLandmarks3DLib.scene.detected import detected_landmarks, moved_by_hand
from FacialLandmarks3DLib.scene.files import write_surface_file
from FacialLandmarks3DLib.scene.landmark_surface import has_changed, surface_of
from FacialLandmarks3DLib.scene.provenance import read_provenance
from slicer_scene import Application, slicer

from sgcn_core.demo import demo_surface
from sgcn_core.io.markups import read_landmarks, write_landmarks
from sgcn_core.io.meshes import write_surface
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.surface import Surface

pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")

LABELS, PLACES = ("prn", "en_r", "ch_l", "g", "sn"), (100, 700, 1500, 2300, 2900)
MOVE = np.array([3.0, 0.0, 4.0])
INFO = {"model": "2S-SGCN", "version": "0.1.0", "weights_sha256": "ab" * 32, "seed": 7, "refine": "guided"}


def write_off(surface: Surface, path: Path) -> Path:
    lines = ["OFF", f"{len(surface.vertices)} {len(surface.faces)} 0"]
    lines += [" ".join(map(repr, row)) for row in surface.vertices.tolist()]
    lines += [" ".join(map(str, [3, *row])) for row in surface.faces.tolist()]
    path.write_text("\n".join(lines) + "\n")
    return path


def make_case(folder: Path, *, name: str = "Größe 1.ply", unit: str = "mm", factor: float = 1.0) -> Case:
    """A scan and its landmarks as a batch leaves them; the last one is missing."""
    face = demo_surface()
    write = write_off if name.endswith(".off") else write_surface
    source = write(Surface(face.vertices * factor, face.faces, unit=unit, frame="LPS"), folder / name)
    positions = face.vertices[list(PLACES)] * factor
    result = LandmarkResult(
        LABELS,
        positions,
        np.array([0.9, 0.8, 0.4, 0.7, 0.0]),
        ("found", "found", "uncertain", "found", "missing"),
        unit=unit,
        frame="LPS",
        info=INFO,
        expected_error=np.array([0.8, 1.0, 3.0, 1.0, np.nan]),
    )
    landmarks = write_landmarks(result, folder / "out" / f"{source.stem}.mrk.json")
    return Case(source, landmarks, status=OK)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    (tmp_path / "out").mkdir()
    return make_case(tmp_path)


def session_of(application: Application) -> CaseSession:
    """As in Slicer, with the models logic for ``slicer.util.loadModel``."""

    def load_model(path: str) -> Any:
        model = application.models.AddModel(path)
        if model is None:
            raise RuntimeError(f"Failed to load node from file: {path}")
        return model

    return CaseSession(application.scene, lambda case, scene: load_scan(case, scene, load_model=load_model))


def nodes(application: Application) -> list[str]:
    """What is in the scene; the subject hierarchy comes by itself and stays."""
    classes = (application.scene.GetNthNode(n).GetClassName() for n in range(application.scene.GetNumberOfNodes()))
    return [name for name in classes if name != "vtkMRMLSubjectHierarchyNode"]


def world(node: Any, label: str) -> np.ndarray:
    position = [0.0] * 3
    node.GetNthControlPointPositionWorld(node.GetControlPointIndexByLabel(label), position)
    return np.array(position)


def status(node: Any, label: str) -> int:
    return node.GetNthControlPointPositionStatus(node.GetControlPointIndexByLabel(label))


def test_a_case_comes_with_everything_that_review_needs(application: Application, case: Case) -> None:
    session = session_of(application)
    node = session.open(case)
    expected = demo_surface().vertices[PLACES[0]] * (-1, -1, 1)
    np.testing.assert_allclose(world(node, "prn"), expected, atol=1e-4)
    assert node.GetName() == "Größe 1 landmarks" and status(node, "sn") == slicer.vtkMRMLMarkupsNode.PositionMissing
    provenance = read_provenance(node)
    assert (provenance.seed, provenance.weights_sha256, provenance.refinement) == (7, "ab" * 32, "guided")
    detected = detected_landmarks(node)
    assert [detected[label].status for label in LABELS] == ["found", "found", "uncertain", "found", "missing"]
    assert detected["ch_l"].expected_error_mm == pytest.approx(3.0) and detected["sn"].expected_error_mm is None
    surface = surface_of(node)
    assert surface.GetPolyData().GetNumberOfPoints() == len(demo_surface().vertices) and not has_changed(node, surface)
    assert moved_by_hand(node) == {} and not session.changed


def test_corrections_go_to_the_file_and_come_back(application: Application, case: Case, tmp_path: Path) -> None:
    session = session_of(application)
    node = session.open(case)
    start = world(node, "en_r")
    node.SetNthControlPointPositionWorld(1, (start + MOVE).tolist())
    node.SetNthControlPointPositionWorld(4, world(node, "prn").tolist())
    node.SetNthControlPointLocked(2, True)
    node.SetAttribute("FacialLandmarks3D.accepted", '["ch_l"]')
    assert session.changed
    session.save()
    assert not session.changed and sorted(path.name for path in case.landmarks.parent.iterdir()) == ["Größe 1.mrk.json"]

    saved = read_landmarks(case.landmarks)
    np.testing.assert_allclose(saved.position("en_r") * (-1, -1, 1), start + MOVE, atol=1e-4)
    assert saved.info["weights_sha256"] == "ab" * 32 and saved.unit == "mm" and saved.frame == "LPS"
    assert saved.status[LABELS.index("ch_l")] == "uncertain"

    again = session_of(application)
    session.close()
    node = again.open(case)
    moved = moved_by_hand(node)
    assert moved["en_r"] == pytest.approx(5.0, abs=1e-3) and moved["sn"] is None and set(moved) == {"en_r", "sn"}
    assert node.GetNthControlPointLocked(2) and node.GetAttribute("FacialLandmarks3D.accepted") == '["ch_l"]'
    assert detected_landmarks(node)["sn"].status == "missing" and read_provenance(node).seed == 7
    assert surface_of(node) is not None and not again.changed
    again.save()
    assert read_landmarks(case.landmarks).info["seed"] == 7


def test_a_file_that_slicer_has_saved_is_reviewed_as_it_is(application: Application, case: Case) -> None:
    session = session_of(application)
    node = session.open(case)
    node.SetNthControlPointPositionWorld(1, (world(node, "en_r") + 5).tolist())
    storage = slicer.vtkMRMLMarkupsJsonStorageNode()
    storage.SetFileName(str(case.landmarks))
    assert storage.WriteData(node)
    node = session.open(case)
    assert moved_by_hand(node) == {} and detected_landmarks(node)["ch_l"].status == "uncertain"
    assert read_provenance(node).weights_sha256 == ""


def test_closing_leaves_the_scene_as_it_was(application: Application, case: Case) -> None:
    before = nodes(application)
    session = session_of(application)
    session.open(case)
    assert len(nodes(application)) > len(before)
    session.close()
    assert nodes(application) == before
    assert session.node is None and not session.changed
    with pytest.raises(CaseError, match="No case"):
        session.save()


def test_one_case_takes_the_place_of_the_other(application: Application, case: Case, tmp_path: Path) -> None:
    session, other = session_of(application), make_case(tmp_path, name="b.stl")
    session.open(case)
    before = nodes(application)
    node = session.open(other)
    assert nodes(application) == before and session.case is other
    assert node.GetName() == "b landmarks"
    application.scene.RemoveNode(node)
    assert session.node is None and not session.changed


@pytest.mark.parametrize(
    ("damage", "message"),
    [("{", "cannot be read"), ('{"markups": []}', "cannot be read"), ("[]", "cannot be read")],
)
def test_a_damaged_landmark_file_is_told(application: Application, case: Case, damage: str, message: str) -> None:
    before = nodes(application)
    case.landmarks.write_text(damage)
    with pytest.raises(CaseError, match=message):
        session_of(application).open(case)
    assert nodes(application) == before


def test_landmarks_of_another_scan_are_refused(application: Application, case: Case) -> None:
    face = demo_surface()
    write_surface(Surface(face.vertices + np.array([0, 900, 0]), face.faces, unit="mm", frame="LPS"), case.source)
    with pytest.raises(CaseError, match="do not lie on"):
        session_of(application).open(case)


def test_a_scan_that_is_gone_is_told(application: Application, case: Case) -> None:
    case.source.unlink()
    with pytest.raises(CaseError, match="cannot be loaded"):
        session_of(application).open(case)


@pytest.mark.parametrize("suffix", [".off", ".ply"])
def test_a_scan_in_metres_keeps_its_numbers(application: Application, tmp_path: Path, suffix: str) -> None:
    (tmp_path / "out").mkdir()
    case = make_case(tmp_path, name=f"a{suffix}", unit="m", factor=0.001)
    session = session_of(application)
    node = session.open(case)
    np.testing.assert_allclose(
        world(node, "prn"), demo_surface().vertices[PLACES[0]] * (-0.001, -0.001, 0.001), atol=1e-6
    )
    session.save()
    again = read_landmarks(case.landmarks)
    assert again.unit == "m"
    np.testing.assert_allclose(again.position("prn"), demo_surface().vertices[PLACES[0]] * 0.001, atol=1e-6)


def test_a_scan_that_slicer_converts_to_millimetres(application: Application, tmp_path: Path) -> None:
    """As Slicer 5.13 does with an OBJ file that names its unit."""
    (tmp_path / "out").mkdir()
    case = make_case(tmp_path, name="a.ply", unit="m", factor=0.001)

    def load(case: Case, scene: Any) -> tuple[Any, list[Any]]:
        whole = write_surface(demo_surface(), tmp_path / "whole.ply")
        model = application.models.AddModel(str(whole))
        return model, [model]

    session = CaseSession(application.scene, load)
    node = session.open(case)
    np.testing.assert_allclose(world(node, "prn"), demo_surface().vertices[PLACES[0]] * (-1, -1, 1), atol=1e-3)
    session.save()
    assert read_landmarks(case.landmarks).unit == "mm"


def test_a_volume_comes_with_its_skin(application: Application, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    case = make_case(tmp_path)
    face = demo_surface()
    case.skin = write_surface_file(tmp_path / "out" / "a.skin.npz", face.vertices * (-1, -1, 1), face.faces)

    def load_volume(path: str) -> Any:
        return application.add("ScalarVolume", Path(path).stem)

    def load(case: Case, scene: Any) -> tuple[Any, list[Any]]:
        return load_scan(case, scene, load_volume=load_volume)

    before = nodes(application)
    session = CaseSession(application.scene, load)
    node = session.open(case)
    skin = surface_of(node)
    assert skin.GetName() == "Größe 1 skin" and moved_by_hand(node) == {}
    session.close()
    assert nodes(application) == before
    case.skin.unlink()
    with pytest.raises(CaseError, match="run the batch"):
        session.open(case)


def test_the_dicom_series_that_was_detected_on_is_loaded(application: Application, tmp_path: Path) -> None:
    sitk = pytest.importorskip("SimpleITK")
    folder = tmp_path / "series"
    folder.mkdir()
    array = np.arange(12 * 10 * 9, dtype=np.int16).reshape(12, 10, 9)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for place, values in enumerate(array):
        image = sitk.GetImageFromArray(values)
        image.SetSpacing((1.5, 2.0))
        for tag, text in {
            "0008|0060": "CT",
            "0020|000e": "1.2.3",
            "0008|0018": f"1.2.3.{place}",
            "0020|0013": str(place),
            "0020|0032": f"10\\20\\{30 + 2.5 * place}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
        }.items():
            image.SetMetaData(tag, text)
        writer.SetFileName(str(folder / f"{place:03}.dcm"))
        writer.Execute(image)
    face = demo_surface()
    skin = write_surface_file(tmp_path / "a.skin.npz", face.vertices, face.faces)
    case = Case(folder, tmp_path / "a.mrk.json", skin, status=OK)
    _, (volume, model) = load_scan(case, application.scene)
    position = [0.0] * 4
    to_ras = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(to_ras)
    to_ras.MultiplyPoint((1, 2, 3, 1), position)
    assert position[:3] == pytest.approx([-10 - 1.5, -20 - 4.0, 30 + 7.5])
    assert volume.GetImageData().GetScalarComponentAsDouble(1, 2, 3, 0) == array[3, 2, 1]
    assert model.GetPolyData().GetNumberOfPoints() == len(face.vertices)
