"""The scripted CLI module run by Slicer's own CLI logic: nodes in, nodes out, progress and errors."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("slicer", reason="slicer-core is not installed")

from slicer_cli_logic import CliModule
from slicer_scene import Application, slicer

from sgcn_core.io.markups import read_landmarks
from sgcn_core.io.meshes import read_surface

pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")

MODULE = Path(__file__).resolve().parents[2] / "FacialLandmarks3D"
SCRIPT = MODULE / "FacialLandmarks3DCLI" / "FacialLandmarks3DCLI.py"
FACE = MODULE / "Resources" / "SampleData" / "FacialLandmarks3DFace.ply"
# PyTorch may live in another Python than slicer-core.
PYTHON = os.environ.get("SGCN_WORKER_PYTHON", sys.executable)
if sys.executable == PYTHON and importlib.util.find_spec("torch") is None:
    pytest.skip(
        "no PyTorch beside slicer-core; SGCN_WORKER_PYTHON may name a Python that has it", allow_module_level=True
    )
if sys.platform != "linux":
    pytest.skip("the names of C++ functions are those of Linux", allow_module_level=True)


@pytest.fixture
def module(application: Application, tmp_path: Path) -> Iterator[CliModule]:
    (tmp_path / "temporary").mkdir()
    made = CliModule(application, SCRIPT, PYTHON, tmp_path / "temporary")
    yield made
    made.close()


def test_a_model_gets_landmarks_and_a_table(application: Application, module: CliModule) -> None:
    model = application.models.AddModel(str(FACE))
    landmarks, table = application.add("MarkupsFiducial", "Landmarks"), application.add("Table", "Table")
    node = module.run(inputModel=model, outputLandmarks=landmarks, outputTable=table, landmarkSet="clinical", seed=4)
    assert node.GetStatusString() == "Completed" and node.GetErrorText() == "", node.GetErrorText()
    shown = [percent for percent in module.progress if percent]  # it is 0 again in the end
    assert shown == sorted(shown) and shown[-1] >= 50
    assert landmarks.GetNumberOfControlPoints() == table.GetNumberOfRows() == 62
    columns = {table.GetColumnName(place) for place in range(table.GetNumberOfColumns())}
    assert {"label", "x", "y", "z", "status", "expected_error_mm"} <= columns
    # The face stands upright, its left on the patient's left: right landmarks have a larger R.
    right, left, tip = (
        np.array(landmarks.GetNthControlPointPosition(landmarks.GetControlPointIndexByLabel(name)))
        for name in ("ex_r", "ex_l", "prn")
    )
    assert right[0] > left[0] + 50 and tip[1] > right[1]
    points = read_surface(FACE).vertices * (-1, -1, 1)
    assert np.linalg.norm(points - tip, axis=1).min() < 3.0
    assert landmarks.GetMeasurement("expected_error_mm") is not None


def test_a_folder_is_worked_through(application: Application, module: CliModule, tmp_path: Path) -> None:
    folder, output = tmp_path / "scans é", tmp_path / "out"
    folder.mkdir()
    (folder / "a.ply").write_bytes(FACE.read_bytes())
    (folder / "b.ply").write_bytes(b"nothing")
    output.mkdir()
    node = module.run(inputFolder=folder, outputFolder=output, landmarkSet="ibug68")
    assert node.GetStatus() & slicer.vtkMRMLCommandLineModuleNode.ErrorsMask
    assert "b.ply" in node.GetErrorText() and "a.ply" not in node.GetErrorText()
    assert len(read_landmarks(output / "a.mrk.json").labels) == len(read_landmarks(output / "a.csv").labels) == 68


def test_what_is_wrong_is_told(application: Application, module: CliModule) -> None:
    node = module.run(outputLandmarks=application.add("MarkupsFiducial", "Landmarks"))
    assert node.GetStatus() & slicer.vtkMRMLCommandLineModuleNode.ErrorsMask
    assert "give one of" in node.GetErrorText()
