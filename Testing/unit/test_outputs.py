"""Files that are written: whole, on the disk, never in the place of anybody else's; what is left behind goes."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from sgcn_core.batch import Job, Outcome, PlanError, Request, plan, totals, write_table
from sgcn_core.child_process import python_environment
from sgcn_core.cli.outputs import checked_states
from sgcn_core.evaluation.tables import Table
from sgcn_core.io import atomic, temporary
from sgcn_core.io.atomic import file_state, replacing, write_text
from sgcn_core.io.csv_cells import plain_cell, safe_cell
from sgcn_core.io.markups import read_landmarks, write_landmarks
from sgcn_core.io.provenance import input_record, printable
from sgcn_core.io.referred_files import data_files, referred_files, textures_beside
from sgcn_core.io.temporary import SUFFIX, private_folder, remove_stale_files
from sgcn_core.types.landmarks import LandmarkResult

POSIX = pytest.mark.skipif(os.name == "nt", reason="POSIX")
SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"  # of b"test"


def landmarks(label: str = "prn", **info: object) -> LandmarkResult:
    return LandmarkResult((label,), np.array([[-1.0, 2, 3]]), np.array([0.5]), ("found",), info=info)


# --- replacing --------------------------------------------------------------------------------------------------


@POSIX
def test_a_file_that_is_replaced_keeps_its_permissions(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("old")
    file.chmod(0o640)
    write_text(file, "new")
    assert file.read_text() == "new" and file.stat().st_mode & 0o777 == 0o640


def test_the_content_is_on_the_disk_before_the_file_has_its_name(tmp_path, monkeypatch):
    order = []
    monkeypatch.setattr(atomic.os, "fsync", lambda _: order.append("fsync"))
    moved = os.replace
    monkeypatch.setattr(atomic.os, "replace", lambda *names: (order.append("replace"), moved(*names)))
    write_text(tmp_path / "a.txt", "new")
    assert order[:2] == ["fsync", "replace"]


@pytest.mark.parametrize("meanwhile", ["appears", "changes", "vanishes"])
def test_what_is_saved_while_the_work_is_done_stays(tmp_path, meanwhile):
    file = tmp_path / "a.txt"
    if meanwhile != "appears":
        file.write_text("old")
    before = file_state(file)
    file.unlink() if meanwhile == "vanishes" else file.write_text("corrected")
    with pytest.raises(FileExistsError, match="in the meantime"):
        write_text(file, "new", unless_changed_since=before)
    assert not file.exists() if meanwhile == "vanishes" else file.read_text() == "corrected"
    assert [path for path in tmp_path.iterdir() if path != file] == []


@pytest.mark.parametrize("hard_links", [True, False])
def test_a_new_file_never_replaces_one_that_appears_at_the_last_moment(tmp_path, monkeypatch, hard_links):
    file = tmp_path / "a.txt"
    if not hard_links:

        def refuse(*_: object) -> None:
            raise OSError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(atomic.os, "link", refuse)
    write_text(file, "first", unless_changed_since=file_state(file))
    assert file.read_text() == "first"
    monkeypatch.setattr(atomic, "file_state", lambda _: atomic.FileState())  # it appears after this look
    with pytest.raises(FileExistsError):
        write_text(file, "second", unless_changed_since=atomic.FileState())
    assert file.read_text() == "first"


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), OSError("8 requested, 3 written")])
def test_a_full_disk_names_the_output(tmp_path, error):
    with pytest.raises(OSError, match=r"a\.txt") as caught, replacing(tmp_path / "a.txt"):
        raise error
    assert ".sgcn-tmp" not in str(caught.value) and list(tmp_path.iterdir()) == []
    assert caught.value.errno == error.errno


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_an_error_of_the_temporary_file_names_the_output(tmp_path):
    with pytest.raises(OSError, match=r"a\.txt") as caught, replacing(tmp_path / "a.txt") as temporary_file:
        temporary_file.symlink_to("/dev/full")
        temporary_file.write_bytes(b"x" * 100_000)
    assert caught.value.errno == errno.ENOSPC


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="anything may be written")
def test_a_write_protected_file_is_not_replaced(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("old")
    file.chmod(0o444)
    with pytest.raises(PermissionError, match="write-protected"):
        write_text(file, "new")


# --- what killed processes leave --------------------------------------------------------------------------------


def test_unfinished_files_of_ours_go_after_an_hour_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(temporary, "_swept", set())
    old, new, other = (tmp_path / name for name in (f".a.12{SUFFIX}", f".b.34{SUFFIX}", ".c.56.tmp"))
    for path in (old, new, other):
        path.write_text("face")
    for path in (old, other):
        os.utime(path, (time.time() - 7200,) * 2)
    remove_stale_files(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([new, other])


HOLDER = """
import sys, tempfile
tempfile.tempdir = sys.argv[1]
from sgcn_core.io.temporary import private_folder
with private_folder("test") as folder:
    (folder / "face.npz").write_text("face")
    print(folder, flush=True)
    sys.stdin.read()
