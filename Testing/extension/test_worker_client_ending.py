"""How a worker ends: closed, cancelled, silent for too long, with its children; real processes and one of nothing."""

from __future__ import annotations

import json
import os
import sys

import pytest
from FacialLandmarks3DLib.worker.client import Limits, WorkerClient
from FacialLandmarks3DLib.worker.process import ChildProcess
from FacialLandmarks3DLib.worker.protocol import WorkerCancelled, WorkerError
from processes import alive, until
from worker_programs import LONG, OBEDIENT, failure


def test_closing_ends_a_worker_that_listens_without_killing_it(start_client, tmp_path):
    gone = tmp_path / "gone"
    client = start_client(f"say(**READY)\nsys.stdin.read()\nopen({str(gone)!r}, 'w').close()")
    client.start()
    until(lambda: bool(client.poll()))
    client.close(patience=LONG)
    assert gone.exists() and not client.running


def test_closing_kills_a_worker_that_does_not_listen(start_client):
    client = start_client("say(**READY); time.sleep(600)")
    client.start()
    events = []
    until(lambda: bool(events.extend(client.poll()) or events))
    client.close(patience=0.0)
    until(lambda: not alive(events[0].pid))


WITH_GRANDCHILD = """
say(**READY)
request = hear()
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
say(id=request["id"], answer="progress", stage=str(child.pid), fraction=0.1)
time.sleep(600)
"""


def grandchild_of(client: WorkerClient) -> tuple[int, int]:
    events: list = []
    client.request("detect", input="face.npz")
    until(lambda: bool(events.extend(client.poll()) or len(events) == 2))
    return events[0].pid, int(events[1].stage)


@pytest.mark.skipif(os.name == "nt", reason="POSIX process groups; Windows uses taskkill")
def test_cancelling_ends_the_worker_and_its_children(start_client):
    client = start_client(WITH_GRANDCHILD)
    pids = grandchild_of(client)
    client.cancel()
    assert not client.busy and not client.running
    with pytest.raises(WorkerCancelled):
        raise client.poll()[-1].error
    until(lambda: not any(alive(pid) for pid in pids))


@pytest.mark.skipif(os.name == "nt", reason="POSIX process groups")
def test_a_crash_ends_the_children_too(start_client):
    client = start_client(WITH_GRANDCHILD)
    worker, child = grandchild_of(client)
    os.kill(worker, 9)
    with pytest.raises(WorkerError, match="ended by the system"):
        client.wait(timeout=LONG)
    until(lambda: not alive(child))


@pytest.mark.skipif(os.name == "nt", reason="POSIX process groups")
def test_a_process_number_that_may_belong_to_somebody_else_is_not_killed(monkeypatch):
    process = ChildProcess([sys.executable, "-c", "pass"])
    until(lambda: process.exit_code() is not None)
    monkeypatch.setattr(os, "killpg", lambda *_: pytest.fail("killed too late"))
    process.kill()
    assert process.exit_code() == 0


def test_cancelling_nothing_does_nothing(start_client):
    client = start_client(OBEDIENT)
    client.cancel()
    assert client.poll() == []


# --- silence ----------------------------------------------------------------------------------------------------


class SilentProcess:
    """A process that says what a test gives it, and remembers its end."""

    def __init__(self) -> None:
        self.output, self.killed = b"", False

    def write(self, content: bytes) -> None: ...

    def read_output(self) -> bytes:
        output, self.output = self.output, b""
        return output

    def read_log(self) -> bytes:
        return b""

    def exit_code(self) -> int | None:
        return -9 if self.killed else None

    def close_input(self) -> None: ...

    def kill(self) -> None:
        self.killed = True


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += 1.0


READY_LINE = json.dumps({"answer": "ready", "protocol": 1, "version": "1", "pid": 1}).encode() + b"\n"


@pytest.mark.parametrize(
    ("output", "kind", "seconds"), [(b"", "NotStarted", 20), (READY_LINE, "Hung", 50)], ids=["start", "work"]
)
def test_silence_is_a_hang(output, kind, seconds):
    process, clock = SilentProcess(), Clock()
    process.output = output
    client = WorkerClient(lambda: process, limits=Limits(start=20, silence=50), clock=clock, sleep=clock.sleep)
    client.request("detect", input="x.npz")
    with pytest.raises(WorkerError) as caught:
        client.wait()
    assert caught.value.kind == kind and process.killed and seconds < clock.now < seconds + 4


def test_a_pause_of_the_caller_is_not_silence_of_the_worker():
    process, clock = SilentProcess(), Clock()
    process.output = READY_LINE
    client = WorkerClient(lambda: process, limits=Limits(silence=50), clock=clock, sleep=clock.sleep)
    client.request("detect", input="x.npz")
    client.poll()
    clock.now += 3600  # a dialog was open, or the computer slept
    assert client.poll() == [] and client.busy


def test_a_real_hang_is_ended(start_client):
    client = start_client("say(**READY); hear(); log('stuck'); time.sleep(600)", limits=Limits(silence=0.3))
    error = failure(client)
    assert error.kind == "Hung" and "stuck" in error.log and not client.running
