"""Writing reports: the page, its tables, and the index of a cohort. Nothing is replaced unless that is asked for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sgcn_core.io.atomic import FileState, file_state, write_bytes, write_text
from sgcn_core.report.build import Report, ReportCase, ReportOptions, build_report
from sgcn_core.report.requirements import require
from sgcn_core.report.structured import SrHeader, structured_report
from sgcn_core.report.tables import csv_text
from sgcn_core.report.workbook import workbook_bytes


@dataclass(frozen=True, kw_only=True)
class ReportFiles:
    """Which files a report is written to.

    Attributes
    ----------
    html : Path
    csv : bool
        Whether the tables are written beside it, as ``NAME-TABLE.csv``.
    xlsx : bool
        Whether they are written as one workbook beside it.
    dicom_sr : Path or None
        DICOM structured report of the measurements.
    """

    html: Path
    csv: bool = False
    xlsx: bool = False
    dicom_sr: Path | None = None

    def tables(self, keys: Sequence[str]) -> tuple[Path, ...]:
        """CSV files of the tables with these keys."""
        return tuple(self.html.with_name(f"{self.html.stem}-{key}.csv") for key in keys) if self.csv else ()

    @property
    def workbook(self) -> Path:
        """The XLSX file."""
        return self.html.with_suffix(".xlsx")

    def outputs(self) -> tuple[Path, ...]:
        """What is written, for checks before the work; of the CSV files all that there may be."""
        more = (*((self.workbook,) if self.xlsx else ()), *((self.dicom_sr,) if self.dicom_sr else ()))
        return (self.html, *self.tables(TABLE_KEYS), *more)


TABLE_KEYS: tuple[str, ...] = (
    *("measurements", "midline", "pairs", "cants", "landmarks"),
    *("displacements", "changes"),
)


def write_report(
    case: ReportCase,
    path: str | os.PathLike[str],
    *,
    second: ReportCase | None = None,
    options: ReportOptions | None = None,
    csv: bool = False,
    xlsx: bool = False,
    dicom_sr: str | os.PathLike[str] | None = None,
    sr_header: SrHeader | None = None,
    overwrite: bool = False,
) -> tuple[Path, ...]:
    """Measure one or two cases and write their report.

    Parameters
    ----------
    case : ReportCase
        The case, or the first of a comparison.
    path : path
        The page (.html): one file that needs no other.
    second : ReportCase, optional
        After the treatment, or by another observer.
    options : ReportOptions, optional
    csv, xlsx : bool
        Write the tables as well, beside the page.
    dicom_sr : path, optional
        Write the measurements of `case` as a DICOM structured report (TID 1500).
    sr_header : SrHeader
        Patient and study of the structured report; they are never invented.
    overwrite : bool
        Whether files that exist are replaced.

    Returns
    -------
    tuple of Path
        The files written.

    Raises
    ------
    FileExistsError
        A file exists, and `overwrite` is false.
    InstallationError
        A package that reports need is lacking; names the line that installs it.
    LandmarkError, SettingsError, RenderError
        As of :func:`sgcn_core.report.build.build_report`.
    OSError
        A file cannot be written.
    """
    files = ReportFiles(html=Path(path), csv=csv, xlsx=xlsx, dicom_sr=None if dicom_sr is None else Path(dicom_sr))
    before = check_files(files, overwrite=overwrite)
    if files.dicom_sr is not None and sr_header is None:
        raise ValueError("a DICOM structured report needs its patient and study; give an SrHeader")
    report = build_report(case, second, options)
    return save(report, files, before, sr_header=sr_header)


def check_files(files: ReportFiles, *, overwrite: bool) -> dict[Path, FileState]:
    """State of every file that may be written; checks the packages needed and that nothing is replaced unasked.

    Raises
    ------
    FileExistsError, InstallationError
    """
    require("jinja2")
    if files.xlsx:
        require("openpyxl")
    if files.dicom_sr is not None:
        require("highdicom")
    before = {path: file_state(path) for path in files.outputs()}
    existing = [path for path, state in before.items() if state.exists]
    if existing and not overwrite:
        raise FileExistsError(f"{existing[0]} exists; give --overwrite (overwrite=True) to replace it, or another name")
    return before


def save(
    report: Report,
    files: ReportFiles,
    before: dict[Path, FileState],
    *,
    sr_header: SrHeader | None = None,
    back: str = "",
) -> tuple[Path, ...]:
    """Write a finished report; `before` from :func:`check_files`, `back` the address of an index.

    Raises
    ------
    OSError
        A file cannot be written, or was changed by another program in the meantime.
    """
    written = []
    files.html.parent.mkdir(parents=True, exist_ok=True)
    write_text(files.html, report.html(back=back), unless_changed_since=before[files.html])
    written.append(files.html)
    if files.csv:
        for table in report.tables:
            path = files.tables((table.key,))[0]
            write_text(path, csv_text(table), unless_changed_since=before.get(path))
            written.append(path)
    if files.xlsx:
        write_bytes(files.workbook, workbook_bytes(report.tables), unless_changed_since=before[files.workbook])
        written.append(files.workbook)
    if files.dicom_sr is not None and sr_header is not None:
        content = structured_report(report.measurements[0], sr_header)
        write_bytes(files.dicom_sr, content, unless_changed_since=before[files.dicom_sr])
        written.append(files.dicom_sr)
    return tuple(written)