"""


@POSIX
def test_the_folder_of_a_killed_process_goes_and_that_of_a_living_one_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=python_environment()
    )
    assert process.stdout is not None
    folder = Path(process.stdout.readline().strip())
    foreign = tmp_path / "sgcn-notes"
    foreign.mkdir()
    with private_folder("other") as mine:
        assert folder.is_dir() and mine.stat().st_mode & 0o777 == 0o700
    process.kill()
    process.communicate()
    assert (folder / "face.npz").exists()
    with private_folder("other"):
        assert not folder.exists()
    assert [entry.name for entry in tmp_path.iterdir()] == ["sgcn-notes"]


# --- which input ------------------------------------------------------------------------------------------------


def test_the_record_of_an_input_is_its_name_and_checksum_without_the_folder(tmp_path):
    (tmp_path / "anna").mkdir()
    file = tmp_path / "anna" / "face.ply"
    file.write_bytes(b"test")
    assert input_record(file) == {"name": "face.ply", "sha256": SHA}
    assert input_record(file, anonymous=True) == {"sha256": SHA}
    assert input_record(tmp_path / "anna") == {"name": "anna", "sha256": SHA}


def test_voxels_in_a_file_of_their_own_count_for_the_checksum(tmp_path):
    header, voxels = tmp_path / "head.mhd", tmp_path / "head.raw"
    header.write_bytes(b"ElementDataFile = head.raw\n")
    voxels.write_bytes(b"12")
    assert data_files(header) == [voxels]
    both = hashlib.sha256(header.read_bytes() + b"12").hexdigest()
    assert input_record(header)["sha256"] == both


@pytest.mark.parametrize("suffix", [".mrk.json", ".fcsv", ".csv", ".json"])
def test_every_landmark_file_names_its_input(tmp_path, suffix):
    record = {"name": "face ü.ply", "sha256": SHA}
    file = write_landmarks(landmarks(input=record), tmp_path / f"a{suffix}")
    assert read_landmarks(file).info["input"] == record


def test_names_that_are_no_text_are_made_printable():
    assert printable("a\udcff b\x1b[2J.ply") == r"a\xff b\x1b[2J.ply"
    assert printable("Größe 顔.ply") == "Größe 顔.ply"


# --- spreadsheets -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["=1+1", "+A1", "-A1", "@SUM(A1)", "\t=1", "=cmd|' /C calc'!A0"])
def test_text_that_a_spreadsheet_would_evaluate_is_neutralised(tmp_path, text):
    assert safe_cell(text) == f"'{text}" and plain_cell(safe_cell(text)) == text
    for cell in (-1.5, "-1.5", "+3", "prn", "'prn", None, ""):
        assert safe_cell(cell) == cell
    label = text.strip()
    file = write_landmarks(landmarks(label, input={"name": text}), tmp_path / "a.csv")
    assert all(not cell.startswith(("=", "@", "+")) for cell in file.read_text().replace('"', "").split(","))
    assert ",-1.0," in file.read_text()
    assert read_landmarks(file).labels == (label,)
    assert Table("t", "t", [{"scan": text, "mm": -1.0}]).csv().splitlines()[1].lstrip('"').startswith("'")


def test_the_table_of_all_results_has_a_row_for_each_landmark_and_each_failure(tmp_path):
    good = Outcome(Job(Path("=a.ply"), Path("a.mrk.json")), 1.0, landmarks(input={"sha256": SHA}))
    bad = Outcome(Job(Path("b\udcff.ply"), Path("b.mrk.json")), 1.0, error="no face found")
    write_table([good, bad], tmp_path / "new" / "all.csv")
    header, first, second = (tmp_path / "new" / "all.csv").read_text(encoding="utf-8").splitlines()
    assert header.startswith("input,input_sha256,landmarks,error,label,x,y,z,")
    assert first.startswith(f"'=a.ply,{SHA},a.mrk.json,,prn,-1.0,2.0,3.0,0.5,found,mm,LPS")
    assert second.startswith(r"b\xff.ply,,,no face found,")
    assert totals([good, bad]) == "1 done, 1 failed, 0 to check"
    write_table([good, bad], tmp_path / "excel.csv", csv_dialect="excel")
    header, first, second = (tmp_path / "excel.csv").read_text(encoding="utf-8").splitlines()
    assert header.startswith("\ufeffinput;input_sha256;landmarks;error;label;x;y;z;")
    assert first.startswith(f"'=a.ply;{SHA};a.mrk.json;;prn;-1,0;2,0;3,0;0,5;found;mm;LPS")
    assert second.startswith(r"b\xff.ply;;;no face found;")


# --- what may not be replaced -----------------------------------------------------------------------------------


@pytest.fixture
def textured(tmp_path) -> Path:
    (tmp_path / "textures").mkdir()
    (tmp_path / "scan.obj").write_text("mtllib my scan.mtl\nv 0 0 0\n")
    (tmp_path / "my scan.mtl").write_text("newmtl a\nmap_Kd -s 1 1 1 scan.png\nbump textures\\bump map.png\n")
    for name in ("scan.png", "textures/bump map.png", "other.png", "photo.png"):
        (tmp_path / name).write_bytes(b"png")
    (tmp_path / "scan.gltf").write_text('{"images": [{"uri": "other.png"}], "buffers": [{"uri": "data:,x"}]}')
    text = b'{"images": [{"uri": "photo.png"}]}'
    head = b"glTF\2\0\0\0" + (20 + len(text)).to_bytes(4, "little") + len(text).to_bytes(4, "little") + b"JSON"
    (tmp_path / "scan.glb").write_bytes(head + text)
    return tmp_path


def test_the_files_that_a_scan_refers_to_are_known(textured):
    named = {file.name for file in referred_files(textured / "scan.obj")}
    assert named == {"my scan.mtl", "scan.png", "bump map.png"}
    assert {file.name for file in referred_files(textured / "scan.gltf")} == {"other.png"}
    assert {file.name for file in referred_files(textured / "scan.glb")} == {"photo.png"}
    assert {file.name for file in textures_beside(textured / "textures" / "bump map.png")} >= {"bump map.png"}


@pytest.mark.parametrize(("source", "picture"), [("scan.obj", "scan.png"), ("scan.gltf", "other.png")])
def test_a_texture_of_an_input_is_no_place_for_a_picture(textured, source, picture):
    with pytest.raises(PlanError, match="belongs to the input"):
        plan(Request((textured / source,), picture=textured / picture, overwrite=True))


@pytest.mark.parametrize("read", ["output", "picture", "table"])
def test_outputs_never_collide_with_what_is_read_or_with_each_other(tmp_path, read):
    scan = tmp_path / "a.ply"
    scan.write_text("ply")
    file = tmp_path / {"output": "b.csv", "picture": "b.png", "table": "b.csv"}[read]
    file.write_text("weights or initial landmarks")
    linked = tmp_path / f"c{file.suffix}"
    os.link(file, linked)
    for output in (file, linked, tmp_path / "." / file.name):
        with pytest.raises(PlanError, match="is an input"):
            plan(Request((scan,), **{read: output}, also_read=(file,)))
    with pytest.raises(PlanError, match="written twice"):
        plan(Request((scan,), output=tmp_path / "New.csv", table=tmp_path / "new.csv"))


def test_what_a_command_would_write_is_checked_by_its_option(tmp_path):
    there, new = tmp_path / "there.csv", tmp_path / "new.csv"
    there.write_text("somebody's table")
    outputs = {"--output": new, "--map": there, "--table": None}
    with pytest.raises(PlanError, match=r"there\.csv exists; give --overwrite to replace it, or another --map"):
        checked_states(outputs, (None,), overwrite=False)
    states = checked_states(outputs, (None,), overwrite=True)
    assert {option: state.exists for option, state in states.items()} == {"--output": False, "--map": True}
    with pytest.raises(PlanError, match="is an input"):
        checked_states(outputs, (None, there), overwrite=True)


def test_folders_are_searched_below_and_mirrored(tmp_path):
    for name in ("anna/face.ply", "bert/face.ply", "bert/2024/face.ply", ".hidden/face.ply", "face.txt"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_text("ply")
    request = Request((tmp_path / "in",), output_dir=tmp_path / "out", picture=tmp_path / "p", search_below=True)
    jobs = plan(request)
    names = ["anna/face", "bert/2024/face", "bert/face"]
    assert [job.landmarks.relative_to(tmp_path / "out").as_posix() for job in jobs] == [f"{n}.mrk.json" for n in names]
    assert [job.picture.relative_to(tmp_path / "p").as_posix() for job in jobs] == [f"{n}.png" for n in names]
    (job,) = plan(Request((tmp_path / "in" / "anna" / "face.ply",), output_dir=tmp_path / "out"))
    assert job.landmarks == tmp_path / "out" / "face.mrk.json"
