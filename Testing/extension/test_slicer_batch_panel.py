"""Batch and Installation in the panel, with widgets that are no Qt (:mod:`fake_qt`), on nodes of slicer-core."""

# ruff: noqa: E402
from __future__ import annotations

import re
import sys
import time
import types
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("slicer", reason="slicer-core is not installed")

import fake_qt as widgets
import slicer_stubs

slicer_stubs.install()

from FacialLandmarks3DLib.installation.installer import InstallError
from FacialLandmarks3DLib.worker.client import WorkerClient
from FacialLandmarks3DLib.worker.process import ChildProcess
from slicer_scene import Application, slicer

from sgcn_core.demo import demo_surface
from sgcn_core.io.markups import read_landmarks
from sgcn_core.io.meshes import write_surface
from sgcn_core.settings import DetectionSettings

pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")

MODULE = Path(__file__).resolve().parents[2] / "FacialLandmarks3D"
PARTS = {"Batch": ("batch", ("panel",)), "Installation": ("installation", ("panel",))}
NAME, STATUS, TO_CHECK, SECONDS, REMARK = range(5)

# Puts three landmarks on the first points of the scan; "noface" in its name: refuses.
WORKER = """
import json, sys
print(json.dumps({"answer": "ready", "protocol": 1, "version": "0", "pid": 1}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    def answer(**fields):
        print(json.dumps({"id": request["id"], **fields}), flush=True)
    if "slow" in request["input"]:
        import time; time.sleep(60)
    if "noface" in request["input"]:
        answer(answer="error", error={"type": "FaceNotFoundError", "message": "no face", "hint": ""})
        continue
    sys.path.insert(0, ROOT)
    import numpy as np
    from sgcn_core.io.markups import write_landmarks
    from sgcn_core.io.meshes import read_surface
    from sgcn_core.types.landmarks import LandmarkResult
    surface = read_surface(request["input"])
    result = LandmarkResult(("prn", "n", "pg"), surface.vertices[[5, 900, 2000]], np.array([0.9, 0.4, 0.0]),
                            ("found", "uncertain", "missing"), unit="mm", frame="LPS", info={"model": "2S-SGCN"})
    write_landmarks(result, request["output"])
    answer(answer="result", result={**result.as_dict(), "notes": []})
"""


class Installation:
    """Of Services."""

    def __init__(self) -> None:
        self.is_ready, self.error, self.did = True, None, []
        self.backend: str | None = None

    def ready(self) -> tuple[bool, str]:
        return self.is_ready, "ready" if self.is_ready else "missing: torch"

    def ensure(self) -> None:
        self.did.append(("ensure", self.backend))
        if self.error is not None:
            raise self.error
        self.is_ready = True

    def install_from_folder(self, folder: str) -> None:
        self.did.append(("folder", folder))
        self.ensure()

    def facts(self) -> list[tuple[str, str]]:
        return [("Slicer", "5.12")]

    def check(self) -> Any:
        steps = iter([True, False])
        return types.SimpleNamespace(poll=lambda: next(steps), lines=[("worker", "fine")])


class Desk:
    """Slicer's window, as far as there is one."""

    def __init__(self, application: Application, client: WorkerClient) -> None:
        self.application, self.installation = application, Installation()
        self.shown: list[Any] = []
        self.errors: list[str] = []
        self.questions: list[str] = []
        self.says_yes = True
        self.copied = ""
        self.services = types.SimpleNamespace(
            scene=application.scene,
            resources=MODULE / "Resources",
            worker=lambda: client,
            installation=self.installation,
            options=DetectionSettings,
            show_landmarks=self.shown.append,
        )

    def container(self, name: str) -> Any:
        """Of the panel, with the empty layout that it has there."""
        return getattr(widgets.widgets_of(MODULE / "Resources" / "UI" / "FacialLandmarks3D.ui"), name)

    def confirm(self, text: str, windowTitle: Any = None, parent: Any = None, **kwargs: Any) -> bool:
        self.questions.append(text)
        return self.says_yes

    def copy(self, text: str) -> None:
        self.copied = text


