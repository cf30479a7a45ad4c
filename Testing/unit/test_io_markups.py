"""Landmark files: round trips, what Slicer expects, damage."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from detected_landmarks import LABELS, detected

from sgcn_core.errors import FileFormatError
from sgcn_core.io.formats import WRITABLE_LANDMARK_SUFFIXES
from sgcn_core.io.markups import read_landmarks, write_landmarks
from sgcn_core.types.landmarks import UNCERTAIN_BY_DEFINITION, LandmarkResult


def awkward() -> LandmarkResult:
    """Labels that need quoting, in none of the sets."""
    labels = ('say "n"', "a, b", "ümlaut", "#5")
    return LandmarkResult(
        labels, np.arange(12).reshape(4, 3), [1, 0.5, 0, 1], ("found", "uncertain", "missing", "found")
    )


def markup(path: Path) -> dict[str, Any]:
    """The only markup in a file, read as strict JSON."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    content = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    assert content["@schema"].endswith("markups-schema-v1.0.3.json#")
    (only,) = content["markups"]
    return only


@pytest.mark.parametrize("suffix", WRITABLE_LANDMARK_SUFFIXES)
@pytest.mark.parametrize("unit", ["mm", "um", "cm", "m", "in", "7.3mm"])
@pytest.mark.parametrize("frame", ["LPS", "RAS"])
def test_everything_comes_back(tmp_path: Path, suffix: str, unit: str, frame: str) -> None:
    written = detected(unit, frame)
    path = write_landmarks(written, tmp_path / f"a{suffix}")
    read = read_landmarks(path).in_frame(frame)
    assert (read.labels, read.status, read.unit) == (written.labels, written.status, unit)
    np.testing.assert_allclose(read.positions, written.positions, rtol=0, atol=1e-9)
    np.testing.assert_allclose(read.confidence, written.confidence, rtol=0, atol=1e-6)
    np.testing.assert_allclose(read.errors_mm, written.errors_mm, rtol=0, atol=1e-6)
    assert "nan" not in path.read_text(encoding="utf-8").lower()


@pytest.mark.parametrize("suffix", WRITABLE_LANDMARK_SUFFIXES)
@pytest.mark.parametrize("frame", ["LPS", "RAS"])
def test_the_frame_of_the_file_can_be_chosen(tmp_path: Path, suffix: str, frame: str) -> None:
    path = write_landmarks(detected(frame="LPS"), tmp_path / f"a{suffix}", coordinate_system=frame)
    read = read_landmarks(path)
    assert read.frame == frame
    np.testing.assert_allclose(read.in_frame("LPS").positions, detected().positions, atol=1e-9)


@pytest.mark.parametrize("suffix", WRITABLE_LANDMARK_SUFFIXES)
def test_labels_that_need_quoting_come_back(tmp_path: Path, suffix: str) -> None:
    read = read_landmarks(write_landmarks(awkward(), tmp_path / f"a{suffix}"))
    assert (read.labels, read.status) == (awkward().labels, awkward().status)
    np.testing.assert_array_equal(read.positions, awkward().positions)


@pytest.mark.parametrize("suffix", WRITABLE_LANDMARK_SUFFIXES)
def test_keywords_override_what_the_file_declares(tmp_path: Path, suffix: str) -> None:
    path = write_landmarks(detected(), tmp_path / f"a{suffix}", coordinate_system="LPS")
    read = read_landmarks(path, unit="cm", frame="RAS")
    assert (read.unit, read.frame) == ("cm", "RAS")
    np.testing.assert_allclose(read.positions, detected().positions, atol=1e-9)


@pytest.mark.parametrize("suffix", [".mrk.json", ".json"])
def test_provenance_comes_back_from_json(tmp_path: Path, suffix: str) -> None:
    path = write_landmarks(detected(), tmp_path / f"a{suffix}")
    assert read_landmarks(path).info == {"seed": 7, "pose": np.eye(4).tolist()}


@pytest.mark.parametrize("suffix", WRITABLE_LANDMARK_SUFFIXES)
def test_every_format_tells_a_loose_definition_from_a_reason_in_the_scan(tmp_path: Path, suffix: str) -> None:
    whole = detected()
    uncertain = [label for label, status in zip(whole.labels, whole.status, strict=True) if status == "uncertain"]
    result = replace(whole, info={UNCERTAIN_BY_DEFINITION: uncertain[::2]})
    read = read_landmarks(write_landmarks(result, tmp_path / f"a{suffix}"))
    assert read.to_check == tuple(uncertain[1::2]) and read.uncertain_by_definition == tuple(uncertain[::2])


