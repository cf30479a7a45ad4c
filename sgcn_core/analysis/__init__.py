"""From landmarks to planning: measurements with their uncertainty, and analyses by name. NumPy and SciPy only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgcn_core.lazy_names import imported_on_use

if TYPE_CHECKING:
    from sgcn_core.analysis.case import AnalysisCase

__all__ = ["AnalysisCase"]

__getattr__ = imported_on_use(__name__, {"case": "AnalysisCase"})
