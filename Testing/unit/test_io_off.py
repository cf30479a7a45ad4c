"""Reading OFF: polygons, colours, damage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mesh_files import FANS, POLYGONS, SIX, put

from sgcn_core.errors import FileFormatError
from sgcn_core.io.meshes import read_surface


@pytest.mark.parametrize("header", ["OFF\n6 3 0\n", "OFF 6 3 0\n", "COFF\n# SPACE=RAS\n\n6 3 0  # counts\n"])
def test_off_polygons_with_colours(tmp_path: Path, header: str) -> None:
    text = header + "".join(f"{x} {y} {z} 255 0 0 255\n" for x, y, z in SIX.tolist())
    text += "".join(f"{len(p)} {' '.join(map(str, p))} 0.5 0.5 0.5\n" for p in POLYGONS)
    surface = read_surface(put(tmp_path, "a.off", text))
    np.testing.assert_array_equal(surface.vertices, SIX)
    np.testing.assert_array_equal(surface.faces, FANS)
    assert surface.frame == ("RAS" if "SPACE" in header else "LPS")


@pytest.mark.parametrize(
    "text", ["OFF\n", "OFF BINARY\n", "6 3 0\n", "OFF\n6 1 0\n1 2 3\n", "OFF\n3 1 0\n1 2 3\n1 2 3\n1 2 3\n3 0 1\n"]
)
def test_damaged_off_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(FileFormatError, match="OFF"):
        read_surface(put(tmp_path, "a.off", text))