def test_markups_tell_a_loose_definition_from_a_reason_in_the_scan(tmp_path: Path) -> None:
    whole = detected()
    loose = [label for label, status in zip(whole.labels, whole.status, strict=True) if status == "uncertain"][::2]
    found = whole.labels[whole.status.index("found")]
    result = replace(whole, info={UNCERTAIN_BY_DEFINITION: [*loose, found]})
    content = markup(write_landmarks(result, tmp_path / "a.mrk.json"))
    flags = next(each for each in content["measurements"] if each["name"] == "to_check")["controlPointValues"]
    assert {label for label, flag in zip(whole.labels, flags, strict=True) if flag} == set(result.to_check)
    told = {point["label"]: point["description"] for point in content["controlPoints"]}
    assert "loosely defined, on every scan" in told[loose[0]] and "check its position" in told[result.to_check[0]]
    # Slicer keeps measurements and drops what it does not know.
    del content["sgcn_core"]
    kept = tmp_path / "saved.mrk.json"
    kept.write_text(json.dumps({"markups": [content]}))
    assert read_landmarks(kept).to_check == result.to_check
    assert set(read_landmarks(kept).uncertain_by_definition) == set(loose)


@pytest.mark.parametrize("suffix", WRITABLE_LANDMARK_SUFFIXES)
def test_files_without_errors_say_nothing_about_them(tmp_path: Path, suffix: str) -> None:
    path = write_landmarks(awkward(), tmp_path / f"a{suffix}")
    assert np.isnan(read_landmarks(path).errors_mm).all()


def test_files_of_older_versions_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("label,x,y,z,confidence,status,unit,frame\nprn,1,2,3,0.5,uncertain,mm,LPS\n")
    entry = {"label": "prn", "position": [1, 2, 3], "confidence": 0.5, "status": "uncertain"}
    (tmp_path / "a.json").write_text(json.dumps({"unit": "mm", "frame": "LPS", "landmarks": [entry]}))
    row = '1,1,2,3,0,0,0,1,1,0,0,prn,"n; uncertain [confidence=0.500000 status=uncertain]",,2,0\n'
    (tmp_path / "a.fcsv").write_text("# Markups fiducial file version = 4.13\n" + row)
    for suffix in (".csv", ".json", ".fcsv"):
        read = read_landmarks(tmp_path / f"a{suffix}")
        assert (read.status, read.confidence.tolist()) == (("uncertain",), [0.5])
        assert np.isnan(read.errors_mm).all()


# Slicer's JSON


def test_markups_follow_slicers_schema(tmp_path: Path) -> None:
    result = detected(frame="RAS")
    content = markup(write_landmarks(result, tmp_path / "a.mrk.json"))
    assert (content["type"], content["coordinateSystem"], content["coordinateUnits"]) == ("Fiducial", "LPS", "mm")
    points = content["controlPoints"]
    assert [point["label"] for point in points] == list(LABELS)
    assert len({point["id"] for point in points}) == len(points)
    for point, position, status in zip(points, result.positions, result.status, strict=True):
        assert point["positionStatus"] == ("undefined" if status == "missing" else "defined")
        assert ("position" in point) == (status != "missing")
        if status != "missing":
            np.testing.assert_allclose(point["position"], position * [-1, -1, 1])
        assert point["orientation"] == [-1, 0, 0, 0, -1, 0, 0, 0, 1]
        assert (point["visibility"], point["locked"], point["selected"]) == (True, False, status == "found")
    for measurement in content["measurements"]:
        assert len(measurement["controlPointValues"]) == len(points)


@pytest.mark.parametrize(
    ("unit", "code"),
    [
        ("um", "um"),
        ("cm", ["cm", "UCUM", "centimeter"]),
        ("m", ["m", "UCUM", "meter"]),
        ("in", ["[in_i]", "UCUM", "inch"]),
    ],
)
def test_other_units_are_ucum_codes(tmp_path: Path, unit: str, code: object) -> None:
    assert markup(write_landmarks(detected(unit), tmp_path / "a.mrk.json"))["coordinateUnits"] == code


def test_descriptions_tell_name_status_and_use(tmp_path: Path) -> None:
    result = LandmarkResult(("en_r", "go_l"), np.ones((2, 3)), [1, 0.2], ("found", "uncertain"))
    content = markup(write_landmarks(result, tmp_path / "a.mrk.json"))
    texts = [point["description"] for point in content["controlPoints"]]
    assert texts[0] == "right endocanthion; found; well defined, fit for single measurements"
    assert texts[1].startswith("left soft-tissue gonion; uncertain: check")


