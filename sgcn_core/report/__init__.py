"""Reports: one self-contained page per case or comparison, tables as CSV and XLSX, DICOM SR, an index of a cohort."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgcn_core.lazy_names import imported_on_use

if TYPE_CHECKING:
    from sgcn_core.report.build import Report, ReportCase, ReportOptions, build_report
    from sgcn_core.report.structured import SrHeader
    from sgcn_core.report.write import write_report

__all__ = ["Report", "ReportCase", "ReportOptions", "SrHeader", "build_report", "write_report"]

__getattr__ = imported_on_use(
    __name__,
    {
        "build": "Report ReportCase ReportOptions build_report",
        "structured": "SrHeader",
        "write": "write_report",
    },
)
