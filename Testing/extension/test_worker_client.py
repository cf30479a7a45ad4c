"""The client of the worker with real processes that misbehave in every way, and with one made of nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "FacialLandmarks3D"))

from FacialLandmarks3DLib.scene.files import write_surface_file
from FacialLandmarks3DLib.worker.client import Limits, WorkerClient
from FacialLandmarks3DLib.worker.process import ChildProcess
from FacialLandmarks3DLib.worker.protocol import Failed, Progress, Ready, Result, WorkerCancelled, WorkerError
from FacialLandmarks3DLib.worker.python import find_python, worker_command, worker_environment
from processes import alive

LIBRARY = Path(__file__).resolve().parents[2] / "FacialLandmarks3D"
LONG = 30.0

PRELUDE = """
import json, os, subprocess, sys, time
def say(**message): print(json.dumps(message), flush=True)
def log(text): print(text, file=sys.stderr, flush=True)
def hear(): return json.loads(sys.stdin.readline() or sys.exit(0))
def succeed(request, **more): say(id=request["id"], answer="result", result={"landmarks": [{"label": "prn"}], **more})
READY = dict(answer="ready", protocol=1, version="9.9", pid=os.getpid())
"""
OBEDIENT = """
say(**READY)
while True:
    request = hear()
    say(id=request["id"], answer="progress", stage="network", fraction=0.5)
    succeed(request, heard=request, pid=os.getpid())
"""


def client_of(script: str, **options) -> WorkerClient:
    """A client whose worker is a small Python program."""
    return WorkerClient(lambda: ChildProcess([sys.executable, "-c", PRELUDE + script], worker_environment()), **options)


@pytest.fixture
def start() -> Iterator[Callable[..., WorkerClient]]:
    clients: list[WorkerClient] = []

    def start_client(script: str, **options) -> WorkerClient:
        clients.append(client_of(script, **options))
        return clients[-1]

    yield start_client
    for client in clients:
        client.close(patience=0.0)


def failure(client: WorkerClient, **fields) -> WorkerError:
    client.request("detect", input="face.npz", **fields)
    with pytest.raises(WorkerError) as caught:
        client.wait(timeout=LONG)
    return caught.value


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that must happen; gives up after a time that nothing real takes."""
    end = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


# --- the usual way ----------------------------------------------------------------------------------------------


def test_a_request_gets_its_progress_and_its_result(start):
    client, events = start(OBEDIENT), []
    identifier = client.request("detect", input="Gesicht-ü-顔.npz", unit=None)
    result = client.wait(events.append, timeout=LONG)
    assert result["heard"] == {"id": identifier, "request": "detect", "input": "Gesicht-ü-顔.npz"}
    assert [type(event) for event in events] == [Ready, Progress, Result]
    assert (events[0].version, events[1].stage, events[1].fraction) == ("9.9", "network", 0.5)
    assert client.running and not client.busy


def test_polling_never_waits_and_tells_the_same(start):
    client, events = start(OBEDIENT), []
    client.request("detect", input="face.npz")
    assert client.busy
    until(lambda: events.extend(client.poll()) or not client.busy)
    assert [type(event) for event in events] == [Ready, Progress, Result]
    assert client.poll() == []


def test_one_worker_answers_all_requests(start):
    client = start(OBEDIENT)
    answers = []
    for _ in range(3):
        client.request("detect", input="face.npz")
        answers.append(client.wait(timeout=LONG))
    assert len({answer["pid"] for answer in answers}) == 1
    assert len({answer["heard"]["id"] for answer in answers}) == 3


def test_a_busy_worker_takes_no_second_request(start):
    client = start("say(**READY); time.sleep(60)")
    client.request("detect", input="face.npz")
    with pytest.raises(RuntimeError, match="busy"):
        client.request("detect", input="face.npz")


def test_waiting_for_nothing_is_a_mistake(start):
    with pytest.raises(RuntimeError, match="nothing to wait for"):
        start(OBEDIENT).wait()


def test_windows_line_ends_and_empty_lines_are_understood(start):
    client = start(OBEDIENT.replace("say(**READY)", r"print('\r\n' + json.dumps(READY) + '\r', flush=True)"))
    client.request("detect", input="face.npz")
    assert client.wait(timeout=LONG)["landmarks"]


def test_closing_ends_a_worker_that_listens_without_killing_it(start, tmp_path):
    gone = tmp_path / "gone"
    client = start(f"say(**READY)\nsys.stdin.read()\nopen({str(gone)!r}, 'w').close()")
    client.start()
    until(lambda: bool(client.poll()))
    client.close(patience=LONG)
    assert gone.exists() and not client.running


def test_closing_kills_a_worker_that_does_not_listen(start):
    client = start("say(**READY); time.sleep(600)")
    client.start()
    events = []
    until(lambda: bool(events.extend(client.poll()) or events))
    client.close(patience=0.0)
    until(lambda: not alive(events[0].pid))


