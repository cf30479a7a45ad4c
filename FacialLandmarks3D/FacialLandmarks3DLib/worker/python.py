"""Which Python the worker runs in, and where the package sgcn_core is. Standard library only."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

# The current folder may hold a torch.py beside the scans: Python 3.11 and later then import nothing from it.
_ENVIRONMENT = {"PYTHONSAFEPATH": "1", "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"}
# The values that variables had before the first launcher.
_KEPT = "APPLAUNCHER_0_"
_OF_SLICER = (
    "PYTHONHOME", "PYTHONPATH", "PYTHONNOUSERSITE", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "QT_PLUGIN_PATH",
)  # fmt: skip
PYTHON_VARIABLE = "SGCN_WORKER_PYTHON"
"""Names another Python than Slicer's for the worker, one that has PyTorch."""
_MODULE_FOLDER = Path(__file__).resolve().parents[2]
RESOURCES = _MODULE_FOLDER / "Resources"


def other_python(environment: Mapping[str, str] | None = None) -> str | None:
    """The Python that ``SGCN_WORKER_PYTHON`` names for detections instead of Slicer's own, None where it names none.

    The panel's worker and the CLI module both ask here.

    Raises
    ------
    RuntimeError
        It names a file that is not there.
    """
    python = (os.environ if environment is None else environment).get(PYTHON_VARIABLE)
    if not python:
        return None
    if not os.path.isfile(python):
        raise RuntimeError(
            f"There is no Python at {python}. Correct or unset the environment variable {PYTHON_VARIABLE}."
        )
    return python


def environment_outside_slicer(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment without what Slicer's launcher has added, which breaks any other Python.

    The launcher keeps what there was before it in variables of its own (``ctkAppLauncherEnvironment.cpp``); paths of
    which nothing is kept were set by it.
    """
    given = dict(os.environ if environment is None else environment)
    kept = {name.removeprefix(_KEPT): given.pop(name) for name in list(given) if name.startswith(_KEPT)}
    if "APPLAUNCHER_LEVEL" in given:
        for name in _OF_SLICER:
            given.pop(name, None)
    return {**given, **kept}


def find_python() -> str:
    """Interpreter for the worker.

    Within Slicer the real interpreter, as Slicer's own CLI modules use it: the launcher ``PythonSlicer`` would stand
    between, and does not pass standard input on everywhere.
    """
    return shutil.which("python-real") or shutil.which("PythonSlicer") or sys.executable


def worker_command(python: str) -> list[str]:
    """Command line of the worker."""
    return [python, "-m", "sgcn_core", "worker"]


def worker_environment(package_folder: str | None = None, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """Environment of the worker; the one of this process is not touched.

    Parameters
    ----------
    package_folder : str, optional
        The folder that holds ``sgcn_core``, where that is not installed in the interpreter.
    base : mapping, optional
        What to start from. By default this process' own, which is right for Slicer's interpreter. Any other interpreter
        needs ``slicer.util.startupEnvironment()``: Slicer's own LD_LIBRARY_PATH, PYTHONHOME and PYTHONPATH break it.
    """
    environment = {**(os.environ if base is None else base), **_ENVIRONMENT}
    if package_folder is not None:
        paths = [str(package_folder), environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    return environment


def package_folder() -> str:
    """The folder that holds ``sgcn_core``; RuntimeError where there is none."""
    for folder in (_MODULE_FOLDER, _MODULE_FOLDER.parent):
        if (folder / "sgcn_core" / "__init__.py").is_file():
            return str(folder)
    found = importlib.util.find_spec("sgcn_core")
    if found is not None and found.origin is not None:
        return str(Path(found.origin).parents[1])
    raise RuntimeError(
        f"The package sgcn_core is neither in {_MODULE_FOLDER} nor in {_MODULE_FOLDER.parent}; install the extension "
        "again."
    )


def make_importable() -> None:
    """Let this process import ``sgcn_core``, whose landmark sets and files need nothing but NumPy."""
    folder = package_folder()
    if folder not in sys.path:
        sys.path.append(folder)
