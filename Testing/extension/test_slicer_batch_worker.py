"""A folder with a scan, a volume and a DICOM series through the real worker, and each of them in the scene."""

# ruff: noqa: E402
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("slicer", reason="slicer-core is not installed")

from slicer_cases import PYTHON, face_volume_node, need_worker

need_worker()

from face_volume import face_volume
from FacialLandmarks3DLib.batch.cases import OK, Case, find_cases
from FacialLandmarks3DLib.batch.run import BatchRun
from FacialLandmarks3DLib.batch.session import CaseSession, load_scan
from FacialLandmarks3DLib.scene.detected import moved_by_hand
from FacialLandmarks3DLib.scene.files import volume_file_steps
from FacialLandmarks3DLib.scene.landmark_surface import surface_of
from FacialLandmarks3DLib.scene.provenance import read_provenance
from FacialLandmarks3DLib.worker.client import WorkerClient
from slicer_scene import Application, slicer

from sgcn_core.demo import demo_surface
from sgcn_core.io.meshes import write_surface
from sgcn_core.settings import DetectionSettings

pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")

ROOT = Path(__file__).resolve().parents[2]
SPACING = 3.0


def write_series(folder: Path) -> bool:
    """The demo face as a CT series; False without SimpleITK."""
    try:
        import SimpleITK as sitk
    except ImportError:
        return False
    folder.mkdir()
    voxels, origin = face_volume(demo_surface(), SPACING)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for place, values in enumerate(voxels.astype(np.int16)):
        image = sitk.GetImageFromArray(values)
        image.SetSpacing((SPACING, SPACING))
        position = (origin[0], origin[1], origin[2] + SPACING * place)
        tags = {"0008|0060": "CT", "0020|000e": "1.2.3", "0008|0018": f"1.2.3.{place}", "0020|0013": str(place)}
        tags |= {"0020|0032": "\\".join(f"{value:.6f}" for value in position), "0020|0037": "1\\0\\0\\0\\1\\0"}
        for tag, text in tags.items():
            image.SetMetaData(tag, text)
        writer.SetFileName(str(folder / f"{place:03}.dcm"))
        writer.Execute(image)
    return True


def positions(node: Any) -> np.ndarray:
    """In the world; NaN where a landmark is missing."""
    rows = np.full((node.GetNumberOfControlPoints(), 3), np.nan)
    for place, row in enumerate(rows):
        if node.GetNthControlPointPositionStatus(place) == slicer.vtkMRMLMarkupsNode.PositionDefined:
            node.GetNthControlPointPositionWorld(place, row)
    return rows


def test_scan_volume_and_series_agree(tmp_path: Path) -> None:
    application = Application(tmp_path / "cache")
    folder, output = tmp_path / "cases é", tmp_path / "out"
    folder.mkdir()
    write_surface(demo_surface(), folder / "a.ply")
    for _ in volume_file_steps(folder / "b.nrrd", face_volume_node(application, spacing=SPACING)):
        pass
    has_series = write_series(folder / "c")
    cases = find_cases(folder, output)
    assert [case.name for case in cases] == ["a", "b", "c"][: 2 + has_series]
    client = WorkerClient.for_python(PYTHON, str(ROOT))
    try:
        run = BatchRun(lambda: client, cases, output, DetectionSettings(landmark_set="clinical"))
        run.start()
        run.wait()
    finally:
        client.close()
    assert [case.status for case in cases] == [OK] * len(cases), [case.reason for case in cases]

    def load_volume(path: str) -> Any:
        node = application.add("ScalarVolume", Path(path).stem)
        storage = slicer.vtkMRMLNRRDStorageNode()
        storage.SetFileName(path)
        assert storage.ReadData(node)
        return node

    def load(case: Case, scene: Any) -> tuple[Any, list[Any]]:
        return load_scan(case, scene, load_model=application.models.AddModel, load_volume=load_volume)

    session, places = CaseSession(application.scene, load), []
    for case in cases:
        node = session.open(case)
        assert moved_by_hand(node) == {} and len(read_provenance(node).weights_sha256) == 64
        assert read_provenance(node).landmark_set == "clinical" and surface_of(node) is not None
        places.append(positions(node))
    for other in places[1:]:
        apart = np.linalg.norm(other - places[0], axis=1)
        assert np.isfinite(apart).sum() > 20 and np.nanmedian(apart) < 3.0, apart
