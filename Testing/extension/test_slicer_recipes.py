"""The recipes of docs/slicer.md run as they are printed, and what they leave."""

from __future__ import annotations

import os
import re
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("slicer", reason="slicer-core is not installed")

import slicer_cases as cases
from slicer_scene import Application, slicer

import FacialLandmarks3D as module  # isort: skip
from FacialLandmarks3DLib.worker.keeper import shared_worker

from sgcn_core.io.markups import read_landmarks
from sgcn_core.io.meshes import read_surface

pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "FacialLandmarks3D" / "Resources" / "SampleData" / "FacialLandmarks3DFace.ply"
CLI = ROOT / "FacialLandmarks3D" / "FacialLandmarks3DCLI" / "FacialLandmarks3DCLI.xml"
PAGES = {"guide": ROOT / "docs" / "slicer.md", "readme": ROOT / "README.md"}


def recipe(heading: str, page: str = "guide") -> str:
    """The first Python below a heading."""
    text = PAGES[page].read_text(encoding="utf-8")
    below = re.split(rf"^#+ {re.escape(heading)}\n", text, flags=re.MULTILINE)[1]
    return re.search(r"```python\n(.*?)```", below, re.DOTALL)[1]


@pytest.fixture(scope="module")
def worker() -> Iterator[None]:
    """The one of the process, which ends with the last test of this file."""
    cases.need_worker()
    yield
    shared_worker().close()


@pytest.fixture
def application(worker: None, scene: Application) -> Application:
    """A scene whose recipes may detect."""
    return scene


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Application:
    """A scene, and what recipes call of ``slicer.util`` that needs Qt: loading, saving, the module's logic."""
    monkeypatch.setenv("SGCN_WORKER_PYTHON", cases.PYTHON)
    monkeypatch.chdir(tmp_path)
    one = Application(tmp_path / "cache")
    (tmp_path / "scene").mkdir()
    one.scene.SetRootDirectory(str(tmp_path / "scene"))
    monkeypatch.setattr(slicer, "mrmlScene", one.scene, raising=False)
    logics: dict[str, Any] = {}

    def load_model(path: str) -> Any:
        assert Path(path).is_file()
        return one.models.AddModel(path, slicer.vtkMRMLStorageNode.CoordinateSystemLPS)

    def load_markups(path: str) -> Any:
        node, storage = one.add("MarkupsFiducial", Path(path).name), slicer.vtkMRMLMarkupsJsonStorageNode()
        storage.SetFileName(path)
        assert storage.ReadData(node)
        return node

    def logic_of(name: str) -> Any:
        return logics.setdefault(name, getattr(module, f"{name}Logic")())

    for name, stand_in in (
        ("loadModel", load_model),
        ("loadMarkups", load_markups),
        ("loadVolume", lambda path: cases.face_volume_node(one, Path(path).stem)),
        ("saveNode", save_node),
        ("getModuleLogic", logic_of),
    ):
        monkeypatch.setattr(slicer.util, name, stand_in, raising=False)
    return one


def save_node(node: Any, path: str) -> bool:
    """With the storage node that Slicer takes for such a file; a relative path starts from the scene's folder."""
    path = os.path.join(slicer.mrmlScene.GetRootDirectory(), path)
    kinds = {"vtkMRMLModelNode": slicer.vtkMRMLModelStorageNode, "vtkMRMLTableNode": slicer.vtkMRMLTableStorageNode}
    storage = kinds.get(node.GetClassName(), slicer.vtkMRMLMarkupsJsonStorageNode)()
    storage.SetFileName(path)
    return bool(storage.WriteData(node))


@pytest.mark.parametrize(("heading", "page"), [("One scan", "guide"), ("3D Slicer", "readme")])
def test_one_scan(application: Application, heading: str, page: str, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(SAMPLE, "scan.ply")
    exec(recipe(heading, page), {"slicer": slicer})
    assert len(read_landmarks(Path("scan.mrk.json")).labels) == 62
    if page == "guide":
        assert "Check: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("heading", "page"), [("One scan", "guide"), ("3D Slicer", "readme"), ("A folder", "guide"), ("A CT", "guide")]
)
def test_a_save_that_fails_is_no_success(
    application: Application, heading: str, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkdir("scans")
    for name in ("scan.ply", "scans/b.ply"):
        shutil.copy(SAMPLE, name)
    monkeypatch.setattr(slicer.util, "saveNode", lambda node, path: False)
    with pytest.raises(OSError, match="could not be written"):
        exec(recipe(heading, page), {"slicer": slicer})


def test_a_folder_with_a_case_that_is_no_face(application: Application, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkdir("scans")
    shutil.copy(SAMPLE, "scans/b.ply")
    Path("scans/a.ply").write_text(
        "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n"
        "element face 1\nproperty list uchar int vertex_indices\nend_header\n0 0 0\n100 0 0\n0 100 0\n3 0 1 2\n"
    )
    exec(recipe("A folder"), {"slicer": slicer})
    assert [path.name for path in Path("results").iterdir()] == ["b.mrk.json"]
    told = capsys.readouterr().out
    assert told.startswith("a.ply: ") and "b.ply" not in told
    assert not cases.nodes_of(application, "Model") and not cases.nodes_of(application, "MarkupsFiducial")


def test_a_ct(application: Application, capsys: pytest.CaptureFixture[str]) -> None:
    exec(recipe("A CT"), {"slicer": slicer})
    assert len(read_landmarks(Path("head.mrk.json")).labels) == 62
    assert len(read_surface(Path("head-skin.ply")).faces) > 1000
    width = float(re.search(r"Width of the nose: ([\d.]+) mm", capsys.readouterr().out)[1])
    assert 25 < width < 50


def test_measurements_and_a_comparison(scene: Application, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkdir("case")
    for date, face in (("before", "Face"), ("after", "After")):
        shutil.copy(SAMPLE.with_name(f"FacialLandmarks3D{face}.ply"), f"case/{date}.ply")
        shutil.copy(SAMPLE.with_name(f"FacialLandmarks3D{date.title()}.mrk.json"), f"case/{date}.mrk.json")
    exec(recipe("Measurements and a comparison"), {"slicer": slicer})
    told = capsys.readouterr().out
    assert "The plane rests on" in told and "Registered on the skin" in told
    assert re.search(r"^pg: displacement: [56]\.\d mm, detectable [34]\.\d$", told, re.MULTILINE)
    assert len(Path("case/measurements.csv").read_text(encoding="utf-8").splitlines()) > 50
    assert len(cases.nodes_of(scene, "MarkupsLine")) > 1


def test_the_parameters_of_the_cli_recipe_are_those_of_its_description() -> None:
    described = {name.text for name in ET.parse(CLI).iter("name")}
    given = re.findall(r'^    "(\w+)": ', recipe("CLI module"), re.MULTILINE)
    assert given and set(given) <= described
    assert f"slicer.modules.{CLI.stem.lower()}" in recipe("CLI module")