# --- errors that the worker reports -----------------------------------------------------------------------------

REFUSING = """
say(**READY)
log("a note of the worker")
while True:
    request = hear()
    say(id=request["id"] if request["input"] != "null" else None, answer="error",
        error={"type": "FaceNotFoundError", "message": "no face", "hint": "turn it"})
"""


def test_a_reported_error_keeps_the_worker(start):
    client = start(REFUSING)
    error = failure(client)
    assert (error.kind, error.message, error.hint, error.worker_lost) == (
        "FaceNotFoundError",
        "no face",
        "turn it",
        False,
    )
    assert client.running and not client.busy
    until(lambda: bool(client.poll() or client.log))
    assert client.log == ("a note of the worker",)


def test_an_error_about_an_unreadable_request_fails_the_request(start):
    client = start(REFUSING)
    client.request("detect", input="null")
    with pytest.raises(WorkerError, match="no face"):
        client.wait(timeout=LONG)


# --- workers that fail ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "kind", "message"),
    [
        ("log('no module named x'); sys.exit(7)", "NotStarted", "ended unexpectedly"),
        ("say(**READY); hear(); log('no module named x'); sys.exit(0)", "Crashed", "ended unexpectedly"),
        ("say(**READY); hear(); log('no module named x'); os.abort()", "Crashed", "ended unexpectedly"),
        ("log('no module named x'); print('Welcome!', flush=True); time.sleep(60)", "Garbage", "Welcome!"),
        ("log('no module named x'); say(**READY); hear(); print('5 %', flush=True); time.sleep(60)", "Garbage", "5 %"),
        ("log('no module named x'); say(**READY); hear(); print('[1]', flush=True); time.sleep(60)", "Garbage", "1"),
        ("log('no module named x'); say(**READY); say(**READY); time.sleep(60)", "Garbage", "ready"),
        ("log('no module named x'); say(**READY); succeed({'id': 77}); time.sleep(60)", "Garbage", "77"),
        ("log('no module named x'); say(**{**READY, 'protocol': 2}); time.sleep(60)", "NotStarted", "protocol 2"),
        ("log('no module named x'); say(**READY); say(id=hear()['id'], answer='result')", "NoResult", "without a"),
        ("log('no module named x'); say(**READY); say(id=hear()['id'], answer='result', result={'landmarks': []})",
         "NoResult", "without landmarks"),
    ],
)  # fmt: skip
def test_a_worker_that_fails_is_an_error_with_its_last_words(start, script, kind, message):
    client = start(script)
    error = failure(client)
    assert error.kind == kind
    assert re.search(message, error.message)
    assert "no module named x" in error.log and "no module named x" in error.details
    assert error.worker_lost and not client.running and not client.busy


def test_only_the_last_lines_of_the_log_are_kept(start):
    error = failure(start("[log('line %d' % n) for n in range(500)]; log('x' * 9000); log(chr(0xe9)); sys.exit(1)"))
    assert len(error.log) == 30 and error.log[0] == "line 473"
    assert len(error.log[-3]) == 500 and error.log[-2] == "é" and error.log[-1].endswith("exit code 1.")


def test_a_program_that_is_not_there_is_an_event_not_an_exception():
    client = WorkerClient(lambda: ChildProcess(worker_command("/no/such/python")))
    error = failure(client)
    assert error.kind == "NotStarted" and "/no/such/python" in error.message and "installation" in error.hint


def test_success_without_the_promised_file_is_an_error(start, tmp_path):
    error = failure(start(OBEDIENT), output=str(tmp_path / "é.mrk.json"))
    assert error.kind == "NoResult" and "é.mrk.json" in error.message


def test_success_with_a_file_of_yesterday_is_an_error(start, tmp_path):
    (tmp_path / "old.json").write_text("yesterday's")
    error = failure(start(OBEDIENT), output=str(tmp_path / "old.json"))
    assert error.kind == "NoResult" and (tmp_path / "old.json").read_text() == "yesterday's"


def test_success_with_the_promised_file_is_one(start, tmp_path):
    client = start(OBEDIENT.replace("succeed(", "open(request['output'], 'w').write('x'); succeed("))
    client.request("detect", input="face.npz", output=str(tmp_path / "new.json"))
    assert client.wait(timeout=LONG)["landmarks"]


def test_a_new_worker_comes_after_one_that_was_lost(start, tmp_path):
    once = tmp_path / "once"
    script = f"if not os.path.exists({str(once)!r}):\n    open({str(once)!r}, 'w').close(); sys.exit(3)\n" + OBEDIENT
    client = start(script)
    assert failure(client).kind == "NotStarted"
    client.request("detect", input="face.npz")
    assert client.wait(timeout=LONG)["heard"]["id"] == 2


