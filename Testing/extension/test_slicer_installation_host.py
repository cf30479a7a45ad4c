"""What the installer asks of Slicer itself, with stand-ins for the parts of Slicer."""

from __future__ import annotations

import importlib
import inspect
import sys
import types
from typing import Any

import pytest
from FacialLandmarks3DLib.installation.installer import InstallError
from installation_host import FakeHost


class FakeUtil:
    """With the signatures of ``slicer.util``."""

    def __init__(self) -> None:
        self.window: Any = object()
        self.asked: list[tuple[str, str, dict]] = []
        self.installed: list[Any] = []

    def mainWindow(self) -> Any:
        return self.window

    def confirmOkCancelDisplay(self, text, windowTitle=None, parent=None, **kwargs):
        self.asked.append((text, windowTitle, kwargs))
        return True

    def pip_install(self, requirements) -> None:
        self.installed.append(requirements)

    class WaitCursor:
        def __init__(self, show=True) -> None: ...

        def __enter__(self) -> None: ...

        def __exit__(self, *_: Any) -> None: ...


@pytest.fixture
def host_module(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module that talks to Slicer, with a Slicer of 5.10 around it."""
    fake = types.ModuleType("slicer")
    fake.util, fake.app = FakeUtil(), types.SimpleNamespace(testingEnabled=lambda: False)
    fake.__path__ = []
    monkeypatch.setitem(sys.modules, "slicer", fake)
    for name in ("installation.slicer_installation", "worker.keeper"):
        monkeypatch.delitem(sys.modules, f"FacialLandmarks3DLib.{name}", raising=False)
    module = importlib.import_module("FacialLandmarks3DLib.installation.slicer_installation")
    yield module
    for name in ("installation.slicer_installation", "worker.keeper"):
        sys.modules.pop(f"FacialLandmarks3DLib.{name}", None)


def test_slicer_5_10_installs_with_its_util(host_module: Any) -> None:
    host, util = host_module.SlicerHost(), host_module.slicer.util
    host.pip_install(["--no-index", "--find-links", "a folder", "x>=1"])
    assert util.installed == [["--no-index", "--find-links", "a folder", "x>=1"]]
    assert host.ask("May I?", "torch>=2.2") and util.asked[0][2] == {"detailedText": "torch>=2.2"}
    assert not host.testing()


def test_later_slicers_install_with_packaging(host_module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def pip_install(
        requirements,
        constraints=None,
        no_deps_requirements=None,
        skip_packages=None,
        blocking=True,
        show_progress=True,
        requester=None,
        logCallback=None,
        completedCallback=None,
    ):
        calls.append((requirements, blocking, requester))

    packaging = types.ModuleType("slicer.packaging")
    packaging.pip_install = pip_install
    monkeypatch.setitem(sys.modules, "slicer.packaging", packaging)
    monkeypatch.setattr(host_module.slicer, "packaging", packaging, raising=False)
    host_module.SlicerHost().pip_install(["x>=1"])
    assert calls == [(["x>=1"], True, "Facial Landmarks 3D")] and host_module.slicer.util.installed == []


def test_where_there_is_no_window_nobody_agrees(host_module: Any) -> None:
    host_module.slicer.util.window = None
    with pytest.raises(InstallError, match="no window"):
        host_module.SlicerHost().ask("May I?", "torch>=2.2")


def test_pytorch_is_asked_of_its_extension(host_module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    host = host_module.SlicerHost()
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
    with pytest.raises(ImportError):
        host.torch_logic()
    extension = types.ModuleType("PyTorchUtils")
    extension.PyTorchUtilsLogic = lambda: "logic"
    monkeypatch.setitem(sys.modules, "PyTorchUtils", extension)
    assert host.torch_logic() == "logic"
    monkeypatch.setenv("SGCN_WORKER_PYTHON", sys.executable)
    assert host.other_python() == sys.executable


def test_the_stand_in_has_every_method_of_the_host() -> None:
    from FacialLandmarks3DLib.installation.installer import Host

    for name, method in inspect.getmembers(Host, inspect.isfunction):
        if not name.startswith("_"):
            wanted = list(inspect.signature(method).parameters)
            assert list(inspect.signature(getattr(FakeHost, name)).parameters) == wanted
