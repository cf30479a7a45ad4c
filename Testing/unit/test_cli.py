"""The command line, with a small stand-in for the detector."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from said import said
from typer.testing import CliRunner

from sgcn_core import __version__
from sgcn_core.batch import EXIT_CODE_MEANINGS, ExitCode, PlanError, Request, plan
from sgcn_core.cli import demo as demo_command
from sgcn_core.cli import detect as detect_command
from sgcn_core.cli import doctor as doctor_command
from sgcn_core.cli.app import app
from sgcn_core.errors import FaceNotFoundError, ModelError, RenderError
from sgcn_core.io.markups import read_landmarks
from sgcn_core.io.meshes import write_surface
from sgcn_core.settings import DetectionSettings
from sgcn_core.types.landmarks import LandmarkResult
from sgcn_core.types.surface import Surface

TETRAHEDRON = Surface(
    np.array([[0.0, 0, 0], [90, 0, 0], [0, 120, 0], [0, 0, 80]]),
    np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]]),
    unit="mm",
)


class FakeDetector:
    """Calls the first vertices landmarks; remembers how it was called."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, DetectionSettings]] = []

    def detect(self, surface, settings, *, progress):
        self.calls.append((surface.source, settings))
        progress("network", 0.5)
        name = Path(surface.source).stem
        if name == "noface":
            raise FaceNotFoundError("no face was found")
        if name == "bug":
            raise IndexError("index 7 is out of bounds")
        return LandmarkResult(
            labels=("prn", "n", "pg"),
            positions=surface.vertices[[3, 2, 1]],
            confidence=np.array([0.9, 0.4, 0.0]),
            status=("found", "uncertain", "missing"),
            unit=surface.unit or "mm",
            frame=surface.frame,
            info={"pose": np.eye(4).tolist(), "seed": settings.seed, "notes": ["2 stray pieces left out"]},
        )


@pytest.fixture
def detector(monkeypatch) -> FakeDetector:
    fake = FakeDetector()
    fake.loaded = 0

    def load(settings):
        fake.loaded += 1
        return fake

    monkeypatch.setattr(detect_command, "load_detector", load)
    monkeypatch.setattr(demo_command, "load_detector", load)
    return fake


@pytest.fixture
def folder(tmp_path) -> Path:
    for name in ("b.ply", "a.obj", "noface.ply"):
        write_surface(TETRAHEDRON, tmp_path / name)
    (tmp_path / "notes.txt").write_text("no mesh")
    return tmp_path


def run(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


# --- which files are read and written ---------------------------------------------------------------------------


def test_landmarks_go_beside_the_input_by_default(folder):
    assert plan(Request((folder / "b.ply",)))[0].landmarks == folder / "b.mrk.json"


def test_a_folder_stands_for_its_meshes_sorted_and_each_file_counts_once(folder):
    jobs = plan(Request((folder, folder / "b.ply", folder / "." / "a.obj")))
    assert [job.source.name for job in jobs] == ["a.obj", "b.ply", "noface.ply"]


def test_equal_stems_never_share_an_output(tmp_path):
    for place in ("x", "y"):
        (tmp_path / place).mkdir()
    sources = [tmp_path / "x" / n for n in ("scan.ply", "scan.obj", "SCAN.stl")] + [tmp_path / "y" / "scan.ply"]
    jobs = plan(Request(tuple(sources), output_dir=tmp_path / "out", picture=tmp_path / "out"))
    outputs = [job.landmarks.relative_to(tmp_path / "out").as_posix() for job in jobs]
    assert outputs == ["x/scan.ply.mrk.json", "x/scan.obj.mrk.json", "x/SCAN.stl.mrk.json", "y/scan.mrk.json"]
    assert len({str(job.picture).lower() for job in jobs}) == 4
    again = {job.source: job.landmarks for job in plan(Request(tuple(sources[::-1]), output_dir=tmp_path / "out"))}
    assert again == {job.source: job.landmarks for job in jobs}, "names must not depend on the order"


def test_names_stay_different_when_a_stem_looks_like_a_whole_name(tmp_path):
    sources = tuple(tmp_path / name for name in ("scan.ply", "scan.obj", "scan.ply.stl"))
    names = [job.landmarks.name.lower() for job in plan(Request(sources, output_dir=tmp_path))]
    assert len(set(names)) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"inputs": ("a.obj", "b.ply"), "output": "c.mrk.json"}, "output-dir"),
        ({"inputs": ("a.obj",), "output": "c.mrk.json", "output_dir": "d"}, "not both"),
        ({"inputs": ("a.obj",), "output": "c.txt"}, "must end in"),
        ({"inputs": ("a.obj",), "output": "c.fcsv", "suffix": ".csv"}, "contradict"),
        ({"inputs": ("a.obj", "b.ply"), "picture": "c.png"}, "folder"),
        ({"inputs": ("a.obj",), "picture": "c.jpg"}, "png"),
        ({"inputs": ("a.json",), "output": "./a.json"}, "would be replaced"),
    ],
)
def test_contradictions_are_refused_before_any_work(options, message):
    paths = {k: Path(v) if isinstance(v, str) and k != "suffix" else v for k, v in options.items()}
    paths["inputs"] = tuple(Path(name) for name in options["inputs"])
    with pytest.raises(PlanError, match=message):
        plan(Request(**paths))


