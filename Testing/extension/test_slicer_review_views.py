"""The review in the views, on real nodes of slicer-core: jumping, the heatmap's colours, three points by hand."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vtk

pytest.importorskip("slicer", reason="slicer-core is not installed")

import review_cases as cases
from FacialLandmarks3DLib.review.heatmap import ARRAY_PREFIX, HeatmapOverlay
from FacialLandmarks3DLib.review.manual_pose import NODE_NAME, POSE_POINTS, ManualPose
from FacialLandmarks3DLib.review.session import Review
from FacialLandmarks3DLib.scene.nodes import ReviewError
from FacialLandmarks3DLib.scene.overlay import recover_look
from slicer_scene import Application, slicer
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")


# --- jumping ------------------------------------------------------------------------------------------------------


def test_all_views_go_to_a_landmark_and_look_from_where_they_did(application: Application) -> None:
    _model, node = cases.finished_case(application)
    slices = []
    for name, orientation in (("Red", "Axial"), ("Green", "Coronal")):
        view = slicer.vtkMRMLSliceNode()
        view.SetName(name)
        view.SetLayoutName(name)
        application.scene.AddNode(view)
        view.SetOrientation(orientation)
        slices.append(view)
    camera = application.add("Camera", "Camera")
    camera.SetFocalPoint(0, 0, 0)
    camera.SetPosition(0, 500, 30)
    review = Review(node)
    target = cases.world_position(node, "en_r")
    assert review.jump("en_r")
    for view in slices:
        matrix = view.GetSliceToRAS()
        np.testing.assert_allclose([matrix.GetElement(axis, 3) for axis in range(3)], target, atol=1e-3)
    np.testing.assert_allclose(camera.GetFocalPoint(), target, atol=1e-6)
    np.testing.assert_allclose(np.subtract(camera.GetPosition(), target), (0, 500, 30), atol=1e-6)
    assert node.GetDisplayNode().GetActiveControlPoint("") == node.GetControlPointIndexByLabel("en_r")
    before = camera.GetFocalPoint()
    assert not review.jump("ch_l") and camera.GetFocalPoint() == before


# --- the heatmap's colours ----------------------------------------------------------------------------------------


def look_of(model: Any) -> tuple[Any, ...]:
    display, data = model.GetDisplayNode(), model.GetPolyData().GetPointData()
    return (
        display.GetActiveScalarName(),
        display.GetActiveAttributeLocation(),
        display.GetScalarVisibility(),
        display.GetColorNodeID() or None,
        display.GetScalarRangeFlag(),
        display.GetScalarRange(),
        display.GetTextureImageDataConnection(),
        model.GetActivePointScalarName(vtk.vtkDataSetAttributes.SCALARS),
        [data.GetArrayName(number) for number in range(data.GetNumberOfArrays())],
        model.GetAttribute("FacialLandmarks3D.look_before_heatmap"),
    )


def plain(model: Any) -> None:
    """As loaded."""


def colored(model: Any) -> None:
    """With scalars of the user's own, and another array beside them."""
    count = model.GetPolyData().GetNumberOfPoints()
    for name in ("Curvature", "Thickness"):
        column = numpy_to_vtk(np.linspace(-1, 1, count), deep=True)
        column.SetName(name)
        model.AddPointScalars(column)
    display = model.GetDisplayNode()
    display.SetActiveScalar("Curvature", vtk.vtkAssignAttribute.POINT_DATA)
    display.SetAndObserveColorNodeID("vtkMRMLColorTableNodeRainbow")
    display.SetScalarRangeFlag(display.UseManualScalarRange)
    display.SetScalarRange(-0.5, 0.25)
    display.SetScalarVisibility(True)


def textured(model: Any) -> None:
    """As a photograph is put on."""
    image = vtk.vtkImageCanvasSource2D()
    image.SetNumberOfScalarComponents(3)
    image.SetExtent(0, 3, 0, 3, 0, 0)
    model.GetDisplayNode().SetTextureImageDataConnection(image.GetOutputPort())


def node_ids(application: Application) -> list[str]:
    return [node.GetID() for node in application.scene.GetNodes()]


@pytest.mark.parametrize("prepare", [plain, colored, textured])
def test_the_heatmap_colours_the_model_and_leaves_nothing_behind(application: Application, prepare: Any) -> None:
    model = cases.model_in(application)
    prepare(model)
    before, overlay, nodes = look_of(model), HeatmapOverlay(), len(node_ids(application))
    values = np.linspace(0, 0.8, model.GetPolyData().GetNumberOfPoints())
    for label in ("prn", "en_r"):
        assert overlay.show(model, label, values) == pytest.approx(0.8)
        display = model.GetDisplayNode()
        assert display.GetActiveScalarName() == ARRAY_PREFIX + label and display.GetScalarVisibility()
        assert display.GetScalarRange() == pytest.approx((0.0, 0.8)) and display.GetColorNode() is not None
        assert display.GetTextureImageDataConnection() is None
        shown = vtk_to_numpy(display.GetActiveScalarArray())
        np.testing.assert_allclose(shown, values, atol=1e-6)
        arrays = look_of(model)[-2]
        assert [name for name in arrays if name.startswith(ARRAY_PREFIX)] == [ARRAY_PREFIX + label]
        assert display.GetColorNode().GetName() == "LandmarkHeatmap" and nodes + 1 == len(node_ids(application))
    overlay.hide()
    assert look_of(model) == before and overlay.model is None and nodes == len(node_ids(application))
    overlay.hide()
    assert look_of(model) == before


