"""The scripted CLI module: its description, its command line, and real runs on the package's own face."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from voxel_head import VoxelHead

from sgcn_core.demo import demo_surface
from sgcn_core.io.markups import read_landmarks
from sgcn_core.io.meshes import write_surface
from sgcn_core.types.landmark_sets import LANDMARK_SETS

SCRIPT = Path(__file__).resolve().parents[2] / "FacialLandmarks3D" / "FacialLandmarks3DCLI" / "FacialLandmarks3DCLI.py"
DESCRIPTION = SCRIPT.with_suffix(".xml")
# Kinds of parameters that Slicer passes as a flag, alone or with one value.
KINDS = ("geometry", "image", "directory", "pointfile", "table", "boolean", "string-enumeration", "integer", "file")


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("FacialLandmarks3DCLI", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look it up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load_script()


@pytest.fixture(scope="module")
def face(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_surface(demo_surface(), tmp_path_factory.mktemp("Größe 顔") / "visage é.ply")


def parameters() -> dict[str, ElementTree.Element]:
    found = {}
    for group in ElementTree.parse(DESCRIPTION).getroot().iter("parameters"):
        for entry in group:
            if entry.tag not in ("label", "description"):
                found["--" + entry.findtext("longflag")] = entry
    return found


def progress_in(output: str) -> list[float]:
    return [float(value) for value in re.findall(r"<filter-progress>(.*?)</filter-progress>", output)]


# --- the description and the command line -----------------------------------------------------------------------


def test_every_parameter_is_an_option_and_every_option_a_parameter(script: ModuleType) -> None:
    options = {action.option_strings[-1] for action in script.make_parser()._actions} - {"--help"}
    assert set(parameters()) == options


@pytest.mark.parametrize("flag", list(parameters()))
def test_a_parameter_fits_its_option(script: ModuleType, flag: str) -> None:
    entry = parameters()[flag]
    action = next(action for action in script.make_parser()._actions if flag in action.option_strings)
    assert entry.tag in KINDS and entry.findtext("label") and entry.findtext("description")
    # Slicer's parser takes letters, digits and underscores only, and then does not load the module.
    assert re.fullmatch(r"--[A-Za-z_]\w*", flag, re.ASCII) and entry.findtext("name") == flag.removeprefix("--")
    default = entry.findtext("default")
    if entry.tag == "boolean":
        assert action.nargs == 0 and (default == "true") is action.default
    else:
        assert action.nargs is None and default == (None if action.default is None else str(action.default))
    if action.choices is not None:
        assert [element.text for element in entry.findall("element")] == list(action.choices)
    if entry.tag in ("geometry", "image", "directory", "pointfile", "table", "file"):
        assert entry.findtext("channel") in ("input", "output")


def test_names_are_unique_and_the_offered_landmark_sets_exist() -> None:
    names = [entry.findtext("name") for entry in parameters().values()]
    assert len(set(names)) == len(names)
    offered = {element.text for element in parameters()["--landmarkSet"].findall("element")}
    assert offered == set(LANDMARK_SETS)
    assert parameters()["--outputLandmarks"].get("fileExtensions") == ".mrk.json"
    assert parameters()["--outputTable"].get("fileExtensions") == ".csv"


def test_words_may_be_joined_by_hyphens_too(script: ModuleType) -> None:
    given = ["--input-folder", "a", "--output-folder", "b", "--landmark-set", "all"]
    without = ["--inputFolder", "a", "--outputFolder", "b", "--landmarkSet", "all"]
    assert script.make_parser().parse_args(given) == script.make_parser().parse_args(without)


def test_slicer_takes_the_file_for_a_cli_module() -> None:
    assert SCRIPT.read_text(encoding="utf-8").startswith("#!/usr/bin/env python-real\n")
    assert DESCRIPTION.is_file() and [path.name for path in SCRIPT.parent.glob("*.py")] == [SCRIPT.name]


def test_the_help_needs_nothing_but_python(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-S", str(SCRIPT), "--help"], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert "--output-landmarks" in ended.stdout and ended.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "received 0"),
        (["--input-model", "{face}", "--input-volume", "{face}"], "received 2"),
        (["--input-model", "{folder}/none.ply", "--output-table", "x.csv"], "there is no"),
        (["--input-model", "{face}"], "nothing would be kept"),
        (["--input-model", "{face}", "--output-landmarks", "", "--output-table", ""], "nothing would be kept"),
        (["--input-folder", "{folder}", "--output-table", "x.csv"], "--output-folder"),
        (["--input-model", "{face}", "--output-landmarks", "x.txt"], "must end in"),
        (["--input-model", "{face}", "--output-landmarks", "x.mrk.json", "--seed", "-1"], "0 or more"),
        (["--input-model", "{face}", "--output-landmarks", "x.mrk.json", "--landmark-set", "x"], "invalid choice"),
    ],
)
def test_a_wrong_command_line_is_told_before_any_work(script, face, capsys, arguments, message) -> None:
    filled = [text.format(face=face, folder=face.parent) for text in arguments]
    with pytest.raises(SystemExit) as caught:
        script.main(filled)
    assert caught.value.code == 2 and message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "message"),
    [(["--device", "toaster"], "toaster"), (["--weights", "none.safetensors"], "none.safetensors")],
)
def test_a_model_that_cannot_be_loaded_has_its_own_exit_code(script, face, tmp_path, capsys, option, message) -> None:
    pytest.importorskip("torch")
    output = tmp_path / "x.mrk.json"
    assert script.main(["--input-model", str(face), "--output-landmarks", str(output), *option]) == 5
    assert message in capsys.readouterr().err and not output.exists()


def test_the_package_is_found_where_slicer_puts_it(tmp_path: Path) -> None:
    for folder in ("cli-modules", "qt-scripted-modules/sgcn_core", "qt-scripted-modules/FacialLandmarks3DLib"):
        (tmp_path / folder).mkdir(parents=True)
    library = tmp_path / "qt-scripted-modules/FacialLandmarks3DLib"
    (library / "worker").mkdir()
    for name in ("__init__.py", "worker/__init__.py", "worker/python.py"):
        (library / name).write_text((SCRIPT.parents[1] / "FacialLandmarks3DLib" / name).read_text(encoding="utf-8"))
    (tmp_path / "qt-scripted-modules/sgcn_core/__init__.py").write_text("print('found', __file__)\nraise SystemExit(9)")
    copy = tmp_path / "cli-modules" / SCRIPT.name
    copy.write_text(SCRIPT.read_text(encoding="utf-8"), encoding="utf-8")
    run = [sys.executable, "-S", str(copy), "--input-model", "x"]
    ended = subprocess.run(run, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert ended.returncode == 9 and "qt-scripted-modules" in ended.stdout
    (tmp_path / "qt-scripted-modules/sgcn_core/__init__.py").unlink()
    ended = subprocess.run(run, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert ended.returncode == 5 and "sgcn_core was not found" in ended.stderr


def test_slicers_panel_can_leave_its_folders_empty(script: ModuleType, face: Path, tmp_path: Path) -> None:
    """A button for a folder hands over "." where none was chosen; from a shell that is the working folder."""
    table = str(tmp_path / "x.csv")
    given = ["--inputModel", str(face), "--inputFolder", ".", "--outputFolder", ".", "--outputTable", table]
    (case,) = script.plan_cases(script.make_parser().parse_args(given))
    assert case.job.source == face and case.job.landmarks == Path(table)
    given = ["--inputFolder", str(face.parent), "--inputModel", str(face), "--outputTable", table]
    (case,) = script.plan_cases(script.make_parser().parse_args(given))
    assert case.job.source == face, "a model goes before a folder"
    panel = script.make_parser().parse_args(["--inputFolder", str(face.parent), "--outputFolder", "."])
    assert panel.output_folder is None and panel.input_folder == face.parent
    assert [case.job.landmarks.parent for case in script.plan_cases(panel)] == [face.parent]
    assert script.make_parser().parse_args(["--input-folder", "."]).input_folder == Path(".")


def test_another_python_does_the_work_where_one_is_named(face: Path, tmp_path: Path) -> None:
    """As the panel's worker: `SGCN_WORKER_PYTHON` counts, and what Slicer's launcher has set stays behind."""
    other = tmp_path / "other-python"
    told = '"$SGCN_WORKER_PYTHON" "$LD_LIBRARY_PATH" "$@"'
    other.write_text(f"#!/bin/sh\necho ran {told}\nexit 4\n")
    other.chmod(0o755)
    launched = {"APPLAUNCHER_LEVEL": "1", "APPLAUNCHER_0_LD_LIBRARY_PATH": "/own", "LD_LIBRARY_PATH": "/slicer:/own"}
    environment = {**os.environ, **launched, "SGCN_WORKER_PYTHON": str(other)}
    command = [sys.executable, str(SCRIPT), "--input-model", str(face), "--output-table", "x.csv"]
    ended = subprocess.run(command, capture_output=True, encoding="utf-8", env=environment, cwd=tmp_path, check=False)
    assert ended.returncode == 4 and ended.stderr == ""
    assert ended.stdout.strip() == " ".join(["ran", "", "/own", str(SCRIPT), *command[2:]])
    environment["SGCN_WORKER_PYTHON"] = str(tmp_path / "none")
    ended = subprocess.run(command, capture_output=True, encoding="utf-8", env=environment, cwd=tmp_path, check=False)
    assert ended.returncode == 5 and "There is no Python at" in ended.stderr and "Traceback" not in ended.stderr


# --- runs -------------------------------------------------------------------------------------------------------


def test_a_run_without_what_slicer_does_not_have_writes_landmarks_and_table(face: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    guard = "import sys\nfor name in ('typer', 'click', 'rich', 'requests', 'PIL'):\n    sys.modules[name] = None\n"
    (tmp_path / "sitecustomize.py").write_text(guard)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    landmarks, table = tmp_path / "landmarks é.mrk.json", tmp_path / "landmarks.csv"
    command = [sys.executable, str(SCRIPT), "--input-model", str(face), "--input-volume", "", "--seed", "3"]
    command += ["--output-landmarks", str(landmarks), "--output-table", str(table)]
    pipes = {"capture_output": True, "text": True, "encoding": "utf-8"}
    ended = subprocess.run(command, **pipes, cwd=tmp_path, env=environment, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    fractions = progress_in(ended.stdout)
    assert fractions == sorted(fractions) and fractions[0] == 0.0 and fractions[-1] == 1.0 and len(fractions) > 4
    assert ended.stdout.count("<filter-start>") == ended.stdout.count("<filter-end>") == 1
    result, rows = read_landmarks(landmarks), read_landmarks(table)
    assert len(result.labels) == 62 and result.frame == "LPS" and rows.labels == result.labels
    assert rows.status == result.status and result.status.count("missing") < 10
    there = np.array([status != "missing" for status in result.status])
    np.testing.assert_allclose(rows.positions[there], result.positions[there], atol=1e-6)
    assert json.loads(landmarks.read_text(encoding="utf-8"))["markups"][0]["sgcn_core"]["info"]["seed"] == 3


def test_a_folder_goes_on_after_a_bad_case_and_keeps_corrections(script, face, tmp_path, capsys) -> None:
    pytest.importorskip("torch")
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    (folder / "b.ply").write_bytes(face.read_bytes())
    (folder / "a.stl").write_text("solid nothing\nendsolid\n")
    options = ["--input-folder", str(folder), "--output-folder", str(out), "--landmark-set", "ibug68"]
    assert script.main(options) == 1
    told = capsys.readouterr()
    assert "a.stl" in told.err and "b.ply" not in told.err
    assert progress_in(told.out)[-1] == 1.0 and told.out.count("<filter-end>") == 2
    assert sorted(path.name for path in out.iterdir()) == ["b.csv", "b.mrk.json", "summary.csv"]
    rows = summary(out)
    assert list(rows) == ["b"] and int(rows["b"][1]) > 40
    assert len(read_landmarks(out / "b.csv").labels) == 68

    (out / "b.mrk.json").write_text("corrected")
    assert script.main(options) == 1
    told = capsys.readouterr()
    assert (out / "b.mrk.json").read_text() == "corrected" and "kept" in told.out and "b.ply" not in told.err
    assert summary(out) == rows, "what was known of a case that is kept stays known"
    (folder / "a.stl").unlink()
    assert script.main(options) == 0
    assert script.main([*options, "--overwrite"]) == 0 and (out / "b.mrk.json").read_text() != "corrected"


def summary(folder: Path) -> dict[str, tuple[str, ...]]:
    with (folder / "summary.csv").open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.DictReader(file))
    return {row["name"]: (row["status"], row["found"], row["seconds"]) for row in table if row["status"] == "ok"}


def test_of_a_volume_the_skin_is_taken(script, tmp_path, capsys) -> None:
    """An ellipsoid with a neck has a skin, but no face: the run gets as far as to say so."""
    pytest.importorskip("torch")
    sitk = pytest.importorskip("SimpleITK")
    head = VoxelHead(spacing=(3.0, 3.0, 3.0)).volume(modality="CT")
    image = sitk.GetImageFromArray(head.array)
    image.SetSpacing((3.0, 3.0, 3.0))
    sitk.WriteImage(image, str(tmp_path / "head.nrrd"))
    output = tmp_path / "head.mrk.json"
    assert script.main(["--input-volume", str(tmp_path / "head.nrrd"), "--output-landmarks", str(output)]) == 3
    told = capsys.readouterr()
    assert "face" in told.err and progress_in(told.out)[-1] == 1.0 and not output.exists()