class WaitCursor:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: Any) -> None: ...


def forget_parts() -> None:
    """They hold on to the qt that they were made with."""
    for folder, names in PARTS.values():
        for name in names:
            sys.modules.pop(f"FacialLandmarks3DLib.{folder}.{name}", None)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    script = tmp_path / "worker.py"
    script.write_text(f"ROOT = {str(MODULE.parent)!r}\n{WORKER}", encoding="utf-8")
    client = WorkerClient(lambda: ChildProcess([sys.executable, str(script)]))
    made = Desk(Application(tmp_path / "cache"), client)

    def load_model(path: str) -> Any:
        return made.application.models.AddModel(path)

    monkeypatch.setitem(sys.modules, "qt", widgets.qt_module(str(tmp_path)))
    for name, value in {
        "loadUI": widgets.load_ui,
        "childWidgetVariables": widgets.child_widget_variables,
        "WaitCursor": WaitCursor,
        "mainWindow": lambda: None,
        "errorDisplay": lambda text, windowTitle=None, **kwargs: made.errors.append(text),
        "confirmYesNoDisplay": made.confirm,
        "loadModel": load_model,
        "resetThreeDViews": lambda: None,
        "resetSliceViews": lambda: None,
    }.items():
        monkeypatch.setattr(slicer.util, name, value, raising=False)
    clipboard = types.SimpleNamespace(setText=made.copy)
    monkeypatch.setattr(slicer, "app", types.SimpleNamespace(clipboard=lambda: clipboard), raising=False)
    widgets.QTimer.made.clear()
    forget_parts()
    yield made
    forget_parts()
    client.close(0.0)


@pytest.fixture
def batch(desk: Desk, tmp_path: Path) -> Any:
    from FacialLandmarks3DLib.batch.panel import BatchPanel

    folder = tmp_path / "scans"
    folder.mkdir()
    face = write_surface(demo_surface(), folder / "b.ply")
    (folder / "c.ply").write_bytes(face.read_bytes())
    (folder / "a_noface.ply").write_bytes(face.read_bytes())
    panel = BatchPanel(desk.container("batchContainer"), desk.services)
    panel.ui.batchInputPathLineEdit.currentPath = str(folder)
    return panel


def finish(panel: Any) -> None:
    for _ in range(10_000):
        widgets.QTimer.run_out()
        if panel.ui.batchRunButton.text == "Run batch":
            return
        time.sleep(0.005)
    raise AssertionError(panel.ui.batchStatusLabel.text)


# --- files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", PARTS)
def test_every_widget_that_the_code_uses_is_in_the_ui_file_and_no_button_is_idle(part: str) -> None:
    folder, names = PARTS[part]
    root = ET.parse(MODULE / "Resources" / "UI" / f"FacialLandmarks3D{part}.ui").getroot()
    named = {each.get("name"): each.get("class") for each in root.iter("widget")}
    code = "".join(
        (MODULE / "FacialLandmarks3DLib" / folder / f"{name}.py").read_text(encoding="utf-8") for name in names
    )
    used = set(re.findall(r"\bui\.(\w+)", code))
    assert used <= set(named)
    assert {name for name, kind in named.items() if kind not in ("QLabel", "QWidget")} <= used
    declared = {each.text for each in root.iterfind("customwidgets/customwidget/class")}
    assert {kind for kind in named.values() if not kind.startswith("Q")} == declared
    for widget in root.iter("widget"):
        if widget.get("class") not in ("QWidget",):
            assert widget.find("property[@name='toolTip']/string").text, widget.get("name")


