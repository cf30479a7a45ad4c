"""Cohorts: nothing is lost, whatever dies; what is there is kept; the summary says what is to be looked at."""

from __future__ import annotations

import csv
import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from cohort_work import sources

from sgcn_core.batch import Job, PlanError, run_job
from sgcn_core.child_process import python_environment
from sgcn_core.cohort import Case, CaseRecord, Cohort, CohortError, cases_of, read_list, run_cohort
from sgcn_core.errors import ModelError
from sgcn_core.io.markups import read_landmarks, write_landmarks
from sgcn_core.settings import DetectionSettings

WORK = "cohort_work:work"
POSIX = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
# What a killed run is started with: folder of the sources, of the results, and whether it goes on.
RUN = f"""
import sys
from pathlib import Path
from sgcn_core.cohort import Cohort, cases_of, run_cohort
from sgcn_core.settings import DetectionSettings
source, out = Path(sys.argv[1]), Path(sys.argv[2])
run_cohort(Cohort(cases=tuple(cases_of([source], out)), folder=out, settings=DetectionSettings(), workers=2,
                  resume=sys.argv[3] == "resume", report=True, work={WORK!r}))
"""


def cohort(source: Path, out: Path, **options) -> Cohort:
    overwrite = options.get("overwrite", False)
    cases = cases_of([source], out, overwrite=overwrite, anonymous=options.pop("anonymous", False))
    given = {"settings": DetectionSettings(), "workers": 1, "work": WORK, **options}
    return Cohort(cases=tuple(cases), folder=out, **given)


def contents(out: Path) -> dict[str, bytes]:
    """All results, the summary without the seconds, which no two runs have in common."""
    found = {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and not path.name.startswith(".") and path.name != "batch.jsonl"
    }
    rows = summary(out)
    for row in rows:
        row["seconds"] = ""
    found["summary.csv"] = json.dumps(rows).encode()
    return found


