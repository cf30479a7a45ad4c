"""The worker's protocol as bytes: whatever is said to it, what it reads as a request, and how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from FacialLandmarks3DLib.worker.python import worker_command, worker_environment
from processes import alive, until

from sgcn_core.batch import ExitCode
from sgcn_core.child_process import python_command, python_environment
from sgcn_core.errors import SettingsError
from sgcn_core.settings import DetectionSettings
from sgcn_core.worker.requests import BadRequest, Detect, Hello, identify, request_in

LONG = 120.0


def talk(content: bytes, code: str | None = None) -> tuple[list[dict], str, int]:
    """Answers, log and exit code of a worker that is given these bytes and then the end of its input."""
    command = worker_command(sys.executable) if code is None else [sys.executable, "-c", code]
    ended = subprocess.run(command, input=content, capture_output=True, env=worker_environment(), timeout=LONG)
    assert ended.stdout.isascii()
    lines = [line for line in ended.stdout.split(b"\n") if line]
    return [json.loads(line) for line in lines], ended.stderr.decode(), ended.returncode


def test_whatever_is_no_request_gets_an_error_and_the_rest_is_answered():
    requests = [
        b"\xef\xbb\xbf" + b'{"id": 1, "request": "hello"}\r',
        b"rubbish \xff\xfe",
        b"[" * 5000,
        b"[]",
        b'{"request": "hello"}',
        b'{"id": true, "request": "hello"}',
        b'{"id": 2}',
        b'{"id": 3, "request": ["hello"]}',
        b'{"id": 4, "request": "detect"}',
        b'{"id": 5, "request": "detect", "input": 7}',
        b'{"id": 6, "request": "detect", "input": "x.npz", "seed": true}',
        b" " * 70_000 + b'{"id": 7, "request": "' + b"x" * (1 << 21) + b'"}',
        b"",
        b'{"id": "last", "request": "hello"}',
    ]
    answers, log, code = talk(b"\n".join(requests))
    assert code == 0 and log == ""
    kinds = [(answer["answer"], answer.get("id")) for answer in answers]
    errors = [("error", None)] * 5 + [("error", number) for number in (2, 3, 4, 5, 6)] + [("error", None)]
    assert kinds == [("ready", None), ("result", 1), *errors, ("result", "last")]
    assert all(answer["error"]["type"] == "BadRequest" for answer in answers if answer["answer"] == "error")


def test_shutdown_ends_the_worker_and_leaves_the_rest_unread():
    answers, _, code = talk(b'{"id": 1, "request": "shutdown"}\n{"id": 2, "request": "hello"}\n')
    assert code == 0 and [answer.get("id") for answer in answers] == [None, 1]


NOISY = """
import os, sys
from sgcn_core.worker import server, service

class Noisy(service.Service):
    def answer(self, identifier, request, progress):
        print("printed")
        os.write(1, b"written\\n")
        os.system("echo echoed")
        print(repr(sys.stdin.read()))
        return {"heard": True}

server.Service = Noisy
server.serve()
"""


def test_what_others_print_goes_to_the_log_and_what_they_read_is_nothing():
    answers, log, _ = talk(b'{"id": 1, "request": "hello"}\n', NOISY)
    assert [answer["answer"] for answer in answers] == ["ready", "result"]
    assert sorted(log.split()) == ["''", "echoed", "printed", "written"]


ORPHAN = """
import subprocess, sys
code = '''
import time
from sgcn_core.worker import server, service

class Stuck(service.Service):
    def answer(self, identifier, request, progress):
        progress("stuck", 0.5)
        time.sleep(600)

server.Service = Stuck
server.serve()
'''
worker = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
worker.stdin.write(b'{"id": 1, "request": "hello"}\\n')
worker.stdin.flush()
while b"stuck" not in worker.stdout.readline(): pass
print(worker.pid, flush=True)
sys.stdin.read()
"""


def test_a_worker_at_work_ends_when_its_caller_is_gone():
    caller = subprocess.Popen([sys.executable, "-c", ORPHAN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert caller.stdin is not None and caller.stdout is not None
    worker = int(caller.stdout.readline())
    caller.kill()
    caller.communicate()
    until(lambda: not alive(worker), LONG)


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_worker_that_is_asked_to_end_by_a_signal_does_so_quietly():
    command, environment = python_command("sgcn_core", "worker"), python_environment()
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    worker = subprocess.Popen(command, env=environment, **streams)
    assert worker.stdout is not None and b"ready" in worker.stdout.readline()
    worker.terminate()
    _, log = worker.communicate(timeout=LONG)
    assert (worker.returncode, log) == (ExitCode.INTERRUPTED, b"")


def test_requests_have_defaults():
    assert request_in(*identify(b'{"id": 1, "request": "hello"}')) == Hello()
    request = request_in(*identify(b'{"id": "a", "request": "detect", "input": "x.npz", "weights": null, "seed": 3}'))
    assert request == Detect("x.npz", settings=DetectionSettings(seed=3))
    with pytest.raises(BadRequest, match="unknown field 'speed'"):
        request_in(*identify(b'{"id": 1, "request": "hello", "speed": 2}'))
    with pytest.raises(BadRequest, match="unknown field 'settings'"):
        request_in(*identify(b'{"id": 1, "request": "detect", "input": "x.npz", "settings": {}}'))
    with pytest.raises(SettingsError, match="refinement mode 'best'"):
        request_in(*identify(b'{"id": 1, "request": "detect", "input": "x.npz", "refine": "best"}'))
