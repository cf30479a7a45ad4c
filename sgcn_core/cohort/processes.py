"""Worker processes of this machine: each loads the model once; one that dies is replaced, its case tried once more."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from sgcn_core.child_process import python_command, python_environment
from sgcn_core.cohort.case import Case, plain_settings
from sgcn_core.cohort.record import CaseRecord
from sgcn_core.cohort.work import WORK
from sgcn_core.errors import NOT_USABLE, SgcnError
from sgcn_core.settings import DetectionSettings

_ATTEMPTS = 2
_FATAL: dict[str, type[SgcnError]] = {kind.__name__: kind for kind in NOT_USABLE}


def run_in_processes(
    cases: Sequence[Case], settings: DetectionSettings, *, workers: int, work: str = WORK, debug: bool = False
) -> Iterator[CaseRecord]:
    """Yield the record of every case as soon as it is known, in any order.

    Parameters
    ----------
    cases : sequence of Case
    settings : DetectionSettings
    workers : int
        Number of processes, of one thread each.
    work : str
        ``module:function`` that gets a case and the settings, and returns its record.
    debug : bool
        Show what the processes write to stderr.

    Raises
    ------
    DeviceError, InstallationError, ModelError
        No case can be worked on.
    """
    waiting: queue.SimpleQueue[Case] = queue.SimpleQueue()
    for case in cases:
        waiting.put(case)
    results: queue.SimpleQueue[CaseRecord | BaseException] = queue.SimpleQueue()
    workers = min(workers, len(cases))
    crew = [_Worker(waiting, results, settings, _environment(), work, debug) for _ in range(workers)]
    for member in crew:
        member.start()
    try:
        for _ in cases:
            result = results.get()
            if isinstance(result, BaseException):
                raise result
            yield result
    finally:
        for member in crew:
            member.stop()


def _environment() -> dict[str, str]:
    """That of the children: one thread each, as the last bits of a result depend on the number of threads."""
    return {**python_environment(), "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}


class _Worker(threading.Thread):
    """Owns one child process at a time: the child ends with this thread, and the thread with the parent."""

    def __init__(
        self,
        waiting: queue.SimpleQueue[Case],
        results: queue.SimpleQueue[CaseRecord | BaseException],
        settings: DetectionSettings,
        environment: dict[str, str],
        work: str,
        debug: bool,
    ) -> None:
        super().__init__(daemon=True)
        self._waiting, self._results = waiting, results
        self._first_line = {"settings": plain_settings(settings), "work": work}
        self._environment, self._debug = environment, debug
        self._child: subprocess.Popen[str] | None = None
        self._stopped = False

    def run(self) -> None:
        try:
            while not self._stopped:
                self._results.put(self._record_of(self._waiting.get_nowait()))
        except queue.Empty:
            pass
        except BaseException as error:  # it is raised where the results are read
            self._results.put(error)
        finally:
            self._end_child(kill=self._stopped)

    def stop(self) -> None:
        """End without waiting for the case."""
        self._stopped = True
        if (child := self._child) is not None:
            child.kill()

    def _record_of(self, case: Case) -> CaseRecord:
        died = ""
        for _ in range(_ATTEMPTS):
            answer = self._ask(case)
            if answer is not None:
                return CaseRecord.from_dict(answer)
            died = self._end_child(kill=True)
            if self._stopped:
                break
        return CaseRecord(
            case=case.name,
            status="failed",
            error=f"the process died on it {_ATTEMPTS} times ({died}); is the scan too large for the memory?",
        )

    def _ask(self, case: Case) -> dict[str, Any] | None:
        """What the child answers; None if it has died."""
        try:
            if self._child is None:
                self._start_child()
            self._send(case.as_dict())
            assert self._child is not None and self._child.stdout is not None
            answer: dict[str, Any] = json.loads(self._child.stdout.readline())
        except (OSError, ValueError):  # a broken pipe, no line or half a line
            return None
        if "fatal" in answer:
            raise _FATAL.get(answer["kind"], SgcnError)(answer["fatal"])
        return answer

    def _start_child(self) -> None:
        self._child = subprocess.Popen(
            python_command("sgcn_core.cohort.child"),
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if self._debug else subprocess.DEVNULL,
            text=True,
            encoding="ascii",
        )
        self._send(self._first_line)

    def _send(self, message: dict[str, Any]) -> None:
        assert self._child is not None and self._child.stdin is not None
        self._child.stdin.write(json.dumps(message) + "\n")
        self._child.stdin.flush()

    def _end_child(self, *, kill: bool) -> str:
        """End the child; says how it ended."""
        child, self._child = self._child, None
        if child is None:
            return ""
        assert child.stdin is not None and child.stdout is not None
        with suppress(OSError):
            child.stdin.close()
        try:
            code = child.wait(timeout=1.0 if kill else 30.0)
        except subprocess.TimeoutExpired:
            child.kill()
            code = child.wait()
        child.stdout.close()
        if code >= 0:
            return f"exit code {code}"
        return signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
