"""The client of the worker with real processes that fail in every way: crashes, garbage, promises not kept."""

from __future__ import annotations

import os
import re

import pytest
from FacialLandmarks3DLib.worker.client import WorkerClient
from FacialLandmarks3DLib.worker.process import ChildProcess
from FacialLandmarks3DLib.worker.protocol import Failed
from FacialLandmarks3DLib.worker.python import worker_command
from processes import until
from worker_programs import LONG, OBEDIENT, failure


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
def test_a_worker_that_fails_is_an_error_with_its_last_words(start_client, script, kind, message):
    client = start_client(script)
    error = failure(client)
    assert error.kind == kind
    assert re.search(message, error.message)
    assert "no module named x" in error.log and "no module named x" in error.details
    assert error.worker_lost and not client.running and not client.busy


def test_only_the_last_lines_of_the_log_are_kept(start_client):
    error = failure(
        start_client("[log('line %d' % n) for n in range(500)]; log('x' * 9000); log(chr(0xe9)); sys.exit(1)")
    )
    assert len(error.log) == 30 and error.log[0] == "line 473"
    assert len(error.log[-3]) == 500 and error.log[-2] == "é" and error.log[-1].endswith("exit code 1.")


def test_a_program_that_is_not_there_is_an_event_not_an_exception():
    client = WorkerClient(lambda: ChildProcess(worker_command("/no/such/python")))
    error = failure(client)
    assert error.kind == "NotStarted" and "/no/such/python" in error.message and "installation" in error.hint


def test_success_without_the_promised_file_is_an_error(start_client, tmp_path):
    error = failure(start_client(OBEDIENT), output=str(tmp_path / "é.mrk.json"))
    assert error.kind == "NoResult" and "é.mrk.json" in error.message


def test_success_with_a_file_of_yesterday_is_an_error(start_client, tmp_path):
    (tmp_path / "old.json").write_text("yesterday's")
    error = failure(start_client(OBEDIENT), output=str(tmp_path / "old.json"))
    assert error.kind == "NoResult" and (tmp_path / "old.json").read_text() == "yesterday's"


def test_success_with_the_promised_file_is_one(start_client, tmp_path):
    client = start_client(OBEDIENT.replace("succeed(", "open(request['output'], 'w').write('x'); succeed("))
    client.request("detect", input="face.npz", output=str(tmp_path / "new.json"))
    assert client.wait(timeout=LONG)["landmarks"]


def test_a_new_worker_comes_after_one_that_was_lost(start_client, tmp_path):
    once = tmp_path / "once"
    script = f"if not os.path.exists({str(once)!r}):\n    open({str(once)!r}, 'w').close(); sys.exit(3)\n" + OBEDIENT
    client = start_client(script)
    assert failure(client).kind == "NotStarted"
    client.request("detect", input="face.npz")
    assert client.wait(timeout=LONG)["heard"]["id"] == 2


def test_a_worker_lost_while_idle_is_told_and_replaced(start_client):
    client = start_client(OBEDIENT)
    client.request("detect", input="face.npz")
    first = client.wait(timeout=LONG)["pid"]
    os.kill(first, 9)
    events: list = []
    until(lambda: bool(events.extend(client.poll()) or events))
    assert isinstance(events[0], Failed) and events[0].identifier is None and events[0].error.kind == "Crashed"
    client.request("detect", input="face.npz")
    assert client.wait(timeout=LONG)["pid"] != first


def test_what_to_do_is_said_once(start_client):
    script = "say(**READY); error = {{'type': 'SurfaceError', 'message': {!r}, 'hint': 'Look.'}}\n"
    script += "say(id=hear()['id'], answer='error', error=error)"
    for message, told in (
        ("no face", "no face Look."),
        ("no face; look again", "no face; look again"),
        ("no face. Look.", "no face. Look."),
    ):
        assert str(failure(start_client(script.format(message)))) == told


def test_a_worker_killed_by_the_system_says_so(start_client):
    error = failure(start_client("say(**READY); hear(); os.kill(os.getpid(), 9)"))
    assert "SIGKILL" not in str(error) and "memory" in error.message and "SIGKILL" in error.details
