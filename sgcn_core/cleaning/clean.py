"""Cleaning: from an exported mesh to its outer skin, oriented outwards, in any unit."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sgcn_core.cleaning.components import stray_triangles
from sgcn_core.cleaning.double_layers import second_layers, split_double_layers, with_islands
from sgcn_core.cleaning.topology import Patches, find_patches, useful_triangles, welded_corners
from sgcn_core.cleaning.visibility import (
    Samples,
    Views,
    draw_samples,
    inward_patches,
    look_from_outside,
    partly_unseen_patches,
    unseen_patches,
    unseen_regions,
)
from sgcn_core.errors import SurfaceError
from sgcn_core.geometry.triangles import triangle_areas
from sgcn_core.types.arrays import ReadOnlyArrays
from sgcn_core.types.surface import Surface

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_SAMPLES = 40_000
_CONSISTENT = 0.01  # of the area oriented against its neighbours, at most, in a file whose orientation means something
_WORTH_A_NOTE = 0.01  # of the triangles; exporters leave that many useless or flipped ones


@dataclass(frozen=True, eq=False)
class Cleaned:
    """A surface fit for landmarks, and what was done to it.

    Attributes
    ----------
    surface : Surface
        The input itself if there was nothing to clean. Vertices and their indices are those of the input;
        triangles were removed or flipped, the others keep their order.
    notes : tuple of str
        For people: what was removed or flipped, if it is worth mentioning.
    """

    surface: Surface
    notes: tuple[str, ...] = ()


def clean_surface(surface: Surface, *, folded: float = 0.0) -> Cleaned:
    """Remove what is not outer skin and orient the triangles so that their normals point outwards.

    Removed are triangles without area and repeated ones, small pieces that float apart, and what is not visible from
    any side: shells inside, eyeballs' backs, mouth bags, airways. Small hidden places such as nostrils stay.

    Parameters
    ----------
    surface : Surface
    folded : float
        Share of the surface that decimation may have folded: of less than that being removed or flipped there is no
        note.

    Raises
    ------
    SurfaceError
        If no triangle has an area.
    """
    areas = triangle_areas(surface.vertices, surface.faces)
    corners = welded_corners(surface.vertices, surface.faces)
    useful, repeated = useful_triangles(corners, areas, float(surface.extent.max()))
    if not useful.any():
        raise SurfaceError("all triangles of the surface are degenerate: it has no area")
    mesh = _prepared(surface, np.flatnonzero(useful & ~repeated), corners, areas)
    notes = _counted(~useful, "without area") + _counted(repeated, "that repeat others")
    mesh, more = _without_strays(mesh)
    notes.extend(more)
    mesh, more = _outer_skin(mesh, folded)
    notes.extend(more)
    if len(mesh.faces) == len(surface.faces) and not mesh.turned.any():
        return Cleaned(surface)
    return Cleaned(surface.with_(faces=mesh.faces), tuple(notes))


@dataclass(frozen=True, eq=False)
class _Mesh(ReadOnlyArrays):
    """What the steps hand on: triangles oriented consistently within each patch, `turned` (F,) where the file orients
    them the other way."""

    vertices: FloatArray
    faces: IntArray
    areas: FloatArray
    turned: BoolArray
    patches: Patches
    samples: Samples

    def keep(self, mask: BoolArray) -> _Mesh:
        samples = self.samples.take(mask[self.samples.triangle])
        number = np.cumsum(mask) - 1
        samples = replace(samples, triangle=number[samples.triangle])
        patches = self.patches.take(mask)
        return _Mesh(self.vertices, self.faces[mask], self.areas[mask], self.turned[mask], patches, samples)

    def turn(self, mask: BoolArray) -> _Mesh:
        faces = np.where(mask[:, None], self.faces[:, ::-1], self.faces)
        sign = np.where(mask[self.samples.triangle], -1.0, 1.0)
        samples = replace(self.samples, normals=self.samples.normals * sign[:, None])
        return replace(self, faces=faces, turned=self.turned ^ mask, samples=samples)


def _prepared(surface: Surface, chosen: IntArray, corners: IntArray, areas: FloatArray) -> _Mesh:
    if len(chosen) < len(areas):
        corners, areas = corners[chosen], areas[chosen]
    faces = surface.faces[chosen] if len(chosen) < len(surface.faces) else surface.faces
    patches = find_patches(corners, areas)
    samples = draw_samples(surface.vertices, faces, areas, _SAMPLES)
    mesh = _Mesh(surface.vertices, faces, areas, np.zeros(len(faces), dtype=bool), patches, samples)
    return mesh.turn(patches.flipped) if patches.flipped.any() else mesh


def _without_strays(mesh: _Mesh) -> tuple[_Mesh, list[str]]:
    stray = stray_triangles(mesh.vertices, mesh.faces, mesh.areas, mesh.patches.patch, mesh.samples)
    if not stray.any():
        return mesh, []
    return mesh.keep(~stray), [f"removed stray pieces ({_percent(mesh.areas[stray].sum(), mesh)} of the area)"]


def _outer_skin(mesh: _Mesh, folded: float) -> tuple[_Mesh, list[str]]:
    """Without what is not visible, the rest with its front outside."""
    views = look_from_outside(mesh.vertices, mesh.faces, mesh.areas, mesh.patches, mesh.samples)
    trusted = mesh.areas[mesh.turned].sum() < _CONSISTENT * mesh.areas.sum()
    inward = inward_patches(views, mesh.patches.count, trusted=bool(trusted))
    unseen = unseen_patches(views, mesh.patches.count)
    partly = partly_unseen_patches(views, inward, unseen)[mesh.patches.patch]
    inner = unseen[mesh.patches.patch] | _second_layers(mesh, views, bool(trusted))
    if inward.any():
        mesh = mesh.turn(inward[mesh.patches.patch])
    if partly.any():
        inner |= unseen_regions(mesh.vertices, mesh.faces, mesh.areas, mesh.patches, mesh.samples, partly)
    gone, notes = float(mesh.areas[inner].sum()), []
    if inner.any() and gone >= folded * mesh.areas.sum():
        notes.append(f"removed inner parts ({_percent(gone, mesh)} of the area)")
    if inner.any():
        mesh = mesh.keep(~inner)
    if mesh.areas[mesh.turned].sum() > (1.0 - _CONSISTENT) * mesh.areas.sum():
        notes.append(
            "flipped all triangles, which faced inwards; if an export mirrored the scan, left and right are exchanged"
        )
    elif mesh.turned.mean() >= max(_WORTH_A_NOTE, folded):
        notes.append(f"flipped inconsistently oriented triangles ({100.0 * mesh.turned.mean():.0f} %)")
    return mesh, notes


def _second_layers(mesh: _Mesh, views: Views, trusted: bool) -> BoolArray:
    parts = split_double_layers(views, mesh.patches, mesh.vertices, mesh.faces)
    views = replace(views, patch=parts.patch[views.triangle])
    gone = second_layers(views, inward_patches(views, parts.count, trusted=trusted))
    if parts is mesh.patches or not gone.any():
        return gone[parts.patch]
    return with_islands(gone, parts)


def _counted(mask: BoolArray, kind: str) -> list[str]:
    return [f"removed {int(mask.sum())} triangles {kind}"] if mask.mean() >= _WORTH_A_NOTE else []


def _percent(area: float, mesh: _Mesh) -> str:
    share = 100.0 * area / mesh.areas.sum()
    return f"{share:.0f} %" if share >= 9.5 else f"{share:.1g} %"
