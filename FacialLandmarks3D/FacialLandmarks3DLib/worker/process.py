"""A child process that is read without waiting, and killed with all its children. Standard library only."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

_MOST_BYTES_AT_ONCE = 1 << 20
# Freeing its memory may take a killed process longer; Slicer's interface does not wait for that.
_REAP_SECONDS = 0.05
_TASKKILL_SECONDS = 5.0


class Process(Protocol):
    """What the client needs of a process."""

    def write(self, content: bytes) -> None:
        """Send to its standard input; OSError where that is closed."""

    def read_output(self) -> bytes:
        """What it has written to standard output and was not read yet; never waits."""

    def read_log(self) -> bytes:
        """The same of standard error."""

    def exit_code(self) -> int | None:
        """None while it runs."""

    def close_input(self) -> None:
        """End its standard input, which asks it to end."""

    def kill(self) -> None:
        """End it and everything it has started."""


class ChildProcess:
    """A real child process.

    Parameters
    ----------
    command : sequence of str
    environment : mapping, optional
        The whole environment; this process' own by default.
    folder : path, optional
        Working directory.

    Raises
    ------
    OSError
        It cannot be started.

    Notes
    -----
    No thread reads the pipes, since threads of Python stand still while Slicer's event loop runs; they are read without
    blocking, which needs Python 3.12 on Windows (Slicer 5.10 has it).
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str] | None = None, folder: Path | None = None
    ) -> None:
        self._process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=None if environment is None else dict(environment),
            cwd=folder,
            **_apart(),
        )
        self._killed = False
        for stream in (self._process.stdout, self._process.stderr):
            assert stream is not None
            os.set_blocking(stream.fileno(), False)

    @property
    def pid(self) -> int:
        """Of the process started, which may be a launcher of the real one."""
        return self._process.pid

    def write(self, content: bytes) -> None:
        """Send to its standard input."""
        assert self._process.stdin is not None
        while content:
            content = content[os.write(self._process.stdin.fileno(), content) :]

    def read_output(self) -> bytes:
        """What it has written to standard output; never waits."""
        return _available(self._process.stdout)

    def read_log(self) -> bytes:
        """What it has written to standard error; never waits."""
        return _available(self._process.stderr)

    def exit_code(self) -> int | None:
        """None while it runs; below zero: the number of the signal that ended it.

        The children of a process that has ended are killed when that is first noticed: later its number may be
        somebody else's.
        """
        code = self._process.poll()
        if code is not None:
            self.kill()
        return code

    def close_input(self) -> None:
        """Ask it to end."""
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()

    def kill(self) -> None:
        """End it and its children. What it has written can still be read."""
        if self._killed:
            return
        self._killed = True
        if os.name == "nt":
            if self._process.returncode is None:
                _kill_windows_tree(self._process)
        else:
            with suppress(ProcessLookupError, PermissionError):  # nobody of the group is left
                os.killpg(self._process.pid, signal.SIGKILL)
        self.close_input()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_REAP_SECONDS)


def _apart() -> dict[str, Any]:
    """A group of its own for the process and its children, without a console window."""
    if os.name == "nt":
        return {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}  # type: ignore[attr-defined]
    return {"start_new_session": True}


def _kill_windows_tree(process: subprocess.Popen[bytes]) -> None:
    taskkill = Path(os.environ.get("SYSTEMROOT", r"C:\Windows")) / "System32" / "taskkill.exe"
    with suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(
            [str(taskkill), "/F", "/T", "/PID", str(process.pid)],
            capture_output=True,
            check=False,
            timeout=_TASKKILL_SECONDS,
            **_apart(),
        )
    with suppress(OSError):
        process.kill()


def _available(stream: Any) -> bytes:
    """What can be read now, at most a megabyte, so that a flood does not hold up the caller."""
    chunks: list[bytes] = []
    size = 0
    while size < _MOST_BYTES_AT_ONCE:
        try:
            chunk = os.read(stream.fileno(), 65536)
        except OSError:  # nothing there at the moment
            break
        if not chunk:
            break
        chunks.append(chunk)
        size += len(chunk)
    return b"".join(chunks)