def test_a_folder_without_meshes_is_refused(tmp_path):
    with pytest.raises(PlanError, match="no mesh"):
        plan(Request((tmp_path,)))


@pytest.mark.parametrize("suffix", [".mrk.json", ".fcsv", ".csv", ".json"])
def test_the_output_name_decides_the_format(detector, folder, suffix):
    output = folder / f"result{suffix}"
    assert run("detect", folder / "b.ply", "-o", output).exit_code == ExitCode.OK
    again = read_landmarks(output)
    np.testing.assert_allclose(again.position("prn"), (0, 0, 80), atol=1e-3)


# --- detect -----------------------------------------------------------------------------------------------------


def test_success_is_told_with_the_file_that_was_written(detector, folder):
    ended = run("detect", folder / "b.ply", "--output-dir", folder / "new" / "place", "--seed", 3, "--set", "ibug68")
    assert ended.exit_code == ExitCode.OK
    output = folder / "new" / "place" / "b.mrk.json"
    assert output.is_file() and str(output) in ended.stdout
    assert "1 found, 1 uncertain, 1 missing" in ended.stdout
    assert detector.calls == [(str(folder / "b.ply"), DetectionSettings(landmark_set="ibug68", seed=3))]


def test_options_reach_the_detector(detector, folder):
    options = ("--refine", "paper", "--preset", "paper", "--unit", "cm", "--format", "csv", "--output-dir", folder)
    run("detect", folder / "b.ply", *options)
    assert detector.calls[0][1] == DetectionSettings(refine="paper", preset="paper", unit="cm")
    assert (folder / "b.csv").is_file()


def test_points_by_hand_reach_the_detector(detector, folder):
    (folder / "points.csv").write_text("label,x,y,z\nex_r,1,2,3\nex_l,4,5,6\nprn,7,8,9\n")
    run("detect", folder / "b.ply", "--initial-landmarks", folder / "points.csv")
    assert detector.calls[0][1].initial_landmarks == folder / "points.csv"
    ended = run("detect", folder, "--initial-landmarks", folder / "points.csv")
    assert ended.exit_code == ExitCode.USAGE and "belongs to one scan" in said(ended.output)


def test_what_was_cleaned_or_assumed_is_told(detector, folder):
    assert "b.ply: 2 stray pieces left out" in said(run("detect", folder / "b.ply").output)


