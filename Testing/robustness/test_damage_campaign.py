"""Damaged files of every format end in an error of ours, or are read; nothing crashes, hangs, or takes all memory."""

from __future__ import annotations

import base64
import json
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from said import said
from typer.testing import CliRunner

from research.robustness import damage_campaign
from research.robustness.damage import damaged
from research.robustness.damage_campaign import Reading, criterion_of, read_damaged
from research.robustness.damage_child import outcome_of, read, read_one, validate
from research.robustness.damage_seeds import Sample, whole_samples
from sgcn_core.batch import ExitCode
from sgcn_core.cli import detect as detect_command
from sgcn_core.cli.app import app
from sgcn_core.errors import FileFormatError, SgcnError, SurfaceError
from sgcn_core.io.markups import read_landmarks
from sgcn_core.io.meshes import read_mesh_data, read_surface, write_surface
from sgcn_core.io.volumes import read_volume
from sgcn_core.settings import DetectionSettings
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.surface import Surface

SAMPLES = whole_samples()


def put(sample: Sample, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in sample.files.items():
        (folder / name).write_bytes(content)
    return folder / sample.main if sample.main else folder


def sample_of(note: str) -> Sample:
    return next(sample for sample in SAMPLES if note in sample.note)


def changed(note: str, *pairs: tuple[bytes, bytes]) -> Sample:
    sample = sample_of(note)
    content = sample.files[sample.main]
    for old, new in pairs:
        assert old in content
        content = content.replace(old, new, 1)
    return Sample(sample.kind, sample.main, {**sample.files, sample.main: content}, sample.note)


class Stub:
    def detect(self, surface: Surface, settings: DetectionSettings, **_: object) -> LandmarkResult:
        return LandmarkResult(("prn",), surface.vertices[:1], np.array([0.9]), ("found",))


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect_command, "load_detector", lambda settings: Stub())


# The campaign


@pytest.mark.parametrize("sample", SAMPLES[:-2], ids=lambda sample: sample.note)
def test_the_files_that_are_damaged_are_whole(tmp_path: Path, sample: Sample) -> None:
    if sample.suffix == ".xyz":  # too few points for a surface
        assert len(read_mesh_data(put(sample, tmp_path / "a")).normals) == 25
        return
    content = read(sample.kind, put(sample, tmp_path / "a"))
    validate(content)
    if sample.kind == "surface":
        expected = read_surface(put(SAMPLES[0], tmp_path / "b"))
        factor = 1000 if content.unit == "m" else 1
        triangles = content.vertices[content.faces[:31]] * factor
        np.testing.assert_allclose(triangles, expected.vertices[expected.faces[:31]], atol=1e-4)


def test_damaged_files_of_every_format() -> None:
    readings = read_damaged(150, seed=7)
    assert [reading.number for reading in readings] == list(range(150))
    assert [reading for reading in readings if reading.outcome not in ("valid", "refused")] == []
    assert sum(reading.outcome == "refused" for reading in readings) > 75
    assert criterion_of(readings).reached


def test_the_same_seed_makes_the_same_damage() -> None:
    first, again, other = (damaged(SAMPLES, 11, seed) for seed in (0, 0, 1))
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("does", "outcome"), [("sys.exit(3)", "crash"), ("time.sleep(60)", "hang"), ("os.abort()", "crash")]
)
def test_crashes_and_hangs_are_noticed(monkeypatch: pytest.MonkeyPatch, does: str, outcome: str) -> None:
    if outcome == "hang":
        monkeypatch.setattr(damage_campaign, "HANG_SECONDS", 1.0)
    answer = json.dumps({"outcome": "valid", "message": "", "seconds": 0.1})
    script = f"import os, sys, time\nsys.stdin.read()\nprint('ready')\nprint({answer!r}, flush=True)\n{does}"
    monkeypatch.setattr(damage_campaign, "COMMAND", [sys.executable, "-c", script])
    answers = damage_campaign._answers([{}] * 5)
    assert [answer["outcome"] for answer in answers] == ["valid", outcome]
    assert not criterion_of([Reading(0, "", outcome, "", 1.0)]).reached


def test_what_counts_as_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "a.ply"
    assert outcome_of(FileFormatError(f"cannot read {path}: no"), path)[0] == "refused"
    assert outcome_of(FileFormatError("cannot read it"), path)[0] == "fault"
    error = FileFormatError(f"{path}: no")
    error.__cause__ = MemoryError()
    assert outcome_of(error, path)[0] == "fault"
    path.write_bytes(b"x")
    assert read_one("surface", path)[0] == "refused"
    assert read_one("surface", tmp_path / "none.ply")[0] == "fault"


# What the campaign and the fuzzers found