def test_names_of_widgets_are_the_panels_own() -> None:
    """All parts are children of one panel; a name that two of them use would be ambiguous."""
    seen: dict[str, str] = {}
    for path in (MODULE / "Resources" / "UI").glob("*.ui"):
        for element in ET.parse(path).getroot().iter("widget"):
            name = element.get("name")
            assert name not in seen or path.name == seen[name], (name, path.name, seen.get(name))
            seen[name] = path.name


# --- batch ------------------------------------------------------------------------------------------------------


def test_a_batch_from_the_panel(desk: Desk, batch: Any, tmp_path: Path) -> None:
    ui, output = batch.ui, tmp_path / "scans" / "landmarks"
    assert ui.batchOutputPathLineEdit.currentPath == output.as_posix() and not ui.batchProgressBar.visible
    ui.batchListButton.click()
    assert ui.batchTable.texts(NAME) == ["a_noface", "b", "c"] and ui.batchTable.texts(STATUS) == ["waiting"] * 3
    assert not output.exists()
    ui.batchRunButton.click()
    assert ui.batchRunButton.text == "Cancel" and ui.batchProgressBar.visible and not ui.batchListButton.enabled
    finish(batch)
    assert ui.batchTable.texts(STATUS) == ["refused", "done", "done"] and ui.batchTable.sortingEnabled
    assert ui.batchTable.item(1, TO_CHECK).data(0) == 2 and "no face" in ui.batchTable.texts(REMARK)[0]
    assert ui.batchStatusLabel.text == "2 of 3 cases done, 1 refused." and not ui.batchProgressBar.visible
    assert ui.batchListButton.enabled and (output / "summary.csv").is_file() and desk.errors == []
    ui.batchListButton.click()
    assert ui.batchTable.texts(STATUS) == ["refused", "done", "done"] and "no face" in ui.batchTable.texts(REMARK)[0]
    assert ui.batchTable.item(1, TO_CHECK).data(0) == 2


def test_cancel_from_the_panel(desk: Desk, batch: Any, tmp_path: Path) -> None:
    (tmp_path / "scans" / "b.ply").rename(tmp_path / "scans" / "b_slow.ply")
    batch.ui.batchRunButton.click()
    while batch.ui.batchTable.texts(STATUS)[1] != "running":
        widgets.QTimer.run_out()
    batch.ui.batchRunButton.click()
    assert batch.ui.batchRunButton.text == "Run batch"
    assert batch.ui.batchTable.texts(STATUS) == ["refused", "cancelled", "cancelled"]
    assert not widgets.QTimer.running()


def test_what_cannot_start_is_told(desk: Desk, batch: Any, tmp_path: Path) -> None:
    desk.installation.is_ready, desk.installation.error = False, InstallError("No PyTorch.", "Get it.")
    batch.ui.batchRunButton.click()
    assert desk.errors == ["No PyTorch. Get it."] and batch.ui.batchRunButton.text == "Run batch"
    desk.installation.error = None
    batch.ui.batchInputPathLineEdit.currentPath = str(tmp_path / "none")
    batch.ui.batchRunButton.click()
    assert "No such folder" in desk.errors[-1]
    batch.ui.batchInputPathLineEdit.currentPath = ""
    batch.ui.batchListButton.click()
    assert "Select the folder" in desk.errors[-1]


def test_a_case_is_reviewed_wherever_sorting_has_put_it(desk: Desk, batch: Any) -> None:
    batch.ui.batchRunButton.click()
    finish(batch)
    table = batch.ui.batchTable
    table.swap(0, 2)
    table.emit("cellDoubleClicked(int,int)", 0, 0)
    assert [node.GetName() for node in desk.shown] == ["c landmarks"] and "c is open" in batch.ui.batchStatusLabel.text
    table.emit("cellDoubleClicked(int,int)", 2, 0)
    assert "no face" in batch.ui.batchStatusLabel.text and len(desk.shown) == 1
    table.__dict__["current"] = (1, 0)
    batch.ui.batchReviewButton.click()
    assert desk.shown[1] is None and desk.shown[2].GetName() == "b landmarks"
    assert desk.questions == [] and desk.errors == []
    assert desk.application.scene.GetNumberOfNodesByClass("vtkMRMLModelNode") == 1


