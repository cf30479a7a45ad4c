"""Annotated scans: meshes, the landmark files beside them, and the landmarks in the frame of the mesh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import FileFormatError
from sgcn_core.geometry.closest_point import closest_on_surface
from sgcn_core.geometry.surface_index import SurfaceIndex
from sgcn_core.io.formats import LANDMARK_SUFFIXES, MESH_SUFFIXES
from sgcn_core.io.landmark_text import ASSUMED
from sgcn_core.io.markups import read_landmarks
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.surface import Surface

FloatArray = NDArray[np.float64]

# Spellings of the suffixes on file systems that tell upper from lower case; a text file counts where nothing else does.
_SPELLINGS = (*(suffix for suffix in LANDMARK_SUFFIXES if suffix != ".txt"), ".landmarkAscii")


def meshes(folder: Path) -> list[Path]:
    """The meshes of a folder, by name.

    Raises
    ------
    FileNotFoundError
        If it does not exist or holds none.
    """
    if not Path(folder).is_dir():
        raise FileNotFoundError(f"no such folder: {folder}; check the path")
    found = [path for path in sorted(Path(folder).iterdir()) if path.suffix.lower() in MESH_SUFFIXES]
    if not found:
        raise FileNotFoundError(f"{folder} holds no mesh ({', '.join(sorted(MESH_SUFFIXES))})")
    return found


def landmark_file(mesh: Path) -> Path | None:
    """The landmark file beside a mesh: the mesh's name with a suffix of a landmark format; None if there is none.

    ``NAME.txt``, which may be anything, is taken only where no other format is there.

    Raises
    ------
    FileFormatError
        Two landmark files have that name: which one holds the annotations is not known.
    """
    names = [mesh.stem + suffix for suffix in _SPELLINGS]
    there = list({name.lower(): path for name in names if (path := mesh.with_name(name)).exists()}.values())
    if len(there) > 1:
        shown = " and ".join(path.name for path in there)
        raise FileFormatError(
            f"{mesh.name} in {mesh.parent} has more than one landmark file, {shown}; keep there the one that holds the "
            "annotations"
        )
    text = mesh.with_name(f"{mesh.stem}.txt")
    return there[0] if there else text if text.exists() else None


@dataclass(frozen=True, eq=False)
class Truth:
    """Landmarks label -> (3,) in the frame of the surface; ``unit`` is None where it is the mesh file's."""

    positions: Mapping[str, FloatArray]
    unit: str | None = None

    @classmethod
    def of(cls, result: LandmarkResult, frame: str | None = None) -> Truth:
        """The landmarks that are placed, in `frame`; without it, or where their file states none, in their own."""
        if frame is not None and "frame" not in result.info.get(ASSUMED, ()):
            result = result.in_frame(frame)
        placed = {
            label: position
            for label, position in zip(result.labels, result.positions, strict=True)
            if not np.isnan(position).any()
        }
        return cls(placed, None if "unit" in result.info.get(ASSUMED, ()) else result.unit)

    def without(self, labels: Sequence[str]) -> Truth:
        return Truth({label: place for label, place in self.positions.items() if label not in labels}, self.unit)

    def named(self, names: Sequence[str] | None) -> Truth:
        """With the names instead of the numbers 1, 2, ... of formats without names; landmarks with names keep them.

        Raises
        ------
        FileFormatError
            There are fewer names than the highest number.
        """
        if names is None or not all(label.isdecimal() for label in self.positions):
            return self
        most = max((int(label) for label in self.positions), default=0)
        if most > len(names):
            raise FileFormatError(f"there are names of {len(names)} landmarks, but a landmark has the number {most}")
        return Truth({names[int(label) - 1]: place for label, place in self.positions.items()}, self.unit)


def read_names(path: Path) -> tuple[str, ...]:
    """Names of landmarks, one a line, for formats that only number them."""
    try:
        names = tuple(line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip())
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path} is no text file with a name in each line: {error}") from error
    if not names or len(set(names)) != len(names):
        raise FileFormatError(f"{path} holds no names, or one twice; it needs the name of a landmark in each line")
    return names


def read_truth(path: Path, surface: Surface) -> Truth:
    """The landmarks of a file; those that it calls missing are left out.

    What the file does not state, of frame and unit, is the mesh file's own (see :mod:`sgcn_core.io.markups`).
    """
    return Truth.of(read_landmarks(path), surface.frame)


def distances_from(surface: Surface, places: FloatArray, factor: float = 1.0) -> FloatArray:
    """Distance (L,) of places (L, 3) from the triangles of a surface, in millimetres.

    Parameters
    ----------
    surface : Surface
    places : (L, 3), millimetres in the axes of the surface
    factor : millimetres of one unit of the surface
    """
    part = surface.compacted()
    nearest = closest_on_surface(places, SurfaceIndex(factor * part.vertices, part.faces))
    distance: FloatArray = np.linalg.norm(nearest - places, axis=1)
    return distance
