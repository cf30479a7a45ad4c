"""VTK legacy (.vtk) and XML (.vtp) polydata: read by VTK in the child process, written by VTK here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import FileFormatError
from sgcn_core.geometry.vtk_bridge import to_polydata
from sgcn_core.io.isolated import read_isolated
from sgcn_core.io.mesh_data import MeshData, fan_triangles, frame_hint, strip_triangles, tag_text, unit_hint
from sgcn_core.types.surface import Surface
from sgcn_core.types.units import canonical_unit

_MEMORY_PER_BYTE = 60  # of the file: LZMA in VTP packs coordinates by less than this
_ADDRESS = re.compile(r" \(0x[0-9a-f]+\)")
_CELLS = ("VERTICES", "LINES", "POLYGONS", "TRIANGLE_STRIPS")
_SECTION = re.compile(rb"^[ \t]*([A-Z][A-Z_]{3,})\b([^\r\n]{0,200})", re.MULTILINE)
_POLYGONS = re.compile(rb"^POLYGONS[ \t]+(\d{1,15})[ \t]+(\d{1,15})[ \t]*\r?$", re.MULTILINE)
_TAGS = ("SPACE", "UNIT", "UNITS")


def read_vtk(path: Path) -> MeshData:
    """Read legacy polydata; frame and unit from the title line or, as in .vtp files, from field data."""
    with path.open("rb") as stream:
        first, title, kind, dataset = (stream.readline(4096).decode("utf-8", errors="replace") for _ in range(4))
    if not first.startswith("# vtk DataFile Version") or dataset.split() != ["DATASET", "POLYDATA"]:
        raise FileFormatError("not VTK polydata; extract the surface of volumes and grids first")
    if kind.strip() not in ("ASCII", "BINARY"):
        raise FileFormatError(f"its third line is {kind.strip()[:40]!r}, not ASCII or BINARY")
    data = path.read_bytes()
    if kind.strip() == "ASCII":
        _check_counts(data)
    announced = [(int(found.group(1)), int(found.group(2))) for found in _POLYGONS.finditer(data)][:1]
    return _read(path, "vtkIOLegacy", "vtkPolyDataReader", title, announced)


def read_vtp(path: Path) -> MeshData:
    """Read XML polydata; frame and unit from the field data arrays ``SPACE`` and ``UNIT``."""
    data = path.read_bytes()
    if b"</VTKFile>" not in data[-64:]:
        raise FileFormatError("it does not end with </VTKFile>; it is truncated, or not a VTK XML file")
    if b"PolyData" not in data[:4096]:
        raise FileFormatError("not VTK XML polydata; extract the surface of volumes and grids first")
    if b"<!DOCTYPE" in data[:4096] or b"<!ENTITY" in data[:4096]:
        raise FileFormatError("it has a DOCTYPE declaration, which VTK files do not have")
    return _read(path, "vtkIOXML", "vtkXMLPolyDataReader")


def _check_counts(data: bytes) -> None:
    """VTK fills what a text lacks with any numbers: compare those that are announced with those that are there."""
    sections = list(_SECTION.finditer(data))
    cells = (0, 0)
    for section, following in zip(sections, [*sections[1:], None], strict=True):
        name, counts = section.group(1).decode(), [int(word) for word in section.group(2).split() if word.isdigit()]
        if name in _CELLS and len(counts) == 2:
            cells = (counts[0], counts[1])
            if following is not None and following.group(1) == b"OFFSETS":
                continue
        announced = {"POINTS": 3 * counts[0] if counts else 0, "OFFSETS": cells[0]}.get(name, cells[1])
        if name in ("POINTS", "OFFSETS", "CONNECTIVITY", *_CELLS):
            characters = np.frombuffer(data, np.uint8)[section.end() : following.start() if following else len(data)]
            blank = np.concatenate([[True], characters <= ord(" ")])
            found = int(np.count_nonzero(blank[:-1] & ~blank[1:]))
            if found != announced:
                raise FileFormatError(f"{name} declares {announced} numbers, but holds {found}; it is damaged")


def _read(path: Path, module: str, reader: str, title: str = "", announced: Sequence[tuple[int, int]] = ()) -> MeshData:
    """`announced` are the two numbers behind the keyword POLYGONS."""
    size = path.stat().st_size
    options = {"module": module, "reader": reader}
    answer = read_isolated(f"{__name__}:read_in_child", path, options, memory=_MEMORY_PER_BYTE * size, stored=size)
    arrays, texts = answer.arrays, answer.values
    cells, corners = len(arrays["polygon offsets"]) - 1, len(arrays["polygon corners"])
    # Up to version 5.0 cells and cells with their corners, then offsets and corners.
    if any((cells, corners) not in ((first, second - first), (first - 1, second)) for first, second in announced):
        raise FileFormatError("its polygons do not match its header; it is damaged")
    faces = np.concatenate(
        [
            fan_triangles(np.diff(arrays["polygon offsets"]), arrays["polygon corners"]),
            strip_triangles(np.diff(arrays["strip offsets"]), arrays["strip corners"]),
        ]
    )
    frame = frame_hint(title) or frame_hint(f"SPACE={texts.get('SPACE', '')}")
    unit = unit_hint(title) or canonical_unit(texts.get("UNIT") or texts.get("UNITS") or "")
    return MeshData(arrays["points"], faces, frame, unit)


def read_in_child(path: str, module: str, reader: str) -> tuple[dict[str, str], dict[str, Any]]:
    """Points (P, 3), polygons and strips as VTK stores them, and the texts of the tags in field data."""
    from importlib import import_module

    from vtkmodules.util import numpy_support

    to_numpy: Any = numpy_support.vtk_to_numpy
    source = getattr(import_module(f"vtkmodules.{module}"), reader)()
    source.SetFileName(path)
    with vtk_errors_raised():
        source.Update()
    data = source.GetOutput()
    if data is None or data.GetPoints() is None or not data.GetNumberOfPoints():
        raise FileFormatError("it holds no points; it is empty or damaged")
    arrays = {"points": to_numpy(data.GetPoints().GetData()).astype(np.float64)}
    for name, cells in (("polygon", data.GetPolys()), ("strip", data.GetStrips())):
        offsets = to_numpy(cells.GetOffsetsArray()).astype(np.int64)
        corners = to_numpy(cells.GetConnectivityArray()).astype(np.int64)
        if not len(offsets):
            offsets = np.zeros(1, dtype=np.int64)
        if offsets[0] != 0 or offsets[-1] != len(corners) or (np.diff(offsets) < 0).any():
            raise FileFormatError(f"its {name}s have inconsistent offsets; it is damaged")
        arrays |= {f"{name} offsets": offsets, f"{name} corners": corners}
    return _texts(data.GetFieldData()), arrays


def _texts(fields: Any) -> dict[str, str]:
    found = {}
    for name in _TAGS:
        array = fields.GetAbstractArray(name) if fields is not None else None
        if array is not None and array.IsA("vtkStringArray") and array.GetNumberOfValues():
            found[name] = str(array.GetValue(0))[:100]
    return found


def write_vtp(surface: Surface, path: Path, *, arrays: Mapping[str, NDArray[np.float64]] | None = None) -> None:
    """Write compressed XML polydata with the field data array ``SPACE`` that Slicer reads, and values (P,) by name."""
    from vtkmodules.vtkIOXML import vtkXMLPolyDataWriter

    polydata = to_polydata(surface.vertices, surface.faces)
    _add_text_field(polydata, "SPACE", surface.frame)
    if surface.unit:
        _add_text_field(polydata, "UNIT", surface.unit)
    for name, values in (arrays or {}).items():
        _add_point_values(polydata, name, values)
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


def _add_text_field(polydata: Any, name: str, value: str) -> None:
    from vtkmodules.vtkCommonCore import vtkStringArray

    array = vtkStringArray()
    array.SetName(name)
    array.InsertNextValue(value)
    polydata.GetFieldData().AddArray(array)


def _add_point_values(polydata: Any, name: str, values: NDArray[np.float64]) -> None:
    from vtkmodules.util.numpy_support import numpy_to_vtk

    array = numpy_to_vtk(np.ascontiguousarray(values, dtype=np.float64), deep=True)
    array.SetName(name)
    polydata.GetPointData().AddArray(array)
    polydata.GetPointData().SetActiveScalars(name)


def _write(writer: Any, path: Path) -> None:
    writer.SetFileName(str(path))
    with vtk_errors_raised():
        if not writer.Write():
            raise OSError(f"VTK could not write {path}")


@contextmanager
def vtk_errors_raised() -> Iterator[None]:
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
