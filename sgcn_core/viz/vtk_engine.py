"""Drawing with VTK's OpenGL, which ends the process where system libraries are missing: see `subprocess_engine`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from vtkmodules import vtkRenderingCore, vtkRenderingOpenGL2
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkFloatArray, vtkPoints, vtkUnsignedCharArray
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData

from sgcn_core.viz.views import AMBIENT, BACKGROUND, LIGHTS, ColouredMesh, DrawnView, View


class VtkEngine:
    """An off-screen window that draws one view after the other.

    Parameters
    ----------
    window_class : str, optional
        For instance ``"vtkEGLRenderWindow"`` or ``"vtkOSOpenGLRenderWindow"``; VTK's own choice if empty.
    """

    def __init__(self, window_class: str = "") -> None:
        home = vtkRenderingOpenGL2 if window_class else vtkRenderingCore
        self._window = getattr(home, window_class or "vtkRenderWindow")()
        self._window.SetOffScreenRendering(1)
        self._window.SetMultiSamples(0)  # views are drawn larger and reduced, the same for every engine

    def describe(self) -> str:
        """What draws: the window's class and OpenGL's own name, after the first view."""
        lines = self._window.ReportCapabilities().splitlines()
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("OpenGL renderer string")]
        return " ".join([self._window.GetClassName(), *names[:1]])

    def draw(self, mesh: ColouredMesh, view: View) -> DrawnView:
        """Draw a mesh given in the head frame."""
        seen = view.mesh(mesh)
        renderer = vtkRenderingCore.vtkRenderer()
        renderer.SetBackground(*BACKGROUND)
        renderer.AddActor(_actor(seen))
        _light(renderer)
        near, far = _look(renderer, seen, view)
        self._window.SetSize(view.width, view.height)
        self._window.AddRenderer(renderer)
        self._window.Render()
        drawn = DrawnView(self._pixels(view), self._depth(view, near, far))
        self._window.RemoveRenderer(renderer)
        return drawn

    def _pixels(self, view: View) -> NDArray[np.uint8]:
        data = vtkUnsignedCharArray()
        self._window.GetPixelData(0, 0, view.width - 1, view.height - 1, 0, data, 0)
        rows = vtk_to_numpy(data).reshape(view.height, view.width, 3)
        return np.ascontiguousarray(rows[::-1])

    def _depth(self, view: View, near: float, far: float) -> NDArray[np.float32]:
        data = vtkFloatArray()
        self._window.GetZbufferData(0, 0, view.width - 1, view.height - 1, data)
        fraction = vtk_to_numpy(data).reshape(view.height, view.width)[::-1]
        depth = near + (far - near) * fraction
        return np.where(fraction >= 1.0, -np.inf, depth).astype(np.float32)


def _actor(seen: ColouredMesh) -> vtkRenderingCore.vtkActor:
    data = vtkPolyData()
    points = vtkPoints()
    points.SetData(numpy_to_vtk(seen.vertices, deep=True))
    data.SetPoints(points)
    cells = vtkCellArray()
    offsets = np.arange(0, 3 * len(seen.faces) + 1, 3)
    cells.SetData(
        numpy_to_vtkIdTypeArray(offsets.astype(np.int64), deep=True),
        numpy_to_vtkIdTypeArray(seen.faces.ravel().astype(np.int64), deep=True),
    )
    data.SetPolys(cells)
    data.GetPointData().SetNormals(numpy_to_vtk(seen.normals, deep=True))
    data.GetPointData().SetScalars(numpy_to_vtk((seen.colours * 255 + 0.5).astype(np.uint8), deep=True))
    mapper = vtkRenderingCore.vtkPolyDataMapper()
    mapper.SetInputData(data)
    actor = vtkRenderingCore.vtkActor()
    actor.SetMapper(mapper)
    surface = actor.GetProperty()
    surface.SetInterpolationToPhong()
    surface.SetAmbient(1.0 - seen.shading * (1.0 - AMBIENT))
    surface.SetDiffuse(seen.shading)
    surface.SetSpecular(0.08 * seen.shading)
    surface.SetSpecularPower(25)
    return actor


def _light(renderer: vtkRenderingCore.vtkRenderer) -> None:
    renderer.AutomaticLightCreationOff()
    for position, strength in LIGHTS:
        light = vtkRenderingCore.vtkLight()
        light.SetLightTypeToSceneLight()
        light.SetPositional(False)
        light.SetFocalPoint(0, 0, 0)
        light.SetPosition(*position)
        light.SetIntensity(strength)
        renderer.AddLight(light)


def _look(renderer: vtkRenderingCore.vtkRenderer, seen: ColouredMesh, view: View) -> tuple[float, float]:
    """Set the camera; returns the depth (mm towards the viewer) of the near and of the far plane."""
    near, far = seen.vertices[:, 2].max() + 10.0, seen.vertices[:, 2].min() - 10.0
    camera = renderer.GetActiveCamera()
    camera.ParallelProjectionOn()
    camera.SetPosition(0, 0, near + 10.0)
    camera.SetFocalPoint(0, 0, near)
    camera.SetViewUp(0, 1, 0)
    camera.SetParallelScale(view.height / 2 / view.scale)
    camera.SetClippingRange(10.0, near + 10.0 - far)
    return float(near), float(far)
