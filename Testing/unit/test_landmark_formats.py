"""Landmark files and meshes of other programs: hand-made files read back, and what is wrong with damaged ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sgcn_core.analysis.case import AnalysisCase
from sgcn_core.errors import FileFormatError
from sgcn_core.io.formats import LANDMARK_SUFFIXES, WRITABLE_LANDMARK_SUFFIXES, without_suffix
from sgcn_core.io.markups import read_landmarks, write_landmarks
from sgcn_core.io.meshes import read_surface
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.surface import Surface

PP = """<!DOCTYPE PickedPoints>
<PickedPoints>
 <DocumentData><DateTime time="16:00:00" date="2025-12-31"/><DataFileName name="face.ply"/></DocumentData>
 <point x="1.5" y="-2" z="30" name="prn" active="1"/>
 <point name="en_r" z="3" y="2" x="1"/>
 <point x="0" y="0" z="0" name="gn" active="0"/>
</PickedPoints>
"""
AMIRA = """# AmiraMesh 3D ASCII 2.0


define Markers 2

Parameters {
    NumSets 1,
    ContentType "LandmarkSet"
}

Markers { float[3] Coordinates } @1

# Data section follows
@1
1.5 -2 30
1.000000000000000e+00 2 3
"""
PTS = "Version 1.0\n3\nprn 1.5 -2 30\nS001 1 2 3\ngn 9999 9999 9999\n"
BND = "8120 \t\t1.5 -2 30\n17 1 2 3\n"
LJSON = {
    "version": 3,
    "groups": {
        "LJSON": {
            "landmarks": {
                "points": [[1.5, -2, 30], [1, 2, 3], [4, 5, 6], [None, None, None]],
                "connectivity": [[1, 2]],
            },
            "labels": [{"label": "prn", "mask": [0]}, {"label": "eye", "mask": [2, 1]}],
        }
    },
}
TABLE = 'Subject: 0001\nLandmark\tX (cm)\tY (cm)\tZ (cm)\n1\tnose tip\t1,5\t-2\t30\n2\t"en r"\t1\t2\t3\n'


def read(tmp_path: Path, suffix: str, text: str) -> dict[str, list[float]]:
    """Label -> position of a file with this text; what it does not state is said."""
    path = tmp_path / f"scan{suffix}"
    path.write_text(text, encoding="utf-8")
    result = read_landmarks(path)
    assert result.frame == "LPS" and "frame" in result.info["assumed"]
    return dict(zip(result.labels, result.positions.tolist(), strict=True))


@pytest.mark.parametrize(
    ("suffix", "text", "names", "missing"),
    [
        (".pp", PP, ("prn", "en_r"), ("gn",)),
        (".landmarkAscii", AMIRA, ("1", "2"), ()),
        (".pts", PTS, ("prn", "S001"), ("gn",)),
        (".bnd", BND, ("bu1", "bu2"), ()),
        (".txt", TABLE, ("nose tip", "en r"), ()),
        (".txt", "prn 1.5 -2 30\nen r 1 2 3\n", ("prn", "en r"), ()),
        (".txt", "# by hand\nname,x,y,z\nprn,1.5,-2,30\nen_r, 1, 2, 3\n", ("prn", "en_r"), ()),
        (".csv", "Landmark,X,Y,Z\nprn,1.5,-2,30\nen_r,1,2,3\n", ("prn", "en_r"), ()),
    ],
)
def test_positions_are_those_in_the_file(
    tmp_path: Path, suffix: str, text: str, names: tuple[str, str], missing: tuple[str, ...]
) -> None:
    found = read(tmp_path, suffix, text)
    assert tuple(found) == (*names, *missing)
    assert found[names[0]] == [1.5, -2, 30] and found[names[1]] == [1, 2, 3]
    assert all(np.isnan(found[name]).all() for name in missing)


def test_menpo_names_points_by_their_labels(tmp_path: Path) -> None:
    found = read(tmp_path, ".ljson", json.dumps(LJSON))
    assert list(found) == ["prn", "eye 2", "eye 1", "4"]
    assert found["prn"] == [1.5, -2, 30] and found["eye 2"] == [1, 2, 3] and found["eye 1"] == [4, 5, 6]
    group = LJSON["groups"]["LJSON"]  # type: ignore[index]
    assert read(tmp_path, ".ljson", json.dumps({"version": 2, **group})).keys() == found.keys()
    points = [{"point": [1, 2, 3]}, {"point": [4, 5, 6]}]
    first = {
        "version": 1,
        "groups": [{"label": "chin", "landmarks": points}, {"label": "tip", "landmarks": points[:1]}],
    }
    assert list(read(tmp_path, ".ljson", json.dumps(first))) == ["chin 1", "chin 2", "tip"]


@pytest.mark.parametrize(
    ("suffix", "text", "unit"),
    [
        (".txt", TABLE, "cm"),
        (".txt", "unit: m\nprn 1 2 3\n", "m"),
        (".csv", "name,X (mm),Y (mm),Z (mm)\nprn,1,2,3\n", "mm"),
        (".csv", "name,x [in],y [in],z [in]\nprn,1,2,3\n", "in"),
    ],
)
def test_a_heading_states_the_unit(tmp_path: Path, suffix: str, text: str, unit: str) -> None:
    (tmp_path / f"a{suffix}").write_text(text)
    result = read_landmarks(tmp_path / f"a{suffix}")
    assert result.unit == unit and result.info["assumed"] == ["frame"]


def test_what_the_caller_or_the_written_file_states_is_not_assumed(tmp_path: Path) -> None:
    (tmp_path / "a.pp").write_text(PP)
    result = read_landmarks(tmp_path / "a.pp", unit="cm")
    assert (result.unit, result.info) == ("cm", {"assumed": ["frame"]})
    assert read_landmarks(tmp_path / "a.pp", unit="cm", frame="RAS").info == {}
    again = read_landmarks(write_landmarks(result, tmp_path / "a.json"))
    assert again.info == {} and again.unit == "cm" and again.status == result.status


def test_landmarks_in_a_length_of_their_own_are_measured_in_millimetres(tmp_path: Path) -> None:
    vertices = 40.0 * np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    result = LandmarkResult(("prn", "sn", "gn"), vertices, np.ones(3), ("found",) * 3, unit="2.5mm")
    path = write_landmarks(result, tmp_path / "a.json")
    case = AnalysisCase.from_file(path, Surface(vertices, np.array([[0, 1, 2]]), unit="2.5mm"))
    assert case.positions == pytest.approx(2.5 * vertices) and case.surface is not None
    assert case.surface.vertices == pytest.approx(2.5 * vertices)


BOMB = """<!DOCTYPE PickedPoints [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>
<PickedPoints><point x="1" y="2" z="3" name="&b;"/></PickedPoints>"""


@pytest.mark.parametrize(
    ("suffix", "text", "message"),
    [
        (".pp", BOMB, "declares XML entities"),
        (".pp", PP[:-30], "no whole XML file"),
        (".pp", "<svg/>", "not <PickedPoints>"),
        (".pp", PP.replace('x="1.5" ', ""), "lacks one of the attributes"),
        (".pp", PP.replace('"en_r"', '"prn"'), "duplicate labels: prn"),
        (".landmarkAscii", AMIRA.rpartition("1.000")[0], "declares 2 landmarks but holds 1"),
        (".landmarkAscii", AMIRA.replace("NumSets 1", "NumSets 2"), "2 sets of landmarks"),
        (".landmarkAscii", AMIRA.replace("ASCII", "BINARY"), "save it as LandmarkSet ASCII"),
        (".landmarkAscii", AMIRA.replace("-2", "nan"), "not finite"),
        (".pts", PTS.replace("\n3\n", "\n4\n"), "declares 4 landmarks but holds 3"),
        (".pts", "version: 1\nn_points: 68\n{\n1 2\n}\n", "of an image"),
        (".ljson", json.dumps({"version": 4}), "its version is 4"),
        (".ljson", json.dumps({"version": 2, "landmarks": {"points": [[1, 2]]}}), "two coordinates"),
        (".ljson", "[" * 100_000, "expected structure"),
        (".bnd", "1 2 3\n", "number of a vertex and three coordinates"),
        (".txt", "1 2 3\n4 5 6\n", "no line is the name"),
        (".txt", "prn 1 2 3 0.9\n", "more than three numbers"),
        (".txt", "prn 1 2 3\nremark\n", "'remark' is not the name"),
        (".csv", "name,x (mm),y (cm),z (mm)\nprn,1,2,3\n", "different units: cm, mm"),
        (".land", "anything", "export its landmarks there as .pts"),
    ],
)
def test_damaged_files_say_what_is_wrong(tmp_path: Path, suffix: str, text: str, message: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=message) as caught:
        read_landmarks(path)
    assert str(path) in str(caught.value)


def test_formats_of_others_are_read_and_not_written(tmp_path: Path) -> None:
    (tmp_path / "a.pp").write_text(PP)
    result = read_landmarks(tmp_path / "a.pp")
    for suffix in set(LANDMARK_SUFFIXES) - set(WRITABLE_LANDMARK_SUFFIXES):
        with pytest.raises(FileFormatError, match=r"use one of \.mrk\.json"):
            write_landmarks(result, tmp_path / f"b{suffix}")


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("before/FACE.MRK.JSON", "FACE"),
        ("face.csv.mrk.json", "face.csv"),
        ("face.landmarkAscii", "face"),
        ("head.1.nii.gz", "head.1"),
        ("scan.v2.ply", "scan.v2"),
        ("notes.unknown", "notes"),
        ("README", "README"),
        (".ply", ".ply"),
    ],
)
def test_a_name_loses_its_suffix_and_nothing_else(file: str, name: str, tmp_path: Path) -> None:
    assert without_suffix(file) == without_suffix(tmp_path / file) == name
    assert without_suffix(tmp_path / "a.b" / file, below=tmp_path) == (Path("a.b") / file).with_name(name).as_posix()


def test_the_name_of_a_folder_stays_whole(tmp_path: Path) -> None:
    series = tmp_path / "1.2.840"
    series.mkdir()
    assert without_suffix(series) == "1.2.840"


WRL = """#VRML V2.0 utf8
# a face of four points
Shape {
  appearance Appearance { texture ImageTexture { url "f.bmp" } }
  geometry IndexedFaceSet {
    coord Coordinate {
      point [
        0 0 0,
        1.5 0 0,
        0 2.5e0 0,
        0 0 -3
      ]
    }
    coordIndex [ 0, 1, 2, -1, 0, 2, 3, 1, -1 ]
    texCoord TextureCoordinate { point [ 0 0, 1 0, 0 1, 1 1 ] }
    texCoordIndex [ 0, 1, 2, -1, 0, 2, 3, 1, -1 ]
  }
}
"""


def test_vrml_keeps_the_order_of_the_points(tmp_path: Path) -> None:
    path = tmp_path / "face.wrl"
    path.write_text(WRL + "Transform { translation 0 0 0 children [] }" + WRL.partition("\n")[2])
    surface = read_surface(path)
    one = [[0, 0, 0], [1.5, 0, 0], [0, 2.5, 0], [0, 0, -3]]
    assert surface.vertices.tolist() == one + one
    triangles = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1]])
    assert surface.faces.tolist() == [*triangles.tolist(), *(triangles + 4).tolist()]
    assert surface.unit is None and surface.frame == "LPS"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (WRL.replace("V2.0", "V1.0"), "VRML 1.0 is not read"),
        (WRL.replace("Shape {", "Transform { scale 1 1 2 } Shape {"), "'scale', which is not read"),
        (WRL.replace("coord Coordinate", "coord USE other Coordinate"), "'USE', which is not read"),
        (WRL.replace("0, 2, 3, 1, -1", "0, 2, 9, 1, -1"), "beyond the 4 of its list"),
        (WRL.replace("0 0 -3\n", "0 0\n"), "no multiple of 3"),
        (WRL.replace("point [", "points ["), "no list 'point'|before its points"),
    ],
)
def test_vrml_that_would_need_a_scene_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "face.wrl").write_text(text)
    with pytest.raises(FileFormatError, match=message):
        read_surface(tmp_path / "face.wrl")
