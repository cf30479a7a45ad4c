"""Slicer as the installer sees it."""

from __future__ import annotations

import os
from typing import Any

import slicer

from ..translation import _
from ..worker_keeper import PYTHON_VARIABLE, shared_worker
from .errors import InstallError

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
        return os.environ.get(PYTHON_VARIABLE) or None

    def restart_worker(self) -> None:
        """The next request starts a new one."""
        shared_worker().close()
