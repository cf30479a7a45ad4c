"""The client of the worker with real processes: requests, answers and the errors that a worker reports."""

from __future__ import annotations

import pytest
from FacialLandmarks3DLib.worker.protocol import Progress, Ready, Result, WorkerError
from processes import until
from worker_programs import LONG, OBEDIENT, failure


def test_a_request_gets_its_progress_and_its_result(start_client):
    client, events = start_client(OBEDIENT), []
    identifier = client.request("detect", input="Gesicht-ü-顔.npz", unit=None)
    result = client.wait(events.append, timeout=LONG)
    assert result["heard"] == {"id": identifier, "request": "detect", "input": "Gesicht-ü-顔.npz"}
    assert [type(event) for event in events] == [Ready, Progress, Result]
    assert (events[0].version, events[1].stage, events[1].fraction) == ("9.9", "network", 0.5)
    assert client.running and not client.busy


def test_polling_never_waits_and_tells_the_same(start_client):
    client, events = start_client(OBEDIENT), []
    client.request("detect", input="face.npz")
    assert client.busy
    until(lambda: events.extend(client.poll()) or not client.busy)
    assert [type(event) for event in events] == [Ready, Progress, Result]
    assert client.poll() == []


def test_one_worker_answers_all_requests(start_client):
    client = start_client(OBEDIENT)
    answers = []
    for _ in range(3):
        client.request("detect", input="face.npz")
        answers.append(client.wait(timeout=LONG))
    assert len({answer["pid"] for answer in answers}) == 1
    assert len({answer["heard"]["id"] for answer in answers}) == 3


def test_a_busy_worker_takes_no_second_request(start_client):
    client = start_client("say(**READY); time.sleep(60)")
    client.request("detect", input="face.npz")
    with pytest.raises(RuntimeError, match="busy"):
        client.request("detect", input="face.npz")


def test_waiting_for_nothing_is_a_mistake(start_client):
    with pytest.raises(RuntimeError, match="nothing to wait for"):
        start_client(OBEDIENT).wait()


def test_windows_line_ends_and_empty_lines_are_understood(start_client):
    client = start_client(OBEDIENT.replace("say(**READY)", r"print('\r\n' + json.dumps(READY) + '\r', flush=True)"))
    client.request("detect", input="face.npz")
    assert client.wait(timeout=LONG)["landmarks"]


def test_fields_that_cannot_be_sent_leave_the_client_as_it_was(start_client, tmp_path):
    client = start_client(OBEDIENT)
    with pytest.raises(TypeError):
        client.request("detect", input=object())
    client.request("detect", input=tmp_path / "x.npz")
    assert client.wait(timeout=LONG)["heard"]["input"] == str(tmp_path / "x.npz")


# --- errors that the worker reports -----------------------------------------------------------------------------

REFUSING = """
say(**READY)
log("a note of the worker")
while True:
    request = hear()
    say(id=request["id"] if request["input"] != "null" else None, answer="error",
        error={"type": "FaceNotFoundError", "message": "no face", "hint": "turn it"})
"""


def test_a_reported_error_keeps_the_worker(start_client):
    client = start_client(REFUSING)
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


def test_an_error_about_an_unreadable_request_fails_the_request(start_client):
    client = start_client(REFUSING)
    client.request("detect", input="null")
    with pytest.raises(WorkerError, match="no face"):
        client.wait(timeout=LONG)