def summary(out: Path) -> list[dict[str, str]]:
    with (out / "summary.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@POSIX
def test_a_run_that_is_killed_at_any_moment_goes_on_to_the_same_results(tmp_path: Path) -> None:
    names = {f"{'ward é/' if number % 3 else ''}scan {number:02}": "0.01" for number in range(30)}
    source = sources(tmp_path / "in", {**names, "broken": "wrong"})
    run_cohort(cohort(source, tmp_path / "undisturbed", report=True))
    expected = contents(tmp_path / "undisturbed")
    assert len(expected) == 32 and "index.html" in expected
    random = np.random.default_rng(0)
    out, state, finished = tmp_path / "out", "begin", 0
    for _ in range(20):
        command = [sys.executable, "-c", RUN, str(source), str(out), state]
        process = subprocess.Popen(command, env=python_environment(), start_new_session=True)
        while not (out / "batch.jsonl").exists():
            assert process.poll() is None
            time.sleep(0.01)
        try:
            finished += process.wait(timeout=random.uniform(0.0, 1.2)) == 0
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        state = "resume"
        if finished:
            assert contents(out) == expected
            out, state, finished = tmp_path / f"out{time.monotonic_ns()}", "begin", 0
    if state == "resume":
        run_cohort(cohort(source, out, resume=True, report=True))
        assert contents(out) == expected


@POSIX
def test_a_case_that_kills_its_process_is_tried_once_more_and_costs_no_other(tmp_path: Path) -> None:
    source = sources(tmp_path / "in", {"a": "die once", "b": "die", "c": "0", "d": "wrong", "e": "0"})
    seen: list[str] = []
    records = run_cohort(cohort(source, tmp_path / "out", workers=2), on_record=lambda record: seen.append(record.case))
    assert sorted(seen) == list("abcde")
    states = {record.case: record.done for record in records}
    assert states == {"a": True, "b": False, "c": True, "d": False, "e": True}
    row = next(row for row in summary(tmp_path / "out") if row["case"] == "b")
    assert row["status"] == "failed" and "SIGKILL" in row["error"] and "2 times" in row["error"]


def test_the_worst_case_comes_first() -> None:
    def record(case: str, status: str, **values) -> CaseRecord:
        return CaseRecord(case=case, status=status, **values)

    worst_first = [
        record("z", "failed", error="it is no mesh"),
        record("y", "refused", error="no face"),
        record("x", "check", uncertain=2, to_check=("prn", "sn"), pose_confidence=0.9),
        record("w", "check", uncertain=9, to_check=("n",), pose_confidence=0.5),
        record("v", "check", uncertain=2, to_check=("n",), pose_confidence=0.9, expected_error_mm=2.0),
        record("u", "check", uncertain=2, to_check=("n",), pose_confidence=0.9, expected_error_mm=1.0),
        record("a", "ok", pose_confidence=0.9),
        record("b", "ok", pose_confidence=0.9),
    ]
    assert sorted(worst_first[::-1], key=lambda each: each.severity) == worst_first
    assert [CaseRecord.from_dict(json.loads(json.dumps(each.as_dict()))) for each in worst_first] == worst_first


def test_the_summary_tells_every_case_with_its_input(tmp_path: Path) -> None:
    source = sources(tmp_path / "in", {"anna/left": "0", "=cmd": "wrong"})
    records = run_cohort(cohort(source, tmp_path / "out"))
    first, second = summary(tmp_path / "out")
    assert (first["case"], first["status"], first["error"]) == ("'=cmd", "failed", "it cannot be read")
    assert first["found"] == first["landmarks_to_check"] == ""
    assert second["case"] == "anna/left" and second["input"] == str(source / "anna" / "left.ply")
    assert int(second["found"]) + int(second["uncertain"]) == 50 and second["unit"] == "mm"
    assert len(second["landmarks_to_check"].split()) == int(second["uncertain"])
    assert [record.case for record in records] == ["=cmd", "anna/left"]
    run_cohort(cohort(source, tmp_path / "nameless", anonymous=True))
    assert {row["input"] for row in summary(tmp_path / "nameless")} == {""}


def test_the_page_of_a_batch_links_every_file_and_tells_every_failure(tmp_path: Path) -> None:
    html5lib = pytest.importorskip("html5lib")
    source, out = sources(tmp_path / "in", {"ward é/a #1?": "0", "<b>bold": "wrong", "c": "0"}), tmp_path / "out"
    (out / "ward é").mkdir(parents=True)
    (out / "ward é" / "a #1?.report.html").write_text("made before")
    (out / "index.html").write_text("somebody's")
    with pytest.raises(CohortError, match=r"index\.html is there already"):
        run_cohort(cohort(source, out, report=True))
    (out / "index.html").unlink()
    records = run_cohort(cohort(source, out, report=True))
    text = (out / "index.html").read_text(encoding="utf-8")
    page = html5lib.parse(text, namespaceHTMLElements=False)
    shown = [cell.text for cell in page.iter("th") if cell.get("scope") == "row"]
    assert shown == [record.case for record in records] and shown[0] == "<b>bold"
    assert "it cannot be read" in text and "1 without landmarks" in text and "<b>" not in text
    links = {unquote(link.get("href")) for link in page.iter("a") if not link.get("href").startswith("#")}
    assert links == {"c.mrk.json", "ward é/a #1?.mrk.json", "ward é/a #1?.report.html"}
    assert all((out / link).exists() for link in links)
    run_cohort(cohort(source, out, resume=True, report=True))
    assert (out / "index.html").read_text(encoding="utf-8") == text


def test_results_are_never_replaced_or_mixed_unasked(tmp_path: Path) -> None:
    source, out = sources(tmp_path / "in", {"a": "0", "b": "0"}), tmp_path / "out"
    run_cohort(cohort(source, out))
    before = contents(out)
    with pytest.raises(CohortError, match="2 results are there already"):
        run_cohort(cohort(source, out))
    with pytest.raises(CohortError, match=r"seed 0 \(now 1\)"):
        run_cohort(cohort(source, out, settings=DetectionSettings(seed=1), resume=True))
    with pytest.raises(CohortError, match="not both"):
        run_cohort(cohort(source, out, resume=True, overwrite=True))
    assert contents(out) == before
    run_cohort(cohort(source, out, settings=DetectionSettings(seed=1), overwrite=True))
    after = contents(out)
    assert after.keys() == before.keys() and all(after[name] != before[name] for name in ("a.mrk.json", "b.mrk.json"))


def test_results_of_a_batch_to_be_replaced_are_not_taken_for_those_of_the_new_one(tmp_path: Path) -> None:
    source, out = sources(tmp_path / "in", {"a": "0", "b": "0"}), tmp_path / "out"
    run_cohort(cohort(source, out))
    settings = DetectionSettings(seed=1)
    run_cohort(cohort(source, tmp_path / "other", settings=settings))
    run_cohort(cohort(source, out, settings=settings, overwrite=True))
    journal = (out / "batch.jsonl").read_text().splitlines(keepends=True)
    (out / "batch.jsonl").write_text("".join(journal[:2]))  # as if the run had ended after its first case
    left = json.loads(journal[2])["case"]
    (out / f"{left}.mrk.json").write_bytes(b"of the earlier batch")
    run_cohort(cohort(source, out, settings=settings, resume=True))
    assert contents(out) == contents(tmp_path / "other") | {"summary.csv": contents(out)["summary.csv"]}


def test_corrections_made_by_hand_survive_and_are_counted(tmp_path: Path) -> None:
    source, out = sources(tmp_path / "in", {"a": "0", "b": "0"}), tmp_path / "out"
    run_cohort(cohort(source, out))
    corrected = out / "a.mrk.json"
    result = read_landmarks(corrected)
    write_landmarks(replace(result, status=("found",) * len(result)), corrected)
    kept = corrected.read_bytes()
    (out / "b.mrk.json").unlink()
    seen: list[str] = []
    run_cohort(cohort(source, out, resume=True), on_record=lambda record: seen.append(record.case))
    assert corrected.read_bytes() == kept and seen == ["b"]
    row = next(row for row in summary(out) if row["case"] == "a")
    assert (row["status"], row["found"], row["uncertain"]) == ("ok", "50", "0")


def test_a_line_that_was_cut_off_is_no_line_and_a_damaged_journal_is_told(tmp_path: Path) -> None:
    source, out = sources(tmp_path / "in", {"a": "0", "b": "0"}), tmp_path / "out"
    run_cohort(cohort(source, out))
    expected, journal = contents(out), (out / "batch.jsonl").read_bytes()
    (out / "batch.jsonl").write_bytes(journal[:-20])
    run_cohort(cohort(source, out, resume=True))
    assert contents(out) == expected
    (out / "batch.jsonl").write_bytes(journal.replace(b'"status"', b"status", 1))
    with pytest.raises(CohortError, match=r"line 2 of .*--overwrite begins anew"):
        run_cohort(cohort(source, out, resume=True))


@POSIX
def test_two_batches_do_not_write_into_one_folder(tmp_path: Path) -> None:
    source, out = sources(tmp_path / "in", {"a": "30", "b": "0"}), tmp_path / "out"
    process = subprocess.Popen([sys.executable, "-c", RUN, str(source), str(out), "begin"], env=python_environment())
    try:
        while not (out / "b.mrk.json").exists():
            assert process.poll() is None
            time.sleep(0.02)
        with pytest.raises(CohortError, match="another batch is writing"):
            run_cohort(cohort(source, out, resume=True))
    finally:
        process.kill()
        process.wait()


def test_a_full_disk_ends_the_batch_and_keeps_what_is_done(tmp_path: Path) -> None:
    source, out = sources(tmp_path / "in", {"a": "0", "b": "full", "c": "0"}), tmp_path / "out"
    with pytest.raises(CohortError, match=r"No space left.*--resume"):
        run_cohort(cohort(source, out, workers=1))
    assert (out / "a.mrk.json").exists() and not (out / "summary.csv").exists()
    (source / "b.ply").write_text("0")
    run_cohort(cohort(source, out, resume=True))
    assert [row["error"] for row in summary(out)] == ["", "", ""]


def test_no_space_is_told_apart_from_other_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def detect(self, *_, **__):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / "a.mrk.json"))

    monkeypatch.setattr("sgcn_core.skin.extract.read_scan", lambda *_, **__: None)
    job = Job(tmp_path / "a.ply", tmp_path / "a.mrk.json")
    outcome = run_job(Full(), job, DetectionSettings(), progress=lambda *_: None)
    assert outcome.disk_full and "No space" in outcome.error
    (tmp_path / "a.mrk.json").write_text("there")
    assert not run_job(Full(), job, DetectionSettings(), progress=lambda *_: None).disk_full


