"""Draw the pictures of the Slicer extension again: Resources/Screenshots/*.png.

The module's own logic places the landmarks, through its worker, on the face that comes with the package; Slicer's own
displayable managers draw them, off-screen. Needs the package slicer-core; where PyTorch is in another Python,
SGCN_WORKER_PYTHON names that one.

python research/figures/make_slicer_pictures.py
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import vtk
from scipy.ndimage import gaussian_filter

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / folder) for folder in (".", "Testing/extension", "Testing/support")]

import slicer_cases as cases
from face_volume import face_volume
from planning_cases import Pair
from slicer_scene import Application, slicer
from slicer_view import ThreeDView
from small_png import save_small

import FacialLandmarks3D as module  # isort: skip
from FacialLandmarks3DLib.messages import counts_sentence
from FacialLandmarks3DLib.review.heatmap import HeatmapOverlay, HeatmapRequest
from FacialLandmarks3DLib.review.labels import ViewLabels
from FacialLandmarks3DLib.review.manual_pose import ManualPose
from FacialLandmarks3DLib.review.rows import rows_of
from FacialLandmarks3DLib.scene.detected import counts_of, detected_landmarks
from FacialLandmarks3DLib.worker.keeper import close_shared_worker

from sgcn_core.io.meshes import read_surface

SAMPLE = ROOT / "FacialLandmarks3D" / "Resources" / "SampleData" / "FacialLandmarks3DFace.ply"
FOLDER = ROOT / "Resources" / "Screenshots"
SKIN = (0.87, 0.72, 0.62)
SIZE = (760, 760)
CENTRE = (0.0, 15.0, -6.0)  # of the sample face, RAS
DISTANCE = 500.0
HEATMAP_OF = "go_r"
VOXEL_MM, SCANNER_BLUR = 1.0, 1.0


class Desk:
    """A scene with a 3D view, and the module's logic."""

    def __init__(self) -> None:
        self._cache = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.application = Application(Path(self._cache.name))
        slicer.mrmlScene = self.application.scene  # a logic works on the scene of its making
        self.logic = module.FacialLandmarks3DLogic()
        self.view = ThreeDView(self.application, SIZE)
        self.view.look(CENTRE, DISTANCE, turn=20)

    def sample(self) -> Any:
        """The sample face."""
        model = self.application.models.AddModel(str(SAMPLE), slicer.vtkMRMLStorageNode.CoordinateSystemLPS)
        model.GetDisplayNode().SetColor(*SKIN)
        return model

    def save(self, name: str) -> None:
        """Draw the view."""
        print(save_small(self.view.image(), FOLDER / name))


def landmarks_on_the_sample(desk: Desk) -> None:
    """The result, and the heatmap of one landmark."""
    model = desk.sample()
    node = desk.logic.placeLandmarks(model)
    print(counts_sentence(counts_of(detected_landmarks(node).values())))
    desk.save("landmarks.png")

    request, heatmap = HeatmapRequest(desk.logic.landmarker.worker), None
    request.start(desk.logic.landmarker.detection_of(node), HEATMAP_OF)
    while heatmap is None:
        heatmap = request.poll()
        time.sleep(0.01)
    HeatmapOverlay().show(model, HEATMAP_OF, heatmap.values)
    for place in range(node.GetNumberOfControlPoints()):
        node.SetNthControlPointVisibility(place, node.GetNthControlPointLabel(place) == HEATMAP_OF)
    desk.view.look(CENTRE, DISTANCE, turn=45)
    desk.save("heatmap.png")


def landmarks_to_check(desk: Desk) -> None:
    """A scan that ends at the cheeks and at the forehead: some landmarks are uncertain, others missing."""
    model = desk.sample()
    model.SetAndObservePolyData(narrow_scan(model.GetPolyData()))
    node = desk.logic.placeLandmarks(model)
    print(counts_sentence(counts_of(detected_landmarks(node).values())))
    ViewLabels(node).update(rows_of(node), None, show_all=False)  # as the panel shows them
    desk.save("uncertain.png")


