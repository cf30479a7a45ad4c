"""A scene of the real application's classes, without Qt: package slicer-core. Tests skip where it is absent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vtk

slicer = pytest.importorskip("slicer", reason="slicer-core is not installed")
if not hasattr(slicer, "vtkMRMLModelStorageNode"):
    pytest.skip("this 'slicer' has no model classes", allow_module_level=True)


class Application:
    """A scene with the logics that markups, models and MRB files need; they live as long as this object."""

    def __init__(self, cache: Path) -> None:
        cache.mkdir(exist_ok=True)
        self.scene = slicer.vtkMRMLScene()
        self._application = slicer.vtkSlicerApplicationLogic()
        self._application.SetMRMLScene(self.scene)
        self._application.GetColorLogic().SetMRMLScene(self.scene)
        self._application.GetColorLogic().AddDefaultColorNodes()
        self._remote, self._manager = slicer.vtkMRMLRemoteIOLogic(), slicer.vtkDataIOManagerLogic()
        for logic in (self._remote, self._manager):
            logic.SetMRMLScene(self.scene)
            logic.SetMRMLApplicationLogic(self._application)
        self._remote.GetCacheManager().SetRemoteCacheDirectory(str(cache))
        self._manager.SetAndObserveDataIOManager(self._remote.GetDataIOManager())
        self._remote.AddDataIOToScene()
        self._logics = [self._logic("Markups", slicer.vtkSlicerMarkupsLogic())]
        self.models = self._logic("Models", slicer.vtkSlicerModelsLogic())

    def _logic(self, name: str, logic: Any) -> Any:
        logic.SetMRMLApplicationLogic(self._application)
        logic.SetMRMLScene(self.scene)
        self._application.SetModuleLogic(name, logic)
        return logic

    def add(self, kind: str, name: str) -> Any:
        """A new node of the class ``vtkMRML...Node``."""
        return self.scene.AddNewNodeByClass(f"vtkMRML{kind}Node", name)

    @property
    def logic(self) -> Any:
        """The vtkSlicerApplicationLogic."""
        return self._application

    @property
    def hierarchy(self) -> Any:
        """The subject hierarchy."""
        return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(self.scene)


def warped(application: Application, node: Any) -> Callable[[np.ndarray], np.ndarray]:
    """Put a node under a warp; returns what that does to points (P, 3)."""
    source, target = vtk.vtkPoints(), vtk.vtkPoints()
    for corner in np.ndindex(2, 2, 2):
        place = np.array(corner) * 200.0 - 100.0
        source.InsertNextPoint(place)
        target.InsertNextPoint(place + 6.0 * np.sin(place[[1, 2, 0]] * (1 + corner[0])))
    spline = vtk.vtkThinPlateSplineTransform()
    spline.SetSourceLandmarks(source)
    spline.SetTargetLandmarks(target)
    spline.SetBasisToR()
    parent = application.add("Transform", "Warp")
    parent.SetAndObserveTransformToParent(spline)
    node.SetAndObserveTransformNodeID(parent.GetID())
    return lambda points: np.array([spline.TransformPoint(point) for point in points])
