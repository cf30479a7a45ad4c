"""Exports of a cohort's landmarks, read back; the command and its page."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from said import said
from test_morphometrics import FACE, LABELS, cohort
from typer.testing import CliRunner

from sgcn_core.batch import ExitCode
from sgcn_core.cli.app import app
from sgcn_core.errors import FileFormatError, LandmarkError, SettingsError
from sgcn_core.io.markups import write_landmarks
from sgcn_core.morphometrics import FORMATS, Configurations, export_text, read_export
from sgcn_core.morphometrics.exports import safe_names
from sgcn_core.types.landmarks import LandmarkResult

WORDS = (
    "individuals",
    "landmarks",
    "dimensions",
    "names",
    "rawpoints",
    "label",
    "variables",
    "chain",
    "radii",
    "scale",
)


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_written_is_read_back(name: str, tmp_path: Path) -> None:
    found = cohort(5)
    (tmp_path / "file").write_text(export_text(found, name))
    again = read_export(tmp_path / "file", name)
    assert again.names == ("case_0", "case_1", "case_2", "case_3", "case_4")
    assert np.allclose(again.points, found.points, atol=1e-9, rtol=0)
    assert again.labels == (LABELS if name != "morphologika" else tuple(map(str, range(1, 10))))


def test_the_tps_file_is_what_tps_programs_expect() -> None:
    text = export_text(Configurations(("a", "b"), ("x", "y"), np.arange(12.0).reshape(2, 2, 3)), "tps")
    assert text.splitlines() == [
        *("LM3=2", "0.000000000 1.000000000 2.000000000", "3.000000000 4.000000000 5.000000000"),
        *("ID=a", "SCALE=1", "COMMENT=landmarks: x y"),
        *("LM3=2", "6.000000000 7.000000000 8.000000000", "9.000000000 10.000000000 11.000000000", "ID=b", "SCALE=1"),
    ]


def test_scale_of_a_tps_file_is_applied(tmp_path: Path) -> None:
    (tmp_path / "a.tps").write_text("LM3=1\r\n1 2 3\r\nIMAGE=a.jpg\r\nID=a\r\nSCALE=0.5\r\nlm3=1\r\n4 5 6\r\n")
    found = read_export(tmp_path / "a.tps", "tps")
    assert found.points.tolist() == [[[0.5, 1.0, 1.5]], [[4.0, 5.0, 6.0]]] and found.names == ("a", "2")
    for text in ("LM=1\n1 2\n", "", "LM3=2\n1 2 3\n", "LM3=1\n1 2 3\nLM3=2\n1 2 3\n4 5 6\n"):
        (tmp_path / "a.tps").write_text(text)
        with pytest.raises(FileFormatError):
            read_export(tmp_path / "a.tps", "tps")


def test_the_header_of_an_nts_file_tells_of_missing_landmarks(tmp_path: Path) -> None:
    found = cohort(3)
    lines = export_text(found, "nts").splitlines()
    assert lines[1:5] == ["1 3L 27L 0 DIM=3", "case_0", "case_1", "case_2"]
    assert lines[5].split()[:4] == ["en_l_x", "en_l_y", "en_l_z", "en_r_x"] and len(lines) == 6 + 27
    points = found.points.copy()
    points[1, 2] = np.nan
    points[2, 0, 0] = -1999.5  # holds the digits of the usual code
    text = export_text(replace(found, points=points), "nts")
    assert text.splitlines()[1] == "1 3L 27L 1 9999 DIM=3" and "9999 9999 9999" in text
    (tmp_path / "a.nts").write_text(text)
    assert np.allclose(read_export(tmp_path / "a.nts", "nts").points, points, atol=1e-9, equal_nan=True)
    for wrong in ("2 3 9 0 DIM=3\n", "1 1 9 0 DIM=3\n1 2 3\n", "1 1 2 0 DIM=2\n1 2\n"):
        (tmp_path / "a.nts").write_text(wrong)
        with pytest.raises(FileFormatError):
            read_export(tmp_path / "a.nts", "nts")


def test_files_of_the_landmark_editor_are_read(tmp_path: Path) -> None:
    """IDAV's .dta announces missing landmarks whether there are any or not, and does not label columns."""
    text = "'Landmark Editor\n\n1 2L 6 1 9999 Dim=3\n\na\nb\n\n1 2 3\n4 5 6\n\n7 8 9\n9999 9999 9999\n"
    (tmp_path / "a.dta").write_text(text)
    found = read_export(tmp_path / "a.dta", "nts")
    assert found.names == ("a", "b") and found.points[0].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert found.placed.tolist() == [[True, True], [True, False]]
    morphops = pytest.importorskip("morphops")
    points, names = morphops.io.read_dta(tmp_path / "a.dta")
    assert names == ["a", "b"] and np.array_equal(points, np.nan_to_num(found.points, nan=9999))


