"""The module's own file on real nodes: imported without Qt, its logic run through the real worker."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vtk

pytest.importorskip("slicer", reason="slicer-core is not installed")

import slicer_cases as cases
from slicer_scene import Application, slicer

import FacialLandmarks3D as module  # isort: skip
from FacialLandmarks3DLib.detection.job import LandmarkingCancelled, LandmarkingError
from FacialLandmarks3DLib.scene.detected import moved_by_hand
from FacialLandmarks3DLib.scene.files import write_surface_file
from FacialLandmarks3DLib.scene.provenance import read_provenance
from FacialLandmarks3DLib.scene.sources import skin_of, source_of
from FacialLandmarks3DLib.worker.keeper import shared_worker

from sgcn_core.demo import demo_surface

pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")
LONG = 120.0


@pytest.fixture
def application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Application:
    one = Application(tmp_path / "cache")
    monkeypatch.setattr(slicer, "mrmlScene", one.scene, raising=False)
    return one


@pytest.fixture(scope="module")
def python() -> Iterator[str]:
    """The worker's; the worker is the one of the process and ends with the last test of this file."""
    cases.need_worker()
    before = os.environ.get("SGCN_WORKER_PYTHON")
    os.environ["SGCN_WORKER_PYTHON"] = cases.PYTHON
    yield cases.PYTHON
    shared_worker().close()
    if before is None:
        del os.environ["SGCN_WORKER_PYTHON"]


@pytest.fixture
def logic(application: Application, python: str) -> Any:
    return module.FacialLandmarks3DLogic()


