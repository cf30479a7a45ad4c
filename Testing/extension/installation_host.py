"""A host for the installer that notes what it is asked to do, with the extension PyTorch as a stand-in."""

from __future__ import annotations

import types
from pathlib import Path
from subprocess import CalledProcessError

from FacialLandmarks3DLib.installation.installer import Installer
from FacialLandmarks3DLib.worker.python import PYTHON_VARIABLE, other_python

REQUIREMENTS = Path(__file__).resolve().parents[2] / "FacialLandmarks3D" / "Resources" / "requirements.txt"


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