def test_a_worker_lost_while_idle_is_told_and_replaced(start):
    client = start(OBEDIENT)
    client.request("detect", input="face.npz")
    first = client.wait(timeout=LONG)["pid"]
    os.kill(first, 9)
    events: list = []
    until(lambda: bool(events.extend(client.poll()) or events))
    assert isinstance(events[0], Failed) and events[0].identifier is None and events[0].error.kind == "Crashed"
    client.request("detect", input="face.npz")
    assert client.wait(timeout=LONG)["pid"] != first


def test_what_to_do_is_said_once(start):
    script = "say(**READY); error = {{'type': 'SurfaceError', 'message': {!r}, 'hint': 'Look.'}}\n"
    script += "say(id=hear()['id'], answer='error', error=error)"
    for message, told in (
        ("no face", "no face Look."),
        ("no face; look again", "no face; look again"),
        ("no face. Look.", "no face. Look."),
    ):
        assert str(failure(start(script.format(message)))) == told


def test_a_worker_killed_by_the_system_says_so(start):
    error = failure(start("say(**READY); hear(); os.kill(os.getpid(), 9)"))
    assert "SIGKILL" not in str(error) and "memory" in error.message and "SIGKILL" in error.details


# --- hanging and cancelling -------------------------------------------------------------------------------------

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
def test_cancelling_ends_the_worker_and_its_children(start):
    client = start(WITH_GRANDCHILD)
    pids = grandchild_of(client)
    client.cancel()
    assert not client.busy and not client.running
    with pytest.raises(WorkerCancelled):
        raise client.poll()[-1].error
    until(lambda: not any(alive(pid) for pid in pids))


@pytest.mark.skipif(os.name == "nt", reason="POSIX process groups")
def test_a_crash_ends_the_children_too(start):
    client = start(WITH_GRANDCHILD)
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


def test_fields_that_cannot_be_sent_leave_the_client_as_it_was(start, tmp_path):
    client = start(OBEDIENT)
    with pytest.raises(TypeError):
        client.request("detect", input=object())
    client.request("detect", input=tmp_path / "x.npz")
    assert client.wait(timeout=LONG)["heard"]["input"] == str(tmp_path / "x.npz")


def test_cancelling_nothing_does_nothing(start):
    client = start(OBEDIENT)
    client.cancel()
    assert client.poll() == []


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


def test_a_real_hang_is_ended(start):
    client = start("say(**READY); hear(); log('stuck'); time.sleep(600)", limits=Limits(silence=0.3))
    error = failure(client)
    assert error.kind == "Hung" and "stuck" in error.log and not client.running


# --- files, environment, imports --------------------------------------------------------------------------------


def test_a_surface_file_needs_no_pickle_and_its_name_may_be_anything(tmp_path):
    path = write_surface_file(tmp_path / "visage é 顔.npz", [[0, 0, 0], [1, 0, 0], [0, 1, 0.5]], [[0, 1, 2]])
    with np.load(path, allow_pickle=False) as archive:
        assert archive["points"].shape == (3, 3) and archive["triangles"].tolist() == [[0, 1, 2]]
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(("name", "points"), [("face.ply", np.zeros((3, 3))), ("face.npz", np.zeros((3, 2)))])
def test_a_surface_file_that_nobody_could_read_is_not_written(tmp_path, name, points):
    with pytest.raises(ValueError, match=r"npz|points"):
        write_surface_file(tmp_path / name, points, np.zeros((1, 3), int))
    assert not list(tmp_path.iterdir())


def test_the_environment_is_extended_not_changed(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    environment = worker_environment("/package")
    assert environment["PYTHONPATH"].split(os.pathsep) == ["/package", "elsewhere"]
    assert environment["PYTHONUTF8"] == "1" and os.environ["PYTHONPATH"] == "elsewhere"
    assert set(worker_environment(base={})) == {
        "PYTHONUTF8",
        "PYTHONUNBUFFERED",
        "PYTHONFAULTHANDLER",
        "PYTHONSAFEPATH",
    }


def test_slicers_real_interpreter_comes_before_its_launcher(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_python() == sys.executable
    for name in ("PythonSlicer", "python-real"):
        program = tmp_path / (name + (".exe" if os.name == "nt" else ""))
        program.write_text("")
        program.chmod(0o755)
        assert find_python() == str(program)


def test_importing_the_client_loads_nothing_but_the_standard_library():
    code = "import sys; before = set(sys.modules); import FacialLandmarks3DLib.worker.client\n"
    code += "print(sorted({n.partition('.')[0] for n in set(sys.modules) - before} - set(sys.stdlib_module_names)))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=LIBRARY)
    assert ended.stdout.strip() == "['FacialLandmarks3DLib']"