def test_a_list_of_files_is_read_from_its_folder_on(tmp_path: Path) -> None:
    sources(tmp_path, {"a b": "0", "sub/é": "0"})
    listed = tmp_path / "cases.txt"
    listed.write_text(f"\ufeff# two scans\n\na b.ply\n{tmp_path / 'sub' / 'é.ply'}\r\n", encoding="utf-8")
    assert read_list(listed) == [tmp_path / "a b.ply", tmp_path / "sub" / "é.ply"]
    assert [case.name for case in cases_of([listed], tmp_path / "out")] == ["a b", "sub/é"]
    for text, message in (("# none\n", "names no file"), ("a.ply\nb.ply\n", "2 files that do not exist")):
        listed.write_text(text)
        with pytest.raises(PlanError, match=message):
            read_list(listed)


def test_a_case_keeps_its_paths_through_json(tmp_path: Path) -> None:
    job = Job(tmp_path / "a\udcff.ply", tmp_path / "a.mrk.json", tmp_path / "a.png", may_replace=True)
    case = Case("a", job, anonymous=True)
    assert Case.from_dict(json.loads(json.dumps(case.as_dict()))) == case


@POSIX
def test_lost_workers_of_a_cluster_cost_nothing(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="Dask is the extra `cluster`")
    source = sources(tmp_path / "in", {f"{number:02}": "0.1" for number in range(40)} | {"bad": "wrong"})
    run_cohort(cohort(source, tmp_path / "undisturbed"))
    environment = python_environment() | {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "10"}
    address = tmp_path / "scheduler.json"
    start = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", "--scheduler-file", str(address)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment}
    running = [subprocess.Popen([*start, "--no-dashboard"], **quiet)]
    try:
        while not address.exists():
            time.sleep(0.05)
        joins = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(address)]
        joins += ["--no-nanny", "--nthreads", "1", "--no-dashboard"]
        running += [subprocess.Popen(joins, **quiet) for _ in range(3)]
        scheduler = json.loads(address.read_text())["address"]
        with distributed.Client(scheduler) as client:
            client.wait_for_workers(3, timeout=60)
        seen: list[str] = []

        def kill_one(record: CaseRecord) -> None:
            seen.append(record.case)
            if len(seen) == 5:
                running[1].kill()

        records = run_cohort(cohort(source, tmp_path / "out", scheduler=scheduler), on_record=kill_one)
    finally:
        for process in running:
            process.kill()
            process.wait()
    assert len(seen) == len(set(seen)) == len(records) == 41
    assert contents(tmp_path / "out") == contents(tmp_path / "undisturbed")


