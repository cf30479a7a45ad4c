"""The batch of the Slicer panel without Slicer: finding cases, working through them, the table, real landmarks."""

from __future__ import annotations

import csv
import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "FacialLandmarks3D"))

from FacialLandmarks3DLib.batch.cases import (
    CANCELLED,
    FAILED,
    OK,
    REFUSED,
    RUNNING,
    WAITING,
    Case,
    find_cases,
    recall,
    write_summary,
)
from FacialLandmarks3DLib.batch.run import BatchRun
from FacialLandmarks3DLib.messages import batch_sentence, to_check
from FacialLandmarks3DLib.messages import case_status as status_word
from FacialLandmarks3DLib.worker.client import WorkerClient
from FacialLandmarks3DLib.worker.process import ChildProcess

from sgcn_core.demo import demo_surface
from sgcn_core.io.markups import read_landmarks
from sgcn_core.io.meshes import write_surface
from sgcn_core.settings import DetectionSettings

CLINICAL = DetectionSettings(landmark_set="clinical")
ROOT = Path(__file__).resolve().parents[2]
# A worker that does what the name of its input says; it notes every request.
WORKER = """
import json, os, sys, time
log = open(sys.argv[1], "a", encoding="utf-8")
def say(**message):
    print(json.dumps(message), flush=True)
say(answer="ready", protocol=1, version="0", pid=os.getpid())
for line in sys.stdin:
    request = json.loads(line)
    log.write(line); log.flush()
    name, number = os.path.basename(request["input"]), request["id"]
    say(id=number, answer="progress", stage="network", fraction=0.5)
    if "slow" in name:
        time.sleep(60)
    if "crash" in name:
        sys.stderr.write("out of luck\\n"); sys.stderr.flush()
        os._exit(3)
    if "noface" in name:
        say(id=number, answer="error", error={"type": "FaceNotFoundError", "message": "no face", "hint": "Look."})
    elif "torchless" in name:
        say(id=number, answer="error", error={"type": "InstallationError", "message": "no torch", "hint": ""})
    elif "garbage" in name:
        print("%$!", flush=True)
    else:
        if "empty" not in name:
            with open(request["output"], "w") as file:
                file.write("{}")
        statuses = ["found", "found", "uncertain", "missing"]
        landmarks = [{"label": str(i), "status": s, "position": None} for i, s in enumerate(statuses)]
        say(id=number, answer="result", result={"landmarks": landmarks, "notes": ["a note"]})
"""


@pytest.fixture
def client(tmp_path: Path):
    (tmp_path / "worker.py").write_text(WORKER, encoding="utf-8")
    command = [sys.executable, str(tmp_path / "worker.py"), str(tmp_path / "requests.txt")]
    made = WorkerClient(lambda: ChildProcess(command))
    yield made
    made.close()


def requests(tmp_path: Path) -> list[dict]:
    path = tmp_path / "requests.txt"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def batch(client: WorkerClient, tmp_path: Path, *names: str, **settings) -> tuple[BatchRun, list[Case]]:
    folder, output = tmp_path / "in é 1", tmp_path / "out"
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()
    cases = find_cases(folder, output)
    return BatchRun(lambda: client, cases, output, settings.pop("options", CLINICAL), **settings), cases