def changed_by_hand(tmp_path: Path, change: Any) -> LandmarkResult:
    path = write_landmarks(awkward(), tmp_path / "a.mrk.json")
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content["markups"][0])
    path.write_text(json.dumps(content), encoding="utf-8")
    return read_landmarks(path)


def test_a_missing_landmark_placed_in_slicer_is_found(tmp_path: Path) -> None:
    def place(content: dict[str, Any]) -> None:
        content["controlPoints"][2].update(position=[9, 9, 9], positionStatus="defined")

    read = changed_by_hand(tmp_path, place)
    assert read.status == ("found", "uncertain", "found", "found")
    np.testing.assert_array_equal(read.positions[2], 9)


@pytest.mark.parametrize("status", ["undefined", "missing", "preview"])
def test_a_landmark_unset_in_slicer_is_missing(tmp_path: Path, status: str) -> None:
    read = changed_by_hand(tmp_path, lambda m: m["controlPoints"][0].update(position="", positionStatus=status))
    assert read.status[0] == "missing" and np.isnan(read.positions[0]).all()


def test_measurements_of_another_length_are_not_trusted(tmp_path: Path) -> None:
    read = changed_by_hand(tmp_path, lambda m: m["controlPoints"].pop(0))
    np.testing.assert_array_equal(read.confidence, 1)
    assert read.status == ("found", "missing", "found")


def test_a_file_without_coordinate_system_is_lps_in_mm(tmp_path: Path) -> None:
    def strip(content: dict[str, Any]) -> None:
        for key in ("coordinateSystem", "coordinateUnits", "measurements", "sgcn_core"):
            del content[key]

    read = changed_by_hand(tmp_path, strip)
    assert (read.frame, read.unit) == ("LPS", "mm")


def test_slicer_markups_named_json_are_read_too(tmp_path: Path) -> None:
    path = write_landmarks(awkward(), tmp_path / "a.mrk.json").rename(tmp_path / "b.json")
    assert read_landmarks(path).labels == awkward().labels


# Older and plainer files


