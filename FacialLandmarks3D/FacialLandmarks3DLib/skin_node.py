"""The skin of a volume as a model node beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import vtk
from vtk.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray

from .provenance import PREFIX
from .subject_hierarchy import place_beside
from .translation import _
from .volume_file import world_geometry

_ROLE = PREFIX + "volume"
_COLOR = (0.87, 0.72, 0.62)


def skin_of(volume: Any) -> Any:
    """The model node of an earlier detection on a volume, None where there is none."""
    scene = volume.GetScene()
    for place in range(scene.GetNumberOfNodesByClass("vtkMRMLModelNode")):
        model = scene.GetNthNodeByClass(place, "vtkMRMLModelNode")
        if model.GetNodeReferenceID(_ROLE) == volume.GetID():
            return model
    return None


def write_skin(model: Any, volume: Any, file: Path) -> Any:
    """Give a model node, a new one where there is none, the surface of a file.

    It moves with the volume: it has the same parent transform and stands beside it in the subject hierarchy.

    Parameters
    ----------
    model : vtkMRMLModelNode or None
    volume : vtkMRMLScalarVolumeNode
    file : Path
        A surface file of the worker, in the world.
    """
    with np.load(file, allow_pickle=False) as archive:
        points, triangles = archive["points"], archive["triangles"]
    back = np.linalg.inv(world_geometry(volume)[0])
    if np.linalg.det(back[:3, :3]) < 0:  # outward stays outward
        triangles = triangles[:, ::-1]
    polydata = _polydata(points @ back[:3, :3].T + back[:3, 3], triangles)
    if model is None:
        name = _("{volume} skin").format(volume=volume.GetName())
        model = volume.GetScene().AddNewNodeByClass("vtkMRMLModelNode", name)
        model.SetNodeReferenceID(_ROLE, volume.GetID())
    model.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
    model.SetAndObservePolyData(polydata)
    if model.GetDisplayNode() is None:
        model.CreateDefaultDisplayNodes()
        model.GetDisplayNode().SetColor(*_COLOR)
    place_beside(model, volume)
    return model


def _polydata(points: np.ndarray, triangles: np.ndarray) -> vtk.vtkPolyData:
    places, cells, polydata = vtk.vtkPoints(), vtk.vtkCellArray(), vtk.vtkPolyData()
    places.SetData(numpy_to_vtk(np.ascontiguousarray(points, dtype=np.float64), deep=True))
    offsets = np.arange(0, 3 * len(triangles) + 1, 3, dtype=np.int64)
    corners = np.ascontiguousarray(triangles, dtype=np.int64).ravel()
    cells.SetData(numpy_to_vtkIdTypeArray(offsets, deep=True), numpy_to_vtkIdTypeArray(corners, deep=True))
    polydata.SetPoints(places)
    polydata.SetPolys(cells)
    return polydata