def test_the_model_is_loaded_once_and_a_bad_file_does_not_stop_the_rest(detector, folder):
    (folder / "broken.ply").write_text("ply\nnonsense")
    write_surface(TETRAHEDRON, folder / "bug.ply")
    ended = run("detect", folder, folder / "absent.ply", "--output-dir", folder / "out")
    assert ended.exit_code == ExitCode.SOME_FAILED
    assert detector.loaded == 1
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["a.mrk.json", "b.mrk.json"]
    for name in ("broken.ply", "absent.ply", "noface.ply", "bug.ply"):
        assert name in ended.stderr
    assert "unexpected IndexError: index 7" in ended.stderr
    assert "Traceback" not in ended.output


def test_a_landmark_file_that_exists_is_kept_unless_told_otherwise(detector, folder):
    table = folder / "b.csv"
    table.write_text("name,x,y,z\nprn,1,2,3\n")
    ended = run("detect", folder / "b.ply", "--format", "csv")
    assert ended.exit_code == ExitCode.ALL_FAILED and "--overwrite" in ended.stderr
    assert table.read_text() == "name,x,y,z\nprn,1,2,3\n"
    assert run("detect", folder / "b.ply", "--format", "csv", "--overwrite").exit_code == ExitCode.OK
    assert "prn,1,2,3" not in table.read_text()
    assert run("detect", folder / "b.ply", "-o", table).exit_code == ExitCode.OK


def test_all_failed_has_its_own_exit_code(detector, folder):
    assert run("detect", folder / "noface.ply").exit_code == ExitCode.ALL_FAILED
    assert not (folder / "noface.mrk.json").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--set", "nose"),
        ("a.ply", "b.ply", "-o", "c.csv"),
        ("a.ply", "--unit", "furlong"),
        ("a.ply", "--csv-dialect", "tsv"),
        ("a.ply", "--mm-per-unit", "0"),
        ("a.ply", "--format", "txt"),
    ],
)
def test_usage_errors(detector, arguments):
    ended = run("detect", *arguments)
    assert ended.exit_code == ExitCode.USAGE
    assert detector.loaded == 0


def test_json_prints_one_document_and_nothing_else(detector, folder):
    ended = run("detect", folder / "b.ply", folder / "noface.ply", "--json", "--output-dir", folder)
    document = json.loads(ended.stdout)
    assert ended.exit_code == document["exit_code"] == ExitCode.SOME_FAILED
    assert document["sgcn_core"] == __version__
    good, bad = document["results"]
    assert good["status"] == "ok" and Path(good["output"]).is_file() and good["error"] is None
    assert good["result"]["landmarks"][0]["position"] == [0, 0, 80]
    missing = {"label": "pg", "position": None, "confidence": 0.0, "status": "missing"}
    unknown = {"expected_error_mm": None, "error_bound_mm": None, "to_check": False}
    assert good["result"]["landmarks"][2] == missing | unknown
    assert bad["status"] == "failed" and bad["output"] is None and "no face" in bad["error"]


