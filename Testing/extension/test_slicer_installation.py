"""Installing what the panel needs: real pip, stand-ins for Slicer's own parts."""

# ruff: noqa: E402
from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import re
import subprocess
import sys
import types
import zipfile
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "FacialLandmarks3D"
sys.path.insert(0, str(MODULE))

from FacialLandmarks3DLib.installation.installer import (
    CPU_INDEX,
    TORCH,
    Installer,
    InstallError,
    download_commands,
    is_met,
    read_requirements,
)
from FacialLandmarks3DLib.worker.python import PYTHON_VARIABLE, environment_outside_slicer, other_python
from worker_checks import checked_worker

REQUIREMENTS = MODULE / "Resources" / "requirements.txt"


class PyTorchUtilsLogic:
    """With the signature of ``PyTorchUtils.py`` of the extension PyTorch."""

    def __init__(self, host: FakeHost, error: Exception | None) -> None:
        self._host, self._error = host, error

    def installTorch(
        self,
        askConfirmation=False,
        forceComputationBackend=None,
        torchVersionRequirement=None,
        torchvisionVersionRequirement=None,
    ):
        """Installs and gives the module; None where the user declines."""
        self._host.did.append(("torch", askConfirmation, forceComputationBackend, torchVersionRequirement))
        if not isinstance(self._error, CalledProcessError):
            self._host.installed["torch"] = "2.9.0+cpu"
        if self._error is not None:
            raise self._error
        return types.ModuleType("torch")


class FakeHost:
    """A Slicer that notes what it is asked to do."""

    def __init__(self, **installed: str) -> None:
        self.installed, self.did = installed, []
        self.agrees, self.tests, self.python = True, False, None
        self.torch_error: Exception | None = None
        self.pip_error: Exception | None = None
        self.has_extension = True

    def ask(self, question: str, details: str) -> bool:
        self.did.append(("ask", question, details))
        return self.agrees

    def testing(self) -> bool:
        return self.tests

    def pip_install(self, arguments: list[str]) -> None:
        self.did.append(("pip", *arguments))
        if self.pip_error is not None:
            raise self.pip_error
        for argument in arguments:
            if ">=" in argument:
                self.installed[argument.partition(">")[0]] = argument.partition("=")[2]

    def torch_logic(self) -> PyTorchUtilsLogic:
        if not self.has_extension:
            raise ModuleNotFoundError("No module named 'PyTorchUtils'")
        return PyTorchUtilsLogic(self, self.torch_error)

    def other_python(self) -> str | None:
        return other_python({PYTHON_VARIABLE: self.python or ""})

    def restart_worker(self) -> None:
        self.did.append(("restart",))


def installer(host: FakeHost) -> Installer:
    return Installer(REQUIREMENTS, host, versions=host.installed.get)


def kinds(host: FakeHost) -> list[str]:
    return [did[0] for did in host.did]


# --- what is needed ---------------------------------------------------------------------------------------------


def test_the_requirements_are_as_slicer_packaging_can_read_them() -> None:
    """Parsed as ``slicer.packaging.load_requirements`` does: a comment behind a requirement would be an error."""
    requirement = pytest.importorskip("packaging.requirements").Requirement
    parsed = [requirement(text) for text in read_requirements(REQUIREMENTS)]
    assert [each.name for each in parsed] == ["safetensors"]
    assert all([part.operator for part in each.specifier] == [">="] for each in parsed)
    assert not {"torch", "vtk", "numpy", "SimpleITK"} & {each.name for each in parsed}
    lines = [line for line in REQUIREMENTS.read_text().splitlines() if not line.startswith("#")]
    assert not any("#" in line for line in lines)


def test_requirements_agree_with_the_package() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("\ndependencies = [")[2]
    dependencies = set(re.findall(r'"([^"]+)"', text.partition("]")[0]))
    assert {TORCH, *read_requirements(REQUIREMENTS)} <= dependencies


@pytest.mark.parametrize(
    ("requirement", "version", "met"),
    [
        ("torch>=2.2", "2.2.0", True),
        ("torch>=2.2", "2.9.1+cu126", True),
        ("torch>=2.2", "2.10.0.dev20260101", True),
        ("torch>=2.2", "1.13.1", False),
        ("torch>=2.2", None, False),
        ("torch>=2.2; sys_platform == 'amiga'", None, True),
    ],
)
def test_a_requirement_is_met_by_a_version(requirement: str, version: str | None, met: bool) -> None:
    assert is_met(requirement, lambda name: version) is met


