"""Evenly spaced points on a surface (paper, section 3.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgcn_core.lazy_names import imported_on_use

if TYPE_CHECKING:
    from sgcn_core.sampling.poisson_disk import SurfaceSamples, sample_poisson_disk

__all__ = [
    "SurfaceSamples",
    "sample_poisson_disk",
]

__getattr__ = imported_on_use(__name__, {"poisson_disk": "SurfaceSamples sample_poisson_disk"})
