"""From a mesh as somebody exported it to the outer skin, wound outwards. Works in any unit."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sgcn_core.cleaning.components import stray_triangles
from sgcn_core.cleaning.double_layers import second_layers, sides_of_walls, with_islands
from sgcn_core.cleaning.inside import partly_unseen_patches, unseen_patches, unseen_regions
from sgcn_core.cleaning.topology import (
    Patches,
    find_patches,
    useful_triangles,
    welded_corners,
)
from sgcn_core.cleaning.views import Views, inward_patches, look_from_outside
from sgcn_core.cleaning.visibility import Samples, draw_samples
from sgcn_core.errors import SurfaceError
from sgcn_core.geometry.triangles import triangle_areas
from sgcn_core.types.surface import Surface

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_SAMPLES = 40_000
_CONSISTENT = 0.01  # of the area wound against its neighbours, at most, in a file whose winding means something


@dataclass(frozen=True, eq=False)
class Cleaned:
    """A surface fit for landmarks, and what was done to it.

    Attributes
    ----------
    surface : Surface
        The very same object where there was nothing to clean. Vertices and their indices are those of the input;
        triangles were left out or reversed, the others keep their order.
    notes : tuple of str
        For people: what was left out or reversed.
    """

    surface: Surface
    notes: tuple[str, ...] = ()


def clean_surface(surface: Surface) -> Cleaned:
    """Leave out what is not outer skin and wind the triangles so that their normals look outwards.

    Left out are triangles without area and repeated ones, small pieces that float apart, and what cannot be seen from
    any side: shells inside, eyeballs' backs, mouth bags, airways. Small hidden places such as nostrils stay.

    Raises
    ------
    SurfaceError
        If no triangle has an area.
    """
    faces = surface.faces
    areas = triangle_areas(surface.vertices, faces)
    corners = welded_corners(surface.vertices, faces)
    useful, repeated = useful_triangles(corners, areas, float(surface.extent.max()))
    if not useful.any():
        raise SurfaceError("all triangles of the surface are degenerate: it has no area")
    mesh = _prepared(surface, np.flatnonzero(useful & ~repeated), corners, areas)
    notes = _counted(~useful, "{} without area left out") + _counted(repeated, "{} left out as repetitions")
    for step in (_without_strays, _outer_skin):
        mesh, more = step(mesh)
        notes.extend(more)
    told = tuple(notes)
    return Cleaned(surface.with_(faces=mesh.faces), told) if told else Cleaned(surface)


@dataclass(frozen=True, eq=False)
class _Mesh:
    """What the steps hand on: triangles wound alike within each patch, `turned` (F,) where the file winds them
    the other way."""

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
    return mesh.turn(patches.reversed) if patches.reversed.any() else mesh


def _without_strays(mesh: _Mesh) -> tuple[_Mesh, list[str]]:
    stray = stray_triangles(mesh.vertices, mesh.faces, mesh.areas, mesh.patches.patch, mesh.samples)
    if not stray.any():
        return mesh, []
    return mesh.keep(~stray), [f"stray pieces left out ({_percent(mesh.areas[stray].sum(), mesh)} of the area)"]


def _outer_skin(mesh: _Mesh) -> tuple[_Mesh, list[str]]:
    """Without what nobody sees, the rest with its front outside."""
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
    notes = [f"inner parts left out ({_percent(mesh.areas[inner].sum(), mesh)} of the area)"] if inner.any() else []
    if inner.any():
        mesh = mesh.keep(~inner)
    if mesh.areas[mesh.turned].sum() > (1.0 - _CONSISTENT) * mesh.areas.sum():
        notes.append("triangles were wound inwards")
    elif mesh.turned.any():
        notes.append(f"triangles were not wound alike ({_percent(mesh.areas[mesh.turned].sum(), mesh)} reversed)")
    return mesh, notes


def _second_layers(mesh: _Mesh, views: Views, trusted: bool) -> BoolArray:
    parts = sides_of_walls(views, mesh.patches, mesh.vertices, mesh.faces)
    views = replace(views, patch=parts.patch[views.triangle])
    gone = second_layers(views, inward_patches(views, parts.count, trusted=trusted))
    if parts is mesh.patches or not gone.any():
        return gone[parts.patch]
    return with_islands(gone, parts)


def _counted(mask: BoolArray, text: str) -> list[str]:
    count = int(mask.sum())
    return [text.format(f"{count} triangle{'s' if count > 1 else ''}")] if count else []


def _percent(area: float, mesh: _Mesh) -> str:
    share = 100.0 * area / mesh.areas.sum()
    return f"{share:.0f} %" if share >= 9.5 else f"{share:.1g} %"
