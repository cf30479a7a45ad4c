"""The installation of a running Slicer: what the panel and scripts use."""

from __future__ import annotations

from pathlib import Path

import slicer
import vtk

from ..core_package import make_importable, package_folder
from ..worker_keeper import PYTHON_VARIABLE, shared_worker
from .installer import Installer
from .report import Lines, as_text, facts
from .slicer_host import SlicerHost
from .worker_check import WorkerCheck


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
            application=_application(self._other.other_python()),
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


def _application(other_python: str | None) -> dict[str, str]:
    application = slicer.app
    about = {
        "Slicer": f"{application.applicationVersion}, revision {application.revision}, {application.platform}",
        "Slicer's VTK": vtk.vtkVersion.GetVTKVersion(),
        "PyTorch extension": "present" if hasattr(slicer.modules, "pytorchutils") else "not installed",
    }
    if other_python:
        about[PYTHON_VARIABLE] = other_python
    return about
