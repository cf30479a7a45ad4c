"""The one case that is being reviewed: its scan comes into the scene, its corrections go to its file. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk

from ..messages import _
from ..scene.sources import write_skin
from .cases import Case
from .reviewed import CaseError, read_case, save_case, state_of

# Mesh files that Slicer's models read; sgcn_core reads the others of its list.
_OF_SLICER = (".obj", ".ply", ".stl", ".vtk", ".vtp")
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
    if path.suffix.lower() in _OF_SLICER:
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


class CaseSession:
    """Opens a case, saves it, and takes it away again.

    Parameters
    ----------
    scene : vtkMRMLScene
    load : callable, as :func:`load_scan`
    """

    def __init__(self, scene: Any, load: Callable[..., tuple[Any, list[Any]]] = load_scan) -> None:
        self._scene, self._load = scene, load
        self._ids: list[str] = []
        self._state = ""
        self.case: Case | None = None

    @property
    def node(self) -> Any:
        """The markups node of the case; None where there is no case, or the node was removed from the scene."""
        return self._scene.GetNodeByID(self._ids[-1]) if self._ids else None

    @property
    def changed(self) -> bool:
        """Whether something was corrected that is not saved."""
        node = self.node
        return node is not None and state_of(node) != self._state

    def open(self, case: Case) -> Any:
        """Load scan and landmarks of a case, which takes the place of the one before.

        Returns
        -------
        vtkMRMLMarkupsFiducialNode

        Raises
        ------
        CaseError
            It cannot be loaded; the scene is as if no case were open.
        """
        self.close()
        if not case.can_be_reviewed:
            raise CaseError(_("There are no landmarks of {name!r} yet.").format(name=case.name))
        surface, nodes = self._load(case, self._scene)
        node = self._scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", _("{case} landmarks").format(case=case.name))
        self._ids = [each.GetID() for each in (*nodes, node)]
        try:
            read_case(node, case.landmarks, surface)
        except (CaseError, ValueError):
            self.close()
            raise
        self.case, self._state = case, state_of(node)
        return node

    def save(self) -> None:
        """Write the corrections to the case's file; CaseError where that cannot be done."""
        node = self.node
        if node is None or self.case is None:
            raise CaseError(_("No case is open."))
        save_case(node, self.case.landmarks)
        self._state = state_of(node)

    def close(self) -> None:
        """Remove the nodes of the case, and what belongs to them, from the scene; nothing is saved."""
        for identifier in reversed(self._ids):
            node = self._scene.GetNodeByID(identifier)
            if node is not None:
                self._remove(node)
        self._ids, self._state, self.case = [], "", None

    def _remove(self, node: Any) -> None:
        displays = [node.GetNthDisplayNode(place) for place in range(node.GetNumberOfDisplayNodes())]
        storages = [node.GetNthStorageNode(place) for place in range(node.GetNumberOfStorageNodes())]
        self._scene.RemoveNode(node)
        for each in (*displays, *storages):
            if each is not None and each.GetScene() is not None:
                self._scene.RemoveNode(each)
