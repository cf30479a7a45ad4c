"""VTK legacy polydata (.vtk), VTK XML polydata (.vtp) and glTF (.glb, .gltf), parsed by VTK's own readers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from sgcn_core.errors import FileFormatError
from sgcn_core.io.mesh_data import MeshData, fan_triangles, frame_hint, tag_text, unit_hint
from sgcn_core.polydata import to_polydata
from sgcn_core.surface import Surface
from sgcn_core.units import canonical_unit

_GLTF_COMPRESSION = ("KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_mesh_quantization")
_ADDRESS = re.compile(r" \(0x[0-9a-f]+\)")


def read_vtk(path: Path) -> MeshData:
    """Read legacy polydata; frame and unit from the title line or, as in .vtp files, from field data."""
    from vtkmodules.vtkIOLegacy import vtkPolyDataReader

    reader = vtkPolyDataReader()
    reader.SetFileName(str(path))
    with _errors_raised():
        if not reader.IsFilePolyData():
            raise FileFormatError("it is no VTK polydata; extract the surface of volumes and grids first")
        reader.Update()
    return _from_polydata(reader.GetOutput(), title=reader.GetHeader() or "")


def read_vtp(path: Path) -> MeshData:
    """Read XML polydata; frame and unit from the field data arrays ``SPACE`` and ``UNIT``."""
    from vtkmodules.vtkIOXML import vtkXMLPolyDataReader

    reader = vtkXMLPolyDataReader()
    reader.SetFileName(str(path))
    with _errors_raised():
        if not reader.CanReadFile(str(path)):
            raise FileFormatError("it is no VTK XML polydata, or is damaged")
        if b"</VTKFile>" not in path.read_bytes()[-64:]:
            raise FileFormatError("it does not end with </VTKFile>; it is cut short")
        reader.Update()
    return _from_polydata(reader.GetOutput())


def read_gltf(path: Path) -> MeshData:
    """Read all meshes of the scene, placed by their nodes' transforms, one after the other; metres by specification."""
    from vtkmodules.vtkIOGeometry import vtkGLTFReader

    _refuse_compression(path)
    reader = vtkGLTFReader()
    reader.SetFileName(str(path))
    with _errors_raised():
        reader.Update()
    blocks = reader.GetOutput()
    iterator = blocks.NewIterator()
    parts: list[MeshData] = []
    while not iterator.IsDoneWithTraversal():
        block = iterator.GetCurrentDataObject()
        if block is not None and block.GetNumberOfPolys() + block.GetNumberOfStrips() > 0:
            parts.append(_from_polydata(block))
        iterator.GoToNextItem()
    if not parts:
        raise FileFormatError("it holds no triangle meshes")
    starts = np.cumsum([0] + [len(part.vertices) for part in parts[:-1]])
    faces = [part.faces + start for part, start in zip(parts, starts, strict=True)]
    return MeshData(np.concatenate([part.vertices for part in parts]), np.concatenate(faces), None, "m")


def write_vtp(surface: Surface, path: Path) -> None:
    """Write compressed XML polydata with the field data array ``SPACE`` that Slicer reads."""
    from vtkmodules.vtkIOXML import vtkXMLPolyDataWriter

    polydata = to_polydata(surface.vertices, surface.faces)
    _add_text_field(polydata, "SPACE", surface.frame)
    if surface.unit:
        _add_text_field(polydata, "UNIT", surface.unit)
    writer = vtkXMLPolyDataWriter()
    writer.SetInputData(polydata)
    _write(writer, path)


def write_vtk(surface: Surface, path: Path) -> None:
    """Write binary legacy polydata, version 4.2 as Slicer does, with the tags in the title line."""
    from vtkmodules.vtkIOLegacy import vtkPolyDataWriter

    writer = vtkPolyDataWriter()
    writer.SetFileVersion(42)
    writer.SetFileTypeToBinary()
    writer.SetHeader(f"Surface. {tag_text(surface.frame, surface.unit)}")
    writer.SetInputData(to_polydata(surface.vertices, surface.faces))
    _write(writer, path)