def test_a_scheduler_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed", reason="Dask is the extra `cluster`")
    source = sources(tmp_path / "in", {"a": "0"})
    monkeypatch.setattr("sgcn_core.cohort.cluster.ANSWERS_WITHIN", "1s")
    with pytest.raises(CohortError, match="does not answer"):
        run_cohort(cohort(source, tmp_path / "out", scheduler="tcp://127.0.0.1:9", work=WORK))


def test_unusable_weights_end_the_batch_before_it_begins(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    (tmp_path / "w.safetensors").write_bytes(b"nothing")
    source = sources(tmp_path / "in", {"a": "0"})
    settings = DetectionSettings(weights=tmp_path / "w.safetensors")
    with pytest.raises(ModelError, match=r"w\.safetensors"):
        run_cohort(cohort(source, tmp_path / "out", settings=settings, work="sgcn_core.cohort.case:run_case"))


def test_the_command_writes_what_detect_writes(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from typer.testing import CliRunner

    from sgcn_core.batch import ExitCode
    from sgcn_core.cli.app import app
    from sgcn_core.demo import demo_surface
    from sgcn_core.detector import LandmarkDetector
    from sgcn_core.io.meshes import read_surface, write_surface

    folder, out = tmp_path / "in", tmp_path / "out.v2"
    (folder / "ward").mkdir(parents=True)
    write_surface(demo_surface(), folder / "ward" / "face.ply")
    (folder / "broken.ply").write_text("nothing")
    arguments = ["batch", str(folder), str(out), "--workers", "1", "--pictures", "--set", "clinical", "--seed", "2"]
    ended = CliRunner().invoke(app, arguments)
    assert ended.exit_code == ExitCode.SOME_FAILED, ended.output
    assert "1 done, 1 failed" in ended.output and "broken" in ended.output
    face = read_surface(folder / "ward" / "face.ply")
    single = LandmarkDetector.from_pretrained().detect(face, landmark_set="clinical", seed=2)
    batch = read_landmarks(out / "ward" / "face.mrk.json")
    # Another number of threads changes the last bits.
    assert np.allclose(batch.positions, single.positions, atol=1e-5) and batch.status == single.status
    assert "stages" in single.info and "stages" not in batch.info
    picture = (out / "ward" / "face.png").read_bytes()
    (out / "ward" / "face.png").unlink()
    assert CliRunner().invoke(app, [*arguments, "--resume"]).exit_code == ExitCode.SOME_FAILED
    assert (out / "ward" / "face.png").read_bytes() == picture