def test_the_worker_needs_no_other_package_than_those(tmp_path: Path) -> None:
    """What Slicer brings, what PyTorch brings and the requirements: no typer, rich or click."""
    pytest.importorskip("torch")
    guard = "import sys\nfor name in ('typer', 'click', 'rich', 'SimpleITK', 'requests', 'PIL', 'matplotlib'):\n"
    (tmp_path / "sitecustomize.py").write_text(guard + "    sys.modules[name] = None\n")
    (tmp_path / "sgcn_core").symlink_to(ROOT / "sgcn_core")
    check = checked_worker(tmp_path)
    assert check.passed, check.lines


# --- installing -------------------------------------------------------------------------------------------------


def test_nothing_is_asked_where_nothing_is_missing() -> None:
    host = FakeHost(torch="2.9.0", safetensors="0.6")
    assert installer(host).ready() == (True, "Everything is installed: PyTorch 2.9.0.")
    installer(host).ensure()
    installer(host).install_from_folder("nowhere")
    assert host.did == []


def test_everything_is_installed_after_one_question() -> None:
    host = FakeHost()
    made = installer(host)
    ready, text = made.ready()
    assert not ready and "torch>=2.2" in text and "safetensors>=0.4" in text
    made.ensure()
    assert kinds(host) == ["ask", "torch", "pip", "restart"] and made.ready()[0]
    question = host.did[0][1]
    assert "GB" in question and "torch" in question and "Nothing is uploaded" in question
    assert host.did[1] == ("torch", False, None, ">=2.2") and host.did[2] == ("pip", "safetensors>=0.4")


def test_only_what_is_missing_is_installed() -> None:
    host = FakeHost(torch="2.9.0")
    installer(host).ensure()
    assert kinds(host) == ["ask", "pip", "restart"]
    host = FakeHost(torch="1.13", safetensors="0.4")
    made = installer(host)
    made.backend = "cpu"
    made.ensure()
    assert kinds(host) == ["ask", "torch", "restart"] and host.did[1][2] == "cpu"


def test_no_means_no() -> None:
    host = FakeHost()
    host.agrees = False
    with pytest.raises(InstallError, match="declined") as caught:
        installer(host).ensure()
    assert caught.value.declined and kinds(host) == ["ask"]


def test_nothing_is_installed_during_tests() -> None:
    """Slicer's dialogs answer themselves with yes then."""
    host = FakeHost()
    host.tests = True
    for install in (installer(host).ensure, lambda: installer(host).install_from_folder(ROOT)):
        with pytest.raises(InstallError, match="tests"):
            install()
    assert host.did == []


def test_without_the_extension_pytorch_it_is_named() -> None:
    host = FakeHost()
    host.has_extension = False
    with pytest.raises(InstallError, match="Extensions Manager"):
        installer(host).ensure()
    assert "pip" not in kinds(host)


@pytest.mark.parametrize("error", [CalledProcessError(1, "pip"), CalledProcessError(2, "ltt")])
def test_a_failed_installation_says_what_to_do(error: Exception) -> None:
    host = FakeHost()
    host.torch_error = error
    with pytest.raises(InstallError, match=f"exit code {error.returncode}.*Install from folder"):
        installer(host).ensure()
    host = FakeHost(torch="2.9.0")
    host.pip_error = error
    with pytest.raises(InstallError, match=r"safetensors.*connection"):
        installer(host).ensure()
    assert kinds(host)[-1] == "restart"


def test_the_extension_pytorch_is_looked_for_before_the_question() -> None:
    host = FakeHost()
    host.has_extension = False
    with pytest.raises(InstallError, match="Install the extension 'PyTorch'"):
        installer(host).ensure()
    assert host.did == []
    host = FakeHost(torch="2.9.0")  # nothing of it is needed
    host.has_extension = False
    installer(host).ensure()
    assert installer(host).ready()[0]


def test_a_failed_download_says_what_failed() -> None:
    host = FakeHost(torch="2.9.0")
    said = (
        "Looking in indexes\nERROR: Could not find a version that satisfies x\nERROR: No matching distribution for x\n"
    )
    host.pip_error = CalledProcessError(1, ["pip"], output=said)
    with pytest.raises(InstallError) as caught:
        installer(host).ensure()
    assert "pip ended with exit code 1: No matching distribution for x): safetensors>=0.4." in str(caught.value)


