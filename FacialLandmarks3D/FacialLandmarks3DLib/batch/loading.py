"""The scan of a case as nodes of the scene, to look at its landmarks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk

from ..skin_node import write_skin
from ..translation import _
from .cases import Case
from .reviewed import CaseError

# Mesh files that Slicer's models do not read, but sgcn_core does.
_NOT_OF_SLICER = (".off", ".glb", ".gltf", ".xyz")
_COLOR = (0.87, 0.72, 0.62)

Load = Callable[[str], Any]


def load_scan(
    case: Case, scene: Any, *, load_model: Load | None = None, load_volume: Load | None = None
) -> tuple[Any, list[Any]]:
    """Load the scan of a case.

    Parameters
    ----------
    case : Case
    scene : vtkMRMLScene
    load_model, load_volume : callable, optional
        Path of a file to a node; those of ``slicer.util`` by default.

    Returns
    -------
    tuple
        The model node that the landmarks lie on, and all nodes that were loaded.

    Raises
    ------
    CaseError
        The scan, or the skin of a volume, is not there any more or cannot be read.
    """
    try:
        if case.skin is None:
            model = _model(case.source, scene, load_model or slicer.util.loadModel)
            return model, [model]
        return _volume_with_skin(case, scene, load_volume or slicer.util.loadVolume)
    except (RuntimeError, OSError, ValueError) as error:
        raise CaseError(
            _("{path} cannot be loaded for review: {reason}").format(path=case.source, reason=error)
        ) from error


def _model(path: Path, scene: Any, load: Load) -> Any:
    if path.suffix.lower() not in _NOT_OF_SLICER:
        return load(str(path))
    from sgcn_core.geometry.vtk_bridge import to_polydata
    from sgcn_core.io.meshes import read_surface

    surface = read_surface(path).in_frame("RAS")
    model = scene.AddNewNodeByClass("vtkMRMLModelNode", path.stem)
    model.SetAndObservePolyData(to_polydata(surface.vertices, surface.faces))
    model.CreateDefaultDisplayNodes()
    model.GetDisplayNode().SetColor(*_COLOR)
    return model


def _volume_with_skin(case: Case, scene: Any, load: Load) -> tuple[Any, list[Any]]:
    assert case.skin is not None
    if not case.skin.is_file():
        raise CaseError(_("there is no {path}; run the batch on this case again").format(path=case.skin))
    volume = _dicom_volume(case.source, scene) if case.source.is_dir() else load(str(case.source))
    skin = write_skin(None, volume, case.skin)
    return skin, [volume, skin]


def _dicom_volume(folder: Path, scene: Any) -> Any:
    """The series that the landmarks were placed on; Slicer's own reader may choose another one of the folder."""
    from sgcn_core.io.volumes import read_volume

    read = read_volume(folder)
    image = vtk.vtkImageData()
    image.SetDimensions(read.array.shape[::-1])
    scalars = numpy_to_vtk(np.ascontiguousarray(read.array).reshape(-1), deep=True)
    scalars.SetName("ImageScalars")
    image.GetPointData().SetScalars(scalars)
    to_ras = vtk.vtkMatrix4x4()
    to_ras.DeepCopy((np.diag([-1.0, -1.0, 1.0, 1.0]) @ read.index_to_physical).ravel())
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", folder.name)
    volume.SetAndObserveImageData(image)
    volume.SetIJKToRASMatrix(to_ras)
    volume.CreateDefaultDisplayNodes()
    return volume
