"""From landmarks to planning: measurements with their uncertainty, and analyses by name. NumPy and SciPy only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgcn_core.lazy_names import imported_on_use

if TYPE_CHECKING:
    from sgcn_core.analysis.case import AnalysisCase
    from sgcn_core.analysis.definitions import Definitions
    from sgcn_core.analysis.head_frame import Horizontal
    from sgcn_core.analysis.measuring import measure
    from sgcn_core.analysis.norms import Norm, load_norms, with_norms
    from sgcn_core.analysis.table import AnalysisLine, MeasuredValue, MeasurementTable, write_tables

__all__ = [
    "AnalysisCase",
    "AnalysisLine",
    "Definitions",
    "Horizontal",
    "MeasuredValue",
    "MeasurementTable",
    "Norm",
    "load_norms",
    "measure",
    "with_norms",
    "write_tables",
]

__getattr__ = imported_on_use(
    __name__,
    {
        "case": "AnalysisCase",
        "definitions": "Definitions",
        "head_frame": "Horizontal",
        "measuring": "measure",
        "norms": "Norm load_norms with_norms",
        "table": "AnalysisLine MeasuredValue MeasurementTable write_tables",
    },
)
