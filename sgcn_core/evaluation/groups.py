"""Groups of the 68 points as the paper's Fig. 10 has them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

GROUPS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "contour": tuple(range(17)),
        "brows": tuple(range(17, 27)),
        "nose": tuple(range(27, 36)),
        "eyes": tuple(range(36, 48)),
        "mouth": tuple(range(48, 68)),
    }
)
"""By iBUG number: 17 contour, 10 brows, 9 nose, 12 eyes, 20 mouth."""
