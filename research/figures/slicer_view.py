"""A 3D view of Slicer without a window: the application's own displayable managers, drawn off-screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import slicer
import vtk
from PIL import Image
from vtk.util.numpy_support import vtk_to_numpy

MANAGERS = (
    "vtkMRMLViewDisplayableManager",
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLColorLegendDisplayableManager",
)
# Slicer's own background of 3D views, see vtkMRMLViewNode.
_BACKGROUND = (0.7568627450980392, 0.7647058823529412, 0.9098039215686275)
_BACKGROUND_2 = (0.4549019607843137, 0.4705882352941176, 0.7450980392156863)


class ThreeDView:
    """Draws the scene as Slicer's 3D view does.

    Parameters
    ----------
    application : Application of Testing/slicer_scene.py
    size : int, int
        Pixels.
    """

    def __init__(self, application: Any, size: tuple[int, int]) -> None:
        self._scene, self._size = application.scene, size
        self.window, self._renderer = vtk.vtkRenderWindow(), vtk.vtkRenderer()
        self.window.SetOffScreenRendering(True)
        self.window.SetSize(*size)
        self.window.SetMultiSamples(8)
        self.window.AddRenderer(self._renderer)
        self._interactor = vtk.vtkRenderWindowInteractor()
        self._interactor.SetRenderWindow(self.window)
        self._interactor.SetInteractorStyle(vtk.vtkInteractorStyleUser())
        self._interactor.Initialize()
        self._add_managers(application.logic)

    def _add_managers(self, logic: Any) -> None:
        node = self._scene.AddNewNodeByClass("vtkMRMLViewNode", "View1")
        node.SetLayoutName("1")
        node.SetBoxVisible(False)
        node.SetAxisLabelsVisible(False)
        node.SetBackgroundColor(*_BACKGROUND)
        node.SetBackgroundColor2(*_BACKGROUND_2)
        self.camera = self._scene.AddNewNodeByClass("vtkMRMLCameraNode", "Camera")
        self.camera.SetLayoutName("1")
        factory = slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance()
        factory.SetMRMLApplicationLogic(logic)
        for name in MANAGERS:
            if not factory.IsDisplayableManagerRegistered(name):
                factory.RegisterDisplayableManager(name)
        self._managers = slicer.vtkMRMLDisplayableManagerGroup()
        self._managers.Initialize(factory, self._renderer)
        self._managers.SetMRMLDisplayableNode(node)

    def look(self, towards: Sequence[float], distance: float, turn: float = 0.0, tilt: float = 0.0) -> None:
        """Look at a face that is upright in the patient's axes, from the front.

        Parameters
        ----------
        towards : RAS, mm
        distance : mm
        turn, tilt : degrees; positive turns show more of the subject's right, positive tilts look from above
        """
        camera = self.camera.GetCamera()
        camera.SetFocalPoint(*towards)
        camera.SetPosition(towards[0], towards[1] + distance, towards[2])
        camera.SetViewUp(0, 0, 1)
        camera.Azimuth(-turn)
        camera.Elevation(tilt)
        camera.OrthogonalizeViewUp()

    def image(self) -> Image.Image:
        """What the view shows now."""
        self._renderer.ResetCameraClippingRange()  # how far points shine through depends on it
        for _pass in range(2):  # the labels are placed by what the first pass has drawn
            self.window.Render()
        grab = vtk.vtkWindowToImageFilter()
        grab.SetInput(self.window)
        grab.ReadFrontBufferOff()
        grab.Update()
        width, height = self._size
        pixels = vtk_to_numpy(grab.GetOutput().GetPointData().GetScalars()).reshape(height, width, -1)
        return Image.fromarray(pixels[::-1, :, :3].copy())