def narrow_scan(face: vtk.vtkPolyData) -> vtk.vtkPolyData:
    """What lies in front of an upright plane and below the hair line."""
    for origin, normal in (((0, -10, 0), (0, 1, 0)), ((0, 0, 55), (0, 0, -1))):
        plane, clip = vtk.vtkPlane(), vtk.vtkClipPolyData()
        plane.SetOrigin(*origin)
        plane.SetNormal(*normal)
        clip.SetClipFunction(plane)
        clip.SetInputData(face)
        clip.Update()
        face = clip.GetOutput()
    return face


def points_for_the_pose(desk: Desk) -> None:
    """The three points that tell how the head is turned."""
    model = desk.sample()
    node = desk.logic.placeLandmarks(model)
    found = cases.positions(node, world=True)
    node.GetDisplayNode().SetVisibility(False)
    pose = ManualPose(desk.application.scene)
    points = pose.start(model)
    for place in range(points.GetNumberOfControlPoints()):
        points.SetNthControlPointPositionWorld(place, *found[points.GetNthControlPointLabel(place)])
    desk.application.scene.GetNodeByID("vtkMRMLInteractionNodeSingleton").SwitchToViewTransformMode()
    desk.save("pose.png")


def landmarks_on_a_volume(desk: Desk) -> None:
    """The skin that is taken from a volume, with landmarks, and a slice of the volume behind it."""
    voxels, origin = face_volume(read_surface(SAMPLE), VOXEL_MM)
    blurred = gaussian_filter(voxels.astype(np.float32), SCANNER_BLUR).round().astype(np.int16)
    matrix = vtk.vtkMatrix4x4()
    for axis, sign in enumerate((-1, -1, 1)):  # from LPS to RAS
        matrix.SetElement(axis, axis, sign * VOXEL_MM)
        matrix.SetElement(axis, 3, sign * origin[axis])
    volume = cases.volume_node(desk.application, blurred, matrix, "CT")
    volume.CreateDefaultDisplayNodes()
    print(counts_sentence(counts_of(detected_landmarks(desk.logic.placeLandmarks(volume)).values())))
    _slice = show_coronal_slice(desk, volume, offset=-75.0)
    desk.view.look(CENTRE, 1.15 * DISTANCE, turn=30, tilt=12)
    desk.save("volume.png")


def measurements_and_a_change(desk: Desk) -> None:
    """The lines of analyses, the plane and the displacements; then the map of the change."""
    pair = Pair(desk.application)
    for model in (pair.face, pair.face_after):
        model.GetDisplayNode().SetColor(*SKIN)
    for node in (pair.before, pair.after):
        node.GetDisplayNode().SetVisibility(False)
    pair.face_after.GetDisplayNode().SetVisibility(False)
    planning = pair.planning
    planning.measure(["farkas", "ricketts"])
    planning.fit_plane()
    print(planning.compare(pair.after, pair.face_after))
    desk.view.look(CENTRE, DISTANCE, turn=45)
    desk.save("planning.png")
    planning.clear()
    print(planning.change_map(pair.after, pair.face_after))
    planning.nodes.remove("midsagittal plane")
    pair.face.GetDisplayNode().SetVisibility(False)
    pair.face_after.GetDisplayNode().SetVisibility(True)
    desk.view.look(CENTRE, DISTANCE, turn=20)
    desk.save("change.png")


def show_coronal_slice(desk: Desk, volume: Any, *, offset: float) -> Any:
    """Show a slice in the 3D view, as the eye in Slicer's slice views does; it lives as long as what is returned."""
    logic = slicer.vtkMRMLSliceLogic()
    logic.SetMRMLApplicationLogic(desk.application.logic)
    logic.SetMRMLScene(desk.application.scene)
    node = logic.AddSliceNode("Green")
    logic.GetSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())
    node.SetOrientationToCoronal()
    logic.FitSliceToAll(*SIZE)
    logic.SetSliceOffset(offset)
    node.SetSliceVisible(True)
    logic.UpdatePipeline()
    return logic


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    pictures = (
        landmarks_on_the_sample,
        landmarks_to_check,
        points_for_the_pose,
        landmarks_on_a_volume,
        measurements_and_a_change,
    )
    desks = [Desk() for _picture in pictures]
    for desk, draw in zip(desks, pictures, strict=True):
        draw(desk)
    close_shared_worker()
    sys.stdout.flush()
    os._exit(0)  # slicer-core crashes while it takes displayable managers down


if __name__ == "__main__":
    main()
