"""The one worker of the module: started with the first detection, kept, ended with Slicer."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
from collections.abc import Callable, Mapping

import slicer

from .client import WorkerClient
from .python import PYTHON_VARIABLE, environment_outside_slicer, find_python, other_python, package_folder


class WorkerKeeper:
    """Makes a client when one is first asked for.

    Parameters
    ----------
    make : callable
        Makes the client; RuntimeError where it cannot.
    """

    def __init__(self, make: Callable[[], WorkerClient] | None = None) -> None:
        self._make = make or new_client
        self._client: WorkerClient | None = None

    def client(self) -> WorkerClient:
        """The client; its process starts with the first request."""
        if self._client is None:
            self._client = self._make()
        return self._client

    @property
    def busy(self) -> bool:
        """Whether the worker has a request to work on."""
        return self._client is not None and self._client.busy

    @property
    def running(self) -> bool:
        """Whether there is a worker now."""
        return self._client is not None and self._client.running

    def close(self) -> None:
        """End the worker; the next request starts a new one, with what has been installed meanwhile."""
        if self._client is not None:
            self._client.close()
            self._client = None


def new_client() -> WorkerClient:
    """A client of a worker in Slicer's Python, or in the one that ``SGCN_WORKER_PYTHON`` names."""
    other = other_python()
    if other is not None:
        return WorkerClient.for_python(other, package_folder(), _environment_outside_slicer())
    return WorkerClient.for_python(_slicer_python(), package_folder())


_kept: list[WorkerKeeper] = []


def shared_worker() -> WorkerKeeper:
    """The keeper of this process, whose worker ends with it."""
    if not _kept:
        _kept.append(WorkerKeeper())
        atexit.register(close_shared_worker)
        application = getattr(slicer, "app", None)
        if application is not None:
            application.connect("aboutToQuit()", close_shared_worker)
    return _kept[0]


def close_shared_worker() -> None:
    """End the worker of this process, if there is one."""
    for keeper in _kept:
        keeper.close()


def _slicer_python() -> str:
    python = find_python()
    if python == sys.executable and hasattr(slicer, "app") and not _is_python(python):
        raise RuntimeError(
            "Slicer's Python (PythonSlicer) was not found; install Slicer again, or name a Python that has PyTorch in "
            f"the environment variable {PYTHON_VARIABLE}."
        )
    return python


def _is_python(path: str) -> bool:
    """Whether a program is an interpreter; started with a worker's arguments, Slicer itself would open a window."""
    return "python" in os.path.basename(shutil.which(path) or path).lower()


def _environment_outside_slicer() -> Mapping[str, str]:
    """As Slicer knows it, where it runs."""
    if getattr(getattr(slicer, "app", None), "startupEnvironment", None) is None:
        return environment_outside_slicer()
    return slicer.util.startupEnvironment()