def test_the_offline_command_downloads_no_cuda() -> None:
    wanted = ["torch>=2.2", "safetensors>=0.4"]
    linux = download_commands(wanted, "linux")
    assert len(linux) == 2 and f'--index-url {CPU_INDEX} "torch>=2.2"' in linux[0] and CPU_INDEX.endswith("/cpu")
    assert linux[1].endswith('--dest FOLDER "safetensors>=0.4"') and "index-url" not in linux[1]
    for system in ("win32", "darwin"):
        assert download_commands(wanted, system) == [
            'PythonSlicer -m pip download --dest FOLDER "torch>=2.2" "safetensors>=0.4"'
        ]
    assert download_commands(["safetensors>=0.4"], "linux") == linux[1:]


def test_another_python_gets_the_environment_from_before_slicers_launcher() -> None:
    launched = {
        "APPLAUNCHER_LEVEL": "1",
        "APPLAUNCHER_0_PATH": "/usr/bin",
        "PATH": "/slicer/bin:/usr/bin",
        "PYTHONHOME": "/slicer/lib/Python",
        "HOME": "/home/me",
    }
    outside = environment_outside_slicer(launched)
    assert outside["PATH"] == "/usr/bin" and outside["HOME"] == "/home/me" and "PYTHONHOME" not in outside
    own = {"PATH": "/usr/bin", "PYTHONPATH": "/mine"}
    assert environment_outside_slicer(own) == own


def test_what_counts_is_what_is_installed() -> None:
    """PyTorchUtils loads what it has installed, which may fail in Slicer's process although the worker can use it."""
    host = FakeHost()
    host.torch_error = OSError("a DLL was in use")
    installer(host).ensure()
    assert installer(host).ready()[0]
    host = FakeHost(torch="2.9.0")
    host.pip_install = lambda arguments: None  # type: ignore[method-assign]
    with pytest.raises(InstallError, match="Still not installed"):
        installer(host).ensure()


def test_a_python_of_the_users_own(tmp_path: Path) -> None:
    host = FakeHost()
    host.python = sys.executable
    assert installer(host).ready() == (True, f"The worker runs in {sys.executable}.")
    installer(host).ensure()
    host.python = str(tmp_path / "none")
    assert not installer(host).ready()[0]
    with pytest.raises(InstallError, match="SGCN_WORKER_PYTHON"):
        installer(host).ensure()
    assert host.did == []


# --- from a folder, with real pip -------------------------------------------------------------------------------


def write_wheel(folder: Path, name: str, version: str) -> None:
    """A wheel that holds nothing, https://packaging.python.org/specifications/binary-distribution-format"""
    home = f"{name}-{version}.dist-info"
    contents = {
        f"{home}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{home}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    contents[f"{home}/RECORD"] = "".join(f"{path},,\n" for path in (*contents, f"{home}/RECORD"))
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in contents.items():
            archive.writestr(path, text)


@pytest.fixture
def real_pip(tmp_path: Path) -> FakeHost:
    """A host whose pip installs into a folder of its own."""
    if importlib.util.find_spec("pip") is None:
        pytest.skip("pip is not installed here")
    target, host = tmp_path / "site", FakeHost()

    def pip_install(arguments: list[str]) -> None:
        host.did.append(("pip", *arguments))
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--target", str(target)]
        subprocess.run([*command, *arguments], check=True, capture_output=True)

    def version(name: str) -> str | None:
        importlib.invalidate_caches()
        found = importlib.metadata.distributions(name=name, path=[str(target)])
        return next((each.version for each in found), None)

    host.pip_install, host.versions = pip_install, version  # type: ignore[method-assign,attr-defined]
    return host


def test_a_folder_with_spaces_is_enough(real_pip: FakeHost, tmp_path: Path) -> None:
    folder = tmp_path / "my wheels é"
    folder.mkdir()
    made = Installer(REQUIREMENTS, real_pip, versions=real_pip.versions)
    write_wheel(folder, "safetensors", "0.5.0")
    with pytest.raises(InstallError, match=r"(?s)torch>=2.2.*pip download"):
        made.install_from_folder(folder)
    write_wheel(folder, "torch", "2.9.0")
    made.install_from_folder(folder)
    assert made.ready()[0] and "ask" not in kinds(real_pip)
    assert real_pip.did[-2][1:4] == ("--no-index", "--find-links", str(folder))


def test_a_folder_without_wheels_is_told(tmp_path: Path) -> None:
    host = FakeHost()
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(InstallError, match="no wheels"):
            installer(host).install_from_folder(folder)
    assert host.did == []


# --- Slicer -----------------------------------------------------------------------------------------------------


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
