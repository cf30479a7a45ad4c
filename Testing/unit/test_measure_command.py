"""`sgcn-landmarks measure`, norms and tables."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from constructed_face import case_of, positions
from test_cli import TETRAHEDRON, FakeDetector, run

from sgcn_core.analysis import Norm, load_norms, measure, with_norms
from sgcn_core.batch import ExitCode
from sgcn_core.cli import detect as detect_command
from sgcn_core.errors import FileFormatError, SettingsError
from sgcn_core.io.markups import write_landmarks
from sgcn_core.io.meshes import write_surface
from sgcn_core.types.landmarks import LandmarkResult


@pytest.fixture
def landmarks(tmp_path):
    points = positions()
    result = LandmarkResult(
        tuple(points), list(points.values()), np.ones(len(points)), ("found",) * len(points), unit="mm"
    )
    return write_landmarks(result, tmp_path / "face.mrk.json")


def test_a_table_is_printed_and_written(landmarks, tmp_path) -> None:
    table = tmp_path / "table.csv"
    done = run("measure", str(landmarks), "--analysis", "nose", "-o", str(table))
    assert done.exit_code == ExitCode.OK
    assert "Nose width" in done.stdout and "36.00" in done.stdout
    rows = {row["measurement"]: row for row in csv.DictReader(table.open(encoding="utf-8"))}
    assert float(rows["nose_width"]["value"]) == pytest.approx(36.0)
    assert float(rows["nose_width"]["low_95"]) < 36 < float(rows["nose_width"]["high_95"])
    assert rows["nose_width"]["case"] == "face"


def test_json_has_definitions_and_lines(landmarks, tmp_path) -> None:
    table = tmp_path / "table.json"
    assert run("measure", str(landmarks), "--analysis", "ricketts", "-o", str(table)).exit_code == ExitCode.OK
    case = json.loads(table.read_text())["cases"][0]
    assert case["lines"][0]["name"] == "E-line"
    assert case["measurements"][0]["definition"] and case["measurements"][0]["reference"]


def test_empty_cells_not_zeros_in_a_spreadsheet(landmarks, tmp_path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    table = tmp_path / "table.xlsx"
    assert run("measure", str(landmarks), "-o", str(table)).exit_code == ExitCode.OK
    sheet = openpyxl.load_workbook(table).active
    header, *rows = sheet.iter_rows(values_only=True)
    named = {row[header.index("measurement")]: dict(zip(header, row, strict=True)) for row in rows}
    assert named["maxillary_arc"]["value"] is None and named["nose_width"]["value"] == pytest.approx(36.0)
    assert named["mandibular_prognathism"]["status"] == "not available"


def test_an_existing_table_is_kept_and_an_input_is_never_replaced(landmarks, tmp_path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("mine")
    assert run("measure", str(landmarks), "-o", str(table)).exit_code == ExitCode.USAGE
    assert table.read_text() == "mine"
    assert run("measure", str(landmarks), "-o", str(table), "--overwrite").exit_code == ExitCode.OK
    points = run("measure", str(table), "-o", str(table), "--overwrite")
    assert points.exit_code == ExitCode.USAGE


def test_exit_codes(landmarks, tmp_path) -> None:
    broken = tmp_path / "broken.mrk.json"
    broken.write_text("{")
    assert run("measure", str(landmarks), str(broken), "--analysis", "nose").exit_code == ExitCode.SOME_FAILED
    assert run("measure", str(broken)).exit_code == ExitCode.ALL_FAILED
    for wrong in (("--analysis", "nosse"), ("--horizontal", "up"), ("-o", "x.txt"), ("--norms", "nobody.json")):
        done = run("measure", str(landmarks), *wrong)
        assert done.exit_code == ExitCode.USAGE, wrong


def test_norms_are_applied_only_when_asked_for(landmarks) -> None:
    plain = json.loads(run("measure", str(landmarks), "--json").stdout)
    assert all(row["z"] is None for row in plain["cases"][0]["measurements"])
    compared = json.loads(run("measure", str(landmarks), "--json", "--norms", "ansur2", "--sex", "male").stdout)
    rows = {row["measurement"]: row for row in compared["cases"][0]["measurements"]}
    length = rows["menton_sellion_length"]
    assert length["z"] == pytest.approx((length["value"] - 122.64) / 6.67, abs=0.02)
    assert "ANSUR II" in length["norm"] and "male" in length["norm"]
    assert rows["face_width"]["z"] is None  # a caliper's breadth is no distance of surface points


def test_norms_of_both_sexes_are_ambiguous() -> None:
    table = measure(case_of(positions()))
    with pytest.raises(SettingsError, match="Name a sex"):
        with_norms(table, load_norms("ansur2"))


def test_norms_of_a_file(tmp_path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(
        "measurement,mean,sd,n,sex,population,age,source,definition,method\n"
        "nose_width,34,2,20,both,ours,adults,own,al to al,landmarks\n"
    )
    table = with_norms(measure(case_of(positions())), load_norms(file, sex="female"))
    assert table["nose_width"].z == pytest.approx(1.0)
    file.write_text("measurement,mean\nnose_width,34\n")
    with pytest.raises(FileFormatError, match="has the fields"):
        load_norms(file)


def test_a_norm_of_another_method_is_not_compared() -> None:
    norm = Norm("nose_width", 34.0, 2.0, 20, "both", "ours", "adults", "own", "al to al", method="caliper")
    assert with_norms(measure(case_of(positions())), [norm])["nose_width"].z is None


def test_a_scan_is_detected_first(monkeypatch, tmp_path) -> None:
    detector = FakeDetector()
    monkeypatch.setattr(detect_command, "load_detector", lambda settings: detector)
    for name in ("b.ply", "noface.ply"):
        write_surface(TETRAHEDRON, tmp_path / name)
    done = run("measure", tmp_path / "b.ply", "--json")
    assert done.exit_code == ExitCode.OK and len(detector.calls) == 1
    rows = {row["measurement"]: row for row in json.loads(done.stdout)["cases"][0]["measurements"]}
    bridge = rows["nasal_bridge_length"]
    assert bridge["value"] > 0 and bridge["sd"] is None and "not known" in bridge["remark"]
    assert rows["midline_pg"]["missing"] == ["pg"]
    assert run("measure", tmp_path / "noface.ply").exit_code == ExitCode.ALL_FAILED
