"""The command line in the hands of strangers: folders with traps, strange names, full disks, signals, files to keep."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from processes import alive, until
from said import said
from test_child_process import set_traps
from test_cli import TETRAHEDRON, FakeDetector, run

from sgcn_core.batch import ExitCode
from sgcn_core.child_process import python_command, python_environment
from sgcn_core.cli import detect as detect_command
from sgcn_core.demo import demo_surface
from sgcn_core.io.markups import read_landmarks
from sgcn_core.io.meshes import write_surface

POSIX = pytest.mark.skipif(os.name == "nt", reason="POSIX")
NOT_UTF8 = os.fsdecode(b"caf\xe9 \x1b[31m.ply")

# The command line with a detector that takes no time.
SCRIPT = """
import signal, sys
import numpy as np
from sgcn_core.cli import detect, main
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.viz import subprocess_engine

class Fast:
    def detect(self, surface, settings, *, progress):
        return LandmarkResult(("prn",), surface.vertices[:1], np.ones(1), ("found",), unit="mm", frame=surface.frame)

# A shell starts what runs in its background with this signal ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
detect.load_detector = lambda settings: Fast()
"""
HANGING = """
subprocess_engine.window_classes = lambda: ("",)
module, python_command = "hanging", subprocess_engine.python_command
subprocess_engine.python_command = lambda _, job, output, *rest: python_command("hanging", job)
"""
HANGING_CHILD = """
import os, sys, time
print(os.getpid(), file=open(os.environ["TOLD"] + ".new", "w"))
os.rename(os.environ["TOLD"] + ".new", os.environ["TOLD"])
time.sleep(600)
"""


@pytest.fixture
def detector(monkeypatch) -> FakeDetector:
    fake = FakeDetector()
    monkeypatch.setattr(detect_command, "load_detector", lambda settings: fake)
    return fake


@pytest.fixture
def scan(tmp_path) -> Path:
    write_surface(TETRAHEDRON, tmp_path / "scan.ply")
    return tmp_path / "scan.ply"


@pytest.fixture
def script(tmp_path_factory) -> Path:
    """A program of its own, which has the folder of the scans not on its path."""
    folder = tmp_path_factory.mktemp("script")
    (folder / "hanging.py").write_text(HANGING_CHILD)
    (folder / "run.py").write_text(SCRIPT + "main()")
    (folder / "hang.py").write_text(SCRIPT + HANGING + "main()")
    return folder


# --- folders with traps, names that are no text -----------------------------------------------------------------


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="names that are not UTF-8")
def test_detection_with_a_picture_in_a_folder_with_traps_and_of_a_name_that_is_no_text(tmp_path):
    sprung = set_traps(tmp_path)
    write_surface(demo_surface(), tmp_path / "face.ply")
    (tmp_path / "face.ply").rename(tmp_path / NOT_UTF8)
    (tmp_path / "later.ply").write_text("ply\nnonsense")
    command = python_command(
        "sgcn_core", "detect", NOT_UTF8, "later.ply", "--picture", "pictures", "--table", "all.csv"
    )
    ended = subprocess.run(command, cwd=tmp_path, env=python_environment(), capture_output=True)
    assert list(sprung.iterdir()) == []
    assert ended.returncode == ExitCode.SOME_FAILED, ended.stderr
    stem = NOT_UTF8.removesuffix(".ply")
    assert (tmp_path / "pictures" / f"{stem}.png").stat().st_size > 10_000
    shown = "caf\\xe9 \\x1b[31m.ply"
    assert read_landmarks(tmp_path / f"{stem}.mrk.json").info["input"]["name"] == shown
    assert shown in ended.stdout.decode() and "1 done, 1 failed, " in ended.stdout.decode()
    assert b"\x1b" not in ended.stdout + ended.stderr
    assert b"later.ply" in ended.stderr and b"Traceback" not in ended.stderr
    assert (tmp_path / "all.csv").read_text(encoding="utf-8").count(shown) > 50


# --- signals ----------------------------------------------------------------------------------------------------


@POSIX
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT", "SIGKILL"])
def test_a_signal_while_a_picture_is_drawn_leaves_nothing(tmp_path, scan, script, name):
    (tmp_path / "tmp").mkdir()
    told = tmp_path / "told"
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp"), "TOLD": str(told)}
    environment["PYTHONPATH"] = python_environment()["PYTHONPATH"]
    command = [sys.executable, str(script / "hang.py"), "detect", str(scan), "--picture", str(tmp_path / "a.png")]
    # A run of the tests under nohup would have its children ignore SIGHUP, as it should.
    heeding = partial(signal.signal, signal.SIGHUP, signal.SIG_DFL)
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, preexec_fn=heeding)
    end = time.monotonic() + 120
    while not told.exists():
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.05)
    child = int(told.read_text())
    assert alive(child) and len(list((tmp_path / "tmp").iterdir())) == 1
    process.send_signal(getattr(signal, name))
    _, errors = process.communicate(timeout=60)
    until(lambda: not alive(child))
    if name != "SIGKILL":  # whose remains are removed by the next one, see test_outputs
        assert (process.returncode, errors) == (ExitCode.INTERRUPTED, "interrupted\n")
        assert list((tmp_path / "tmp").iterdir()) == []


# --- standard output that cannot be written ---------------------------------------------------------------------


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("option", [[], ["--json"]])
def test_a_full_standard_output_does_not_stop_the_work_and_is_not_called_a_failure_of_the_inputs(
    tmp_path, scan, script, option
):
    write_surface(TETRAHEDRON, tmp_path / "second.ply")
    command = [sys.executable, str(script / "run.py"), "detect", str(scan), str(tmp_path / "second.ply"), *option]
    environment = {**os.environ, "PYTHONPATH": python_environment()["PYTHONPATH"]}
    with open("/dev/full", "w") as full:
        ended = subprocess.run(command, env=environment, stdout=full, stderr=subprocess.PIPE, text=True)
    assert ended.returncode == ExitCode.REPORT_LOST
    assert ended.stderr.count("standard output cannot be written") == 1 and len(ended.stderr.splitlines()) == 1
    assert (tmp_path / "scan.mrk.json").is_file() and (tmp_path / "second.mrk.json").is_file()


# --- files to keep ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize("options", [("-o",), ("--overwrite",), ()])
def test_corrections_saved_while_detection_runs_survive(detector, monkeypatch, scan, exists, options):
    output = scan.with_name("scan.mrk.json")
    if exists:
        output.write_text("old")
    detect = detector.detect

    def correct_meanwhile(*arguments, **settings):
        output.write_text("corrected")
        return detect(*arguments, **settings)

    monkeypatch.setattr(detector, "detect", correct_meanwhile)
    ended = run("detect", scan, *options, *([output] if options == ("-o",) else []))
    assert ended.exit_code == ExitCode.ALL_FAILED
    assert output.read_text() == ("old" if exists and not options else "corrected")
    assert ("exists" if exists and not options else "in the meantime") in ended.stderr


def test_the_weights_and_the_initial_landmarks_are_no_outputs(detector, scan):
    points = scan.with_name("points.csv")
    points.write_text("label,x,y,z\nex_r,1,2,3\nex_l,4,5,6\nprn,7,8,9\n")
    for option in ("--initial-landmarks", "--weights"):
        for place in (("-o", points), ("--table", points)):
            ended = run("detect", scan, option, points, *place, "--overwrite")
            assert ended.exit_code == ExitCode.USAGE and "is an input" in said(ended.output)
    assert points.read_text().startswith("label,x,y,z\nex_r,1,2,3") and detector.calls == []


def test_pictures_that_exist_are_replaced_only_if_told_and_textures_never(detector, monkeypatch, scan):
    monkeypatch.setattr(
        "sgcn_core.viz.picture.render_landmarks", lambda surface, result, path, **_: path.write_bytes(b"drawn")
    )
    picture = scan.with_name("scan.png")
    picture.write_bytes(b"photograph")
    ended = run("detect", scan, "--picture", scan.parent)
    assert ended.exit_code == ExitCode.PICTURE_FAILED and "--overwrite" in ended.stderr
    assert picture.read_bytes() == b"photograph"
    scan.with_name("other.mtl").write_text("newmtl skin\nmap_Kd scan.png\n")
    ended = run("detect", scan, "--picture", scan.parent, "--overwrite")
    assert ended.exit_code == ExitCode.PICTURE_FAILED and "texture" in ended.stderr
    assert picture.read_bytes() == b"photograph"
    scan.with_name("other.mtl").unlink()
    assert run("detect", scan, "--picture", scan.parent, "--overwrite").exit_code == ExitCode.OK
    assert picture.read_bytes() == b"drawn"


def test_neither_picture_nor_file_names_an_input_that_is_anonymous(detector, monkeypatch, scan):
    titles = []
    monkeypatch.setattr("sgcn_core.viz.picture.render_landmarks", lambda *_, title, **__: titles.append(title))
    run("detect", scan, "-o", scan.with_name("a.json"), "--picture", scan.with_name("a.png"), "--anonymous")
    text = scan.with_name("a.json").read_text()
    assert titles == [""] and "scan.ply" not in text and len(json.loads(text)["info"]["input"]["sha256"]) == 64
    run("detect", scan, "-o", scan.with_name("a.json"), "--picture", scan.with_name("a.png"))
    assert titles == ["", None] and '"name": "scan.ply"' in scan.with_name("a.json").read_text()
    assert str(scan.parent) not in scan.with_name("a.json").read_text()


def test_a_folder_is_searched_below_and_summed_up(detector, scan):
    write_surface(TETRAHEDRON, scan.with_name("noface.ply"))
    (scan.parent / "below").mkdir()
    write_surface(TETRAHEDRON, scan.parent / "below" / "scan.ply")
    out, table = scan.parent / "out", scan.parent / "all.csv"
    ended = run("detect", scan.parent, "--output-dir", out, "--table", table)
    assert ended.stdout.splitlines()[-1] == "2 done, 1 failed, 2 to check"
    assert (out / "scan.mrk.json").is_file() and (out / "below" / "scan.mrk.json").is_file()
    rows = table.read_text().splitlines()
    assert len(rows) == 1 + 3 + 3 + 1 and sum("no face was found" in row for row in rows) == 1
    ended = run("detect", scan, "--table", table)
    assert ended.exit_code == ExitCode.USAGE and table.read_text().splitlines() == rows


def test_other_commands_keep_files_too(detector, scan):
    before = scan.read_bytes()
    ended = run("skin", scan, "-o", scan)
    told = said(ended.output)
    assert ended.exit_code == ExitCode.USAGE and "is an input" in told and scan.read_bytes() == before
    scan.with_name("face.ply").write_text("mine")
    ended = run("demo", "--output-dir", scan.parent)
    assert ended.exit_code == ExitCode.ALL_FAILED and scan.with_name("face.ply").read_text() == "mine"
    ended = run("evaluate", scan.parent, "--out", scan.parent)
    assert ended.exit_code == ExitCode.ALL_FAILED and "--out" in ended.stderr


# --- devices ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", ["cuda:99", "mps", "foo"])
def test_a_device_that_is_not_there_is_one_clear_error(scan, device):
    if device == "mps" and sys.platform == "darwin":
        pytest.skip("may be there")
    ended = run("detect", scan, "--device", device)
    told = said(ended.output)
    assert ended.exit_code == (ExitCode.USAGE if device == "foo" else ExitCode.NOT_USABLE)
    assert f"'{device}'" in told and "compute device" in told and "weights" not in told and "cpu" in told
    assert np.count_nonzero([line.startswith("error") for line in ended.stderr.splitlines()]) <= 1