def gltf_with(uri: str) -> Sample:
    sample = sample_of("with .bin")
    content = json.loads(sample.files["scan.gltf"])
    content["buffers"][0]["uri"] = uri
    return Sample("surface", "scan.gltf", {**sample.files, "scan.gltf": json.dumps(content).encode()}, uri)


HUGE = str(2**63).encode()


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        (changed("legacy ascii 42", (b"POINTS 25", b"POINTS 2500000000")), "declares 7500000000 numbers"),
        (changed("legacy binary 42", (b"POINTS 25", b"POINTS 2500000000")), "more memory"),
        (changed("legacy binary 51", (b"POLYGONS 33 96", b"POLYGONS 33 " + HUGE)), "cell array"),
        (changed("legacy ascii 42", (b"\n3 0 1 6", b"\n200 0 1 6")), "polygons do not match"),
        (changed("VTP mode 0", (b'NumberOfPoints="25"', b'NumberOfPoints="2500000000"')), "more memory|crashed"),
        (changed("VTP mode 2 encoded 0 compressor 2", (b'NumberOfPoints="25"', b'NumberOfPoints="9"')), "9 vertices"),
        (changed("VTP mode 0", (b"<VTKFile", b'<!DOCTYPE VTKFile [<!ENTITY a "b">]><VTKFile')), "DOCTYPE"),
        (changed("VTP mode 0", (b"<PolyData>", b"<a>" * 1000 + b"<PolyData>")), "VTK reports"),
        (gltf_with("../scan.bin"), "own folder"),
        (gltf_with("/etc/passwd"), "own folder"),
        (gltf_with("http://localhost/a.bin"), "own folder"),
        (gltf_with("%2e%2e/a.bin"), "own folder"),
        (gltf_with("nothing.bin"), "not a file in its folder"),
        (changed("GLB", (b'"count": 25', b'"count": 99')), "beyond its buffer"),
        (changed("GLB", (b'"children": [1]', b'"children": [0]')), "not a tree"),
        (changed("head.nhdr raw", (b"data file: head.raw", b"data file: /dev/zero")), "own folder"),
        (changed("head.nhdr raw", (b"sizes: 9 10 12", b"sizes: 9 10 1200")), "truncated"),
        (changed("head.nrrd packed", (b"sizes: 9 10 12", b"sizes: 900 900 12")), "truncated"),
        (changed("head.nrrd raw", (b"kinds:", b"kinds: " + b" " * 2**18)), "header"),
        (changed("head.mhd raw", (b"= head.raw", b"= ../head.raw")), "own folder"),
        (changed("head.mhd raw", (b"= head.raw", b"= %s%n%d.raw 1 2 1")), "pattern"),
        (changed("head.mhd raw", (b"NDims = 3", b"NDims = 200")), "damaged"),
        (changed("head.mha packed", (b"DimSize = 9 10 12", b"DimSize = 99 90 92")), "truncated"),
        (changed("head.nii raw", (b"\x03\x00\x09\x00\x0a\x00", b"\x03\x00\xff\xff\x0a\x00")), "not recognized"),
    ],
    ids=lambda value: None if isinstance(value, str) else value.note,
)
def test_found_and_mended(tmp_path: Path, capfd: pytest.CaptureFixture[str], sample: Sample, message: str) -> None:
    path = put(sample, tmp_path / "a")
    with pytest.raises((FileFormatError, SurfaceError), match=message) as error:
        read(sample.kind, path)
    assert str(path) in str(error.value)
    assert capfd.readouterr() == ("", "")


def test_a_dicom_length_that_lies_takes_no_memory(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """GDCM took 4 GB for this file of 600 bytes."""
    sample = sample_of("DICOM folder")
    content = sample.files["slice3.dcm"]
    place = content.index(b"\x20\x00\x32\x00") + 4
    lying = content[:place] + b"UT\0\0" + struct.pack("<I", 2**31) + content[place + 8 :]
    folder = put(Sample("volume", "", {**sample.files, "slice3.dcm": lying}, ""), tmp_path / "a")
    with pytest.raises(FileFormatError, match=r"slice3\.dcm as DICOM: an element is longer than the rest"):
        read_volume(folder)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"\x20\x00\x32\x00DS", b"\x20\x00\x32\x00QH", "Unknown Value Representation"),
        (b"\x02\x00\x12\x00UI", b"\x02\x00\x12\x00QI", "Cannot read"),
        (b"\x08\x00\x50\x11UI\x1a", b"\x08\x00\x50\x11UI\x7a", "damaged"),
        (b"\xfe\xff\x00\xe0", b"\xfe\xff\x00\xe1", "Cannot read"),
        (b"\x28\x00\x10\x00US\x02\x00\x08\x00", b"\x28\x00\x10\x00US\x02\x00\xff\xff", "states 8x65535x1 pixels"),
        (b"1.2.840.10008.1.2.1", b"1.2.840.99999.1.2.1", "transfer syntax"),
        (b"DICM", b"DICN", "not a DICOM file"),
    ],
)
def test_dicom_that_gdcm_would_misread(tmp_path: Path, old: bytes, new: bytes, message: str) -> None:
    path = tmp_path / "a.dcm"
    content = sample_of("one DICOM slice with types").files["slice0.dcm"]
    assert old in content
    path.write_bytes(content.replace(old, new, 1))
    with pytest.raises(FileFormatError, match=message) as error:
        read_volume(path)
    assert str(path) in str(error.value)


