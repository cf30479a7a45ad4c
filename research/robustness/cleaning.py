"""How far landmarks move when a mesh is damaged, or when only its points are left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from research.criteria import Criterion
from research.robustness.damaged_meshes import DAMAGES, with_airway
from sgcn_core.cleaning.point_cloud import surface_of_points
from sgcn_core.demo import demo_surface
from sgcn_core.detector import LandmarkDetector
from sgcn_core.errors import SgcnError
from sgcn_core.io.formats import MESH_SUFFIXES
from sgcn_core.skin.extract import read_scan
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.surface import Surface
from sgcn_core.types.units import in_mm

FloatArray = NDArray[np.float64]
Progress = Callable[[str, float], None]

_MOVED_MM = 0.5  # median over the landmarks of a damaged mesh; drawing other samples moves nearly as much
_CLOUD_MM = 1.0  # the same of a cloud of the mesh's vertices
_SEED = "another seed"
_NOSTRIL = ("ibug32", "ibug34")


@dataclass(frozen=True)
class Moved:
    """Landmarks of one damaged scan against those of the good one.

    Attributes
    ----------
    scan, damage : str
    distances : (L,) millimetres, of the landmarks that both show
    lost : landmarks that only the good one shows
    refused : why the damaged one was refused, None otherwise
    """

    scan: str
    damage: str
    distances: FloatArray
    lost: int
    refused: str | None

    @property
    def median(self) -> float:
        return float(np.median(self.distances)) if len(self.distances) else np.inf


def measure(
    detector: LandmarkDetector, folder: Path | None = None, *, seed: int = 0, progress: Progress | None = None
) -> list[Criterion]:
    """Criteria on the generated demo face, and on the scans of a folder if one is given.

    Of each kind of damage the scan that moved most counts. "Another seed" has no criterion: it is what the random
    sampling of the surface alone moves, and no damage can be asked to move less than that.
    """
    scans = list(_scans(folder))
    moved: list[Moved] = []
    for number, (name, surface) in enumerate(scans):
        if progress is not None:
            progress(name, number / len(scans))
        moved.extend(moved_landmarks(detector, name, surface, seed=seed))
    drawn = {m.scan: m.median for m in moved if m.damage == _SEED}
    return [
        _criterion(damage, [m for m in moved if m.damage == damage], drawn)
        for damage in dict.fromkeys(m.damage for m in moved)
    ]


def moved_landmarks(detector: LandmarkDetector, name: str, surface: Surface, *, seed: int = 0) -> Iterator[Moved]:
    """One scan with every kind of damage."""
    unit = surface.unit or detector.detect(surface).unit
    surface = surface.with_(unit=unit)
    good = detector.detect(surface, unit=unit, seed=seed)
    yield _compared(name, _SEED, good, lambda: detector.detect(surface, unit=unit, seed=seed + 1))
    for damage, make in _damaged(surface, good, seed).items():
        yield _compared(name, damage, good, partial(_detected, detector, make, seed))


def _damaged(surface: Surface, good: LandmarkResult, seed: int) -> Mapping[str, Callable[[], Surface]]:
    made: dict[str, Callable[[], Surface]] = {
        damage: partial(apply, surface, np.random.default_rng(seed)) for damage, apply in DAMAGES.items()
    }
    place = np.mean([good.position(label) for label in _NOSTRIL], axis=0)
    if np.isfinite(place).all():
        forward = np.asarray(good.info["pose"])[2, :3]
        made["airway"] = partial(with_airway, surface, place, -forward / np.linalg.norm(forward))
    made["points alone"] = partial(_points_alone, surface)
    return made


def _points_alone(surface: Surface) -> Surface:
    points = surface.vertices[np.unique(surface.faces)]
    return surface_of_points(points, unit=surface.unit, frame=surface.frame)


def _detected(detector: LandmarkDetector, make: Callable[[], Surface], seed: int) -> LandmarkResult:
    surface = make()
    return detector.detect(surface, unit=surface.unit, seed=seed)


def _compared(name: str, damage: str, good: LandmarkResult, detect: Callable[[], LandmarkResult]) -> Moved:
    try:
        result = detect()
    except SgcnError as error:
        return Moved(name, damage, np.empty(0), 0, str(error))
    distance = np.linalg.norm(result.positions - good.positions, axis=1) * in_mm(good.unit)
    lost = np.isnan(distance) & np.isfinite(good.positions).all(axis=1)
    return Moved(name, damage, distance[np.isfinite(distance)], int(lost.sum()), None)


def _scans(folder: Path | None) -> Iterator[tuple[str, Surface]]:
    yield "demo face", demo_surface()
    for path in sorted(folder.iterdir()) if folder is not None else ():
        if path.suffix.lower() in MESH_SUFFIXES:
            yield path.name, read_scan(path)


def _criterion(damage: str, moved: list[Moved], drawn: Mapping[str, float]) -> Criterion:
    what = f"meshes, {damage}: landmarks of {len(moved)} scan{'s' if len(moved) > 1 else ''} moved"
    limit = _CLOUD_MM if damage == "points alone" else _MOVED_MM
    refused = [m for m in moved if m.refused is not None]
    if refused:
        return Criterion(
            what, f"median of each <= {limit} mm", f"{refused[0].scan} refused: {refused[0].refused}", False
        )
    worst = max(moved, key=lambda m: m.median)
    mean = float(np.mean([m.distances.mean() for m in moved]))
    told = f"mean {mean:.2f} mm; median at most {worst.median:.2f} mm ({worst.scan}); {sum(m.lost for m in moved)} lost"
    if damage == _SEED:
        return Criterion(what, "-", told, None)
    reached = all(m.median <= max(limit, drawn.get(m.scan, 0.0)) for m in moved)
    return Criterion(what, f"median of each <= {limit} mm, or as {_SEED}", told, reached)
