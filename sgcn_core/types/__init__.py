"""Value types: surfaces, volumes, landmarks, and their units and frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgcn_core.lazy_names import imported_on_use

if TYPE_CHECKING:
    from sgcn_core.types.field_of_view import CutPlane
    from sgcn_core.types.landmark_sets import Landmark, LandmarkSet
    from sgcn_core.types.landmarks import LandmarkResult
    from sgcn_core.types.surface import Surface
    from sgcn_core.types.volume import Volume

__all__ = [
    "CutPlane",
    "Landmark",
    "LandmarkResult",
    "LandmarkSet",
    "Surface",
    "Volume",
]

__getattr__ = imported_on_use(
    __name__,
    {
        "field_of_view": "CutPlane",
        "landmark_sets": "Landmark LandmarkSet",
        "landmarks": "LandmarkResult",
        "surface": "Surface",
        "volume": "Volume",
    },
)