def test_nothing_of_a_place_in_space_may_be_infinite(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray(sample_of("head.nii raw").files["head.nii"])
    struct.pack_into("<f", data, 284, float("inf"))
    (tmp_path / "a.nii").write_bytes(bytes(data))
    with pytest.raises(FileFormatError, match="invalid spacing or position"):
        read_volume(tmp_path / "a.nii")
    assert capfd.readouterr() == ("", "")


def test_a_compressed_block_that_bursts_is_not_unpacked(tmp_path: Path) -> None:
    """A block of VTP declares 300 bytes and holds 64 MB."""
    block = zlib.compress(b"\0" * 2**26)
    header = base64.b64encode(struct.pack("<4I", 1, 300, 0, len(block)))
    array = b'<DataArray type="Float32" NumberOfComponents="3" format="binary">' + header + base64.b64encode(block)
    text = b'<VTKFile type="PolyData" compressor="vtkZLibDataCompressor"><PolyData><Piece NumberOfPoints="25"><Points>'
    path = tmp_path / "a.vtp"
    path.write_bytes(text + array + b"</DataArray></Points></Piece></PolyData></VTKFile>")
    with pytest.raises(FileFormatError, match="uncompressing"):
        read_surface(path)


def test_long_comments_take_no_quadratic_time(tmp_path: Path) -> None:
    sample = SAMPLES[1]
    path = tmp_path / "a.obj"
    path.write_bytes(b"#\n" * 200_000 + sample.files["scan.obj"])
    assert len(read_surface(path).faces) == 32


@pytest.mark.parametrize(
    ("space", "signs"),
    [("right-anterior-superior", (-1, -1, 1)), ("LAS", (1, -1, 1)), ("left-posterior-superior", (1, 1, 1))],
)
def test_nrrd_spaces_are_turned_as_itk_turns_them(tmp_path: Path, space: str, signs: tuple[int, ...]) -> None:
    array = np.arange(12 * 10 * 9, dtype=">i2").reshape(12, 10, 9)
    header = (
        f"NRRD0004\n# comment\ntype: int16\ndimension: 3\nspace: {space}\nsizes: 9 10 12\nendian: big\n"
        "space directions: (0,1,0) (2,0,0) (0,0,3)\nkinds: domain domain domain\nencoding: raw\n"
        "space origin: (1,2,3)\nkey:=value\n\n"
    )
    path = tmp_path / "a.nrrd"
    path.write_bytes(header.encode() + array.tobytes())
    volume, image = read_volume(path), sitk.ReadImage(str(path))
    assert np.array_equal(volume.array, array)
    assert volume.origin == pytest.approx(np.array(signs) * (1, 2, 3))
    assert volume.origin == pytest.approx(image.GetOrigin())
    assert volume.direction.ravel() == pytest.approx(image.GetDirection())


@pytest.mark.parametrize("named", ["s%02d.raw 0 11 1", "LIST"])
@pytest.mark.parametrize("name", ["a.mhd", "a.nhdr"])
def test_voxels_in_a_file_for_each_slice(tmp_path: Path, name: str, named: str) -> None:
    array = np.arange(12 * 10 * 9, dtype="<i2").reshape(12, 10, 9)
    names = [f"s{number:02d}.raw" for number in range(12)]
    for part, slice_ in zip(names, array, strict=True):
        (tmp_path / part).write_bytes(slice_.tobytes())
    if name.endswith("nhdr"):
        header = "NRRD0004\ntype: short\ndimension: 3\nsizes: 9 10 12\nendian: little\nencoding: raw\ndata file: "
    else:
        header = "NDims = 3\nDimSize = 9 10 12\nElementType = MET_SHORT\nElementDataFile = "
    listing = "\n" + "\n".join(names) if named == "LIST" else ""
    (tmp_path / name).write_text(header + named + listing + "\n")
    assert np.array_equal(read_volume(tmp_path / name).array, array)
    (tmp_path / names[3]).write_bytes(b"short")
    with pytest.raises(FileFormatError, match="truncated"):
        read_volume(tmp_path / name)


def test_binary_vtk_without_a_line_end_in_it(tmp_path: Path) -> None:
    surface = Surface(np.eye(3), np.tile([0, 1, 2], (2000, 1)))
    assert len(read_surface(write_surface(surface, tmp_path / "a.vtk")).faces) == 2000


def test_an_obj_is_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sample = sample_of("OBJ with texture")
    path = put(sample, tmp_path / "a")
    path.write_bytes(path.read_bytes() + b"\nv 1 2 3\nf -1 1 2\nf -2 -3 -1 1\n")
    whole = read_surface(path)
    monkeypatch.setattr("sgcn_core.io.obj._BLOCK", 40)
    pieces = read_surface(path)
    assert np.array_equal(pieces.vertices, whole.vertices) and np.array_equal(pieces.faces, whole.faces)
    assert whole.faces[-3:].tolist() == [[25, 0, 1], [24, 23, 25], [24, 25, 0]]


# Things that are no files


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
@pytest.mark.parametrize(
    ("name", "reader"), [("a.ply", read_surface), ("a.nii.gz", read_volume), ("a.mrk.json", read_landmarks)]
)
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path, name: str, reader) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(FileFormatError, match="not a regular file"):
        reader(tmp_path / name)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
