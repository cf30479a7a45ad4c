"""Workers that are small programs and do as told, for the tests of their client."""

from __future__ import annotations

import sys

import pytest
from FacialLandmarks3DLib.worker.client import WorkerClient
from FacialLandmarks3DLib.worker.process import ChildProcess
from FacialLandmarks3DLib.worker.protocol import WorkerError
from FacialLandmarks3DLib.worker.python import worker_environment

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


def failure(client: WorkerClient, **fields) -> WorkerError:
    client.request("detect", input="face.npz", **fields)
    with pytest.raises(WorkerError) as caught:
        client.wait(timeout=LONG)
    return caught.value