def rows(output: Path) -> list[dict[str, str]]:
    with (output / "summary.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


# --- finding cases ----------------------------------------------------------------------------------------------


def test_the_cases_of_a_folder(tmp_path: Path) -> None:
    for name in ("b.stl", "a.ply", "A.obj", "head.nii.gz", "notes.txt", ".hidden.ply", "old.mrk.json"):
        (tmp_path / name).touch()
    for name, content in (("dicom", b"\0" * 128 + b"DICM"), ("papers", b"text")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1").write_bytes(content)
    cases = find_cases(tmp_path, tmp_path / "out")
    found = {case.source.name: (case.name, case.skin is not None) for case in cases}
    assert found == {
        "A.obj": ("A.obj", False),
        "a.ply": ("a.ply", False),
        "b.stl": ("b", False),
        "dicom": ("dicom", True),
        "head.nii.gz": ("head", True),
    }
    assert all(case.landmarks.parent == tmp_path / "out" and case.status == WAITING for case in cases)
    assert not (tmp_path / "out").exists()


def test_a_folder_of_nothing_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no mesh, volume or DICOM"):
        find_cases(tmp_path, tmp_path)
    with pytest.raises(ValueError, match="No such folder"):
        find_cases(tmp_path / "none", tmp_path)


# --- working through them ---------------------------------------------------------------------------------------


def test_no_case_stops_the_others(client: WorkerClient, tmp_path: Path) -> None:
    run, cases = batch(
        client, tmp_path, "a.ply", "b_noface.ply", "c_crash.ply", "d_garbage.ply", "e_empty.ply", "f.ply"
    )
    run.start()
    run.wait()
    assert [case.status for case in cases] == [OK, REFUSED, FAILED, FAILED, FAILED, OK]
    assert run.done and run.fraction == 1.0 and run.error == ""
    assert cases[0].counts == {"found": 2, "uncertain": 1, "missing": 1, "to_check": 1} and to_check(cases[0]) == 2
    assert "no face Look." in cases[1].reason and "ended unexpectedly" in cases[2].reason
    assert "something unexpected" in cases[3].reason and "did not write" in cases[4].reason
    table = rows(tmp_path / "out")
    assert [row["name"] for row in table] == [case.name for case in cases]
    assert [row["status"] for row in table] == [OK, REFUSED, FAILED, FAILED, FAILED, OK]
    assert (table[0]["found"], table[0]["missing"], table[0]["reason"]) == ("2", "1", "a note")
    assert table[1]["found"] == "" and table[1]["landmarks"] == "" and float(table[5]["seconds"]) >= 0
    assert table[5]["landmarks"] == str(cases[5].landmarks) and len(requests(tmp_path)) == 6
    assert batch_sentence(cases) == "2 of 6 cases done, 1 refused, 3 failed."


def test_the_settings_reach_the_worker(client: WorkerClient, tmp_path: Path) -> None:
    weights = tmp_path / "own.safetensors"
    weights.touch()
    options = DetectionSettings(landmark_set="all", device="auto", seed=7, refine="paper", weights=weights)
    run, cases = batch(client, tmp_path, "a.ply", "head.nrrd", options=options)
    run.start()
    run.wait()
    first, second = requests(tmp_path)
    expected = {"landmark_set": "all", "device": "auto", "seed": 7, "refine": "paper", "weights": str(weights)}
    assert {name: first[name] for name in expected} == expected and "surface" not in first
    assert first["input"] == str(cases[0].source) and first["output"] == str(cases[0].landmarks)
    assert second["surface"] == str(tmp_path / "out" / "head.skin.npz")


def test_what_is_done_is_kept_and_counts_again(client: WorkerClient, tmp_path: Path) -> None:
    run, cases = batch(client, tmp_path, "a.ply", "b.ply")
    run.start()
    run.wait()
    cases[0].landmarks.write_text("corrected")
    again, cases = batch(client, tmp_path, "c.ply")
    again.start()
    again.wait()
    assert [case.status for case in cases] == [OK, OK, OK] and len(requests(tmp_path)) == 3
    assert cases[0].landmarks.read_text() == "corrected" and "kept" in cases[0].reason
    assert cases[0].counts["found"] == 2 and cases[0].seconds is not None
    assert [row["found"] for row in rows(tmp_path / "out")] == ["2", "2", "2"]

    anew, cases = batch(client, tmp_path, overwrite=True)
    anew.start()
    anew.wait()
    assert cases[0].landmarks.read_text() == "{}" and len(requests(tmp_path)) == 6


def test_cancel_ends_the_worker_and_keeps_what_is_done(client: WorkerClient, tmp_path: Path) -> None:
    run, cases = batch(client, tmp_path, "a.ply", "b_slow.ply", "c.ply")
    run.start()
    seen = []
    while not (run.current is cases[1] and run.stage == "network"):
        seen += run.poll()
        time.sleep(0.005)
    assert cases[1].status == RUNNING and 0.3 < run.fraction < 0.6
    assert any(case is cases[0] for case in seen) and not any(case is cases[2] for case in seen[3:])
    run.cancel()
    assert run.done and not client.running and not client.busy
    assert [case.status for case in cases] == [OK, CANCELLED, CANCELLED]
    assert {id(case) for case in run.poll()} == {id(cases[1]), id(cases[2])}
    assert [row["status"] for row in rows(tmp_path / "out")] == [OK, CANCELLED, CANCELLED]
    assert status_word(cases[2]) == "cancelled"
    (cases[1].source).rename(cases[1].source.with_name("b_quick.ply"))
    again, cases = batch(client, tmp_path)
    again.start()
    again.wait()
    assert [case.status for case in cases] == [OK, OK, OK]


def test_what_would_fail_every_case_ends_the_batch(client: WorkerClient, tmp_path: Path) -> None:
    run, cases = batch(client, tmp_path, "a.ply", "b_torchless.ply", "c.ply", "d.ply")
    run.start()
    run.wait()
    assert [case.status for case in cases] == [OK, FAILED, CANCELLED, CANCELLED]
    assert "no torch" in run.error and "no torch" in cases[3].reason and len(requests(tmp_path)) == 2


def test_a_worker_that_cannot_start(tmp_path: Path) -> None:
    client = WorkerClient(lambda: ChildProcess([str(tmp_path / "no python")]))
    run, cases = batch(client, tmp_path, "a.ply", "b.ply")
    run.start()
    run.wait()
    assert [case.status for case in cases] == [FAILED, CANCELLED] and "could not be started" in run.error


def test_a_busy_worker_is_left_alone(client: WorkerClient, tmp_path: Path) -> None:
    client.request("detect", input="slow", output=str(tmp_path / "x"))
    run, cases = batch(client, tmp_path, "a.ply")
    with pytest.raises(RuntimeError, match="running"):
        run.start()
    assert cases[0].status == WAITING and client.busy


def test_a_worker_that_somebody_else_ends(client: WorkerClient, tmp_path: Path) -> None:
    run, cases = batch(client, tmp_path, "a_slow.ply", "b.ply")
    run.start()
    client.close()
    run.wait()
    assert [case.status for case in cases] == [FAILED, OK] and "ended" in cases[0].reason


# --- the table --------------------------------------------------------------------------------------------------


def test_the_table_keeps_what_text_may_hold(tmp_path: Path) -> None:
    case = Case(Path('Müller, "x".ply'), tmp_path / "Müller.mrk.json", status=FAILED, reason="two\nlines; 5 %")
    write_summary(tmp_path, [case, Case(Path("b.ply"), tmp_path / "b.mrk.json")])
    (row,) = rows(tmp_path)
    assert (row["name"], row["reason"], row["input"]) == ("Müller", "two lines; 5 %", 'Müller, "x".ply')
    assert [path.name for path in tmp_path.iterdir()] == ["summary.csv"]
    recall(case, tmp_path)
    assert case.counts == {} and case.seconds is None
    (tmp_path / "summary.csv").write_bytes(b"\xff\xfe\x00name")
    recall(case, tmp_path)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a folder without write permission")
def test_a_folder_that_cannot_be_written_is_told_before_any_work(client: WorkerClient, tmp_path: Path) -> None:
    run, _ = batch(client, tmp_path, "a.ply")
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OSError):
            run.start()
    finally:
        tmp_path.chmod(0o700)


def test_a_table_that_is_in_use_costs_no_landmarks(client: WorkerClient, tmp_path: Path, monkeypatch) -> None:
    run, cases = batch(client, tmp_path, "a.ply")
    run.start()

    def refuse(source, target):
        raise PermissionError(13, "in use", str(target))

    monkeypatch.setattr("FacialLandmarks3DLib.batch.cases.os.replace", refuse)
    run.wait()
    assert cases[0].status == OK and "in use" in run.error


# --- the real worker --------------------------------------------------------------------------------------------


def test_real_landmarks(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    folder, output = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    face = write_surface(demo_surface(), folder / "a.ply")
    (folder / "b.stl").write_text("solid nothing\nendsolid\n")
    (folder / "c.ply").write_bytes(face.read_bytes())
    cases = find_cases(folder, output)
    client = WorkerClient.for_python(sys.executable, str(ROOT))
    try:
        run = BatchRun(lambda: client, cases, output, DetectionSettings(landmark_set="clinical", seed=2))
        run.start()
        run.wait()
    finally:
        client.close()
    assert [case.status for case in cases][::2] == [OK, OK] and cases[1].status in (REFUSED, FAILED)
    first, second = (read_landmarks(case.landmarks) for case in cases[::2])
    assert len(first.labels) == 62 and sum(cases[0].counts.values()) == 62
    assert first.status == second.status
    np.testing.assert_array_equal(first.positions, second.positions)