@pytest.mark.parametrize("keep", [True, False])
def test_corrections_are_not_lost_unasked(desk: Desk, batch: Any, keep: bool, tmp_path: Path) -> None:
    desk.says_yes = keep
    batch.ui.batchRunButton.click()
    finish(batch)
    batch.ui.batchTable.emit("cellDoubleClicked(int,int)", 1, 0)
    file = tmp_path / "scans" / "landmarks" / "b.mrk.json"
    before = read_landmarks(file).position("prn")
    desk.shown[-1].SetNthControlPointPosition(0, 1.0, 2.0, 3.0)
    batch.ui.batchTable.emit("cellDoubleClicked(int,int)", 2, 0)
    assert desk.questions == ["Save the corrections of 'b'?"] and desk.shown[-1].GetName() == "c landmarks"
    after = read_landmarks(file).position("prn")
    assert after.tolist() == pytest.approx([-1.0, -2.0, 3.0] if keep else before.tolist(), abs=1e-4)


def test_save_button(desk: Desk, batch: Any, tmp_path: Path) -> None:
    batch.ui.batchSaveButton.click()
    assert desk.errors == ["No case is open."]
    batch.ui.batchRunButton.click()
    finish(batch)
    batch.ui.batchTable.emit("cellDoubleClicked(int,int)", 1, 0)
    desk.shown[-1].SetNthControlPointPosition(0, 1.0, 2.0, 3.0)
    batch.ui.batchSaveButton.click()
    assert "Saved" in batch.ui.batchStatusLabel.text
    batch.ui.batchTable.emit("cellDoubleClicked(int,int)", 2, 0)
    assert desk.questions == []
    batch.cleanup()


# --- installation -----------------------------------------------------------------------------------------------


@pytest.fixture
def installation(desk: Desk) -> Any:
    from FacialLandmarks3DLib.installation.panel import InstallationPanel

    desk.installation.is_ready = False
    return InstallationPanel(desk.container("installationContainer"), desk.services)


def test_installing_from_the_panel(desk: Desk, installation: Any, tmp_path: Path) -> None:
    ui = installation.ui
    assert ui.installationStatusLabel.text == "missing: torch" and ui.installButton.enabled
    desk.installation.error = InstallError("Declined.", "", declined=True)
    ui.cpuOnlyCheckBox.checked = True
    ui.installButton.click()
    assert desk.errors == [] and desk.installation.did == [("ensure", "cpu")]
    desk.installation.error = InstallError("Offline.", "Use a folder.")
    ui.installButton.click()
    assert desk.errors == ["Offline. Use a folder."] and ui.installButton.enabled
    desk.installation.error = None
    ui.installFromFolderButton.click()
    assert ("folder", str(tmp_path)) in desk.installation.did
    assert ui.installationStatusLabel.text == "ready" and not ui.installButton.enabled


def test_the_report_in_a_window(desk: Desk, installation: Any) -> None:
    widgets.QDialog.made.clear()
    widgets.QLayout.made.clear()
    installation.ui.checkInstallationButton.click()
    (dialog,) = widgets.QDialog.made
    text = next(each for each in widgets.QLayout.made if isinstance(each, widgets.QPlainTextEdit))
    assert dialog.visible and "loading the network" in text.plainText
    assert not installation.ui.checkInstallationButton.enabled
    widgets.QTimer.run_out()
    assert "worker: fine" in text.plainText and "asked" not in text.plainText
    assert installation.ui.checkInstallationButton.enabled
    next(each for each in widgets.QLayout.made if getattr(each, "text", "") == "Copy").click()
    assert desk.copied == text.plainText
    installation.cleanup()
    assert dialog.deleted
