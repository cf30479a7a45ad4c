"""Reading VTK polydata, legacy and XML: polygons, strips, damage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mesh_files import FACES, FANS, POLYGONS, SIX, VERTICES, put, rows

from sgcn_core.errors import FileFormatError, SurfaceError
from sgcn_core.io.meshes import read_surface, write_surface
from sgcn_core.types.surface import Surface


def legacy(cells: str) -> str:
    return (
        "# vtk DataFile Version 3.0\nscan SPACE=RAS UNIT=m\nASCII\nDATASET POLYDATA\nPOINTS 6 double\n"
        + rows(SIX)
        + cells
    )


def test_vtk_polygons_and_strips(tmp_path: Path) -> None:
    polygons = f"POLYGONS 3 {sum(len(p) + 1 for p in POLYGONS)}\n"
    polygons += "".join(f"{len(p)} {' '.join(map(str, p))}\n" for p in POLYGONS)
    surface = read_surface(put(tmp_path, "a.vtk", legacy(polygons)))
    np.testing.assert_array_equal(surface.vertices, SIX)
    np.testing.assert_array_equal(surface.faces, FANS)
    assert (surface.frame, surface.unit) == ("RAS", "m")
    strip = read_surface(put(tmp_path, "b.vtk", legacy("TRIANGLE_STRIPS 1 5\n4 0 1 2 3\n")))
    np.testing.assert_array_equal(np.sort(strip.faces, axis=1), [[0, 1, 2], [1, 2, 3]])


def test_vtk_without_polydata_is_refused(tmp_path: Path) -> None:
    content = "# vtk DataFile Version 3.0\nt\nASCII\nDATASET STRUCTURED_POINTS\nDIMENSIONS 2 2 2\n"
    with pytest.raises(FileFormatError, match="not VTK polydata"):
        read_surface(put(tmp_path, "a.vtk", content))


@pytest.mark.parametrize("suffix", [".vtk", ".vtp"])
def test_cut_vtk_files_are_refused_quietly(tmp_path: Path, suffix: str, capfd: pytest.CaptureFixture[str]) -> None:
    whole = write_surface(Surface(VERTICES, FACES), tmp_path / f"a{suffix}").read_bytes()
    for end in range(10, len(whole) - 12, len(whole) // 15):
        with pytest.raises((FileFormatError, SurfaceError)):
            read_surface(put(tmp_path, f"b{suffix}", whole[:end]))
    assert capfd.readouterr() == ("", "")


def test_text_vtk_that_lacks_numbers_is_refused(tmp_path: Path) -> None:
    """VTK fills up what is missing."""
    polygons = "POLYGONS 2 8\n3 0 1 2\n3 1 2 3\n"
    assert len(read_surface(put(tmp_path, "a.vtk", legacy(polygons))).faces) == 2
    for damaged in (polygons[:-4], polygons.replace("2 8", "2 9"), polygons.replace("\n3 1", "\n4 1")):
        with pytest.raises(FileFormatError, match=r"a\.vtk as VTK: .*damaged"):
            read_surface(put(tmp_path, "a.vtk", legacy(damaged)))
