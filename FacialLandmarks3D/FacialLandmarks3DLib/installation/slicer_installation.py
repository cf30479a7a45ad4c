"""The installation of a running Slicer: what the panel and scripts use."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import slicer
import vtk

from ..messages import _
from ..worker.client import WorkerClient
from ..worker.keeper import shared_worker
from ..worker.protocol import Event, Failed, Result, WorkerError
from ..worker.python import PYTHON_VARIABLE, make_importable, other_python, package_folder
from .installer import Installer, InstallError
from .report import Lines, as_text, facts

_TITLE = "Facial Landmarks 3D"


class SlicerHost:
    """Asks, installs and restarts in a running Slicer, see `Host`."""

    def ask(self, question: str, details: str) -> bool:
        """A dialog with Ok and Cancel."""
        if slicer.util.mainWindow() is None:
            raise InstallError(
                _(
                    "Packages are missing ({packages}), and there is no window to ask whether they may be installed."
                ).format(packages=", ".join(details.splitlines())),
                _("Start Slicer with its window once and press 'Install...' in the panel."),
            )
        return bool(slicer.util.confirmOkCancelDisplay(question, _TITLE, detailedText=details))

    def testing(self) -> bool:
        """Slicer was started with ``--testing``."""
        return bool(slicer.app.testingEnabled())

    def pip_install(self, arguments: list[str]) -> None:
        """With a progress dialog from Slicer 5.11 on; before, the Python console shows what happens."""
        try:
            from slicer import packaging
        except ImportError:
            with slicer.util.WaitCursor():
                slicer.util.pip_install(arguments)
        else:
            packaging.pip_install(arguments, requester=_TITLE)

    def torch_logic(self) -> Any:
        """Of the extension PyTorch."""
        import PyTorchUtils

        return PyTorchUtils.PyTorchUtilsLogic()

    def other_python(self) -> str | None:
        """Named by the environment variable ``SGCN_WORKER_PYTHON``."""
        return other_python()

    def restart_worker(self) -> None:
        """The next request starts a new one."""
        shared_worker().close()


class WorkerCheck:
    """Questions to the worker, one after the other; the caller polls.

    Parameters
    ----------
    client : WorkerClient
        Nothing is asked where it is busy.
    load : bool
        Whether to ask for the model, too.

    Attributes
    ----------
    lines : list of (name, text)
        What the worker said so far.
    passed : bool
        Whether everything was answered well.
    """

    def __init__(self, client: WorkerClient, *, load: bool = True) -> None:
        self._client, self._asked = client, 0
        self._questions: list[tuple[str, dict[str, Any]]] = [("hello", {})]
        if load:
            self._questions.append(("load", {"device": "auto"}))
        self.lines: Lines = []
        self.passed = False
        if client.busy:
            self._questions.clear()
            self.lines.append(("worker", "busy with a detection; check again when that has ended"))
        else:
            self._ask()

    def poll(self) -> bool:
        """Take what has come; True while there is more to come."""
        if self._asked:
            for event in self._client.poll():
                self._take(event)
        return bool(self._asked)

    def wait(self, timeout: float = 120.0) -> None:
        """Wait for the answers, as a script does."""
        while self._asked:
            try:
                self._client.wait(self._take, timeout=timeout)
            except WorkerError:
                continue  # `_take` has noted it

    def _ask(self) -> None:
        kind, fields = self._questions[0]
        self._asked = self._client.request(kind, **fields)

    def _take(self, event: Event) -> None:
        if getattr(event, "identifier", None) != self._asked:
            return
        if isinstance(event, Failed):
            self._asked = 0
            self.lines.append((f"worker, {self._questions[0][0]}", event.error.details))
        elif isinstance(event, Result):
            self._note(self._questions.pop(0)[0], event.value)
            self._asked = 0
            if self._questions:
                self._ask()
            else:
                self.passed = True

    def _note(self, kind: str, value: dict[str, Any]) -> None:
        if kind == "hello":
            packages = ", ".join(f"{name} {version or 'absent'}" for name, version in value["packages"].items())
            self.lines += [
                ("worker", f"sgcn_core {value['version']}, protocol {value['protocol']}"),
                ("worker's Python", f"{value['python']}, {value['executable']}"),
                ("worker's packages", packages),
            ]
        else:
            model = value["model"]
            self.lines.append(
                ("model", f"{len(value['labels'])} landmarks, on {model['device']}, sha256 {model['sha256']}")
            )


class SlicerInstallation(Installer):
    """Installs into a running Slicer, and reports on it.

    Parameters
    ----------
    resources : Path
        The module's folder ``Resources``.
    """

    def __init__(self, resources: Path) -> None:
        self._other = SlicerHost()
        super().__init__(resources / "requirements.txt", self._other)
        self._extension = resources.parent

    def facts(self) -> Lines:
        """What is known without asking the worker."""
        make_importable()
        return facts(
            application=_application(),
            state=self.ready()[1],
            package=Path(package_folder()) / "sgcn_core",
            extension=self._extension,
        )

    def check(self) -> WorkerCheck:
        """Begin to ask the worker; poll what this returns."""
        return WorkerCheck(shared_worker().client(), load=self.ready()[0])

    def report(self) -> str:
        """Facts and the worker's answers, which it waits for."""
        try:
            check = self.check()
        except RuntimeError as error:
            return as_text([*self.facts(), ("worker", str(error))])
        check.wait()
        return as_text([*self.facts(), *check.lines])


def _application() -> dict[str, str]:
    application = slicer.app
    about = {
        "Slicer": f"{application.applicationVersion}, revision {application.revision}, {application.platform}",
        "Slicer's VTK": vtk.vtkVersion.GetVTKVersion(),
        "PyTorch extension": "present" if hasattr(slicer.modules, "pytorchutils") else "not installed",
    }
    if os.environ.get(PYTHON_VARIABLE):
        about[PYTHON_VARIABLE] = os.environ[PYTHON_VARIABLE]
    return about
