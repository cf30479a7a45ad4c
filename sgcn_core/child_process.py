"""Python processes that this package starts: nothing in the current folder is imported, and they end with their parent.

The current folder is often that of the user's scans, which may have been downloaded together with a ``numpy.py``. It
is therefore never on the module search path of a child process, whatever Python puts there by itself.

Standard library only.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

# Python before 3.11 knows no `-P`: the entries that stand for the current folder are removed before anything is
# imported (`sys` is built in).
_BOOTSTRAP = """\
import sys
sys.path[:] = [entry for entry in sys.path if entry not in ("", ".")]
from sgcn_core.child_process import end_with_parent
module, parent = sys.argv[1:3]
del sys.argv[1:3]
end_with_parent(int(parent))
import runpy
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""
_POLL_SECONDS = 0.5


def python_command(module: str, *arguments: str) -> list[str]:
    """Command line that runs a module as ``python -m MODULE ARGUMENTS`` would, safely; use :func:`python_environment`.

    Parameters
    ----------
    module : str
        With its package, such as ``"sgcn_core.viz.drawing_process"``.
    arguments : str

    Returns
    -------
    list of str
        For ``subprocess``. The process ends when the one that calls this function ends; on Linux, more exactly, when
        the thread ends that starts it.
    """
    safe_path = ["-P"] if sys.version_info >= (3, 11) else []
    return [sys.executable, *safe_path, "-c", _BOOTSTRAP, module, str(os.getpid()), *arguments]


def python_environment() -> dict[str, str]:
    """Environment in which a child process finds the modules of this one, save those of the current folder.

    The folder that holds this package comes first, and stays even where it is the current one (a source checkout).
    """
    home = str(Path(__file__).resolve().parents[1])
    paths = [home, *(path for path in _without_current_folder(sys.path) if path != home)]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONSAFEPATH": "1",
        "PYTHONUTF8": "1",
    }


def _without_current_folder(paths: Iterable[str]) -> list[str]:
    try:
        current = os.path.realpath(os.getcwd())
    except OSError:  # it has been removed
        return [path for path in paths if os.path.isabs(path)]
    return [os.path.abspath(path) for path in paths if path and os.path.realpath(path) != current]


def end_with_parent(parent: int) -> None:
    """Make this process end when its parent does, however that ends.

    Parameters
    ----------
    parent : int
        Process id of the parent, which may be gone already.
    """
    if sys.platform.startswith("linux"):
        kill, set_parent_death_signal = 9, 1
        try:
            done = ctypes.CDLL(None).prctl(set_parent_death_signal, kill, 0, 0, 0) == 0
        except (OSError, AttributeError):
            done = False
        if done:
            if os.getppid() != parent:
                os._exit(1)
            return
    wait = _wait_for_windows_process if sys.platform == "win32" else _wait_for_other_parent
    threading.Thread(target=_leave_after, args=(wait, parent), name="parent", daemon=True).start()


def _leave_after(wait: Callable[[int], None], parent: int) -> None:
    wait(parent)
    os._exit(1)


def _wait_for_other_parent(parent: int) -> None:
    """POSIX: an orphan gets another parent."""
    while os.getppid() == parent:
        time.sleep(_POLL_SECONDS)


def _wait_for_windows_process(parent: int) -> None:
    """Windows: a process can be waited for by its number."""
    synchronize, forever = 0x00100000, 0xFFFFFFFF
    kernel = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined, unused-ignore]
    kernel.OpenProcess.restype = ctypes.c_void_p
    kernel.WaitForSingleObject.argtypes = (ctypes.c_void_p, ctypes.c_uint32)
    handle = kernel.OpenProcess(synchronize, False, parent)
    if handle:
        kernel.WaitForSingleObject(handle, forever)


def interrupt_on_termination() -> None:
    """Treat SIGTERM and SIGHUP like Ctrl-C: KeyboardInterrupt, so that temporary files and child processes go.

    Signals that are ignored (``nohup``) or handled already stay so.
    """
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _interrupt)


def _interrupt(number: int, frame: object) -> None:
    for name in ("SIGTERM", "SIGHUP"):  # cleaning up is not interrupted again
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    raise KeyboardInterrupt