def test_fcsv_rows_have_slicers_columns_and_missing_ones_are_comments(tmp_path: Path) -> None:
    lines = write_landmarks(awkward(), tmp_path / "a.fcsv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# Markups fiducial file version = 4.13"
    assert lines[1] == "# CoordinateSystem = LPS"
    columns = lines[3].partition("= ")[2].split(",")
    data = [next(csv.reader([line])) for line in lines[4:] if not line.startswith("#")]
    assert len(data) == 3
    first = dict(zip(columns, data[0], strict=False))
    assert (first["label"], float(first["z"]), first["vis"], data[0][14]) == ('say "n"', 2.0, "1", "2")
    assert '"say ""n"""' in lines[4]


def test_fcsv_of_slicer_with_unset_points(tmp_path: Path) -> None:
    path = tmp_path / "a.fcsv"
    path.write_text(
        "# Markups fiducial file version = 5.8\n# CoordinateSystem = 0\n"
        "# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID\n"
        '1,-1,-2,3,0,0,0,1,1,1,0,n,"na""sion, x",,2,0\n2,0,0,0,0,0,0,1,1,1,0,sn,,,3,0\n'
        "3,0,-5,0,0,0,0,1,1,1,0,un,,,0,0\n"
        "vtkMRMLMarkupsFiducialNode_4,4,5,6,0,0,0,1,1,1,0,old,,\n"
    )
    read = read_landmarks(path)
    assert read.frame == "RAS" and read.labels == ("n", "sn", "un", "old")
    assert read.status == ("found", "missing", "missing", "found")
    np.testing.assert_array_equal(read.positions[[0, 3]], [[-1, -2, 3], [4, 5, 6]])


# Damage


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "", "the first row is empty"),
        ("a.csv", "prn,1,2,3\n", "header row"),
        ("a.csv", "name,x,y,z\n", "no landmarks"),
        ("a.csv", "name,x,y,z\nprn,1,2\n", "4 columns"),
        ("a.csv", "name,x,y,z\nprn,1,2,3,4\n", "4 columns"),
        ("a.csv", "name,x,y,z\nprn,1,2,x\n", "could not convert"),
        ("a.csv", "name,x,y,z\nprn,nan,2,3\n", "'prn' is not finite"),
        ("a.csv", "name,x,y,z\nprn,1,2,3\nprn,1,2,3\n", "duplicate labels: prn"),
        ("a.fcsv", "1,2,3,4,0,0,0,1,1,1,0,n,,\n", "fiducial file version"),
        ("a.fcsv", "# Markups fiducial file version = 5\n1,2,3\n", "3 columns"),
        (
            "a.fcsv",
            "# Markups fiducial file version = 5\n# CoordinateSystem = lps\n1,2,3,4,0,0,0,1,1,1,0,n,,\n",
            "'lps'",
        ),
        ("a.mrk.json", "{", "Expecting property name"),
        ("a.mrk.json", "[]", "no list 'markups'"),
        ("a.mrk.json", '{"markups": []}', "no markup of type Fiducial"),
        ("a.mrk.json", '{"markups": [{"type": "Line"}]}', "only Line"),
        ("a.mrk.json", '{"markups": [{"type": "Fiducial"}]}', "no landmarks"),
        ("a.mrk.json", '{"markups": [{"type": "Fiducial", "controlPoints": [{"position": [1, 2]}]}]}', "three numbers"),
        (
            "a.mrk.json",
            '{"markups": [{"type": "Fiducial", "controlPoints": [{"position": [1, 2, NaN]}]}]}',
            "not finite",
        ),
        ("a.mrk.json", '{"markups": [3]}', "structure"),
        ("a.json", '{"landmarks": [{"label": "n"}]}', "structure"),
        ("a.json", "{}", "structure"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(FileFormatError, match=message) as caught:
        read_landmarks(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


@pytest.mark.parametrize("suffix", [".mrk.json", ".json"])
def test_json_cut_anywhere_is_refused(tmp_path: Path, suffix: str) -> None:
    whole = write_landmarks(awkward(), tmp_path / f"a{suffix}").read_bytes()
    for end in range(0, len(whole) - 2, 37):
        (tmp_path / f"b{suffix}").write_bytes(whole[:end])
        with pytest.raises(FileFormatError):
            read_landmarks(tmp_path / f"b{suffix}")


def test_wrong_paths_say_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="check the path"):
        read_landmarks(tmp_path / "a.csv")
    with pytest.raises(IsADirectoryError, match="folder"):
        read_landmarks(tmp_path)
    (tmp_path / "a.doc").write_text("x")
    with pytest.raises(FileFormatError, match=r"\.mrk\.json, \.fcsv"):
        read_landmarks(tmp_path / "a.doc")
    with pytest.raises(FileFormatError, match=r"\.mrk\.json, \.fcsv"):
        write_landmarks(detected(), tmp_path / "a.txt")
    with pytest.raises(FileNotFoundError, match="create it first"):
        write_landmarks(detected(), tmp_path / "nowhere" / "a.csv")
    assert [file.name for file in tmp_path.iterdir()] == ["a.doc"]


# The real application's classes, where they are installed (package slicer-core)


def test_slicer_reads_what_we_write_and_we_read_what_it_writes(tmp_path: Path) -> None:
    slicer = pytest.importorskip("slicer", reason="slicer-core is not installed")
    if not hasattr(slicer, "vtkMRMLMarkupsJsonStorageNode"):
        pytest.skip("this 'slicer' has no markups classes")
    scene = slicer.vtkMRMLScene()
    application, logic = slicer.vtkSlicerApplicationLogic(), slicer.vtkSlicerMarkupsLogic()
    application.SetMRMLScene(scene)
    logic.SetMRMLApplicationLogic(application)
    logic.SetMRMLScene(scene)
    for unit, frame in (("mm", "LPS"), ("m", "RAS")):
        result = detected(unit, frame)
        node = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
        storage = slicer.vtkMRMLMarkupsJsonStorageNode()
        storage.SetFileName(str(write_landmarks(result, tmp_path / "ours.mrk.json")))
        assert storage.ReadData(node) == 1
        ras = result.in_frame("RAS").positions
        for place, (label, status) in enumerate(zip(result.labels, result.status, strict=True)):
            assert node.GetNthControlPointLabel(place) == label
            defined = node.GetNthControlPointPositionStatus(place) == slicer.vtkMRMLMarkupsNode.PositionDefined
            assert defined == (status != "missing")
            if defined:
                np.testing.assert_allclose(node.GetNthControlPointPosition(place), ras[place], atol=1e-9)
        storage.SetFileName(str(tmp_path / "theirs.mrk.json"))
        assert storage.WriteData(node) == 1
        again = read_landmarks(tmp_path / "theirs.mrk.json")
        assert again.status == result.status
        np.testing.assert_allclose(again.in_frame("RAS").positions, ras, atol=1e-9)
        np.testing.assert_allclose(again.confidence, result.confidence, atol=1e-9)
