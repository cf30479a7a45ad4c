"""Files that Slicer writes and the package reads, and the other way round: with the real application's classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("slicer", reason="slicer-core is not installed")

from bridge_cases import HEAD, LABELS, PLACES, finished_case, world_position
from review_cases import model_in
from slicer_scene import Application, slicer

from sgcn_core.io import markups
from sgcn_core.io.formats import WRITABLE_MESH_SUFFIXES
from sgcn_core.io.markups import read_landmarks
from sgcn_core.io.meshes import read_surface, write_surface
from sgcn_core.types.landmarks import LandmarkResult

pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")


@pytest.mark.parametrize("suffix", WRITABLE_MESH_SUFFIXES)
@pytest.mark.parametrize("frame", ["LPS", "RAS"])
def test_slicer_reads_our_frame_tag(tmp_path: Path, suffix: str, frame: str) -> None:
    surface = HEAD.in_frame(frame)
    storage, node = slicer.vtkMRMLModelStorageNode(), slicer.vtkMRMLModelNode()
    storage.SetFileName(str(write_surface(surface, tmp_path / f"a{suffix}")))
    assert storage.ReadData(node) == 1
    bounds = np.array(node.GetPolyData().GetBounds()).reshape(3, 2).T
    np.testing.assert_allclose(bounds, HEAD.bounds, atol=1e-5)


def test_the_model_that_slicer_hands_to_a_cli_module_is_read_in_its_frame(
    application: Application, tmp_path: Path
) -> None:
    storage = model_in(application).CreateDefaultStorageNode()
    storage.ConfigureForDataExchange()
    storage.SetFileName(str(tmp_path / "exchange.vtp"))
    assert storage.WriteData(application.scene.GetFirstNodeByName("Visage é"))
    surface = read_surface(tmp_path / "exchange.vtp")
    assert surface.frame == "LPS"
    np.testing.assert_allclose(surface.in_frame("RAS").vertices, HEAD.vertices, atol=1e-4)


def test_what_slicer_saves_is_read_by_the_package(application: Application, tmp_path: Path) -> None:
    _, landmarks = finished_case(application)
    storage = slicer.vtkMRMLMarkupsJsonStorageNode()
    storage.SetFileName(str(tmp_path / "saved.mrk.json"))
    assert storage.WriteData(landmarks)
    read = read_landmarks(tmp_path / "saved.mrk.json")
    assert read.labels == LABELS and read.status == ("found", "uncertain", "missing")
    np.testing.assert_allclose(read.confidence, (0.9, 0.4, 0.0))
    np.testing.assert_allclose(read.expected_error[:2], 0.8)
    np.testing.assert_allclose(read.in_frame("RAS").positions[0], HEAD.vertices[PLACES[0]], atol=1e-4)


def test_slicer_loads_the_table_and_the_markups_of_the_cli_module(application: Application, tmp_path: Path) -> None:
    nowhere, here = [np.nan] * 3, [1.0, 2.0, 3.0]
    result = LandmarkResult(LABELS, [here, here, nowhere], [0.9, 0.4, 0.0], ("found", "uncertain", "missing"))
    table, landmarks = application.add("Table", "Table"), application.add("MarkupsFiducial", "Landmarks")
    for node, storage, name in (
        (table, slicer.vtkMRMLTableStorageNode(), "out.csv"),
        (landmarks, slicer.vtkMRMLMarkupsJsonStorageNode(), "out.mrk.json"),
    ):
        storage.SetFileName(str(markups.write_landmarks(result, tmp_path / name)))
        assert storage.ReadData(node)
    assert (table.GetNumberOfRows(), table.GetCellText(0, 0)) == (3, "prn")
    assert [table.GetCellText(row, 5) for row in range(3)] == list(result.status)
    np.testing.assert_allclose(world_position(landmarks, 0), (-1.0, -2.0, 3.0))
    assert landmarks.GetNthControlPointPositionStatus(2) != slicer.vtkMRMLMarkupsNode.PositionDefined
