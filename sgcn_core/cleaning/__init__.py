"""Cleaning: from a surface to its outer skin, with outward normals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgcn_core.lazy_names import imported_on_use

if TYPE_CHECKING:
    from sgcn_core.cleaning.clean import Cleaned, clean_surface
    from sgcn_core.cleaning.components import largest_components
    from sgcn_core.cleaning.point_cloud import surface_of_points

__all__ = [
    "Cleaned",
    "clean_surface",
    "largest_components",
    "surface_of_points",
]

__getattr__ = imported_on_use(
    __name__, {"clean": "Cleaned clean_surface", "components": "largest_components", "point_cloud": "surface_of_points"}
)
