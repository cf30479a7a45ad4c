"""Similarities, triangles and look-ups on surfaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgcn_core.lazy_names import imported_on_use

if TYPE_CHECKING:
    from sgcn_core.geometry.closest_point import closest_on_surface
    from sgcn_core.geometry.procrustes import align_to_prototype, procrustes
    from sgcn_core.geometry.similarity import Similarity, from_crop, standardise_paper
    from sgcn_core.geometry.surface_index import SurfaceIndex
    from sgcn_core.geometry.triangles import triangle_areas, triangle_normals, vertex_normals

__all__ = [
    "Similarity",
    "SurfaceIndex",
    "align_to_prototype",
    "closest_on_surface",
    "from_crop",
    "procrustes",
    "standardise_paper",
    "triangle_areas",
    "triangle_normals",
    "vertex_normals",
]

__getattr__ = imported_on_use(
    __name__,
    {
        "closest_point": "closest_on_surface",
        "procrustes": "align_to_prototype procrustes",
        "similarity": "Similarity from_crop standardise_paper",
        "surface_index": "SurfaceIndex",
        "triangles": "triangle_areas triangle_normals vertex_normals",
    },
)
