"""What landmarks can be placed on: a model, or a volume whose skin becomes a model beside it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import vtk
from vtk.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray

from ..messages import _
from .files import UnusableVolumeError, check_volume, surface_file_steps, volume_file_steps, world_geometry
from .nodes import one_event, place_beside
from .provenance import PREFIX
from .world_surface import check_model, transform_to_world, world_surface_steps

# Positions of now and of the start differ by rounding only where nobody has moved anything.
_STILL_MM = 1e-6
_VOLUME = PREFIX + "volume"
_COLOR = (0.87, 0.72, 0.62)


class Source(Protocol):
    """A node that landmarks are placed on.

    Attributes
    ----------
    node : the node chosen
    mirrored : whether its transforms turn left into right
    warnings : texts for the user
    frame : of the coordinates that the worker gets and gives
    """

    node: Any
    mirrored: bool
    warnings: tuple[str, ...]
    frame: str

    def write(self, folder: Path) -> Iterator[None]:
        """Write the worker's input in small steps."""

    def fields(self) -> dict[str, Any]:
        """Of the request: what to read, and what to write beside the landmarks."""

    def is_as_it_was(self) -> bool:
        """Whether the node has neither been moved nor changed since it was written."""

    def surface_steps(self) -> Generator[None, None, Any]:
        """The model node that the landmarks lie on, with the surface that was detected on, in small steps."""


def source_of(node: Any) -> Source:
    """The source for a node.

    Raises
    ------
    ValueError
        No node, one of another kind, or one that holds nothing.
    """
    if node is None:
        raise ValueError(_("Select a model or a volume to place landmarks on."))
    if node.IsA("vtkMRMLModelNode"):
        return ModelSource(node)
    if node.IsA("vtkMRMLScalarVolumeNode"):
        return VolumeSource(node)
    raise ValueError(
        _("Landmarks are placed on models and volumes; {name!r} is a {kind}.").format(
            name=node.GetName(), kind=node.GetClassName()
        )
    )


class ModelSource:
    """The surface of a model node."""

    frame = "RAS"

    def __init__(self, node: Any) -> None:
        check_model(node)
        self.node, self.mirrored = node, False
        self.warnings: tuple[str, ...] = ()
        self._file: Path | None = None

    def write(self, folder: Path) -> Iterator[None]:
        """Points and triangles in the world."""
        self._state = self._present_state()
        surface = yield from world_surface_steps(self.node)
        self.mirrored, self.warnings = surface.mirrored, surface.warnings
        self._file = folder / "surface.npz"
        yield from surface_file_steps(self._file, surface.points, surface.triangles)

    def fields(self) -> dict[str, Any]:
        """The file that was written."""
        return {"input": self._file}

    def is_as_it_was(self) -> bool:
        """Whether its points are the same, at the same places in the world."""
        return _same(self._state, self._present_state())

    def surface_steps(self) -> Generator[None, None, Any]:
        """The model itself."""
        yield
        return self.node

    def _present_state(self) -> tuple[Any, ...]:
        polydata = self.node.GetPolyData()
        if polydata is None or polydata.GetPoints() is None:
            return (None, np.zeros(0))
        stamp = (polydata.GetNumberOfPoints(), polydata.GetPoints().GetMTime())
        return stamp, _in_world(self.node, _corners(polydata.GetPoints().GetBounds()))


class VolumeSource:
    """The skin of a volume, which the worker extracts."""

    frame = "LPS"

    def __init__(self, node: Any) -> None:
        check_volume(node)
        self.node = node
        self.mirrored = bool(np.linalg.det(world_geometry(node)[0][:3, :3]) < 0)
        self.warnings: tuple[str, ...] = (_mirror_warning(node),) if self.mirrored else ()
        self._file: Path | None = None
        self._skin: Path | None = None

    def write(self, folder: Path) -> Iterator[None]:
        """The voxels, and where they lie in the world."""
        self._state = self._present_state()
        self._file, self._skin = folder / "volume.nrrd", folder / "skin.npz"
        yield from volume_file_steps(self._file, self.node)

    def fields(self) -> dict[str, Any]:
        """The file that was written, and the one that gets the skin."""
        return {"input": self._file, "surface": self._skin}

    def is_as_it_was(self) -> bool:
        """Whether its voxels are the same, at the same places in the world."""
        return _same(self._state, self._present_state())

    def surface_steps(self) -> Generator[None, None, Any]:
        """A model node with the skin, beside the volume; the one of an earlier detection is used again."""
        assert self._skin is not None
        return (yield from skin_steps(skin_of(self.node), self.node, self._skin))

    def _present_state(self) -> tuple[Any, ...]:
        image = self.node.GetImageData()
        if image is None:
            return (None, np.zeros(0))
        try:
            matrix = world_geometry(self.node)[1]
        except UnusableVolumeError:
            return (None, np.zeros(0))
        return (image.GetDimensions(), image.GetPointData().GetScalars().GetMTime()), matrix


def _same(before: tuple[Any, ...], now: tuple[Any, ...]) -> bool:
    places, places_now = before[1], now[1]
    return (
        before[0] == now[0]
        and places.shape == places_now.shape
        and bool(np.allclose(places, places_now, rtol=0, atol=_STILL_MM))
    )


def _corners(bounds: tuple[float, ...]) -> np.ndarray:
    low, high = np.array(bounds[::2]), np.array(bounds[1::2])
    return np.array([np.where(corner, high, low) for corner in np.ndindex(2, 2, 2)])


def _in_world(node: Any, points: np.ndarray) -> np.ndarray:
    transform = transform_to_world(node)
    return points if transform is None else np.array([transform.TransformPoint(point) for point in points])


def _mirror_warning(node: Any) -> str:
    return _(
        "The transform {transform!r} mirrors the volume {name!r}: right and left are exchanged. Remove the "
        "mirroring unless it is intended."
    ).format(transform=node.GetParentTransformNode().GetName(), name=node.GetName())


def skin_of(volume: Any) -> Any:
    """The model node of an earlier detection on a volume, None where there is none."""
    scene = volume.GetScene()
    for place in range(scene.GetNumberOfNodesByClass("vtkMRMLModelNode")):
        model = scene.GetNthNodeByClass(place, "vtkMRMLModelNode")
        if model.GetNodeReferenceID(_VOLUME) == volume.GetID():
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
    steps = skin_steps(model, volume, file)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def skin_steps(model: Any, volume: Any, file: Path) -> Generator[None, None, Any]:
    """:func:`write_skin` in small steps, so that nobody has to wait for a large one."""
    with np.load(file, allow_pickle=False) as archive:
        points = archive["points"]
        yield
        triangles = archive["triangles"]
    yield
    back = np.linalg.inv(world_geometry(volume)[0])
    if np.linalg.det(back[:3, :3]) < 0:  # outward stays outward
        triangles = triangles[:, ::-1]
    points = points @ back[:3, :3].T + back[:3, 3]
    yield
    polydata = _polydata(points, triangles)
    yield
    if model is None:
        name = _("{volume} skin").format(volume=volume.GetName())
        model = volume.GetScene().AddNewNodeByClass("vtkMRMLModelNode", name)
        model.SetNodeReferenceID(_VOLUME, volume.GetID())
    with one_event(model):
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
