"""Annotated scans of a user, and what the shipped network sees on each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sgcn_core.detector import LandmarkDetector
from sgcn_core.errors import FaceNotFoundError, FileFormatError, LandmarkError, SurfaceError
from sgcn_core.evaluation.truth import Truth, distances_from, landmark_file, meshes
from sgcn_core.graph.face_graph import FaceGraph
from sgcn_core.io.formats import LANDMARK_SUFFIXES
from sgcn_core.io.markups import read_landmarks
from sgcn_core.io.meshes import read_surface
from sgcn_core.own.place import Guides
from sgcn_core.stages import Heatmaps
from sgcn_core.types.units import in_mm
from sgcn_core.uncertainty.thresholds import MISSING

FloatArray = NDArray[np.float64]

LEAST_SCANS = 10
"""Annotated scans with a face that training needs."""

LEAST_OF_LABEL = 8
"""Of those, scans that each landmark must be annotated on."""

OFF_SURFACE = 5.0
"""Millimetres from the surface beyond which an annotated landmark is an error of the file."""


@dataclass(frozen=True, eq=False)
class OwnScan:
    """An annotated scan, in the pose in which the network sees it; normalised.

    Attributes
    ----------
    name : of the mesh file
    graph : FaceGraph
    guides : Guides, the network's own landmarks
    truth : label -> (3,)
    absent : labels that the file calls missing: the scan does not show them
    millimetres : of the person for one normalised unit
    """

    name: str
    graph: FaceGraph
    guides: Guides
    truth: Mapping[str, FloatArray]
    millimetres: float
    absent: tuple[str, ...] = ()

    def places(self, labels: Sequence[str]) -> FloatArray:
        """Annotated landmarks (L, 3), NaN where there are none."""
        return np.array([self.truth.get(label, np.full(3, np.nan)) for label in labels])

    def known(self, labels: Sequence[str]) -> NDArray[np.bool_]:
        """Whether the file says where each landmark (L,) is, or that it is missing."""
        return np.array([label in self.truth or label in self.absent for label in labels])


@dataclass(frozen=True, eq=False)
class OwnData:
    """The scans to train on.

    Attributes
    ----------
    labels : L names, in the order in which the files bring them
    scans : sequence of OwnScan
    left_out : name and reason of each mesh that cannot be used
    """

    labels: tuple[str, ...]
    scans: tuple[OwnScan, ...]
    left_out: tuple[tuple[str, str], ...] = ()


class Kept(Protocol):
    """What was read before (``sgcn_core.training.own.store.ScanStore``)."""

    def load(self, mesh: Path, table: Path) -> OwnScan | None: ...

    def save(self, scan: OwnScan, mesh: Path, table: Path) -> None: ...


def read_own_scans(
    detector: LandmarkDetector,
    folder: Path,
    *,
    without: Sequence[str] = (),
    seed: int = 0,
    kept: Kept | None = None,
    report: Callable[[str, float], None] = lambda name, share: None,
) -> OwnData:
    """Read and detect every annotated scan of a folder.

    A mesh that cannot be read, has no landmark file or shows no face is listed, and the rest goes on.

    Parameters
    ----------
    detector : LandmarkDetector with weights that hold no landmarks of a user's own
    folder : Path, meshes with landmark files beside them (``sgcn_core.evaluation.truth``)
    without : labels to leave out
    seed : of the sampling
    kept : ScanStore, optional; what it holds is not detected again
    report : called with the name of each scan and the share of the work that is done

    Raises
    ------
    FileNotFoundError
        The folder does not exist or holds no mesh.
    LandmarkError
        Fewer than ten usable scans, a landmark on fewer than eight of them, names that differ in their case alone, or
        landmarks more than 5 mm from the surface.
    """
    found = meshes(folder)
    scans: list[OwnScan] = []
    left_out: list[tuple[str, str]] = []
    off: list[str] = []
    for number, mesh in enumerate(found):
        report(mesh.name, number / len(found))
        try:
            table = landmark_file(mesh)
            if table is None:
                raise FileFormatError(f"no landmark file of its name ({', '.join(LANDMARK_SUFFIXES)})")
            scan = None if kept is None else kept.load(mesh, table)
            if scan is None:
                scan, beyond = _read(detector, mesh, table, without, seed)
                off += beyond
                if kept is not None and not beyond:
                    kept.save(scan, mesh, table)
        except (FileFormatError, SurfaceError, FaceNotFoundError, OSError) as error:
            left_out.append((mesh.name, str(error)))
            continue
        scans.append(scan)
    if off:
        raise LandmarkError(
            f"{len(off)} landmarks lie more than {OFF_SURFACE:g} mm from the surface: {'; '.join(off[:10])}"
            f"{' ...' if len(off) > 10 else ''}. Check that the landmark file belongs to the mesh, its frame and its "
            "unit; or leave a landmark out (--without)"
        )
    return OwnData(checked_labels(scans, left_out), tuple(scans), tuple(left_out))


def checked_labels(scans: Sequence[OwnScan], left_out: Sequence[tuple[str, str]] = ()) -> tuple[str, ...]:
    """The landmarks' names; LandmarkError where there are too few scans, or too few of a landmark."""
    usable = [scan for scan in scans if scan.truth]
    if len(usable) < LEAST_SCANS:
        why = "".join(f"\n  {name}: {reason}" for name, reason in left_out[:10])
        raise LandmarkError(
            f"{len(usable)} annotated scans can be used, at least {LEAST_SCANS} are needed (20 or more are better)"
            f"{why and ';' + ' left out:' + why}"
        )
    counts = Counter(label for scan in scans for label in scan.truth)
    spellings: dict[str, str] = {}
    for label in counts:
        other = spellings.setdefault(label.casefold(), label)
        if other != label:
            raise LandmarkError(f"landmarks {other!r} and {label!r} differ in their case alone; give them one name")
    if rare := [f"{label} ({count})" for label, count in counts.items() if count < LEAST_OF_LABEL]:
        raise LandmarkError(
            f"landmarks on fewer than {LEAST_OF_LABEL} scans: {', '.join(rare[:10])}; annotate more, or leave them out "
            f"(--without {rare[0].split(' ')[0]})"
        )
    return tuple(counts)


def _read(
    detector: LandmarkDetector, mesh: Path, table: Path, without: Sequence[str], seed: int
) -> tuple[OwnScan, list[str]]:
    """A scan, and its landmarks far from the surface."""
    surface, placed, seen = read_surface(mesh), read_landmarks(table), list[Heatmaps]()
    truth = Truth.of(placed, surface.frame).without(without)
    result = detector.detect(surface, seed=seed, observe=seen.append)
    heatmaps, prototype = seen[-1], detector.checkpoint.prototype
    labels = list(truth.positions)
    factor = in_mm(result.unit)
    places = np.array([truth.positions[label] for label in labels]).reshape(-1, 3) * in_mm(truth.unit or result.unit)
    away = distances_from(surface, places, factor)
    off = [
        f"{mesh.name}: {label} {distance:.1f} mm"
        for label, distance in zip(labels, away, strict=True)
        if distance > OFF_SURFACE
    ]
    to_normalised = heatmaps.graph.to_normalised
    guides = Guides(
        to_normalised.apply(factor * result.positions),
        np.array([status != MISSING for status in result.status]),
        prototype,
    )
    named = dict(zip(labels, to_normalised.apply(places), strict=True))
    absent = tuple(label for label, status in zip(placed.labels, placed.status, strict=True) if status == MISSING)
    return OwnScan(mesh.name, heatmaps.graph, guides, named, 1.0 / to_normalised.scale, absent), off
