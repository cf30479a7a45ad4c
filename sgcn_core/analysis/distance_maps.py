"""Signed distance from every vertex of a surface to another surface or to its own mirror image, and volume between."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sgcn_core.analysis.midsagittal import MidsagittalPlane
from sgcn_core.analysis.skin_target import SkinTarget
from sgcn_core.errors import FileFormatError, SurfaceError
from sgcn_core.geometry.triangles import cross_products, vertex_normals
from sgcn_core.io.atomic import FileState, replacing
from sgcn_core.io.ply import ply_bytes
from sgcn_core.io.vtk_polydata import write_vtp
from sgcn_core.types.arrays import ReadOnlyArrays
from sgcn_core.types.surface import Surface

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

MAP_SUFFIXES = (".vtp", ".ply")

DISTANCE = "distance_mm"
"""Name of the array in the files."""


@dataclass(frozen=True, eq=False)
class DistanceMap(ReadOnlyArrays):
    """Signed distances at the vertices of a surface.

    Attributes
    ----------
    surface : Surface
        Millimetres, LPS.
    distance : ndarray (P,)
        Millimetres, positive where the surface lies outside the other one; NaN where the other has no counterpart:
        beyond its border, where it faces away, and outside the region.
    places : ndarray (P, 3)
        The closest places of the other surface.
    """

    surface: Surface
    distance: FloatArray
    places: FloatArray

    def within(self, vertices: BoolArray) -> DistanceMap:
        """The map with NaN outside the vertices (P,) given."""
        return DistanceMap(self.surface, np.where(vertices, self.distance, np.nan), self.places)

    def write(self, path: str | os.PathLike[str], *, unless_changed_since: FileState | None = None) -> Path:
        """Write the surface with its distances: .vtp (array `distance_mm`) or .ply (property `distance_mm`).

        Raises
        ------
        FileFormatError
            Another suffix.
        """
        return write_map(self.surface, {DISTANCE: self.distance}, path, unless_changed_since=unless_changed_since)


@dataclass(frozen=True, kw_only=True)
class VolumeBetween:
    """Volume between a surface and another one over a region, seen from the first.

    Attributes
    ----------
    outside, inside : float
        Where the first surface lies outside the other, and where it lies inside; both cm^3 and not negative.
    area : float
        Of the part of the first surface that was used, cm^2.
    covered : float
        Share of the region's triangles that have a counterpart; the volume over the others is not known.
    """

    outside: float
    inside: float
    area: float
    covered: float

    @property
    def net(self) -> float:
        """What the first surface has more than the other, cm^3."""
        return self.outside - self.inside


def checked_suffix(path: Path) -> str:
    """The suffix of the file of a map; FileFormatError for another than .vtp and .ply."""
    suffix = path.suffix.lower()
    if suffix not in MAP_SUFFIXES:
        raise FileFormatError(f"cannot write a map to {path}; use the suffix {' or '.join(MAP_SUFFIXES)}")
    return suffix


def write_map(
    surface: Surface,
    arrays: Mapping[str, FloatArray],
    path: str | os.PathLike[str],
    *,
    unless_changed_since: FileState | None = None,
) -> Path:
    """Write a surface with values (P,) at its vertices, by name: .vtp (arrays) or .ply (properties).

    Raises
    ------
    FileFormatError
        Another suffix.
    """
    file = Path(path)
    suffix = checked_suffix(file)
    with replacing(file, unless_changed_since=unless_changed_since) as temporary:
        if suffix == ".vtp":
            write_vtp(surface, temporary, arrays=arrays)
        else:
            temporary.write_bytes(ply_bytes(surface, arrays=arrays))
    return file


def distance_map(surface: Surface, other: Surface) -> DistanceMap:
    """Distances of the vertices of a surface to another one, both in millimetres and in one frame."""
    target = SkinTarget.of(other)
    normals = vertex_normals(surface.vertices, surface.faces)
    return _map(surface, target, normals)


def mirror_map(surface: Surface, plane: MidsagittalPlane) -> DistanceMap:
    """Distances of the vertices of a face to its own mirror image; positive where its side is the fuller one."""
    return distance_map(surface, mirrored_surface(surface, plane))


def mirrored_surface(surface: Surface, plane: MidsagittalPlane) -> Surface:
    """The mirror image of a surface at the midsagittal plane, its triangles facing outwards, said so in its notes."""
    note = "mirrored at the midsagittal plane: left and right are exchanged"
    return surface.with_(
        vertices=plane.mirrored(surface.vertices), faces=surface.faces[:, ::-1], notes=(*surface.notes, note)
    )


def volume_between(found: DistanceMap, region: BoolArray | None = None) -> VolumeBetween:
    """Volume between the surface of a map and the other one, over the triangles within a region.

    Each triangle spans with its closest places on the other surface a prism with straight edges, ruled between both.
    Its volume is exact: the mean displacement times the oriented area, integrated between both ends (Simpson's rule is
    exact for its quadratic course), so that prisms that share a wall add up without gap or overlap.

    Parameters
    ----------
    found : DistanceMap
    region : ndarray (P,) of bool, optional
        Vertices of the region; all by default.

    Raises
    ------
    SurfaceError
        No triangle of the region has a counterpart.
    """
    faces = found.surface.faces
    wanted = np.ones(len(faces), dtype=bool) if region is None else region[faces].all(axis=1)
    used = wanted & np.isfinite(found.distance[faces]).all(axis=1)
    if not used.any():
        raise SurfaceError("the other surface has no counterpart of the region; choose another region")
    faces = faces[used]
    near, far = found.surface.vertices, found.places
    middle = (near + far) / 2
    ends, centre = (cross_products(near, faces), cross_products(far, faces)), cross_products(middle, faces)
    displacement = (near - far)[faces].mean(axis=1)
    volumes = (displacement * (ends[0] + 4.0 * centre + ends[1])).sum(axis=1) / 12.0
    return VolumeBetween(
        outside=float(volumes[volumes > 0].sum()) / 1000.0,
        inside=float(-volumes[volumes < 0].sum()) / 1000.0,
        area=float(np.linalg.norm(ends[0], axis=1).sum()) / 200.0,
        covered=float(used.sum() / wanted.sum()),
    )


def _map(surface: Surface, target: SkinTarget, normals: FloatArray) -> DistanceMap:
    places, directions, counterpart = target.closest(surface.vertices, normals)
    away = surface.vertices - places
    distance = np.copysign(np.linalg.norm(away, axis=1), (away * directions).sum(axis=1))
    return DistanceMap(surface, np.where(counterpart, distance, np.nan), places)