def test_a_picture_that_fails_never_costs_the_landmarks(detector, folder, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise RenderError("missing system library libEGL.so.1")

    monkeypatch.setattr("sgcn_core.viz.picture.render_landmarks", fail)
    ended = run("detect", folder / "b.ply", "--picture", folder / "b.png", "--output-dir", folder)
    assert ended.exit_code == ExitCode.PICTURE_FAILED
    assert "libEGL.so.1" in ended.stderr
    assert (folder / "b.mrk.json").is_file()


def test_pictures_of_several_inputs_go_to_a_folder(detector, folder, monkeypatch):
    drawn = []
    monkeypatch.setattr("sgcn_core.viz.picture.render_landmarks", lambda surface, result, path, **_: drawn.append(path))
    ended = run("detect", folder / "b.ply", folder / "a.obj", "--picture", folder / "pictures")
    assert ended.exit_code == ExitCode.OK
    assert drawn == [folder / "pictures" / "b.png", folder / "pictures" / "a.png"]


def test_weights_that_cannot_be_loaded_have_their_own_exit_code(folder, monkeypatch):
    def fail(settings):
        raise ModelError("x.safetensors is damaged")

    monkeypatch.setattr(detect_command, "load_detector", fail)
    (folder / "x.safetensors").write_bytes(b"damaged")
    ended = run("detect", folder / "b.ply", "--weights", folder / "x.safetensors")
    assert ended.exit_code == ExitCode.NOT_USABLE
    assert "x.safetensors is damaged" in ended.stderr


def test_debug_shows_the_traceback(detector, folder):
    ended = run("detect", folder / "noface.ply", "--debug")
    assert isinstance(ended.exception, FaceNotFoundError)


def test_interrupting_is_clean(folder, monkeypatch):
    def interrupt(settings):
        raise KeyboardInterrupt

    monkeypatch.setattr(detect_command, "load_detector", interrupt)
    ended = run("detect", folder / "b.ply")
    assert ended.exit_code == ExitCode.INTERRUPTED
    assert ended.stderr == "interrupted\n"
    assert not (folder / "b.mrk.json").exists()


SLOW = """
import signal, time
from sgcn_core.cli import detect, main

# A shell starts what runs in its background with this signal ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

def load(settings):
    print("loading", flush=True)
    time.sleep(60)

detect.load_detector = load
main()
"""


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_ctrl_c_ends_a_real_process(folder):
    command = [sys.executable, "-c", SLOW, "detect", str(folder / "b.ply")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "loading\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == ExitCode.INTERRUPTED
    assert errors == "interrupted\n"
    assert not (folder / "b.mrk.json").exists()


# --- the other commands -----------------------------------------------------------------------------------------


def test_demo_writes_its_three_files_and_says_where(detector, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "sgcn_core.viz.picture.render_landmarks", lambda surface, result, path, **_: path.write_bytes(b"png")
    )
    ended = run("demo", "--output-dir", tmp_path / "demo")
    assert ended.exit_code == ExitCode.OK
    for name in ("face.ply", "face.mrk.json", "face.png"):
        assert (tmp_path / "demo" / name).is_file()
        assert str(tmp_path / "demo" / name) in ended.stdout


def test_doctor_goes_on_after_a_failed_check_and_says_so(monkeypatch):
    def broken(name: str) -> None:
        message = "libGL.so.1: cannot open shared object file: No such file or directory"
        raise ImportError(message) if name.startswith("vtkmodules") else ImportError("no")

    monkeypatch.setattr(doctor_command, "import_module", broken)
    for name, status in (("detection", "ok"), ("weights", "ok"), ("pictures", "warning")):
        check = doctor_command.Check(name, status, "fine")
        monkeypatch.setattr(doctor_command, f"_{name}", lambda *_, check=check: check)
    ended = run("doctor", "--json")
    document = json.loads(ended.stdout)
    found = {check["name"]: check for check in document["checks"]}
    assert ended.exit_code == document["exit_code"] == ExitCode.NOT_USABLE
    assert found["vtk"]["status"] == "failed" and "apt-get install libgl1" in found["vtk"]["detail"]
    assert found["weights"]["status"] == "ok"


def test_a_missing_picture_library_does_not_make_the_package_unusable(monkeypatch):
    found = [doctor_command.Check("pictures", "warning", "no OpenGL")]
    monkeypatch.setattr(doctor_command, "run_checks", lambda progress, debug: found)
    ended = run("doctor")
    assert ended.exit_code == ExitCode.OK
    assert "WARN  pictures  no OpenGL" in ended.stdout


def test_version_and_exit_codes_are_documented():
    assert run("--version").stdout == f"sgcn-landmarks {__version__}\n"
    shown = said(run("detect", "--help").stdout)
    for code in ExitCode:
        assert f"{code.value} {EXIT_CODE_MEANINGS[code].split(';')[0].split(',')[0]}" in shown


def test_the_console_script_is_the_same_as_the_module():
    installed = shutil.which("sgcn-landmarks", path=str(Path(sys.executable).parent))
    if installed is None:
        pytest.skip("the package is not installed in this environment")
    for command in ([installed], [sys.executable, "-m", "sgcn_core"]):
        ended = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
        assert ended.stdout == f"sgcn-landmarks {__version__}\n"
