"""Geometric morphometrics of a cohort: alignment, components of shape, references, files for other programs.

Loads neither torch nor VTK.
"""

from __future__ import annotations

from sgcn_core.morphometrics.alignment import Alignment, align, centroid_size
from sgcn_core.morphometrics.cases import configurations, find_cases, read_case
from sgcn_core.morphometrics.components import Components, components
from sgcn_core.morphometrics.configurations import Configurations, without_missing
from sgcn_core.morphometrics.exports import FORMATS, export_text, read_export
from sgcn_core.morphometrics.reference import Comparison, Reference, compare, read_reference, reference_of
from sgcn_core.morphometrics.symmetry import ObjectSymmetry, object_symmetry

__all__ = [
    "FORMATS",
    "Alignment",
    "Comparison",
    "Components",
    "Configurations",
    "ObjectSymmetry",
    "Reference",
    "align",
    "centroid_size",
    "compare",
    "components",
    "configurations",
    "export_text",
    "find_cases",
    "object_symmetry",
    "read_case",
    "read_export",
    "read_reference",
    "reference_of",
    "without_missing",
]