def test_the_morphologika_file_has_its_sections_once() -> None:
    text = export_text(replace(cohort(3), names=("landmarks of Ann", "names", "b")), "morphologika").lower()
    assert "\t" not in text
    for word in ("individuals", "landmarks", "dimensions", "names", "rawpoints"):
        assert sum(word in line for line in text.splitlines()) == 1
    assert text.splitlines()[:6] == ["[individuals]", "3", "[landmarks]", "9", "[dimensions]", "3"]
    assert text.splitlines()[11] == "'#1" and len(text.splitlines()) == 11 + 3 * 10


def test_geomorph_finds_what_it_looks_for() -> None:
    """Its readers look for words in any line and take other lines for numbers; nothing of ours may mislead them."""
    found = replace(cohort(4), names=("radii of a scale", "CHAIN", "group 2", "LM3=9"))
    points = found.points.copy()
    points[1, 3] = np.nan
    tps = export_text(found, "tps").splitlines()
    tps = [line for line in tps if "COMMENT=" not in line]
    assert not any(word in line.upper() for line in tps for word in ("VARIABLES", "CHAIN", "RADII", "CURVES="))
    assert [sum(word in line for line in tps) for word in ("LM3=", "ID=", "SCALE")] == [4, 4, 4]
    rows = [line.split() for line in tps if "=" not in line]
    assert np.allclose(np.array(rows, float).reshape(4, 9, 3), found.points)
    header, *rest = [line for line in export_text(replace(found, points=points), "nts").splitlines() if line[0] != '"']
    assert "'" not in header + "".join(rest)
    words = " ".join(rest).split()
    code, values = header.split()[4], words[4 + 27 :]
    coded = [code in str(abs(int(float(value)))) for value in values]
    assert np.array_equal(np.reshape(coded, points.shape), np.isnan(points))
    columns = export_text(found, "csv").splitlines()[0].split(",")[1:]
    assert all(len(column.split(".")) == 2 for column in columns)  # arrayspecs(sep = ".")
    assert [column.split(".")[1] for column in columns] == list("XYZ") * 9


def test_missing_landmarks_are_coded_or_refused() -> None:
    found = cohort(3)
    points = found.points.copy()
    points[0, 0] = np.nan
    for name, each in FORMATS.items():
        if each.holds_missing:
            export_text(replace(found, points=points), name)
        else:
            with pytest.raises(LandmarkError, match="no code for missing landmarks; use nts, csv"):
                export_text(replace(found, points=points), name)
    row = export_text(replace(found, points=points), "csv").splitlines()[1].split(",")
    assert row[:4] == ["case_0", "NA", "NA", "NA"] and float(row[4]) == points[0, 1, 0]
    with pytest.raises(SettingsError, match="tps, nts"):
        export_text(found, "xlsx")


