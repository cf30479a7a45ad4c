"""From a model node through the real worker to a markups node: slicer-core on one side, PyTorch on the other."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest
import vtk

pytest.importorskip("slicer", reason="slicer-core is not installed")

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "FacialLandmarks3D"))

from FacialLandmarks3DLib.scene.files import write_surface_file
from FacialLandmarks3DLib.scene.landmark_node import write_landmarks
from FacialLandmarks3DLib.scene.provenance import provenance_of, read_provenance
from FacialLandmarks3DLib.scene.world_surface import read_world_surface
from FacialLandmarks3DLib.worker.client import WorkerClient
from slicer_scene import Application, slicer

from sgcn_core.demo import demo_surface
from sgcn_core.geometry.vtk_bridge import to_polydata
from sgcn_core.types.units import flip_frame

pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")

# PyTorch may live in another Python than slicer-core.
PYTHON = os.environ.get("SGCN_WORKER_PYTHON", sys.executable)
if sys.executable == PYTHON and importlib.util.find_spec("torch") is None:
    pytest.skip(
        "no PyTorch beside slicer-core; SGCN_WORKER_PYTHON may name a Python that has it", allow_module_level=True
    )


def test_a_model_in_a_scene_gets_its_landmarks(tmp_path: Path) -> None:
    application = Application(tmp_path / "cache")
    demo = demo_surface()
    model, pose = application.add("Model", "Visage é"), application.add("LinearTransform", "Pose")
    model.SetAndObservePolyData(to_polydata(flip_frame(demo.vertices), demo.faces))
    turn = vtk.vtkTransform()
    turn.Translate(300, -50, 20)
    turn.RotateWXYZ(25, 0, 1, 1)
    pose.SetMatrixTransformToParent(turn.GetMatrix())
    model.SetAndObserveTransformNodeID(pose.GetID())

    surface = read_world_surface(model)
    client = WorkerClient.for_python(PYTHON, str(Path(__file__).resolve().parents[2]))
    try:
        file = write_surface_file(tmp_path / "face.npz", surface.points, surface.triangles)
        client.request("detect", input=file, landmark_set="clinical", seed=5)
        result = client.wait(timeout=120.0)
    finally:
        client.close()
    landmarks = application.add("MarkupsFiducial", "Landmarks")
    write_landmarks(landmarks, result, model, provenance_of(result, landmark_set="clinical", input_name="Visage é"))

    provenance = read_provenance(landmarks)
    assert (provenance.model, provenance.seed, provenance.device) == ("2S-SGCN", 5, "cpu")
    assert len(provenance.weights_sha256) == 64 and provenance.refinement and provenance.version
    assert landmarks.GetNumberOfControlPoints() == 62
    defined = slicer.vtkMRMLMarkupsNode.PositionDefined
    there = [place for place in range(62) if landmarks.GetNthControlPointPositionStatus(place) == defined]
    assert len(there) > 50
    # In the model's own coordinates the transform plays no part: the points lie on the demo face, right on its right.
    skin = vtk.vtkImplicitPolyDataDistance()
    skin.SetInput(model.GetPolyData())
    distances = [abs(skin.EvaluateFunction(landmarks.GetNthControlPointPosition(place))) for place in there]
    assert max(distances) < 0.01
    right, left = (
        landmarks.GetNthControlPointPosition(landmarks.GetControlPointIndexByLabel(n)) for n in ("ex_r", "ex_l")
    )
    assert right[0] > left[0] + 50.0