def test_a_heatmap_of_another_surface_is_refused(application: Application) -> None:
    model = cases.model_in(application)
    before = look_of(model)
    with pytest.raises(ReviewError, match="changed since the detection"):
        HeatmapOverlay().show(model, "prn", np.zeros(7))
    assert look_of(model) == before


def test_a_faint_heatmap_is_not_blown_up(application: Application) -> None:
    model = cases.model_in(application)
    HeatmapOverlay().show(model, "prn", np.full(model.GetPolyData().GetNumberOfPoints(), 1e-6))
    assert model.GetDisplayNode().GetScalarRange() == pytest.approx((0.0, 0.05))


def test_a_scene_saved_with_the_heatmap_on_gets_its_look_back(application: Application, tmp_path: Path) -> None:
    model = cases.model_in(application)
    colored(model)
    before = look_of(model)
    HeatmapOverlay().show(model, "prn", np.linspace(0, 1, model.GetPolyData().GetNumberOfPoints()))
    assert application.scene.WriteToMRB(str(tmp_path / "case.mrb"))
    again = Application(tmp_path / "second cache")
    assert again.scene.ReadFromMRB(os.fspath(tmp_path / "case.mrb"), True)
    model = again.scene.GetFirstNodeByName("Visage é")
    assert model.GetDisplayNode().GetActiveScalarName() == ARRAY_PREFIX + "prn"
    recover_look(model)
    after = look_of(model)
    assert after[:6] == before[:6] and not any(name.startswith(ARRAY_PREFIX) for name in after[-2])


def test_a_model_that_is_gone_is_no_obstacle(application: Application) -> None:
    model, overlay = cases.model_in(application), HeatmapOverlay()
    overlay.show(model, "prn", np.zeros(model.GetPolyData().GetNumberOfPoints()))
    application.scene.RemoveNode(model)
    overlay.hide()
    assert model.GetPolyData().GetPointData().GetNumberOfArrays() == 0


# --- three points by hand -----------------------------------------------------------------------------------------


def place(node: Any, label: str, position: tuple[float, float, float]) -> None:
    node.SetNthControlPointPositionWorld(node.GetControlPointIndexByLabel(label), *position)


POSITIONS = {"ex_r": (45.0, 10.0, 20.0), "ex_l": (-45.0, 10.0, 20.0), "prn": (0.0, 50.0, -20.0)}


def test_three_points_tell_the_pose_in_the_world(application: Application) -> None:
    model = cases.model_in(application)
    cases.transformed(application, model)
    pose = ManualPose(application.scene)
    assert pose.node is None and pose.next_point() is None and pose.initial_landmarks() is None and not pose.valid
    node = pose.start(model)
    assert node.GetName() == NODE_NAME and node.GetTransformNodeID() == model.GetTransformNodeID()
    assert [node.GetNthControlPointLabel(number) for number in range(3)] == list(POSE_POINTS) == list(POSITIONS)
    assert node.GetNthControlPointDescription(2) == "tip of the nose" and node.GetFixedNumberOfControlPoints()
    interaction = application.scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    assert interaction.GetCurrentInteractionMode() == interaction.Place and interaction.GetPlaceModePersistence()
    for label, position in POSITIONS.items():
        assert pose.next_point() == label and pose.initial_landmarks() is None
        place(node, label, position)
    found = pose.initial_landmarks()
    assert list(found) == list(POSITIONS) and pose.valid
    for label, position in POSITIONS.items():
        np.testing.assert_allclose(found[label], position, atol=1e-6)
        assert all(type(value) is float for value in found[label])


def test_there_is_one_node_and_what_is_placed_stays(application: Application, tmp_path: Path) -> None:
    pose = ManualPose(application.scene)
    place(pose.start(), "ex_r", POSITIONS["ex_r"])
    model = cases.model_in(application)
    cases.transformed(application, model)
    assert pose.start(model) is pose.node and pose.next_point() == "ex_l"
    np.testing.assert_allclose(cases.world_position(pose.node, "ex_r"), POSITIONS["ex_r"], atol=1e-6)
    assert application.scene.WriteToMRB(str(tmp_path / "case.mrb"))
    again = Application(tmp_path / "second cache")
    assert again.scene.ReadFromMRB(os.fspath(tmp_path / "case.mrb"), True)
    assert ManualPose(again.scene).next_point() == "ex_l"
    pose.clear()
    assert pose.node is None and application.scene.GetFirstNodeByName(NODE_NAME) is None
    pose.clear()


def test_three_points_in_a_line_are_no_pose(application: Application) -> None:
    pose = ManualPose(application.scene)
    node = pose.start()
    for label, position in {**POSITIONS, "prn": (2.0, 10.5, 20.0)}.items():
        place(node, label, position)
    assert pose.initial_landmarks() is not None and pose.is_line() and not pose.valid
    for label in POSITIONS:
        place(node, label, (1.0, 1.0, 1.0))
    assert not pose.valid