def test_names_are_safe_for_every_program() -> None:
    given = [
        "Müller, Anna",
        "Muller  Anna",
        "a\"b'c",
        "=1+1",
        "  ",
        "ward/scan 1",
        "x" * 60,
        "x" * 59 + "y",
        "",
        *WORDS,
    ]
    found = safe_names(given)
    assert len({name.lower() for name in found}) == len(given)
    assert found[:2] == ("Muller_Anna", "Muller_Anna_2") and found[5] == "ward_scan_1"
    assert all(0 < len(name) <= 32 and name.replace("_", "").replace("-", "").isalnum() for name in found)
    assert not any(word in name.lower() for name in found for word in WORDS)
    assert safe_names(["007", "7", "NA", "1e3", "7a"]) == ("case_007", "case_7", "case_NA", "case_1e3", "7a")
    assert safe_names(["1", "2"], kind="lm") == ("lm_1", "lm_2")


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve cases in files of several kinds; the last lacks a landmark."""
    folder = tmp_path_factory.mktemp("faces")
    found = cohort(12)
    for number, points in enumerate(found.points):
        status = ["found"] * 9
        if number == 11:
            status[4] = "missing"
        result = LandmarkResult(LABELS, points, np.ones(9), status)
        write_landmarks(result, folder / f"face {number:02}.{('mrk.json', 'csv', 'json')[number % 3]}")
    (folder / "ages.csv").write_text("case,age\nface 00,41\n")
    return folder


def run(*arguments: object) -> tuple[int, str]:
    ended = CliRunner().invoke(app, ["morphometrics", *map(str, arguments), "--date", ""])
    return ended.exit_code, ended.output


def test_the_command_writes_tables_exports_and_a_page(faces: Path, tmp_path: Path) -> None:
    code, output = run(faces, "-o", tmp_path / "out")
    assert code == ExitCode.ALL_FAILED and "drop-cases leaves out 1 of 12 cases (face 11)" in output
    assert "ages is left out" in output and not (tmp_path / "out").exists()
    arguments = (faces, "-o", tmp_path / "out", "--missing", "drop-cases", "--format", "tps", "--format", "csv")
    arguments = (*arguments, "--symmetry")
    code, output = run(*arguments, "--save-reference", tmp_path / "ref.json")
    assert code == ExitCode.SOME_FAILED, output
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {
        *("morphometrics.html", "cases.csv", "landmarks.csv", "aligned.csv", "mean.csv", "scores.csv"),
        *(
            "eigenvalues.csv",
            "landmarks.tps",
            "landmarks-geomorph.csv",
            "asymmetry.csv",
            "symmetric.csv",
            "asymmetric.csv",
        ),
    }
    with (tmp_path / "out" / "scores.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert (
        [row["ID"] for row in rows][:2] == ["face_00", "face_01"] and rows[0]["Case"] == "face 00" and len(rows) == 11
    )
    assert abs(sum(float(row["PC1"]) for row in rows)) < 1e-12
    page = (tmp_path / "out" / "morphometrics.html").read_text(encoding="utf-8")
    assert "11 cases, 9 landmarks" in page and "face 11" in page and "ages" in page
    assert not any(word in page for word in ("<script", 'href="http', "src=", "url("))
    aligned = read_export(tmp_path / "out" / "aligned.csv", "csv")
    assert aligned.points.shape == (11, 9, 3) and np.allclose((aligned.points**2).sum(axis=(1, 2)), 1.0)
    code, output = run(*arguments)
    assert code == ExitCode.USAGE and "--overwrite" in output
    before = page
    assert run(*arguments, "--overwrite")[0] == ExitCode.SOME_FAILED
    assert (tmp_path / "out" / "morphometrics.html").read_text(encoding="utf-8") == before


def test_a_case_is_compared_with_a_saved_reference(faces: Path, tmp_path: Path) -> None:
    code, output = run(
        faces, "-o", tmp_path / "a", "--missing", "drop-landmarks", "--save-reference", tmp_path / "r.json"
    )
    assert code == ExitCode.SOME_FAILED, output
    swollen = FACE.copy()
    swollen[5] += (18.0, 0.0, 6.0)
    write_landmarks(LandmarkResult(LABELS, swollen, np.ones(9), ["found"] * 9), tmp_path / "new.mrk.json")
    code, output = run(tmp_path / "new.mrk.json", "-o", tmp_path / "b", "--reference", tmp_path / "r.json", "--json")
    assert code == ExitCode.OK, output
    assert len(json.loads(output)["written"]) == 3
    with (tmp_path / "b" / "comparison.csv").open() as stream:
        (row,) = csv.DictReader(stream)
    assert row["Case"] == "new" and float(row["Percentile [%]"]) == 100.0 and float(row["Percentile from [%]"]) > 70
    assert "1 unlike the reference" in (tmp_path / "b" / "morphometrics.html").read_text(encoding="utf-8")
    code, output = run(
        tmp_path / "new.mrk.json", "-o", tmp_path / "c", "--reference", tmp_path / "r.json", "--label", "prn"
    )
    assert code != ExitCode.OK and "those of its reference" in output
    code, output = run(faces / "face 11.json", "-o", tmp_path / "d", "--reference", tmp_path / "r.json")
    assert code == ExitCode.OK, output  # what it lacks is no part of the reference


def test_nothing_contradictory_is_begun(faces: Path, tmp_path: Path) -> None:
    for arguments, message in (
        (("--reference", "a.json", "--save-reference", "b.json"), "not both"),
        (("--reference", "a.json", "--symmetry"), "not to --reference"),
        (("--missing", "guess"), "drop-landmarks"),
        (("--format", "xlsx"), "morphologika"),
        (("--set", "none"), "ibug68"),
        (("--save-reference", faces / "face 00.mrk.json", "--overwrite"), "input"),
    ):
        code, output = run(faces, "-o", tmp_path / "out", *arguments)
        assert code == ExitCode.USAGE and message in said(output), output
    code, output = run(faces, "-o", tmp_path / "out", "--export-missing", "--format", "tps", "--missing", "drop-cases")
    assert code == ExitCode.ALL_FAILED and "no code for missing" in output and not (tmp_path / "out").exists()
