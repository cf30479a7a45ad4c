"""What importing the package loads, and that everything it needs is inside it."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from zipfile import ZipFile

import pytest

import sgcn_core

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "vtk", "vtkmodules", "scipy", "trimesh", "SimpleITK", "numpy", "torch_geometric", "lightning")


def loaded_by(code: str) -> set[str]:
    """Which of the heavy modules are loaded after running code in a fresh process."""
    report = f"{code}\nimport sys\nprint(' '.join(name for name in {HEAVY} if name in sys.modules))"
    ended = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True)
    return set(ended.stdout.splitlines()[-1].split()) if ended.stdout.strip() else set()


def test_importing_the_package_loads_nothing_heavy():
    assert loaded_by("import sgcn_core") == set()


@pytest.mark.parametrize(
    ("before", "chosen", "policy"),
    [("", None, "PASSIVE"), ("", "ACTIVE", "ACTIVE"), ("sys.modules['torch'] = None", None, "None")],
)
def test_waiting_threads_sleep_unless_the_user_or_torch_was_there_before(before, chosen, policy):
    code = f"import os, sys\n{before}\nimport sgcn_core.settings\nprint(os.environ.get('OMP_WAIT_POLICY'))"
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    environment |= {} if chosen is None else {"OMP_WAIT_POLICY": chosen}
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert ended.stdout.strip() == policy


def test_the_command_line_loads_nothing_heavy_before_a_command_runs():
    assert loaded_by("import sgcn_core.cli") == set()


def test_landmark_sets_and_files_need_numpy_alone():
    code = "import sgcn_core\nsgcn_core.LandmarkSet.load('all')\nsgcn_core.LandmarkResult\nsgcn_core.write_landmarks"
    assert loaded_by(code) == {"numpy"}


def test_detection_never_loads_the_training_libraries():
    assert not loaded_by("from sgcn_core import LandmarkDetector") & {"torch_geometric", "lightning", "vtk"}


@pytest.mark.parametrize("name", sgcn_core.__all__)
def test_every_public_name_can_be_had(name):
    assert getattr(sgcn_core, name) is not None
    assert name in dir(sgcn_core)


FOLDERS = ("cleaning", "geometry", "graph", "pose", "sampling", "skin", "types")


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_gives_its_public_names_on_use(folder):
    package = importlib.import_module(f"sgcn_core.{folder}")
    assert all(getattr(package, name) is not None for name in package.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = package.nothing


def test_folders_load_nothing_heavy_before_a_name_is_used():
    assert loaded_by("\n".join(f"import sgcn_core.{folder}" for folder in FOLDERS)) == set()


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Landmarks'"):
        _ = sgcn_core.Landmarks


@pytest.mark.parametrize(
    "path",
    [
        "weights/face.safetensors",
        "mean_face.npz",
        "landmark_sets/ibug68.json",
        "landmark_sets/clinical.json",
        "dense_face/face.npz",
        "dense_face/LICENSE",
    ],
)
def test_resources_are_part_of_the_package(path):
    assert files("sgcn_core").joinpath(f"resources/{path}").is_file()


def test_the_weights_are_small_enough_to_ship():
    assert len(files("sgcn_core").joinpath("resources/weights/face.safetensors").read_bytes()) <= 2_000_000


def test_peak_memory_is_that_of_the_program_itself_not_of_the_one_that_started_it():
    ballast = bytearray(b"1") * 300_000_000
    code = "from research.benchmarks.peak_memory import peak_memory; print(peak_memory())"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    del ballast
    if ended.stdout.strip() == "None":
        pytest.skip("this system does not report peak memory")
    assert 1 < float(ended.stdout) < 150


def test_the_scan_to_measure_on_has_the_vertices_asked_for_and_no_cracks():
    from research.benchmarks.scan import scan_of

    scan = scan_of(25_000)
    directed = scan.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    assert len(scan.vertices) == 25_000 == len(set(scan.faces.ravel().tolist()))
    assert len({tuple(edge) for edge in directed.tolist()}) == len(directed)


def test_the_wheel_holds_the_package_alone_and_is_small(tmp_path: Path) -> None:
    # Not imported here: it refuses a process in which another test has loaded the standard library's distutils.
    if int(version("setuptools").split(".")[0]) < 77:
        pytest.skip("this setuptools cannot build the wheel")
    source, out = tmp_path / "source", tmp_path / "dist"
    source.mkdir()
    out.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("sgcn_core", "research", "Testing", "FacialLandmarks3D"):
        kept = shutil.ignore_patterns("__pycache__", "networks", "results")
        shutil.copytree(ROOT / name, source / name, ignore=kept)
    code = f"from setuptools.build_meta import build_wheel; build_wheel({str(out)!r})"
    ended = subprocess.run([sys.executable, "-c", code], cwd=source, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    (wheel,) = out.glob("*.whl")
    assert wheel.stat().st_size <= 5_400_000  # 1.4 MB of it the statistical face of the dense correspondence
    names = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    tree = {path for path in (ROOT / "sgcn_core").rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert names == {path.relative_to(ROOT).as_posix() for path in tree}
    assert "sgcn_core/py.typed" in names
