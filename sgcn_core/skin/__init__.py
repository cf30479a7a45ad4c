"""From a CT, MR or label volume to the surface of the skin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgcn_core.lazy_names import imported_on_use

if TYPE_CHECKING:
    from sgcn_core.skin.extract import Skin, extract_skin, read_scan, skin_surface

__all__ = [
    "Skin",
    "extract_skin",
    "read_scan",
    "skin_surface",
]

__getattr__ = imported_on_use(__name__, {"extract": "Skin extract_skin read_scan skin_surface"})
