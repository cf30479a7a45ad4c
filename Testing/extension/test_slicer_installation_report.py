"""The report on an installation: what support asks for, the weights, what a worker says."""

from __future__ import annotations

import sys
from pathlib import Path

from FacialLandmarks3DLib.installation.report import as_text, facts, free_disk, gigabytes, look_at_weights, memory
from FacialLandmarks3DLib.installation.slicer_installation import WorkerCheck
from FacialLandmarks3DLib.worker.client import WorkerClient
from FacialLandmarks3DLib.worker.process import ChildProcess

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "FacialLandmarks3D"
WEIGHTS = ROOT / "sgcn_core" / "resources" / "weights" / "face.safetensors"


def test_the_report_has_what_support_asks_for() -> None:
    versions = {"torch": "2.9.0+cu126", "numpy": "2.4.6"}.get
    lines = facts(
        application={"Slicer": "5.12.0, revision 34567"},
        state="fine",
        package=ROOT / "sgcn_core",
        extension=MODULE,
        versions=versions,
    )
    text = as_text([*lines, ("worker", "Crashed: x\nline two")])
    for part in ("5.12.0", "34567", "torch:", "2.9.0+cu126", "build cu126", "sha256", "whole", "GB free", str(MODULE)):
        assert part in text
    assert "safetensors:     no metadata" in text and text.endswith("line two\n")
    assert text.splitlines()[-1].startswith(" " * 10)


def test_a_damaged_weights_file_is_told(tmp_path: Path) -> None:
    content = WEIGHTS.read_bytes()
    assert look_at_weights(WEIGHTS).fault == "" and len(look_at_weights(WEIGHTS).sha256) == 64
    for number, damaged in enumerate((content[:-1], content[:50], b"", b"\xff" * 100, b"\x02" + b"\0" * 7 + b"[]")):
        path = tmp_path / f"{number}.safetensors"
        path.write_bytes(damaged)
        assert look_at_weights(path).fault and "damaged" in str(look_at_weights(path))


def test_memory_and_disk(tmp_path: Path) -> None:
    total, free = memory()
    assert total is None or total > 10**8
    assert free is None or 0 < free <= total
    assert free_disk(tmp_path) > 0 and free_disk(tmp_path / "none") is None
    assert gigabytes(2_500_000_000) == "2.5 GB" and gigabytes(None) == "unknown"


ANSWERS = """
import json, sys
print(json.dumps({"answer": "ready", "protocol": 1, "version": "0", "pid": 1}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    if request["request"] == "load":
        sys.stderr.write("no such card\\n"); sys.stderr.flush()
        answer = {"answer": "error", "error": {"type": "DeviceError", "message": "no card", "hint": "Use cpu."}}
    else:
        answer = {"answer": "result", "result": {"version": "9", "protocol": 1, "python": "3.12", "executable": "p",
                  "packages": {"torch": None, "numpy": "2"}}}
    print(json.dumps({"id": request["id"], **answer}), flush=True)
"""


def test_what_the_worker_says_is_in_the_report(tmp_path: Path) -> None:
    script = tmp_path / "worker.py"
    script.write_text(ANSWERS)
    client = WorkerClient(lambda: ChildProcess([sys.executable, str(script)]))
    try:
        check = WorkerCheck(client)
        while check.poll():
            pass
        lines = dict(check.lines)
        assert lines["worker's packages"] == "torch absent, numpy 2" and "no card" in lines["worker, load"]
        assert not check.passed
        quick = WorkerCheck(client, load=False)
        quick.wait()
        assert quick.passed and len(quick.lines) == 3
        client.request("hello")
        assert "busy" in WorkerCheck(client).lines[0][1]
    finally:
        client.close()


def test_a_worker_that_cannot_start_is_in_the_report(tmp_path: Path) -> None:
    check = WorkerCheck(WorkerClient(lambda: ChildProcess([str(tmp_path / "none")])))
    check.wait()
    assert not check.passed and "could not be started" in dict(check.lines)["worker, hello"]
    crash = [sys.executable, "-c", "import sys; sys.exit('no module sgcn_core')"]
    check = WorkerCheck(WorkerClient(lambda: ChildProcess(crash)))
    check.wait()
    assert "no module sgcn_core" in check.lines[0][1]