@pytest.mark.parametrize("name", ["a.ply", "a.nii.gz"])
def test_links_in_a_circle(tmp_path: Path, detector: None, name: str) -> None:
    (tmp_path / name).symlink_to(tmp_path / f"b{name}")
    (tmp_path / f"b{name}").symlink_to(tmp_path / name)
    result = CliRunner().invoke(app, ["detect", str(tmp_path / name)])
    assert result.exit_code != 0 and not isinstance(result.exception, RuntimeError)


# detect, as a user


def test_detect_says_what_is_wrong_in_a_line_and_writes_nothing(tmp_path: Path, detector: None) -> None:
    runs = 0
    for number in range(90):
        sample = damaged(SAMPLES, number, 21)
        if sample.kind == "landmarks" or not sample.main:
            continue
        path = put(sample, tmp_path / str(number))
        try:
            read(sample.kind, path)
        except SgcnError:
            output = tmp_path / f"{number}.mrk.json"
            result = CliRunner().invoke(app, ["detect", f"{path}", "-o", str(output)])
            assert result.exit_code == ExitCode.ALL_FAILED, (sample.note, result.output)
            lines = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
            assert len(lines) == 1 and str(path) in lines[0] and "Traceback" not in result.output
            assert not output.exists()
            runs += 1
    assert runs >= 40


def test_a_folder_goes_on_after_bad_files(tmp_path: Path, detector: None) -> None:
    surface = read_surface(put(SAMPLES[0], tmp_path / "seed"))
    scans = tmp_path / "scans"
    scans.mkdir()
    write_surface(surface, scans / "m-good.ply")
    for name, content in (("a.ply", b""), ("b.stl", b"\0" * 90), ("z.vtp", b"<VTKFile>"), ("y.nii", b"\x5c\x01")):
        (scans / name).write_bytes(content)
    if hasattr(os, "mkfifo"):
        os.mkfifo(scans / "pipe.ply")
    result = CliRunner().invoke(app, ["detect", str(scans), "--output-dir", str(tmp_path / "out")])
    assert result.exit_code == ExitCode.SOME_FAILED
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["m-good.mrk.json"]
    assert sum(line.startswith("error: ") for line in result.stderr.splitlines()) == 4


def test_folders_named_like_scans_and_files_that_vanish(tmp_path: Path, detector: None) -> None:
    (tmp_path / "scan.ply").mkdir()
    result = CliRunner().invoke(app, ["detect", str(tmp_path / "scan.ply")])
    assert result.exit_code == ExitCode.USAGE and "no mesh" in said(result.output)
    result = CliRunner().invoke(app, ["detect", str(tmp_path / "gone.ply")])
    assert result.exit_code == ExitCode.ALL_FAILED and "gone.ply" in result.stderr


def test_the_real_command_on_a_bad_file(tmp_path: Path) -> None:
    path = put(changed("legacy binary 42", (b"POINTS 25", b"POINTS 2500000000")), tmp_path / "Gesicht ä")
    command = [sys.executable, "-m", "sgcn_core", "detect", str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120, check=False)
    assert ended.returncode == ExitCode.ALL_FAILED
    assert "scan.vtk" in ended.stderr and "Traceback" not in ended.stderr and ended.stdout == ""
    assert [entry.name for entry in path.parent.iterdir()] == ["scan.vtk"]