@pytest.fixture(scope="module")
def usual(python: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """Label and position of the landmarks of the demo face, RAS."""
    demo = demo_surface().in_frame("RAS")
    file = write_surface_file(tmp_path_factory.mktemp("usual") / "face.npz", demo.vertices, demo.faces)
    client = shared_worker().client()
    client.request("detect", input=file)
    rows = client.wait(timeout=LONG)["landmarks"]
    return {row["label"]: np.array(row["position"]) for row in rows if row["position"] is not None}


def finish(job: Any) -> Any:
    """Poll as a timer does."""
    began = time.monotonic()
    while not job.poll():
        assert time.monotonic() - began < LONG, job.stage
        time.sleep(0.01)
    return job


# --- landmarks --------------------------------------------------------------------------------------------------


def test_a_model_gets_its_landmarks_which_move_with_it(application: Application, logic: Any) -> None:
    model = cases.face_model(application)
    pose = cases.under(application, model, cases.turned())
    folder = application.hierarchy.CreateFolderItem(application.hierarchy.GetSceneItemID(), "Patient")
    application.hierarchy.CreateItem(folder, model)
    stages: list[tuple[str, float]] = []
    node = logic.placeLandmarks(model, seed=5, progress=lambda *stage: stages.append(stage))

    assert node.GetName() == "Visage é landmarks" and node.GetNumberOfControlPoints() == 62
    names = [stage for stage, _fraction in stages]
    assert names[0] == "preparing" and names[-1] == "finishing" and "network" in names
    fractions = [fraction for _stage, fraction in stages]
    assert fractions == sorted(fractions)
    provenance = read_provenance(node)
    assert (provenance.seed, provenance.landmark_set, provenance.input) == (5, "clinical", "Visage é")
    assert logic.landmarker.surface_of(node) is model and logic.landmarker.detection_of(node) is not None
    assert node.GetTransformNodeID() == model.GetTransformNodeID() == pose.GetID()
    item = application.hierarchy.GetItemByDataNode(node)
    assert application.hierarchy.GetItemParent(item) == folder

    skin = vtk.vtkImplicitPolyDataDistance()
    skin.SetInput(model.GetPolyData())
    found = cases.positions(node)
    assert len(found) > 50 and max(abs(skin.EvaluateFunction(place)) for place in found.values()) < 0.01
    assert found["ex_r"][0] > found["ex_l"][0] + 50.0
    before = cases.positions(node, world=True)["prn"]
    further = vtk.vtkTransform()
    further.Translate(0, 0, 11)
    further.Concatenate(cases.turned())
    pose.SetMatrixTransformToParent(further.GetMatrix())
    np.testing.assert_allclose(cases.positions(node, world=True)["prn"], np.add(before, (0, 0, 11)), atol=1e-6)


def test_a_volume_gets_a_skin_and_landmarks_on_it(
    application: Application, logic: Any, usual: dict[str, np.ndarray]
) -> None:
    volume = cases.face_volume_node(application)
    cases.under(application, volume, cases.turned(-40.0))
    node = logic.placeLandmarks(volume, "ibug68")
    skin = logic.landmarker.surface_of(node)
    assert skin.GetName() == "CT é skin" and skin.GetTransformNodeID() == volume.GetTransformNodeID()
    assert node.GetName() == "CT é landmarks" and node.GetTransformNodeID() == volume.GetTransformNodeID()
    assert skin_of(volume) is skin
    found = cases.positions(node)
    on_skin = vtk.vtkImplicitPolyDataDistance()
    on_skin.SetInput(skin.GetPolyData())
    assert max(abs(on_skin.EvaluateFunction(place)) for place in found.values()) < 0.01
    assert len(found) > 55 and np.median([np.linalg.norm(found[label] - usual[label]) for label in found]) < 2.0

    # By hand, into the same nodes: the pose is shown in the world.
    to_world = volume.GetParentTransformNode().GetTransformToParent()
    shown = {label: to_world.TransformPoint(usual[label] + 3.0) for label in ("ex_r", "ex_l", "prn")}
    assert logic.placeLandmarks(volume, "ibug68", node, initialLandmarks=shown) is node
    assert logic.landmarker.surface_of(node) is skin and len(cases.nodes_of(application, "Model")) == 1
    again = cases.positions(node)
    assert np.median([np.linalg.norm(again[label] - usual[label]) for label in again]) < 2.0


def test_a_finished_case_survives_mrb_and_can_be_placed_again(
    application: Application, logic: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = cases.face_model(application)
    cases.under(application, model, cases.turned())
    node = logic.placeLandmarks(model)
    parameters = logic.getParameterNode()
    parameters.inputNode, parameters.landmarks, parameters.seed = model, node, 3
    node.SetNthControlPointPosition(0, np.add(node.GetNthControlPointPosition(0), (0, 0, 2)))
    before, moved = cases.positions(node, world=True), moved_by_hand(node)
    assert application.scene.WriteToMRB(str(tmp_path / "case é.mrb"))

    other = Application(tmp_path / "other")
    monkeypatch.setattr(slicer, "mrmlScene", other.scene)
    assert other.scene.ReadFromMRB(str(tmp_path / "case é.mrb"), True)
    elsewhere = module.FacialLandmarks3DLogic()
    parameters = elsewhere.getParameterNode()
    read = parameters.landmarks
    assert parameters.seed == 3 and parameters.inputNode.GetName() == "Visage é"
    assert elsewhere.landmarker.surface_of(read) is parameters.inputNode
    after = cases.positions(read, world=True)
    assert set(after) == set(before)
    for label, place in before.items():
        np.testing.assert_allclose(after[label], place, atol=1e-3)
    assert moved_by_hand(read).keys() == moved.keys() and read_provenance(read) == read_provenance(node)
    assert elsewhere.landmarker.detection_of(read) is None
    assert elsewhere.placeLandmarks(parameters.inputNode, outputNode=read) is read and not moved_by_hand(read)


def test_undo_brings_back_what_a_detection_has_replaced(application: Application, logic: Any) -> None:
    scene = application.scene
    scene.SetUndoOn()
    node = application.add("MarkupsFiducial", "Mine")
    node.SetUndoEnabled(True)
    node.AddControlPoint([1.0, 2.0, 3.0], "mine")
    logic.placeLandmarks(cases.face_model(application), outputNode=node)
    assert node.GetNumberOfControlPoints() == 62
    scene.Undo()
    assert [node.GetNthControlPointLabel(place) for place in range(node.GetNumberOfControlPoints())] == ["mine"]
    assert node.GetNthControlPointPosition(0) == (1.0, 2.0, 3.0)


# --- without waiting ----------------------------------------------------------------------------------------------


def test_a_job_goes_on_when_it_is_polled_and_only_one_at_a_time(application: Application, logic: Any) -> None:
    model = cases.face_model(application)
    job = logic.placeLandmarks(model, wait=False)
    assert logic.landmarker.busy and not job.done and not cases.nodes_of(application, "MarkupsFiducial")
    with pytest.raises(RuntimeError, match="already"):
        logic.placeLandmarks(model)
    with pytest.raises(RuntimeError, match="still running"):
        job.result()
    finish(job)
    assert not logic.landmarker.busy and job.result() is cases.nodes_of(application, "MarkupsFiducial")[0]
    job.cancel()
    assert job.error is None


def test_a_large_surface_is_read_and_written_in_small_steps(application: Application, logic: Any) -> None:
    model = cases.face_model(application)
    finer = vtk.vtkLinearSubdivisionFilter()
    finer.SetInputData(model.GetPolyData())
    finer.SetNumberOfSubdivisions(2)
    finer.Update()
    model.SetAndObservePolyData(finer.GetOutput())
    job = logic.placeLandmarks(model, wait=False)
    steps = sum(1 for _step in job._source.write(job._folder))
    assert steps >= 4 and (job._folder / "surface.npz").stat().st_size > 8 << 20
    job.cancel()


def test_a_detection_that_is_cancelled_leaves_the_scene_as_it_was(application: Application, logic: Any) -> None:
    """While the volume is written, and while the worker works: there by a progress callback."""
    volume = cases.face_volume_node(application)
    before = application.scene.GetNumberOfNodes()
    job = logic.placeLandmarks(volume, wait=False)
    job.poll()
    job.cancel()
    jobs = [job, logic.placeLandmarks(volume, wait=False, progress=lambda stage, _f: stage == "skin" and cancel())]

    def cancel() -> None:
        jobs[1].cancel()

    finish(jobs[1])
    for job in jobs:
        assert job.done and isinstance(job.error, LandmarkingCancelled) and job.node is None
        assert not job._folder.exists()
    assert application.scene.GetNumberOfNodes() == before
    assert not logic.landmarker.busy and not shared_worker().busy


# --- what goes wrong ----------------------------------------------------------------------------------------------


def test_what_cannot_be_used_is_refused_before_anything_begins(application: Application, logic: Any) -> None:
    model, line = cases.face_model(application), application.add("MarkupsLine", "Line")
    empty, volume = application.add("Model", "Empty"), application.add("ScalarVolume", "No voxels")
    for arguments, message in (
        ((None,), "Select a model or a volume"),
        ((line,), "'Line' is a vtkMRMLMarkupsLineNode"),
        ((empty,), "'Empty' has no surface"),
        ((volume,), "'No voxels' has no voxels"),
        ((model, "dental"), "unknown landmark set 'dental'; use one of"),
        ((model, "clinical", line), "point list; 'Line'"),
    ):
        with pytest.raises(ValueError, match=message):
            logic.placeLandmarks(*arguments)
    for settings, message in (
        ({"device": "tpu"}, "device 'tpu'"),
        ({"seed": -1}, "seed"),
        ({"refine": "magic"}, "refinement mode 'magic'"),
        ({"weights": "/no/such.safetensors"}, "weights file"),
        ({"initialLandmarks": {"prn": (0, 0, 0)}}, "missing: ex_r, ex_l"),
        ({"initialLandmarks": {"prn": (0, 0), "ex_r": (0, 0, 0), "ex_l": (0, 0, 0)}}, "'prn' must be three finite"),
    ):
        with pytest.raises(ValueError, match=message):
            logic.placeLandmarks(model, **settings)
    assert not cases.nodes_of(application, "MarkupsFiducial") and not logic.landmarker.busy


def test_a_volume_that_has_no_place_in_the_world_is_refused(application: Application, logic: Any) -> None:
    volume = cases.volume_node(application, np.zeros((9, 9, 9), dtype=np.int16), vtk.vtkMatrix4x4())
    shear = vtk.vtkTransform()
    shear.SetMatrix([1, 0.4, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1])
    cases.under(application, volume, shear)
    with pytest.raises(ValueError, match="not perpendicular"):
        logic.placeLandmarks(volume)
    warp = application.add("Transform", "Warp")
    spline = vtk.vtkThinPlateSplineTransform()
    spline.SetBasisToR()
    for corner in np.ndindex(2, 2, 2):
        points = (spline.GetSourceLandmarks() or vtk.vtkPoints(), spline.GetTargetLandmarks() or vtk.vtkPoints())
        points[0].InsertNextPoint(*corner)
        points[1].InsertNextPoint(*(np.array(corner) * 1.1))
        spline.SetSourceLandmarks(points[0])
        spline.SetTargetLandmarks(points[1])
    warp.SetAndObserveTransformToParent(spline)
    volume.SetAndObserveTransformNodeID(warp.GetID())
    with pytest.raises(ValueError, match="'Warp' warps the volume"):
        logic.placeLandmarks(volume)


def test_where_there_is_no_face_no_node_is_left(application: Application, logic: Any) -> None:
    ball = vtk.vtkSphereSource()
    ball.SetRadius(90)
    ball.SetThetaResolution(40)
    ball.SetPhiResolution(40)
    ball.Update()
    model = application.add("Model", "Ball")
    model.SetAndObservePolyData(ball.GetOutput())
    before = application.scene.GetNumberOfNodes()
    with pytest.raises(RuntimeError) as caught:
        logic.placeLandmarks(model)
    assert isinstance(caught.value, LandmarkingError) and caught.value.kind == "FaceNotFoundError"
    assert "no face found" in str(caught.value).lower() and caught.value.reason[-1] in ".?"
    assert "FaceNotFoundError" in caught.value.details
    assert application.scene.GetNumberOfNodes() == before


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_worker_that_dies_is_an_error_and_the_next_one_works(application: Application, logic: Any) -> None:
    model = cases.face_model(application)
    kept = application.add("MarkupsFiducial", "Kept")
    kept.AddControlPoint([1.0, 2.0, 3.0], "mine")
    first = logic.placeLandmarks(model)
    process = logic.landmarker.worker()._process.pid
    os.kill(process, signal.SIGSTOP)  # held, so that it cannot end the detection before it is killed
    job = logic.placeLandmarks(model, outputNode=kept, wait=False)
    while job.identifier is None:  # until the worker has been asked
        job.poll()
    os.kill(process, signal.SIGKILL)
    error = finish(job).error
    assert isinstance(error, LandmarkingError) and error.kind == "Crashed" and "ended by the system" in str(error)
    assert "SIGKILL" in error.details and "SIGKILL" not in str(error)
    nodes = cases.nodes_of(application, "MarkupsFiducial")
    assert nodes == [kept, first] and cases.positions(kept).keys() == {"mine"}
    assert logic.placeLandmarks(model).GetNumberOfControlPoints() == 62


def test_a_scan_in_metres_gets_its_landmarks(
    application: Application, logic: Any, usual: dict[str, np.ndarray]
) -> None:
    """Slicer takes its numbers for millimetres; the command line takes such a scan, and so does the panel."""
    model = cases.face_model(application)
    points = model.GetPolyData().GetPoints()
    for place in range(points.GetNumberOfPoints()):
        points.SetPoint(place, *(0.001 * value for value in points.GetPoint(place)))
    job = logic.placeLandmarks(model, wait=False)
    node = finish(job).result()
    found = cases.positions(node)
    assert len(found) > 50
    assert max(np.linalg.norm(1000 * found[label] - usual[label]) for label in found if label in usual) < 1.5
    assert read_provenance(node).unit == "m" and any(" m" in note for note in job.warnings)
    place = node.GetControlPointIndexByLabel("prn")
    node.SetNthControlPointPosition(place, *(found["prn"] + (0.0, 0.0, 0.002)))
    assert moved_by_hand(node) == {"prn": pytest.approx(2.0, abs=1e-6)}


def test_an_input_that_is_moved_meanwhile_gets_no_landmarks(application: Application, logic: Any) -> None:
    model = cases.face_model(application)
    pose = cases.under(application, model, cases.turned())
    job = logic.placeLandmarks(model, wait=False)
    while job.stage == "preparing":
        job.poll()
    pose.SetMatrixTransformToParent(cases.turned(26.0).GetMatrix())
    error = finish(job).error
    assert isinstance(error, LandmarkingError) and "place the landmarks again" in str(error)
    assert not cases.nodes_of(application, "MarkupsFiducial")


def test_changes_of_the_input_are_noticed(application: Application, tmp_path: Path) -> None:
    model, volume = cases.face_model(application), cases.face_volume_node(application, spacing=6.0)
    for node in (model, volume):
        source = source_of(node)
        for _step in source.write(tmp_path):
            pass
        assert source.is_as_it_was()
        pose = cases.under(application, node, cases.turned())
        assert not source.is_as_it_was()
        node.SetAndObserveTransformNodeID(None)
        application.scene.RemoveNode(pose)
        assert source.is_as_it_was()
        if node is model:
            model.GetPolyData().GetPoints().SetPoint(0, 0, 0, 0)
            model.GetPolyData().GetPoints().Modified()
        else:
            volume.GetImageData().GetPointData().GetScalars().Modified()
        assert not source.is_as_it_was()
