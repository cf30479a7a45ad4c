"""Write VTK legacy polydata (.vtk) and VTK XML polydata (.vtp) with VTK."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sgcn_core.geometry.vtk_bridge import to_polydata
from sgcn_core.io.mesh_data import tag_text
from sgcn_core.io.vtk_errors import vtk_errors_raised
from sgcn_core.types.surface import Surface


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


def _add_text_field(polydata: Any, name: str, value: str) -> None:
    from vtkmodules.vtkCommonCore import vtkStringArray

    array = vtkStringArray()
    array.SetName(name)
    array.InsertNextValue(value)
    polydata.GetFieldData().AddArray(array)


def _write(writer: Any, path: Path) -> None:
    writer.SetFileName(str(path))
    with vtk_errors_raised():
        if not writer.Write():
            raise OSError(f"VTK could not write {path}")
