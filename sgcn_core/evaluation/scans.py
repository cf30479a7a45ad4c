"""Errors on annotated scans: meshes with landmark files beside them, matched by label."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sgcn_core.detector import LandmarkDetector
from sgcn_core.errors import FaceNotFoundError, FileFormatError, SurfaceError
from sgcn_core.evaluation.metrics import summarise
from sgcn_core.evaluation.tables import Cell, Table
from sgcn_core.geometry.closest_point import closest_on_surface
from sgcn_core.geometry.surface_index import SurfaceIndex
from sgcn_core.io.formats import LANDMARK_SUFFIXES, MESH_SUFFIXES
from sgcn_core.io.landmark_text import ASSUMED
from sgcn_core.io.markups import read_landmarks
from sgcn_core.io.meshes import read_surface
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.surface import Surface
from sgcn_core.types.units import in_mm

FloatArray = NDArray[np.float64]

OFF_SURFACE = 20.0
"""A landmark further than this from its scan, millimetres, is in another frame or unit, or of another scan."""

# Spellings of the suffixes on file systems that tell upper from lower case; a text file counts where nothing else does.
_SPELLINGS = (*(suffix for suffix in LANDMARK_SUFFIXES if suffix != ".txt"), ".landmarkAscii")

CORE = ("en", "ex", "prn", "sn", "ch", "ls", "li", "cph")
"""Well-defined points, whose mean is given separately; both sides where there are two."""


@dataclass(frozen=True, eq=False)
class ScanErrors:
    """Errors on one scan.

    Attributes
    ----------
    name : str
    errors : label -> distance in millimetres, NaN where the landmark was reported missing; empty if refused or where
        there is no truth
    unmatched : labels of the landmark file that are unknown to the weights
    refused : the reason, if no face was found
    result : what the detector returned
    off_surface : label -> distance from the scan in millimetres, of the landmarks of the file beyond ``OFF_SURFACE``
    problem : why the landmark file was not compared; there are no errors then
    """

    name: str
    errors: Mapping[str, float]
    unmatched: tuple[str, ...] = ()
    refused: str | None = None
    result: LandmarkResult | None = None
    off_surface: Mapping[str, float] = field(default_factory=dict)
    problem: str | None = None


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

    def without(self, labels: Sequence[str]) -> Truth:
        return Truth({label: place for label, place in self.positions.items() if label not in labels}, self.unit)


def read_truth(path: Path, surface: Surface) -> Truth:
    """The landmarks of a file; those that it calls missing are left out.

    What the file does not state, of frame and unit, is the mesh file's own (see :mod:`sgcn_core.io.markups`).
    """
    result = read_landmarks(path)
    assumed = result.info.get(ASSUMED, ())
    if "frame" not in assumed:
        result = result.in_frame(surface.frame)
    placed = {
        label: position
        for label, position in zip(result.labels, result.positions, strict=True)
        if not np.isnan(position).any()
    }
    return Truth(placed, None if "unit" in assumed else result.unit)


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


def scan_errors(
    detector: LandmarkDetector,
    name: str,
    surface: Surface,
    truth: Truth,
    *,
    refine: str | None = None,
    seed: int = 0,
) -> ScanErrors:
    """Detect and compare with the truth, by label without regard to case."""
    try:
        result = detector.detect(surface, refine=refine, seed=seed)
    except (FaceNotFoundError, SurfaceError) as error:
        return ScanErrors(name, {}, refused=str(error))
    factor, scale = in_mm(result.unit), in_mm(truth.unit or result.unit)
    off = _off_surface(surface, factor, {label: scale * place for label, place in truth.positions.items()})
    if truth.positions and 2 * len(off) > len(truth.positions):
        middle = float(np.median(list(off.values())))
        problem = (
            f"{len(off)} of its {len(truth.positions)} landmarks lie more than {OFF_SURFACE:g} mm from the scan "
            f"(median {middle:.0f} mm): another scan, frame or unit; nothing was compared"
        )
        return ScanErrors(name, {}, result=result, off_surface=off, problem=problem)
    known = {label.casefold(): label for label in result.labels}
    errors = {
        label: float(np.linalg.norm(factor * result.position(known[label.casefold()]) - scale * position))
        for label, position in truth.positions.items()
        if label.casefold() in known
    }
    unmatched = tuple(label for label in truth.positions if label not in errors)
    return ScanErrors(name, errors, unmatched, result=result, off_surface=off)


def _off_surface(surface: Surface, factor: float, places: Mapping[str, FloatArray]) -> dict[str, float]:
    """Label -> distance in millimetres of those of the places (millimetres) that lie beyond ``OFF_SURFACE``."""
    if not places:
        return {}
    away = distances_from(surface, np.array(list(places.values())), factor)
    return {label: float(value) for label, value in zip(places, away, strict=True) if value > OFF_SURFACE}


def evaluate_folder(
    detector: LandmarkDetector,
    folder: Path,
    *,
    without: Sequence[str] = (),
    refine: str | None = None,
    seed: int = 0,
    every: bool = False,
) -> Iterator[ScanErrors]:
    """Every annotated scan of a folder; with ``every`` also those without a landmark file, which have no errors.

    Raises
    ------
    FileFormatError
        If no scan has a landmark file, or a file cannot be read.
    """
    tables = {path: landmark_file(path) for path in meshes(folder)}
    if not every and not any(tables.values()):
        raise FileFormatError(f"no mesh in {folder} has a landmark file ({', '.join(LANDMARK_SUFFIXES)}) of its name")
    for path, table in tables.items():
        if table is None and not every:
            continue
        surface = read_surface(path)
        truth = read_truth(table, surface) if table else Truth({})
        yield scan_errors(detector, path.name, surface, truth.without(without), refine=refine, seed=seed)


def scans_table(scans: Sequence[ScanErrors], note: str) -> Table:
    """One row per scan, and one over all."""
    rows = [_row(scan.name, list(scan.errors.items()), int(scan.refused is not None)) for scan in scans]
    if len(scans) > 1:
        together = [pair for scan in scans for pair in scan.errors.items()]
        rows.append(_row("all", together, sum(scan.refused is not None for scan in scans)))
    return Table("scans", f"Errors on annotated scans, millimetres. {note}", rows)


def landmarks_table(scans: Sequence[ScanErrors], note: str) -> Table:
    """One row per landmark, over all scans that show it."""
    labels = dict.fromkeys(label for scan in scans for label in scan.errors)
    rows = [
        _row(label, [(label, scan.errors[label]) for scan in scans if label in scan.errors], None) for label in labels
    ]
    return Table("scan_landmarks", f"Errors of each landmark over all scans, millimetres. {note}", rows)


def _row(name: str, errors: Sequence[tuple[str, float]], refused: int | None) -> dict[str, Cell]:
    summary = summarise([error for _, error in errors])
    cells: dict[str, Cell] = {
        "what": name,
        "landmarks": summary.count,
        "mean mm": summary.mean,
        "median": summary.median,
        "95 %": summary.high,
        "> 10 mm": summary.failures,
        "missing": summary.missing,
    }
    if refused is None:
        return cells
    core = summarise([error for label, error in errors if label.casefold().rsplit("_", 1)[0] in CORE])
    return {**cells, "well defined, mean": core.mean, "refused": refused}
