"""The worker's loop, and its two ends: lines in, lines out, and nothing else on standard output."""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from sgcn_core import __version__
from sgcn_core.batch import ExitCode
from sgcn_core.child_process import interrupt_on_termination
from sgcn_core.worker.failures import describe
from sgcn_core.worker.requests import LONGEST_REQUEST, Shutdown, identify, request_in
from sgcn_core.worker.service import PROTOCOL, Service

_LISTENING_CHECK_SECONDS = 0.5


def serve() -> None:
    """Answer requests on standard input until it ends, a request ends the worker, or a signal does."""
    interrupt_on_termination()
    requests, descriptor = reserve_standard_streams()
    answers = Answers(descriptor)
    lines = RequestLines(requests, answers)
    service = Service()
    try:
        answers.send({"answer": "ready", "protocol": PROTOCOL, "version": __version__, "pid": os.getpid()})
        for line in lines:
            if respond(line, service, answers):
                return
    except KeyboardInterrupt:
        raise SystemExit(ExitCode.INTERRUPTED) from None


def respond(line: bytes, service: Service, answers: Answers) -> bool:
    """Answer one request, with a result or an error; True if it was the last."""
    identifier: int | str | None = None

    def progress(stage: str, fraction: float) -> None:
        answers.send({"id": identifier, "answer": "progress", "stage": stage, "fraction": fraction})

    try:
        identifier, document = identify(line)
        request = request_in(identifier, document)
        assert identifier is not None
        result: dict[str, Any] = service.answer(identifier, request, progress)
        answers.send({"id": identifier, "answer": "result", "result": result})
        return isinstance(request, Shutdown)
    except Exception as error:  # whatever one request does, the worker stays for the next
        answers.send({"id": identifier, "answer": "error", "error": describe(error)})
        return False


def reserve_standard_streams() -> tuple[int, int]:
    """File descriptors of requests and answers, which from now on nobody else in this process can use.

    Whatever Python or a library prints to standard output afterwards goes to standard error; standard input is empty.
    """
    sys.stdout.flush()
    requests, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, answers


class Answers:
    """Writes messages, one JSON object per line, ASCII only.

    Parameters
    ----------
    descriptor : int
        Where to.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._turn = threading.Lock()

    def send(self, message: Mapping[str, Any]) -> None:
        """Write a message; if nobody reads it, the worker ends.

        Raises
        ------
        ValueError
            The message holds something that JSON cannot.
        """
        line = json.dumps(message, ensure_ascii=True, allow_nan=False)
        if not self._write(line.encode("ascii") + b"\n"):
            raise SystemExit(0)

    def is_heard(self) -> bool:
        """Whether the answers are still read; tested with an empty line, which readers ignore."""
        return self._write(b"\n")

    def _write(self, content: bytes) -> bool:
        with self._turn:
            try:
                while content:
                    content = content[os.write(self._descriptor, content) :]
            except OSError:
                return False
        return True


class RequestLines:
    """Lines of the requests, read in a thread of their own, so that the end of the caller is noticed during work.

    Parameters
    ----------
    descriptor : int
        Where from.
    answers : Answers
        When the input has ended and nobody reads the answers either, the process ends at once, whatever it is doing.
    """

    def __init__(self, descriptor: int, answers: Answers) -> None:
        self._descriptor, self._answers = descriptor, answers
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        threading.Thread(target=self._read, name="requests", daemon=True).start()

    def __iter__(self) -> Iterator[bytes]:
        """Lines without their ends, empty ones left out, until the input ends."""
        while (line := self._lines.get()) is not None:
            if line.strip():
                yield line.strip()

    def _read(self) -> None:
        waiting = b""
        while chunk := self._chunk():
            *lines, waiting = (waiting + chunk).split(b"\n")
            for line in lines:
                self._lines.put(line)
            if len(waiting) > LONGEST_REQUEST:
                self._lines.put(waiting[: LONGEST_REQUEST + 1])
                waiting = self._rest_of_line()
        self._lines.put(waiting)
        self._lines.put(None)
        self._leave_when_unheard()

    def _chunk(self) -> bytes:
        try:
            return os.read(self._descriptor, 65536)
        except OSError:
            return b""

    def _rest_of_line(self) -> bytes:
        """Read over the rest of a line that is too long; what follows it."""
        while chunk := self._chunk():
            _, end, following = chunk.partition(b"\n")
            if end:
                return following
        return b""

    def _leave_when_unheard(self) -> None:
        while self._answers.is_heard():
            time.sleep(_LISTENING_CHECK_SECONDS)
        os._exit(0)
