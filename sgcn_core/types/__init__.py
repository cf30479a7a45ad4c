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
        "CutPlane": "field_of_view",
        "Landmark": "landmark_sets",
        "LandmarkResult": "landmarks",
        "LandmarkSet": "landmark_sets",
        "Surface": "surface",
        "Volume": "volume",
    },
)
