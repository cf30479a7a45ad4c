"""Landmark tables (.csv): of the scans, of Slicer, of spreadsheets in many countries."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from detected_landmarks import detected

from sgcn_core.io.markups import read_landmarks, write_landmarks


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ("name,x,y,z\nprn,1,2,3\nn,4,5,6\n", "LPS"),
        ("Label, X, Y, Z\r\nprn, 1, 2, 3\r\nn, 4, 5, 6\r\n", "LPS"),
        ("label,r,a,s,defined,selected\nprn,1,2,3,1,1\nn,4,5,6,1,1\n", "RAS"),
        ("\ufefflabel,l,p,s,defined\nprn,1,2,3,1\nn,4,5,6,1\n", "LPS"),
    ],
)
def test_simple_tables_are_read(tmp_path: Path, text: str, frame: str) -> None:
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    read = read_landmarks(tmp_path / "a.csv")
    assert (read.labels, read.frame, read.unit, read.status) == (("prn", "n"), frame, "mm", ("found", "found"))
    np.testing.assert_array_equal(read.positions, [[1, 2, 3], [4, 5, 6]])


def test_tables_of_the_real_scans_are_read(shared_data: Path) -> None:
    files = sorted((shared_data / "scans").glob("*.csv"))
    counts = {file.stem: len(read_landmarks(file)) for file in files}
    assert counts["james"] == 68 and counts["liberty"] == 25 and counts["humface"] == 7


@pytest.mark.parametrize("dialect", ["integers", "decimal commas"])
def test_a_table_as_spreadsheets_save_it_with_semicolons(tmp_path: Path, dialect: str) -> None:
    cells = ("-47;33;37", "0;16;92") if dialect == "integers" else ("-47,5;33,25;37", "0;16;92")
    rows = f"label;x;y;z;status\r\nex_r;{cells[0]};found\r\nprn;{cells[1]};uncertain\r\n"
    table = tmp_path / "excel.csv"
    table.write_text("\ufeff" + rows, encoding="utf-8")
    result = read_landmarks(table)
    expected = [-47.0, 33.0, 37.0] if dialect == "integers" else [-47.5, 33.25, 37.0]
    np.testing.assert_allclose(result.position("ex_r"), expected)
    assert result.labels == ("ex_r", "prn") and result.status == ("found", "uncertain")


@pytest.mark.parametrize("unit", ["mm", "7.3mm"])
def test_a_table_for_excel_comes_back(tmp_path: Path, unit: str) -> None:
    written = detected(unit)
    table = write_landmarks(written, tmp_path / "a.csv", csv_dialect="excel")
    assert table.read_bytes().startswith(b"\xef\xbb\xbflabel;x;y;z;")  # the mark by which Excel knows UTF-8
    read = read_landmarks(table)
    assert (read.labels, read.status, read.unit) == (written.labels, written.status, unit)
    np.testing.assert_array_equal(read.positions, written.positions)
    np.testing.assert_array_equal(read.errors_mm, written.errors_mm)
    with pytest.raises(ValueError, match="default, excel"):
        write_landmarks(written, tmp_path / "a.csv", csv_dialect="libreoffice")
