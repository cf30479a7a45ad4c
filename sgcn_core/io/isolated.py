"""Readers in a child process: a crash, hang or lack of memory of VTK, ITK or GDCM is an error that names the file.

One child serves all files of a process and is started with the first one that needs it. Requests and answers are
lines of JSON on its standard input and output; arrays come back through a temporary file. After a crash or a time-out
the next file gets a new child. The child ends when its input does, which is when this process ends, however it ends.
"""

from __future__ import annotations

import atexit
import json
import os
import queue
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from sgcn_core.errors import FileFormatError

START_SECONDS = 120.0  # of the child and the library: a cold start on a busy machine
READ_SECONDS = 60.0
_BYTES_PER_SECOND = 2_000_000  # of compressed files on slow discs, beyond READ_SECONDS
_MEMORY = 2**30  # bytes that a reader may take beyond what the file's size allows for

# The child takes its modules from where this package lies, and never from the folder that the user works in: with -c,
# Python puts that folder first on the path, as an empty string.
_BOOT = """
import sys
sys.path = [entry for entry in sys.path if entry]
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location("sgcn_core", sys.argv[1], submodule_search_locations=[sys.argv[2]])
package = sys.modules["sgcn_core"] = module_from_spec(spec)
spec.loader.exec_module(package)
from sgcn_core.io.isolated_child import main
main()
"""


@dataclass(frozen=True)
class Answer:
    """Result of a reader in the child process: plain values and arrays, by name."""

    values: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


def read_isolated(reader: str, file: Path, options: dict[str, Any], *, memory: int, stored: int) -> Answer:
    """Call a reader in the child process.

    Parameters
    ----------
    reader : str
        ``module:function`` of this package; called with the path as text and `options`, returns (values, arrays).
    file : Path
    options : dict
        Plain values, by the name of the reader's parameter.
    memory : int
        Bytes that reading may take in addition to a gigabyte, where the system can limit it.
    stored : int
        Bytes of the file and those it links to, by which the time limit grows.

    Raises
    ------
    FileFormatError
        The reader refuses the file, crashes, hangs, or asks for more memory. The message is the reason alone: the
        caller adds the file's name and what to do.
    """
    request = {"reader": reader, "path": os.path.abspath(file), "options": options, "memory": _MEMORY + memory}
    seconds = READ_SECONDS + stored / _BYTES_PER_SECOND
    place = Path(tempfile.gettempdir()) / f"sgcn-{secrets.token_hex(12)}.npy"
    try:
        answer = _SHARED.ask({**request, "arrays": str(place), "seconds": seconds}, seconds)
        if "refused" in answer:
            raise FileFormatError(answer["refused"])
        arrays: dict[str, NDArray[Any]] = {}
        if answer["arrays"]:
            with place.open("rb") as stream:
                arrays = {name: np.load(stream, allow_pickle=False) for name in answer["arrays"]}
        return Answer(answer["values"], arrays)
    finally:
        with suppress(OSError):
            place.unlink(missing_ok=True)


class Child:
    """The child process; started when first asked, and again after it ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._owner = 0
        self._lines: queue.Queue[str] = queue.Queue()

    def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """The answer to a request; also when the child is dead or had to be stopped."""
        with self._lock:
            self._start()
            try:
                return self._answer(request, seconds)
            except BaseException:
                self._stop()
                raise

    def stop(self) -> None:
        """End the child, if it runs."""
        with self._lock:
            self._stop()

    def _answer(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        assert self._process is not None and self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            for limit in (START_SECONDS, seconds):  # "loading" when the library is there, then the answer
                line = self._lines.get(timeout=limit)
                answer = json.loads(line) if line.endswith("\n") else None
                if answer is None:
                    break
                if "loading" not in answer:
                    return dict(answer)
        except queue.Empty:
            self._stop()
            return {"refused": f"reading took longer than {seconds:.0f} s and was stopped; it is damaged, or too large"}
        except (OSError, ValueError):
            pass
        self._stop()
        return {"refused": "the library that reads this format crashed; the file is damaged"}

    def _start(self) -> None:
        if self._process is not None and self._process.poll() is None and self._owner == os.getpid():
            return
        self._stop()
        package = Path(__file__).resolve().parents[1]
        command = [_python(), "-c", _BOOT, str(package / "__init__.py"), str(package)]
        self._lines, self._owner = queue.Queue(), os.getpid()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            cwd=os.path.dirname(os.__file__),  # what stands for the current folder in PYTHONPATH is then Python's own
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        assert self._process.stdout is not None
        threading.Thread(target=_pass_on, args=(self._process.stdout, self._lines), daemon=True).start()

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():  # a fork has inherited it: it is the other's
            return
        process.kill()
        process.wait()
        with suppress(OSError):
            process.stdin.close() if process.stdin else None


def _pass_on(stream: IO[str], lines: queue.Queue[str]) -> None:
    """Lines as they come, and an empty one at the end."""
    with suppress(OSError, ValueError), stream:
        for line in stream:
            lines.put(line)
    lines.put("")


def _python() -> str:
    """The interpreter; an application that embeds Python, as Slicer, has its own beside it."""
    if "python" in os.path.basename(sys.executable or "").lower():
        return sys.executable
    return shutil.which("python-real") or shutil.which("PythonSlicer") or sys.executable


_SHARED = Child()
atexit.register(_SHARED.stop)