@contextmanager
def _errors_raised() -> Iterator[None]:
    """Turn what VTK would print to the terminal as an error into FileFormatError; drop its warnings."""
    from vtkmodules.vtkCommonCore import vtkLogger, vtkOutputWindow, vtkStringOutputWindow

    previous, verbosity = vtkOutputWindow.GetInstance(), vtkLogger.GetCurrentVerbosityCutoff()
    window = vtkStringOutputWindow()
    vtkOutputWindow.SetInstance(window)
    vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_OFF)
    try:
        yield
    finally:
        vtkOutputWindow.SetInstance(previous)
        vtkLogger.SetStderrVerbosity(verbosity)
    lines = [line.strip() for line in window.GetOutput().splitlines() if line.strip()]
    first = next((place for place, line in enumerate(lines) if line.startswith("ERROR")), None)
    if first is not None:
        # "ERROR: In file.cxx, line n" comes first, what happened stands on the next line.
        reason = lines[min(first + 1, len(lines) - 1)].rstrip(".")
        raise FileFormatError(f"VTK reports: {_ADDRESS.sub('', reason)}")


def _from_polydata(polydata: Any, title: str = "") -> MeshData:
    from vtkmodules.util.numpy_support import vtk_to_numpy

    if polydata.GetNumberOfPoints() == 0:
        raise FileFormatError("it holds no points; it is empty or damaged")
    vertices = np.array(vtk_to_numpy(polydata.GetPoints().GetData()), dtype=np.float64)
    cells = polydata.GetPolys() if polydata.GetNumberOfStrips() == 0 else _without_strips(polydata)
    offsets = vtk_to_numpy(cells.GetOffsetsArray()).astype(np.int64)
    corners = vtk_to_numpy(cells.GetConnectivityArray()).astype(np.int64)
    faces = fan_triangles(np.diff(offsets), corners)
    frame = frame_hint(title) or frame_hint(f"SPACE={_text_field(polydata, 'SPACE')}")
    unit = unit_hint(title) or canonical_unit(_text_field(polydata, "UNIT") or _text_field(polydata, "UNITS"))
    return MeshData(vertices, faces, frame, unit)


def _without_strips(polydata: Any) -> Any:
    from vtkmodules.vtkFiltersCore import vtkTriangleFilter

    triangles = vtkTriangleFilter()
    triangles.SetInputData(polydata)
    triangles.PassVertsOff()
    triangles.PassLinesOff()
    triangles.Update()
    return triangles.GetOutput().GetPolys()


def _add_text_field(polydata: Any, name: str, value: str) -> None:
    from vtkmodules.vtkCommonCore import vtkStringArray

    array = vtkStringArray()
    array.SetName(name)
    array.InsertNextValue(value)
    polydata.GetFieldData().AddArray(array)


def _text_field(polydata: Any, name: str) -> str:
    array = polydata.GetFieldData().GetAbstractArray(name)
    if array is None or array.GetClassName() != "vtkStringArray" or array.GetNumberOfValues() == 0:
        return ""
    return str(array.GetValue(0))


def _write(writer: Any, path: Path) -> None:
    writer.SetFileName(str(path))
    with _errors_raised():
        if not writer.Write():
            raise OSError(f"VTK could not write {path}")


def _refuse_compression(path: Path) -> None:
    data = path.read_bytes()
    text = data
    if data[:4] == b"glTF":
        text = data[20 : 20 + int.from_bytes(data[12:16], "little")]
        if len(data) < int.from_bytes(data[8:12], "little"):
            raise FileFormatError("it is shorter than its header says; it is cut short")
    try:
        required = json.loads(text).get("extensionsRequired", [])
    except (ValueError, AttributeError) as error:
        raise FileFormatError("its JSON part is damaged") from error
    compressed = [name for name in _GLTF_COMPRESSION if name in required]
    if compressed:
        raise FileFormatError(f"it is compressed with {', '.join(compressed)}; export it again without compression")
